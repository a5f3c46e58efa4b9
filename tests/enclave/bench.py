# SPDX-License-Identifier: Apache-2.0
"""Boots enclaves and parent instances under QEMU's software emulation, for tests. Standard library only.

Nothing here opens AF_VSOCK on this machine or touches /dev/kvm: AF_VSOCK exists inside the guests only, and the host
reaches a guest through a Unix socket of vhost-device-vsock. Every wait has a limit, every process has a hard time
limit and dies with this one, and only processes started here are ended, by their process id.

    with Bench(limit=60) as bench:
        guest = bench.debian_guest(files={"/bin/probe": bench.probe()})
        guest.wait_up()
        guest.run("probe echo 9000 &")
        print(guest.run("probe ping 1 9000 hello").output)
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections import namedtuple

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
PARENT_CID = 3  # where an enclave finds its parent instance
UP = "bench: guest is up"
# A keyboard controller: enclaves' command lines have reboot=k, and without one QEMU does not notice the reboot.
REBOOT_DEVICE = ["-device", "i8042"]

Result = namedtuple("Result", "status output seconds")


class BenchError(Exception):
    """Something did not work as the bench expects; the text has the end of the console."""


class NotAvailable(BenchError):
    """A tool cannot be had on this machine: a reason to skip, not to fail."""


# --- Tools -----------------------------------------------------------------------------------------------------------


_failures = {}


def tool(script, *arguments):
    """The path that a script of ours (enclave/build-kernel, tests/enclave/build-qemu ...) prints on its last line.
    What failed once is not tried again: it may take minutes."""
    command = [os.path.join(TOP, script), *arguments]
    if tuple(command) in _failures:
        raise NotAvailable(_failures[tuple(command)])
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=3600)
    if done.returncode != 0:
        _failures[tuple(command)] = "%s: %s" % (script, done.stderr.strip()[-600:])
        raise NotAvailable(_failures[tuple(command)])
    return done.stdout.strip().splitlines()[-1]


def qemu_command():
    """The start of a command line for a QEMU with q35: our own build if it is there, else the distribution's."""
    try:
        return nitro_qemu_command("--where")
    except NotAvailable:
        stock = shutil.which("qemu-system-x86_64")
        if not stock:
            raise NotAvailable("no qemu-system-x86_64: run tests/enclave/build-qemu or install qemu-system-x86") from None
        # QEMU 7.2 emulates cmpxchg16b wrongly: with it, half of the boots crash the guest's kernel.
        return [stock, "-cpu", "max,-cx16"]


def nitro_qemu_command(*arguments):
    """The start of a command line for the QEMU with the nitro-enclave machine."""
    program = tool("tests/enclave/build-qemu", *arguments)
    return [program, "-L", os.path.join(os.path.dirname(os.path.dirname(program)), "firmware"), "-cpu", "max"]


def read(path):
    """The bytes of a file."""
    with open(path, "rb") as file:
        return file.read()


# --- Initramfs -------------------------------------------------------------------------------------------------------


def cpio(entries):
    """A newc archive. entries: (path, content, mode) with content None for a directory, bytes for a file and str for
    a symbolic link's target. Parent directories are added, names sorted, owners and times zero."""
    table = {}
    for path, content, mode in entries:
        path = path.strip("/")
        parts = path.split("/")
        for i in range(1, len(parts)):
            table.setdefault("/".join(parts[:i]), (None, 0o755))
        table[path] = (content, mode)
    out = bytearray()

    def add(inode, name, mode, data):
        fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        out.extend(b"070701" + b"".join(b"%08X" % field for field in fields) + name + b"\0")
        out.extend(b"\0" * (-len(out) % 4) + data)
        out.extend(b"\0" * (-len(out) % 4))

    for inode, path in enumerate(sorted(table), 1):
        content, mode = table[path]
        if content is None:
            add(inode, path.encode(), 0o040000 | mode, b"")
        elif isinstance(content, str):
            add(inode, path.encode(), 0o120777, content.encode())
        else:
            add(inode, path.encode(), 0o100000 | mode, content)
    add(0, b"TRAILER!!!", 0, b"")
    return bytes(out)


# Runs what it reads from the console, one line at a time: Guest.run talks to it.
SHELL_INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /dev /proc /sys /tmp /run
/bin/busybox mount -t devtmpfs dev /dev 2>/dev/null
/bin/busybox --install -s /bin
export PATH=/bin HOME=/
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
for module in /modules/*.ko; do [ -f "$module" ] && insmod "$module"; done
stty -echo
%s
echo "%s"
while IFS= read -r line; do eval "$line"; done
reboot -f
"""


def shell_initramfs(directory, files=None, setup="", modules=True):
    """An initramfs with busybox and a shell on the console. directory: of fetch-guest. files: {path: bytes}, executable.
    setup: shell lines run before the guest says that it is up."""
    entries = [
        ("/bin/busybox", read(os.path.join(directory, "busybox")), 0o755),
        ("/init", (SHELL_INIT % (setup, UP)).encode(), 0o755),
        ("/dev", None, 0o755),
    ]
    if modules:
        for name in sorted(os.listdir(os.path.join(directory, "modules"))):
            entries.append(("/modules/" + name, read(os.path.join(directory, "modules", name)), 0o644))
    entries += [(path, content, 0o755) for path, content in (files or {}).items()]
    return cpio(entries)


# --- Processes -------------------------------------------------------------------------------------------------------


class Process:
    """A child process whose output is collected; ended by its own pid, at the latest after limit seconds."""

    def __init__(self, name, command, limit):
        self.name, self.command, self.started = name, command, time.monotonic()
        self.deadline = self.started + limit
        self._text, self._changed, self._ended = "", threading.Condition(), False
        # setpriv: the child dies with us even if we are killed; it keeps the pid that Popen knows.
        self._child = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.pid = self._child.pid
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()
        self._watchdog = threading.Timer(limit, self._child.kill)
        self._watchdog.daemon = True
        self._watchdog.start()

    def _collect(self):
        while True:
            data = os.read(self._child.stdout.fileno(), 65536)
            with self._changed:
                self._text += data.decode("utf-8", "replace").replace("\r", "")
                self._ended = not data
                self._changed.notify_all()
            if not data:
                return

    @property
    def output(self):
        """All that it has printed so far."""
        with self._changed:
            return self._text

    def fail(self, why):
        """Raises BenchError with the end of the output."""
        raise BenchError("%s: %s; the last output was:\n%s" % (self.name, why, self.output[-3000:]))

    def expect(self, pattern, timeout=30, start=0):
        """Waits until the output (from offset start) matches a regular expression; the match."""
        compiled = re.compile(pattern, re.MULTILINE)
        deadline = min(time.monotonic() + timeout, self.deadline)
        with self._changed:
            while True:
                match = compiled.search(self._text, start)
                if match:
                    return match
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    break
                self._changed.wait(left)
            ended = self._ended
        return self.fail("%s while waiting for %r" % ("it ended" if ended else "time is up", pattern))

    def wait(self, timeout=30):
        """Waits until it ends by itself; its exit status."""
        try:
            return self._child.wait(max(0.1, min(timeout, self.deadline - time.monotonic())))
        except subprocess.TimeoutExpired:
            return self.fail("it did not end")

    def write(self, text):
        """Writes to its standard input: a guest's console."""
        self._child.stdin.write(text.encode())
        self._child.stdin.flush()

    def elapsed(self):
        """Seconds since it was started."""
        return time.monotonic() - self.started

    def stop(self):
        """Ends it; returns when it is gone."""
        self._watchdog.cancel()
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(3)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait(10)
        self._reader.join(5)
        for pipe in (self._child.stdin, self._child.stdout):
            try:
                pipe.close()
            except OSError:
                pass


class Guest(Process):
    """A QEMU process whose console is its standard input and output."""

    _count = 0

    def wait_up(self, timeout=60):
        """Waits for the shell of shell_initramfs; seconds from QEMU's start."""
        self.expect("^" + re.escape(UP), timeout)
        return self.elapsed()

    def run(self, command, timeout=30):
        """Runs one line of shell in the guest. Start long-running things with '&'."""
        self._count += 1
        start, begun = len(self.output), time.monotonic()
        separator = " " if command.rstrip().endswith("&") else "; "
        self.write("{ %s%s} 2>&1; echo \"@@%d $?\"\n" % (command, separator, self._count))
        match = self.expect(r"@@%d (\d+)\n" % self._count, timeout, start)
        return Result(int(match.group(1)), self.output[start : match.start()], time.monotonic() - begun)


def connect(path, port, timeout=10):
    """A connection to a guest's vsock port through vhost-device-vsock's Unix socket. ConnectionRefusedError if no program
    listens there."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(path)
        connection.sendall(b"CONNECT %d\n" % port)
        answer = b""
        # One byte at a time: what follows the newline belongs to the caller.
        while not answer.endswith(b"\n"):
            byte = connection.recv(1)
            if not byte:
                raise ConnectionRefusedError("no listener on vsock port %d behind %s" % (port, path))
            answer += byte
        if not re.fullmatch(rb"OK \d+\n", answer):
            raise BenchError("unexpected answer to CONNECT: %r" % answer)
        return connection
    except BaseException:
        connection.close()
        raise


class Vhost(Process):
    """vhost-device-vsock for one guest or several that see each other."""

    def __init__(self, directory, cids, limit):
        self.directory = directory
        command = [tool("tests/enclave/fetch-vhost-device-vsock")]
        for cid in cids:
            # uds-path only: forward-cid and forward-listen would open AF_VSOCK on this machine.
            command += ["--vm", "guest-cid=%d,socket=%s,uds-path=%s" % (cid, self.device(cid), self.path(cid))]
        super().__init__("vhost-device-vsock", command, limit)
        for cid in cids:
            while not os.path.exists(self.device(cid)):
                if self._child.poll() is not None or self.elapsed() > 10:
                    self.fail("it made no socket")
                time.sleep(0.02)

    def device(self, cid):
        """The socket for QEMU's -chardev."""
        return os.path.join(self.directory, "device-%d.sock" % cid)

    def path(self, cid):
        """The socket through which the host reaches the guest's ports; also vsock-mux:PATH:PORT of our client."""
        return os.path.join(self.directory, "guest-%d.sock" % cid)

    def connect(self, cid, port, timeout=10):
        """A connection to a guest's port."""
        return connect(self.path(cid), port, timeout)

    def connect_soon(self, cid, port, timeout=30):
        """A connection to a port that a program will listen on within timeout seconds."""
        deadline = min(time.monotonic() + timeout, self.deadline)
        while True:
            try:
                return self.connect(cid, port, max(0.1, min(2, deadline - time.monotonic())))
            except OSError:
                if time.monotonic() > deadline:
                    return self.fail("no program listens on port %d of CID %d" % (port, cid))
                time.sleep(0.1)


class Bridge:
    """Carries what a guest sends to a port of its host (CID 2) to a port of another guest, and keeps a copy.

    Between two guests vhost-device-vsock loses what comes in packets of more than 4096 bytes, as documents do."""

    def __init__(self, link, cid, to_cid, port):
        self.link, self.to, self.carried = link, (to_cid, port), bytearray()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind("%s_%d" % (link.path(cid), port))
        self._listener.listen(8)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near = self._listener.accept()[0]
            except OSError:
                return
            try:
                far = self.link.connect(*self.to)
            except (OSError, BenchError):
                near.close()
                continue
            far.settimeout(None)
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(source, target), daemon=True).start()

    def _copy(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.carried += data
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def stop(self):
        """Accepts no more."""
        self._listener.close()


# --- The bench -------------------------------------------------------------------------------------------------------


class Bench:
    """A temporary directory and the processes of one test; all are gone at the end of the with block."""

    def __init__(self, limit=120):
        self.limit = limit
        self._directory = tempfile.TemporaryDirectory(prefix="vsa-bench-")
        self.directory = self._directory.name
        self._processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self._processes):
            process.stop()
        self._directory.cleanup()

    def _add(self, process):
        self._processes.append(process)
        return process

    def file(self, name, content):
        """Writes a file into the bench's directory; its path."""
        path = os.path.join(self.directory, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def probe(self):
        """The bytes of guest/probe.c, compiled statically."""
        path = os.path.join(self.directory, "probe")
        if not os.path.exists(path):
            source = os.path.join(HERE, "guest", "probe.c")
            subprocess.run(["gcc", "-static", "-O2", "-o", path, source], check=True, timeout=60)
        return read(path)

    def vhost(self, *cids):
        """Starts vhost-device-vsock for guests with these CIDs."""
        return self._add(Vhost(self.directory, cids, self.limit))

    def process(self, name, command):
        """Starts a program of this machine."""
        return self._add(Process(name, command, self.limit))

    def bridge(self, link, cid, to_cid, port):
        """Starts carrying from a guest to another one."""
        return self._add(Bridge(link, cid, to_cid, port))

    def guest(self, name, command):
        """Starts QEMU with a full command line."""
        return self._add(Guest(name, command, self.limit))

    def debian_guest(
        self, files=None, setup="", vhost=None, cid=None, memory=256, name="guest", initramfs=None, words=""
    ):
        """Starts Debian's cloud kernel with a shell on the console, or with another initramfs and further words of the
        command line; with vhost: AF_VSOCK as that CID."""
        directory = tool("tests/enclave/fetch-guest")
        initramfs = initramfs or shell_initramfs(directory, files, setup)
        command = qemu_command() + _common(memory)
        command += ["-M", "q35,memory-backend=mem", *_shared_memory(memory)]
        if vhost:
            command += ["-chardev", "socket,id=vsock,path=" + vhost.device(cid)]
            command += ["-device", "vhost-user-vsock-pci,chardev=vsock"]
        command += ["-kernel", os.path.join(directory, "vmlinuz"), "-initrd", self.file(name + ".cpio", initramfs)]
        # no_timer_check: on a busy machine the timer's first ticks come late, and Linux gives up on it.
        command += ["-append", "console=ttyS0 reboot=t panic=-1 quiet no_timer_check" + words]
        return self.guest(name, command)

    def enclave_kernel_guest(self, kernel, cmdline, ramdisks, vhost, cid, memory=256, name="enclave", nsm=False):
        """Boots an enclave image's parts without a Nitro machine: QEMU's microvm with the same virtio-mmio devices.
        nsm: with an NSM, which has measured nothing; stock QEMU has none."""
        command = qemu_command() + _common(memory)
        # Without ACPI QEMU names the devices on the kernel's command line, as the Nitro hypervisor does.
        command += ["-M", "microvm,acpi=off,memory-backend=mem", *_shared_memory(memory)]
        command += ["-chardev", "socket,id=vsock,path=" + vhost.device(cid)]
        command += ["-device", "vhost-user-vsock-device,chardev=vsock", *REBOOT_DEVICE]
        if nsm:
            command += ["-device", "virtio-nsm-device"]
        command += ["-kernel", self.file(name + ".bzImage", kernel)]
        command += ["-initrd", self.file(name + ".cpio", b"".join(ramdisks)), "-append", cmdline.decode()]
        return self.guest(name, command)

    def nitro_guest(self, image, vhost, cid=16, memory=256, name="enclave", parent_role=None, parent_id=None):
        """Boots an enclave image (bytes of an EIF) in QEMU's nitro-enclave machine."""
        identity = "i-1234567890abcdef0"
        machine = "nitro-enclave,vsock=vsock,id=%s-enc0123456789abcdef" % identity
        machine += ",parent-role=%s" % (parent_role or "arn:aws:iam::123456789012:role/bench")
        machine += ",parent-id=%s" % (parent_id or identity)
        command = nitro_qemu_command() + _common(memory)
        command += ["-M", machine, "-chardev", "socket,id=vsock,path=" + vhost.device(cid), *REBOOT_DEVICE]
        command += ["-kernel", self.file(name + ".eif", image)]
        return self.guest(name, command)


def _common(memory):
    # tcg: software emulation only, whatever this machine offers.
    options = "-accel tcg -m %dM -no-user-config -nodefaults -display none -serial stdio -no-reboot" % memory
    return options.split()


def _shared_memory(memory):
    # vhost-user needs the guest's memory to be shareable.
    return ["-object", "memory-backend-memfd,id=mem,size=%dM,share=on" % memory]
