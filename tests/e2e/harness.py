# SPDX-License-Identifier: Apache-2.0
"""What end-to-end tests share: where the programs are, and processes that cannot outlive a test.

Everything here is bounded in time. Addresses are Unix sockets only: no test opens AF_VSOCK.
"""

import contextlib
import errno
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest

BUILD = os.environ["VSA_BUILD"]
SOURCE = os.environ["VSA_SOURCE"]
SHARED = os.environ.get("VSA_SHARED", "")
# Sanitizers, valgrind and two busy cores make things slow, not wrong.
PATIENCE = float(os.environ.get("VSA_PATIENCE", "30"))
# Of a program's log, beside the failure of a test.
LAST_LINES = 12

# A shell starts its background jobs with SIGINT ignored, and what is ignored stays so in all that
# they start: tests of Ctrl-C would wait in vain.
signal.signal(signal.SIGINT, signal.default_int_handler)
# So does nohup with SIGHUP.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def program(name):
    """The path of one of our programs."""
    return os.path.join(BUILD, "src", "programs", name)


def example(name):
    return os.path.join(BUILD, "examples", name)


def shared(*path):
    """A file of ../shared; skips the test where that directory is not there."""
    full = os.path.join(SHARED, *path)
    if not os.path.exists(full):
        raise unittest.SkipTest(f"no ../shared/{'/'.join(path)} beside this repository")
    return full


def documents():
    """Where the real documents and their manifest are: in ../shared, or fetched."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    for directory in (os.path.join(SHARED, "testdata", "attestation"),
                   os.path.join(cache, "vsattest", "documents")):
        if os.path.exists(os.path.join(directory, "manifest.json")):
            return directory
    raise unittest.SkipTest("no ../shared/testdata/attestation; scripts/deps documents fetches others")


def production_documents():
    """Documents of AWS's, by name; at least one."""
    directory = documents()
    found = []
    for name in sorted(os.listdir(directory)):
        if name.startswith("production-") and name.endswith(".bin"):
            with open(os.path.join(directory, name), "rb") as file:
                found.append(file.read())
    if not found:
        raise unittest.SkipTest("no production document is there")
    return found


def is_sanitized():
    """Whether the build has AddressSanitizer or another one."""
    options = os.path.join(BUILD, "meson-info", "intro-buildoptions.json")
    with open(options, encoding="utf-8") as file:
        return any(o["name"] == "b_sanitize" and o["value"] != "none" for o in json.load(file))


def kernel_module(content=b"", machine=62, kind=1, sections=1):
    """A file with the form of a kernel module: an ELF relocatable with a table of sections at its end."""
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, 0, 0, 64 + len(content), 0, 64, 0, 0, 64, sections, 0)
    return head + content + bytes(64 * sections)


def run(arguments, stdin=None, timeout=PATIENCE, env=None, cwd=None):
    """Runs a program to its end. `stdin`: bytes or None. Returns CompletedProcess with bytes."""
    try:
        return subprocess.run(
            arguments,
            input=b"" if stdin is None else stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=timeout,
            env=None if env is None else {**os.environ, **env},
            cwd=cwd,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        raise AssertionError(f"{arguments} did not end in {timeout:g} s\nstdout: {expired.stdout!r}"
                             f"\nstderr: {expired.stderr!r}") from None


def wait_until(condition, what, timeout=PATIENCE):
    """Polls `condition` until it is true; returns its value."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s for {what}")
        time.sleep(0.01)


def is_listening(path):
    """Whether a process listens at `path`. The file alone does not show it.

    It is there a moment before listen(), and it stays when its process is killed. The kernel knows
    both, and neither question costs the server a connection.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        # A bound socket is of another type than this one; a left-over file has none.
        if probe.connect_ex(path) != errno.EPROTOTYPE:
            return False
    try:
        with open("/proc/net/unix", encoding="utf-8", errors="replace") as sockets:
            rows = [line.rstrip("\n").split(maxsplit=7) for line in sockets]
    except OSError:
        return True
    flags = [int(row[3], 16) for row in rows[1:] if len(row) == 8 and row[7] == path]
    # No such name: it was renamed once it listened. The flag is __SO_ACCEPTCON.
    return not flags or any(flag & 0x10000 for flag in flags)


class Service:
    """A program that runs until it is stopped. Its stderr goes to a file: `log()`."""

    def __init__(self, arguments, directory, stdin=subprocess.DEVNULL, env=None, pass_fds=()):
        self.ended_with = None
        handle, self.log_path = tempfile.mkstemp(dir=directory, suffix=".log")
        with os.fdopen(handle, "wb") as log:
            self.process = subprocess.Popen(
                arguments,
                stdin=stdin,
                stdout=subprocess.PIPE if stdin == subprocess.PIPE else log,
                stderr=log,
                env=None if env is None else {**os.environ, **env},
                pass_fds=pass_fds,
            )

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        if self.ended_with is not None:
            return self.ended_with
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def last_lines(self):
        """The end of the log, for a failing test."""
        name = os.path.basename(self.process.args[0])
        return [f"{name}[{self.pid}]: {line}" for line in self.log().splitlines()[-LAST_LINES:]]

    def wait_for(self, path):
        """Waits until `path` can be connected to; fails at once if the program ends first."""

        def ready():
            if self.process.poll() is not None:
                raise AssertionError(
                    f"{self.process.args} ended with {self.process.returncode}: {self.log()}"
                )
            return is_listening(path)

        wait_until(ready, path)
        return self

    def stop(self, number=signal.SIGTERM, timeout=PATIENCE):
        """Signals the program and returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait(timeout)

    def wait(self, timeout=PATIENCE):
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout)
            raise AssertionError(f"{self.process.args} did not end: {self.log()}") from None

    def end(self):
        """Whatever happened, it is gone afterwards."""
        if self.process.poll() is None and os.environ.get("VSA_COVERAGE"):
            # A program that is killed does not write its counters.
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(3)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        self.ended_with = self.log()  # the directory goes next
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


class TestCase(unittest.TestCase):
    """A test with a short-named directory of its own (socket paths have 107 bytes) and services."""

    maxDiff = None

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="vsa-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.services = []

    def path(self, name):
        return os.path.join(self.directory, name)

    def service(self, arguments, wait_for=None, **options):
        service = Service(arguments, self.directory, **options)
        self.services.append(service)
        self.addCleanup(service.end)
        if wait_for:
            service.wait_for(wait_for)
        return service

    def printed(self):
        """For a failing test: what its services printed last."""
        return [line for service in self.services for line in service.last_lines()]

    def assert_exit(self, completed, status):
        """The exit status, with all that the program said when it is another."""
        if completed.returncode != status:
            self.fail(
                f"{completed.args} exited {completed.returncode}, not {status}\n"
                f"stdout: {completed.stdout!r}\nstderr: {completed.stderr!r}"
            )
