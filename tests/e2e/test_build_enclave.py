# SPDX-License-Identifier: Apache-2.0
"""build-enclave.sh: the same image in two directories, its options, and what --run does.

The kernel and nitro-cli are stand-ins: nothing is booted and no enclave is started.
"""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import unittest

import harness

# Nothing else in an image says so.
# Their marks are all that `enclave_image build` looks at.
BZIMAGE = "\0" * 0x202 + "HdrS"
ARM_IMAGE = "\0" * 0x38 + "ARM\x64"
MODULE = harness.kernel_module(b"the module of the stand-in's kernel")
NITRO_CLI = """#!/bin/sh
printf '%s\\n' "$*" >>"$NITRO_CLI_LOG"
echo '{"EnclaveCID": 16}'
"""


def build_option(name):
    path = os.path.join(harness.BUILD, "meson-info", "intro-buildoptions.json")
    with open(path, encoding="utf-8") as file:
        return {option["name"]: option["value"] for option in json.load(file)}[name]


def crypto_options():
    """The default needs AWS-LC, which no test builds."""
    done = harness.run([os.path.join(harness.SOURCE, "scripts", "build-awslc"), "--where"], timeout=60)
    return () if done.returncode == 0 else ("--crypto", "openssl")


def copy_of_source(target):
    """The sources as git would take them, without any build."""
    if not shutil.which("git"):
        raise unittest.SkipTest("no git program on this machine")
    command = ["git", "-C", harness.SOURCE, "ls-files", "-co", "--exclude-standard", "-z"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    if done.returncode != 0:
        raise unittest.SkipTest("the sources are not a git checkout")
    for name in filter(None, done.stdout.decode().split("\0")):
        source = os.path.join(harness.SOURCE, name)
        if os.path.isfile(source):
            os.makedirs(os.path.dirname(os.path.join(target, name)), exist_ok=True)
            shutil.copy(source, os.path.join(target, name))


class BuildEnclave(harness.TestCase):
    def setUp(self):
        super().setUp()
        if build_option("b_sanitize") != "none":
            self.skipTest("makes its own build: the same in every configuration")
        self.blobs = self.path("blobs")
        os.makedirs(self.blobs)
        for name, content in (("bzImage", BZIMAGE), ("Image", ARM_IMAGE),
                              ("cmdline", "console=ttyS0 nomodules\n"), ("nsm.ko", MODULE)):
            self.write(os.path.join(self.blobs, name), content)
        self.bin = self.path("bin")
        os.makedirs(self.bin)
        self.crypto = crypto_options()

    def write(self, path, content):
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())

    def build(self, source, *options, status=0, env=None):
        done = harness.run(
            ["./build-enclave.sh", *self.crypto, *options], cwd=source, timeout=300,
            env={
                "NITRO_CLI_BLOBS": self.blobs,
                "NITRO_CLI_LOG": self.path("nitro-cli.log"),
                "PATH": self.bin + ":" + os.environ["PATH"],
                **(env or {}),
            },
        )
        if b"static archives" in done.stderr:
            self.skipTest("no static libraries on this machine")
        self.assert_exit(done, status)
        return done

    def image(self, path):
        with open(path, "rb") as file:
            return file.read()

    def nitro_cli_calls(self):
        if not os.path.exists(self.path("nitro-cli.log")):
            return []
        with open(self.path("nitro-cli.log"), encoding="utf-8") as file:
            return file.read().splitlines()

    def test_from_source_to_image(self):
        first, second = self.path("first"), self.path("second/and/deeper")
        copy_of_source(first)
        done = self.build(first)
        measurements = json.loads(done.stdout)
        self.assertEqual(set(measurements["Measurements"]),
                         {"HashAlgorithm", "PCR0", "PCR1", "PCR2"})
        with open(os.path.join(first, "app.measurements.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file), measurements)
        text = done.stderr.decode()
        for line in ("nitro-cli run-enclave --cpu-count 2 --memory 64 --eif-path app.eif",
                     "vsock_client --verify --generate-key --measurements app.measurements.json"):
            self.assertIn(line, text)
        self.assertEqual(self.nitro_cli_calls(), [])

        program = harness.program("enclave_image")
        described = json.loads(harness.run([program, "describe", first + "/app.eif"]).stdout)
        self.assertEqual(described["Measurements"], measurements["Measurements"])
        self.assertEqual(described["ImageName"], "enclave_app")
        harness.run([program, "extract", "--output", self.path("parts"), first + "/app.eif"])
        self.assertEqual(self.image(self.path("parts/cmdline")), b"console=ttyS0 nomodules")
        # Not assertIn(): it would print megabytes.
        self.assertTrue(
            b"/app/enclave_app\n--vsock\n" in self.image(self.path("parts/ramdisk-1.cpio"))
        )
        self.assertTrue(MODULE in self.image(self.path("parts/ramdisk-0.cpio")))
        # The server runs as a user of its own.
        self.assertTrue(b"\x001000:1000\n" in self.image(self.path("parts/ramdisk-1.cpio")))
        # With nitro-cli's own kernel it may be larger; ours leaves this much.
        self.assertLess(os.path.getsize(first + "/app.eif"), 10 * 1000 * 1000)

        with open(os.path.join(first, "app.build-info.json"), encoding="utf-8") as file:
            info = json.load(file)
        self.assertEqual(info["Measurements"], measurements["Measurements"])
        self.assertEqual(described["Metadata"]["BuiltFrom"], info["BuiltFrom"])
        libcrypto = "libcrypto.a" if self.crypto else "libcrypto-awslc.a"
        self.assertNotIn("libcrypto-awslc.a" if self.crypto else "libcrypto.a", info["BuiltFrom"])
        for name in ("sources", "compiler", "linker", "libc.a", libcrypto, "libjansson.a", "kernel"):
            self.assertRegex(info["BuiltFrom"][name]["sha256"], "^[0-9a-f]{64}$")
        self.assertNotIn(first, json.dumps(info))

        # Elsewhere, later, by a user with other habits.
        copy_of_source(second)
        for directory, _, names in os.walk(second):
            for name in names:
                os.utime(os.path.join(directory, name), (10**9, 10**9))
        nothing = self.path("nothing")
        os.makedirs(nothing)
        self.write(os.path.join(nothing, "jansson.pc"), "Name: jansson\nDescription: x\n"
                   "Version: 2.14\nLibs: -lnothing\n")
        self.write(os.path.join(nothing, "stdint.h"), "#error")
        self.build(second, "--output", self.path("second.eif"), env={
            "CFLAGS": "-g -O1", "TZ": "Asia/Tokyo", "SOURCE_DATE_EPOCH": "1", "CPATH": nothing,
            "LIBRARY_PATH": nothing, "PKG_CONFIG_PATH": nothing, "MESON_TESTTHREADS": "x"})
        self.assertTrue(self.image(first + "/app.eif") == self.image(self.path("second.eif")))

        self.check_quoting(first)
        self.check_run(first)
        self.check_options(first)

    def check_quoting(self, source):
        """A command that is printed to be copied names the file whatever its name is."""
        name = self.path("o u't $x.eif")
        done = self.build(source, "--output", name, "--like", "app.build-info.json")
        self.assertIn(b"the measurements are those of app.build-info.json", done.stderr)
        self.assertNotIn(b"differs", done.stderr)
        line = next(line for line in done.stderr.decode().splitlines() if "run-enclave" in line)
        self.assertEqual(shlex.split(line)[-1], name)

    def private_jansson(self):
        """A library of the user's, beside the installed one."""
        ask = ["pkg-config", "--variable=libdir", "jansson"]
        installed = harness.run(ask).stdout.decode().strip() + "/libjansson.a"
        if not os.path.exists(installed):
            self.skipTest("no static libraries on this machine")
        directory = self.path("private")
        os.makedirs(directory)
        shutil.copy(installed, directory)
        self.write(os.path.join(directory, "jansson.pc"), f"Name: jansson\nDescription: x\n"
                   f"Version: 2.14\nLibs: -L{directory} -ljansson\n")
        return directory, os.path.join(directory, "libjansson.a")

    def test_replaced_files(self):
        """What is older than the last build and other than it was then gets into the image."""
        source = self.path("source")
        copy_of_source(source)
        directory, library = self.private_jansson()
        options = ("--pkg-config-path", directory, "--output")
        self.build(source, *options, self.path("a.eif"))
        text = self.image(library)
        old, new = b"maximum parsing depth reached", b"maximum parsing depth REACHED"
        self.assertEqual(text.count(old), 1)
        with open(library, "wb") as file:
            file.write(text.replace(old, new))
        os.utime(library, (10**9, 10**9))
        done = self.build(source, *options, self.path("b.eif"), "--like",
                          self.path("a.build-info.json"), status=1)
        self.assertFalse(self.image(self.path("a.eif")) == self.image(self.path("b.eif")))
        self.assertTrue(new in self.image(os.path.join(source, "build-enclave/image/enclave_app")))
        names = [line.split(":")[0].strip() for line in done.stderr.decode().splitlines()
                 if ", now " in line]
        self.assertEqual(names, ["PCR0", "PCR2", "libjansson.a sha256"])
        self.assertIn(b"the measurements are not those of", done.stderr)

        # A source in the same way.
        path = os.path.join(source, "src/enclave_init/main.c")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.write(path, text + "\nextern const char mark[];\n"
                   "__attribute__((used, retain)) const char mark[] = \"a mark of the test\";\n")
        os.utime(path, (10**9, 10**9))
        self.build(source, *options, self.path("c.eif"))
        init = os.path.join(source, "build-enclave/src/enclave_init/enclave_init")
        self.assertTrue(b"a mark of the test" in self.image(init))

    def check_run(self, source):
        done = self.build(source, "--run", status=1)
        if not shutil.which("nitro-cli"):
            self.assertIn(b"--run needs nitro-cli", done.stderr)
        nitro_cli = os.path.join(self.bin, "nitro-cli")
        self.write(nitro_cli, NITRO_CLI)
        os.chmod(nitro_cli, 0o755)
        done = self.build(source, "--run", "--memory", "256", "--cpu-count", "2")
        self.assertNotIn(b"WARNING", done.stderr)
        self.build(source)
        done = self.build(source, "--run", "--debug-mode")
        self.assertIn(b"PCR0, 1 and 2 are zero", done.stderr)
        run = "run-enclave --cpu-count 2 --memory 256 --eif-path app.eif"
        debug = "run-enclave --cpu-count 2 --memory 64 --eif-path app.eif --debug-mode"
        self.assertEqual(self.nitro_cli_calls(), [run, debug])

    def check_options(self, source):
        kernel = self.path("kernel")
        self.write(kernel, BZIMAGE + "OTHER")
        first, second = self.path("first.ko"), self.path("second.ko")
        self.write(first, harness.kernel_module(b"the first"))
        self.write(second, harness.kernel_module(b"the second"))
        self.build(source, "--kernel", kernel, "--cmdline", "panic=1", "--name", "other",
                   "--module", second, "--module", first, "--user", "7:8",
                   "--output", self.path("other.eif"))
        done = harness.run([harness.program("enclave_image"), "extract", "--output",
                            self.path("other"), self.path("other.eif")])
        self.assert_exit(done, 0)
        self.assertEqual(self.image(self.path("other/kernel")), BZIMAGE.encode() + b"OTHER")
        self.assertEqual(self.image(self.path("other/cmdline")), b"panic=1")
        boot, app = (self.image(self.path(f"other/ramdisk-{n}.cpio")) for n in (0, 1))
        # The module is of another kernel.
        self.assertFalse(MODULE in boot)
        self.assertTrue(b"second.ko\nfirst.ko\n" in boot and b"the second" in boot)
        self.assertTrue(b"\x007:8\n" in app)
        with open(self.path("other.build-info.json"), encoding="utf-8") as file:
            built_from = json.load(file)["BuiltFrom"]
        for path in (first, second):
            self.assertEqual(built_from["module " + os.path.basename(path)]["sha256"],
                             hashlib.sha256(self.image(path)).hexdigest())

    def test_usage(self):
        source = harness.SOURCE
        for options, text in (
            (["--frobnicate"], b"unknown argument '--frobnicate'"),
            (["--output"], b"--output needs a value"),
            (["--debug-mode"], b"--debug-mode belongs to --run"),
            (["--like", "/does/not/exist"], b"cannot read '/does/not/exist'"),
            (["--pkg-config-path", "/does/not/exist"], b"is not a directory"),
            (["--crypto", "gnutls"], b"'gnutls' is neither awslc nor openssl"),
            (["--memory", "lots"], b"'lots' is not a number"),
            (["--user", "app"], b"'app' is not UID or UID:GID"),
            (["--module", "/does/not/exist"], b"cannot read '/does/not/exist'"),
        ):
            done = self.build(source, *options, status=2)
            self.assertIn(text, done.stderr)
            self.assertEqual(done.stdout, b"")
        self.assertIn(b"--signing-certificate", self.build(source, "--help").stdout)

    def test_no_aws_lc(self):
        """Where it cannot be had the way out is named, and nothing else is taken silently."""
        source = self.path("source")
        copy_of_source(source)
        self.crypto = ()
        # No tool that builds it, and no package manager that could bring one.
        for name in ("cargo", "cmake", "apt-get", "dnf", "sudo"):
            self.write(os.path.join(self.bin, name), "#!/bin/sh\nexit 1\n")
            os.chmod(os.path.join(self.bin, name), 0o755)
        done = self.build(source, status=1, env={
            "XDG_CACHE_HOME": self.path("cache"), "PKG_CONFIG_PATH": self.path("nothing")})
        self.assertIn(b"--crypto openssl", done.stderr)
        self.assertFalse(os.path.exists(os.path.join(source, "app.eif")))


if __name__ == "__main__":
    unittest.main()
