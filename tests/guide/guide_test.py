# SPDX-License-Identifier: Apache-2.0
"""A guide as a test: every command of its fenced blocks is one test case, run in the guide's order.

A command without an expectation fails, and so does an expectation without a command: the text and the
tests cannot part. What did not run for real is listed in the output ("# stand-in: ...").
"""

import collections
import dataclasses
import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import harness
import markdown
import sandbox

# The marks by which `enclave_image build` knows a kernel.
BLOBS = {"bzImage": bytes(0x202) + b"HdrS", "Image": bytes(0x38) + b"ARM\x64", "cmdline": b"console=ttyS0 nomodules\n",
         "nsm.ko": harness.kernel_module()}


@dataclasses.dataclass
class Expect:
    """What a command does. `out` and `err`: texts that must be in stdout and stderr."""

    status: int = 0
    out: tuple = ()
    err: tuple = ()
    until: str = None  # it goes on for ever: ended once this text was printed
    port: int = None  # it is a server on this vsock port: asked, then ended by SIGTERM
    stdin: bytes = b""
    before: object = None  # function(test), for the state that the text speaks of
    check: object = None  # function(test, completed)
    run: object = None  # function(test, command) -> completed, instead of the shell
    replace: tuple = ()  # (placeholder, function(test) -> text) pairs
    note: str = ""  # for the output: what is not as on a real parent instance


def say(text):
    """A line of the test's output that is no result (TAP calls it a diagnostic)."""
    for line in text.splitlines():
        print("# " + line, flush=True)


def builds(directory, names):
    """Of the names in a directory: what is no source."""
    return [name for name in names if name == ".git" or os.path.exists(
        os.path.join(directory, name, "meson-info"))]


def copy_of_source(target):
    """The sources as git would take them, or all but builds, with their times."""
    command = ["git", "-C", harness.SOURCE, "ls-files", "-co", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                timeout=60, check=True).stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):
        shutil.copytree(harness.SOURCE, target, dirs_exist_ok=True, ignore=builds)
        return
    for name in filter(None, listed):
        source = os.path.join(harness.SOURCE, name)
        if os.path.isfile(source):
            os.makedirs(os.path.dirname(os.path.join(target, name)), exist_ok=True)
            shutil.copy2(source, os.path.join(target, name))


def build_option(name):
    path = os.path.join(harness.BUILD, "meson-info", "intro-buildoptions.json")
    with open(path, encoding="utf-8") as file:
        return {option["name"]: option["value"] for option in json.load(file)}[name]


class GuideTestCase(unittest.TestCase):
    """Base of the guides' tests; make() fills in their commands."""

    maxDiff = None
    states = {}  # title -> function(test): what the text under it takes for granted

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="vsa-")
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        cls.work = os.path.join(cls.directory, "work")
        os.mkdir(cls.work)
        copy_of_source(cls.work)
        os.makedirs(os.path.join(cls.work, "build-enclave"), exist_ok=True)
        cls.box = sandbox.Sandbox(cls.directory, cls.work)
        cls.addClassCleanup(cls.box.close)
        cls.parent = cls.box.parent
        cls.title, cls.variables = None, {}
        for line in cls.box.stand_ins:
            say("stand-in: " + line)

    def printed(self):
        """For a failing test: what its enclaves printed last."""
        return [line for enclave in self.parent.enclaves
                for service in (enclave.nsm, *enclave.servers) for line in service.last_lines()]

    # --- for states and checks ------------------------------------------------------------------

    def path(self, name):
        return os.path.join(self.work, name)

    def sh(self, command, status=0, **options):
        done = self.box.run(command, **options)
        self.assert_exit(command, done, status)
        return done

    def assert_exit(self, command, done, status):
        if done.returncode != status:
            self.fail(f"{command}: exited {done.returncode}, not {status}\n"
                      f"stdout: {done.stdout.decode()}\nstderr: {done.stderr.decode()}")

    def fresh_enclaves(self, *names, **options):
        """No other enclaves than one of each of these images."""
        self.parent.terminate_all()
        for name in names:
            self.parent.start(name, **options)

    # --- running --------------------------------------------------------------------------------

    def enter_title(self, title):
        if title != type(self).title:
            type(self).title = title
            if title in self.states:
                self.states[title](self)

    def need_python(self, text):
        if "python3" in text and not self.box.has_python:
            self.skipTest("the Python package is not part of this build")

    def run_command(self, command, expect):
        self.need_python(command.text)
        self.enter_title(command.title)
        if expect.before:
            expect.before(self)
        text = command.text
        for placeholder, value in expect.replace:
            text = text.replace(placeholder, value(self))
            say(f"stand-in: {value(self)} in place of {placeholder}")
        if expect.note:
            say(f"stand-in: line {command.line}: {command.text}: {expect.note}")
        names = [variable.partition("=")[0] for variable in command.variables]
        if not all(name in self.variables for name in names):
            self.skipTest("what sets its variables did not run")
        text = "".join(self.variables[name] for name in names) + text
        if expect.run:
            done = expect.run(self, text)
        elif expect.port:
            self.run_server(text, expect.port, expect.status)
            return None
        elif expect.until:
            _, output, errors = self.box.run_until(text, expect.until.encode())
            done = subprocess.CompletedProcess(text, expect.status, output, errors)
        elif re.match(r"[A-Za-z_]\w*=", command.text):
            done = self.assign(text, command.text.partition("=")[0])
        else:
            done = self.box.run(text, stdin=expect.stdin)
        return self.judge(command.text, done, expect)

    def assign(self, text, name):
        """Sets a variable of the shell, for the commands after it; shows it on stdout."""
        done = self.box.run(f"{text} && declare -p {name}")
        self.variables[name] = done.stdout.decode()
        return done

    def judge(self, name, done, expect):
        self.assert_exit(name, done, expect.status)
        for texts, stream in ((expect.out, done.stdout), (expect.err, done.stderr)):
            for text in texts:
                self.assertIn(text, stream.decode(), name)
        if expect.check:
            expect.check(self, done)
        return done

    def run_server(self, command, port, expected):
        enclave = self.parent.enclaves[0]
        with self.box.serving(command, enclave.socket(port), expected):
            self.sh(f"vsock_client --cid {enclave.cid} --port {port} --verify --generate-key")

    def run_script(self, block, name, interpreter, expect):
        """A whole block, saved as a file and run."""
        self.need_python(interpreter + block.text)
        self.enter_title(block.title)
        if expect.before:
            expect.before(self)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(block.text)
        done = self.box.run(f"{interpreter} ./{name}")
        return self.judge(f"line {block.line}: {name}", done, expect)


# --- from a text to its test cases ---------------------------------------------------------------


def method_name(number, line, text):
    text = re.sub(r"[^ -~]|#", "?", text.splitlines()[0])
    return f"test_{number:03d} line {line}: {text}"


def no_expectation(what):
    def test(self):
        self.fail(f"nothing is expected of {what}: say in this test what it does")

    return test


def command_test(command, expect):
    return lambda self: self.run_command(command, expect)


def block_test(block, handler):
    def test(self):
        self.enter_title(block.title)
        handler(self, block)

    return test


def script_test(block, suffix, interpreter, expect):
    name = re.sub(r"\W+", "_", block.title).lower() + suffix
    return lambda self: self.run_script(block, name, interpreter, expect)


def make(case, text, commands, blocks):
    """Adds to the class `case` a test for each command and block of a guide, in its order.

    commands: {(title, command): Expect}. blocks: {(title, language): Expect of a script, a
    function(test, block), a text: why there is nothing to run, or a list of these}.
    """
    number, used, number_of = 0, set(), collections.Counter()

    def add(line, what, test):
        nonlocal number
        number += 1
        setattr(case, method_name(number, line, what), test)

    for block in markdown.blocks(text):
        key = (block.title, block.language)
        if block.language in ("bash", "sh") and not block.is_script():
            for command in markdown.commands(block):
                expect = commands.get((command.title, command.text))
                used.add((command.title, command.text))
                add(command.line, command.text,
                    command_test(command, expect) if expect else no_expectation(command))
            continue
        used.add(key)
        handler = blocks.get(key)
        if isinstance(handler, list):
            handler = handler[number_of[key]] if number_of[key] < len(handler) else None
            number_of[key] += 1
        what = f"{block.language or 'text'} under {block.title}"
        if handler is None:
            add(block.line, what, no_expectation(block))
        elif isinstance(handler, str):
            add(block.line, what, lambda self, reason=handler: say("not run: " + reason))
        elif isinstance(handler, Expect):
            suffix, interpreter = ((".py", "python3") if block.language == "python"
                                   else (".sh", "bash"))
            add(block.line, what, script_test(block, suffix, interpreter, handler))
        else:
            add(block.line, what, block_test(block, handler))
    left = (set(commands) | set(blocks)) - used
    case.test_zzz_nothing_is_expected_that_the_guide_does_not_say = (
        lambda self: self.assertEqual(left, set()))
    return case


# --- expectations that the guides share ----------------------------------------------------------


def as_json(done):
    return json.loads(done.stdout)


def is_json(**members):
    """stdout is one JSON object with these members."""

    def check(test, done):
        value = as_json(done)
        for name, expected in members.items():
            test.assertEqual(value[name], expected, value)

    return check


def lists(number, **members):
    """stdout is what describe-enclaves prints for so many enclaves."""

    def check(test, done):
        entries = as_json(done)
        test.assertEqual(len(entries), number, entries)
        for entry in entries:
            test.assertEqual(entry["State"], "RUNNING")
            for name, expected in members.items():
                test.assertEqual(entry[name], expected)

    return check


def runs(**members):
    """nitro-cli run-enclave: what it prints, and an enclave more."""

    def check(test, done):
        entry = as_json(done)
        test.assertEqual(set(entry), {"EnclaveName", "EnclaveID", "ProcessID", "EnclaveCID",
                                      "NumberOfCPUs", "CPUIDs", "MemoryMiB"})
        for name, expected in members.items():
            test.assertEqual(entry[name], expected)
        test.assertIn(entry["EnclaveID"], [enclave.id for enclave in test.parent.enclaves])

    return Expect(err=("Started enclave with enclave-cid",), check=check,
                  note="an enclave in software is started")


PONG = Expect(out=("Pong!",))
STATUS = Expect(out=("Status: running", "reachable"))
VERIFIED = Expect(out=("Verified: ",))
ID_IS_NO_NAME = Expect(
    status=1, err=("E58", "No enclave matched the given name"),
    note="the real nitro-cli says the same: --enclave-name does not take an EnclaveID",
)


def verified(*texts, **options):
    return dataclasses.replace(VERIFIED, out=("Verified: ", *texts), **options)


def verifies(document, *options):
    """A check: the file `document` (None: stdout) holds a document that verifier accepts."""

    def check(test, done):
        data = done.stdout
        if document:
            with open(test.path(document), "rb") as file:
                data = file.read()
        test.sh("verifier " + " ".join(options), stdin=data)

    return check


# --- ./build-enclave.sh --------------------------------------------------------------------------


def why_no_build():
    """Why ./build-enclave.sh cannot run here, or None."""
    if build_option("b_sanitize") != "none":
        return "it makes its own build, the same in every configuration"
    if harness.run([os.path.join(harness.SOURCE, "scripts", "build-awslc"), "--where"], timeout=60).returncode:
        return "no AWS-LC here: scripts/deps awslc builds it"
    return None


def stand_in_image(test, command):
    """An image whose parts are nonsense, but an image: with measurements of its own."""
    output = re.search(r"--output (\S+)", command)
    output = output[1] if output else "app.eif"
    signing = " ".join(re.findall(r"--(?:signing-certificate|private-key) \S+", command))
    for name, content in BLOBS.items():
        with open(test.path(name), "wb") as file:
            file.write(content)
    for name in ("boot", "app"):
        with open(test.path(name + ".cpio"), "w", encoding="utf-8") as file:
            file.write("070701 " + name)
    done = test.sh("enclave_image build --kernel bzImage --ramdisk boot.cpio --ramdisk app.cpio "
                   f"--name enclave_app {signing} --output {output}")
    with open(test.path(output[:-4] + ".measurements.json"), "wb") as file:
        file.write(done.stdout)
    return done


def run_build(test, command):
    """Runs it with nitro-cli's kernel (which is a stand-in), or makes an image without it."""
    reason = why_no_build()
    if not reason:
        blobs = os.path.join(test.box.tmp, "blobs")
        os.makedirs(blobs, exist_ok=True)
        for name, content in BLOBS.items():
            with open(os.path.join(blobs, name), "wb") as file:
                file.write(content)
        lock = os.path.join(harness.BUILD, "tests", "guide", "build-enclave.lock")
        with open(lock, "w", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            done = test.box.run("export NITRO_CLI_BLOBS=/tmp/blobs\n" + command, timeout=400)
        missing = re.search(r"ERROR: .*not found.*", done.stderr.decode())
        if not missing or b"static archives" not in done.stderr:
            say("stand-in: the kernel in the image, which would be nitro-cli's")
            return done
        reason = "no static libraries on this machine: " + missing[0]
    say(f"stand-in: {command}: {reason}")
    return stand_in_image(test, command)


def image_built(name, *more):
    """A check: the image is there, and its measurements are those that were printed."""

    def check(test, done):
        measurements = json.loads(done.stdout)
        test.assertEqual(set(measurements["Measurements"]),
                         {"HashAlgorithm", "PCR0", "PCR1", "PCR2", *more})
        with open(test.path(name + ".measurements.json"), encoding="utf-8") as file:
            test.assertEqual(json.load(file), measurements)
        test.assertTrue(os.path.exists(test.path(name + ".eif")))

    return check


def built(name, *more):
    return Expect(run=run_build, check=image_built(name, *more))


