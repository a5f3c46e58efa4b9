# SPDX-License-Identifier: Apache-2.0
"""Where a guide's commands run: a machine that looks like a parent instance, and is none.

- A mount namespace of its own: /app and /dev/nsm as in an enclave, /vsattest with the sources, /tmp
  of its own. Nothing outside changes.
- vsock addresses lead to Unix sockets (tests/e2e/vsock_shim.c), and the kernel refuses AF_VSOCK
  (tests/e2e/no_vsock.c).
- PATH begins with a directory of stand-ins and our programs.
"""

import contextlib
import glob
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest

import harness
import parent

HERE = os.path.dirname(os.path.abspath(__file__))
WORK = "/vsattest"
# The package in the build, as python/meson.build lays it out.
PYTHON = os.path.join(harness.BUILD, "python")


def script(path, lines):
    with open(path, "w", encoding="utf-8") as file:
        file.write(lines)
    os.chmod(path, 0o755)


# What verifies trusts the software NSM's root, too: AWS did not sign that enclave's documents.
TRUSTING = """#!/bin/sh
case "{before}$* " in
*" --service "*) ;;
{patterns}) set -- "$@" --root "$VSA_ROOT" ;;
{others}esac
exec {program} "$@"
"""
# A script that uses the package gets that root as the class's default.
TRUSTING_SCRIPTS = f"""*) export PYTHONPATH="$PYTHONPATH:{HERE}/stand_in/trust" ;;
"""


class Sandbox:
    def __init__(self, directory, work):
        self.directory, self.work = directory, work
        self.bin, self.vsock, self.app, self.tmp = (
            os.path.join(directory, name) for name in ("bin", "vsock", "app", "tmp"))
        self.no_vsock = os.path.join(harness.BUILD, "tests", "e2e", "no_vsock")
        self.shim = os.path.join(harness.BUILD, "tests", "e2e", "libvsock_shim.so")
        self.nsm_shim = os.path.join(harness.BUILD, "tests", "guide", "libnsm_shim.so")
        for path in (self.bin, self.vsock, self.app, self.tmp):
            os.mkdir(path)
        self.stand_ins = []
        self.fill_python()
        self.parent = parent.Parent(self)
        self.fill_bin()
        self.enter()

    # --- what is there --------------------------------------------------------------------------

    def fill_python(self):
        """The guide's files where it expects them: beside build-enclave.sh, and in /app."""
        self.has_python = os.path.exists(os.path.join(PYTHON, "modules", "vsock_client.py"))
        if not self.has_python:
            return
        for file in glob.glob(os.path.join(PYTHON, "modules", "*.py")):
            for directory in (self.work, self.app):
                shutil.copy(file, directory)

    def fill_bin(self):
        self.stand_in("nitro-cli", f"#!{sys.executable} -I\n", "starts software enclaves")
        self.stand_in("sudo", "", "runs the command as who we are")
        for name, interpreter in (("jq", f"#!{sys.executable} -I\n"), ("watch", "")):
            if not shutil.which(name):
                self.stand_in(name, interpreter, "not installed here")
        for name in ("enclave_app", "enclave_image", "software_nsm", "vsattest-verifierd"):
            os.symlink(harness.program(name), os.path.join(self.bin, name))
        os.symlink(harness.program("enclave_app"), os.path.join(self.app, "enclave_app"))
        verifying = '*" --verify "* | *" --watch "* | *" --sealed "*'
        self.trusting("vsock_client", harness.program("vsock_client"), " ", verifying)
        self.trusting("verifier", harness.program("verifier"), " ", "*")
        self.trusting("python3", sys.executable, "${1##*/} ",
                      '"vsock_client.py "*" --verify "* | "vsock_client.py "*" --watch "* | '
                      '"verifier.py "*', TRUSTING_SCRIPTS)
        self.stand_ins.append("--verify, --sealed: the software NSM's root is trusted too (--root)")

    def trusting(self, name, program, before, patterns, others=""):
        script(os.path.join(self.bin, name), TRUSTING.format(
            program=program, before=before, patterns=patterns, others=others))

    def stand_in(self, name, interpreter, why):
        with open(os.path.join(HERE, "stand_in", name), encoding="utf-8") as file:
            script(os.path.join(self.bin, name), interpreter + file.read())
        self.stand_ins.append(f"{name}: {why}")

    # --- how to get there -----------------------------------------------------------------------

    def enter(self):
        """Starts the process that holds the namespace; skips where there can be none."""
        root = os.path.join(self.directory, "root")
        os.mkdir(root)
        pairs = [f"{path}={path}" for path in (self.directory, harness.BUILD, harness.SOURCE)
                 if path.startswith(("/tmp/", "/app/", WORK + "/"))]
        self.build = os.path.join(harness.BUILD, "tests", "guide", "build-enclave")
        os.makedirs(self.build, exist_ok=True)
        unshare = self.unshare()
        self.holder = subprocess.Popen(
            [*unshare, "sh", os.path.join(HERE, "stand_in", "enter"), root, self.app, self.work, self.tmp,
             *pairs, f"{self.build}={WORK}/build-enclave"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        if self.holder.stdout.readline() != b"ready\n":
            self.close()
            raise AssertionError("cannot set the namespace up")

    holder = None

    def unshare(self):
        """The command that makes a namespace; with one of users where only that is allowed."""
        for self.user in ([], ["--map-root-user"]):
            command = ["unshare", "--mount", *self.user]
            probe = harness.run([self.no_vsock, *command, "true"])
            if probe.returncode == 0:
                return command
        self.close()
        if probe.returncode == 77:
            raise unittest.SkipTest("no seccomp filters here, so nothing keeps a program from vsock")
        raise unittest.SkipTest("no mount namespaces here: " + probe.stderr.decode().strip())

    def close(self):
        self.parent.close()
        if self.holder:
            self.holder.stdin.close()
            self.holder.wait(harness.PATIENCE)
            self.holder.stdout.close()

    def outside(self, path):
        """A path of the namespace as it is called outside."""
        for inside, real in ((WORK, self.work), ("/tmp", self.tmp), ("/app", self.app)):
            if path == inside or path.startswith(inside + "/"):
                return real + path[len(inside):]
        return path

    def shim_environment(self, cid):
        return {
            "LD_PRELOAD": self.shim,
            "VSA_SHIM": self.vsock,
            "VSA_SHIM_CID": str(cid),
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
        }

    def environment(self):
        """Of the commands: those of the enclave's inside mean the enclave that was started first."""
        enclaves = self.parent.enclaves
        cid = enclaves[0].cid if enclaves else parent.FIRST_CID
        return {
            **self.shim_environment(cid),
            "LD_PRELOAD": f"{self.shim}:{self.nsm_shim}",
            "VSA_SHIM_NSM": enclaves[0].nsm_path if enclaves else "",
            "VSA_PARENT": self.parent.socket_path,
            "VSA_ROOT": self.parent.root,
            "PATH": f"{self.bin}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "TERM": "xterm",
            "PYTHONPATH": PYTHON,
        }

    def arguments(self, command):
        pid = str(self.holder.pid)
        user = ["--user", "--preserve-credentials"] if self.user else []
        environment = [f"{name}={value}" for name, value in self.environment().items()]
        return [self.no_vsock, "nsenter", "--target", pid, *user, "--mount", "--root", "--",
                "env", "-C", WORK, *environment, "bash", "-c", command]

    def run(self, command, stdin=b"", timeout=harness.PATIENCE):
        """Runs a line of shell there, to its end. Returns CompletedProcess."""
        return harness.run(self.arguments(command), stdin=stdin, timeout=timeout)

    def start(self, command):
        """Runs a line of shell that does not end by itself; stop() ends it."""
        return subprocess.Popen(self.arguments(command), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                start_new_session=True)

    def stop(self, process, number=signal.SIGTERM):
        """Ends what start() started, children included; returns (status, stdout, stderr)."""
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass
        try:
            output, errors = process.communicate(timeout=harness.PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, errors = process.communicate()
        return process.returncode, output, errors

    @contextlib.contextmanager
    def serving(self, command, path, status=None):
        """Runs a server while the block does, from when it listens at the socket `path`.

        A failure shows what the server printed. `status`: how the server must end on SIGTERM.
        """
        process = self.start(command)

        def ready():
            if process.poll() is not None:
                raise AssertionError("it ended before it listened")
            return harness.is_listening(path)

        try:
            harness.wait_until(ready, path)
            yield
        except BaseException as failure:
            ended, output, errors = self.stop(process)
            if not isinstance(failure, AssertionError):
                raise
            raise AssertionError(f"{failure}\nwith the server {command!r} (status {ended}), which "
                                 f"printed: {(output + errors).decode(errors='replace')}") from None
        ended, _, errors = self.stop(process)
        if status is not None and ended != status:
            raise AssertionError(f"{command} exited {ended}, not {status}: {errors.decode()}")

    def run_until(self, command, text, timeout=harness.PATIENCE):
        """Runs what goes on for ever until `text` has been printed; returns the output."""
        process = self.start(command)
        os.set_blocking(process.stdout.fileno(), False)
        output, deadline = b"", time.monotonic() + timeout
        while text not in output and time.monotonic() < deadline and process.poll() is None:
            output += process.stdout.read() or b""
            time.sleep(0.02)
        os.set_blocking(process.stdout.fileno(), True)
        status, rest, errors = self.stop(process)
        return status, output + rest, errors
