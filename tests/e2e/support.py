# SPDX-License-Identifier: Apache-2.0
"""Enclaves on this machine, and peers that are not what they should be.

Everything listens on Unix sockets in the test's own directory and ends with the test.
"""

import base64
import contextlib
import json
import os
import re
import shutil
import socket
import stat
import threading
import time
import unittest

import harness

GOLDEN = os.path.join(harness.SOURCE, "tests", "golden")
# What a test's enclave measures, so that policies have something to compare: SHA-384 sized.
PCRS = {index: f"{0xA0 + index:02x}" * 48 for index in (0, 1, 2)}
INSTANCE_ID = "i-0123456789abcdef0"
# What programs warn of when a document is under the software NSM's root.
OTHER_ROOT = ("warning: the root certificate is not one of AWS's: the document is of whatever its "
              "owner signs, such as a software NSM; trusted only because of --root\n")
MODULE_ID = INSTANCE_ID + "-enc0123456789abcdef"


class EnclaveTestCase(harness.TestCase):
    """A software NSM and an enclave_app, both on Unix sockets."""

    def start_nsm(self, *options, measured=True):
        """Starts software_nsm; sets self.nsm (address) and self.root (certificate file)."""
        path = self.path("nsm")
        self.nsm = "unix:" + path
        self.root = self.path("root.pem")
        pcrs = [f"--pcr={index}={value}" for index, value in PCRS.items()] if measured else []
        self.nsm_service = self.service(
            [
                harness.program("software_nsm"),
                "--listen", self.nsm,
                "--state", self.path("nsm-state"),
                "--root-out", self.root,
                "--module-id", MODULE_ID,
                *pcrs,
                *options,
            ],
            wait_for=path,
        )
        return self.nsm

    def start_server(self, *options, name="enclave"):
        """Starts enclave_app on the NSM of start_nsm(); returns its address."""
        path = self.path(name)
        self.enclave = "unix:" + path
        self.enclave_service = self.service(
            [
                harness.program("enclave_app"),
                "--listen", self.enclave,
                "--nsm", self.nsm,
                *options,
            ],
            wait_for=path,
        )
        self.addCleanup(self.check_sandbox, self.enclave_service, options)
        return self.enclave

    def check_sandbox(self, service, options):
        """Every server of these tests ran in its sandbox, unless the test or the build is without."""
        for line in service.log().splitlines():
            if "event=sandbox" in line and "this build has no filter" not in line:
                self.assertIn("--no-sandbox", options, line)

    def start_enclave(self, *nsm_options, **nsm_keywords):
        self.start_nsm(*nsm_options, **nsm_keywords)
        return self.start_server()

    def client(self, *options, **keywords):
        return harness.run([harness.program("vsock_client"), *options], **keywords)

    def json_of(self, completed, status):
        """The one JSON object on stdout, after checking the exit status."""
        self.assert_exit(completed, status)
        return strict_json(completed.stdout)


def strict_json(data):
    """Exactly one JSON object without duplicate keys, and one newline at its end."""

    def no_duplicates(pairs):
        keys = [key for key, _ in pairs]
        if len(keys) != len(set(keys)):
            raise AssertionError(f"duplicate keys: {keys}")
        return dict(pairs)

    text = data.decode("ascii")
    if not text.endswith("}\n") or text.endswith("\n\n"):
        raise AssertionError(f"not one object and a newline: {text!r}")
    value = json.loads(text, object_pairs_hook=no_duplicates)
    if not isinstance(value, dict):
        raise AssertionError(f"not an object: {text!r}")
    return value


def masked(value, patterns):
    """`value` with every string or number (not null) at a path of `patterns` replaced by its mask.

    patterns: {path: (regular expression, mask)}; a path is keys joined by dots. A value that does
    not match its expression stays as it is, so that the comparison fails and shows it.
    """

    def walk(node, path):
        if isinstance(node, dict):
            return {key: walk(child, f"{path}.{key}".lstrip(".")) for key, child in node.items()}
        if isinstance(node, list):
            return [walk(child, path + "[]") for child in node]
        if path in patterns and node is not None:
            expression, mask = patterns[path]
            if re.fullmatch(expression, str(node)):
                return mask
        return node

    return walk(value, "")


def assert_golden(test, name, value):
    """`value`, masked, is what tests/golden/`name` holds, in the same order of keys.

    VSA_UPDATE_GOLDEN=1 writes the files instead: read the difference before you commit it.
    """
    path = os.path.join(GOLDEN, name)
    text = json.dumps(value, indent=2) + "\n"
    if os.environ.get("VSA_UPDATE_GOLDEN"):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    with open(path, encoding="utf-8") as file:
        test.assertEqual(text, file.read(), name)


# --- peers -----------------------------------------------------------------------------------


class SocketServer:
    """A Unix socket, one thread a connection, until close()."""

    def __init__(self, path, handle):
        self.path = path
        self.handle = handle
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        self.listener.listen(64)
        self.connections = []
        self.closed = False
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while not self.closed:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(harness.PATIENCE)
            self.connections.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            try:
                self.handle(connection)
            except OSError:
                pass  # the client has gone, which is its right

    def close(self):
        self.closed = True
        shut_down(self.listener, *self.connections)
        for open_socket in [self.listener, *self.connections]:
            open_socket.close()
        self.thread.join(harness.PATIENCE)


def shut_down(*sockets):
    """Ends both directions, also for a thread that waits for one; those that have ended stay so."""
    for one in sockets:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def read_line(connection):
    """Bytes up to and with a newline, and not one more; b"" at the end of the stream."""
    line = b""
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            return b""
        line += byte
    return line


def wait_for_hangup(connection):
    """Says nothing until the other side goes."""
    while connection.recv(4096):
        pass


def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def vsock_mux(path, guests):
    """Firecracker's convention: "CONNECT PORT\\n", "OK NUMBER\\n", then the stream.

    guests: {port: path of a Unix socket}. An unknown port gets a closed connection.
    """

    def handle(connection):
        match = re.fullmatch(rb"CONNECT (\d+)\n", read_line(connection))
        if not match or int(match[1]) not in guests:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as guest:
            guest.connect(guests[int(match[1])])
            connection.sendall(b"OK 1073741824\n")
            back = threading.Thread(target=pump, args=(guest, connection), daemon=True)
            back.start()
            pump(connection, guest)
            back.join(harness.PATIENCE)

    return SocketServer(path, handle)


def lying_server(path, answer):
    """Answers each request with answer(request): a dict, raw bytes, or None to hang up."""

    def handle(connection):
        while line := read_line(connection):
            request = json.loads(line)
            reply = answer(request)
            if reply is None:
                return
            if isinstance(reply, dict):
                if "id" in request:
                    reply = {**reply, "id": request["id"]}
                reply = json.dumps(reply).encode() + b"\n"
            connection.sendall(reply)

    return SocketServer(path, handle)


def ask_all(path, requests):
    """Requests to a server over one connection, sent together; their replies."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(harness.PATIENCE)
        connection.connect(path)
        connection.sendall(b"".join(json.dumps(one).encode() + b"\n" for one in requests))
        return [json.loads(read_line(connection)) for _ in requests]


def ask(path, request):
    """One request to a server, one reply: the guide's protocol in its simplest form."""
    return ask_all(path, [request])[0]


def slow_post(test, server_path, path):
    """A server at `path` whose answers are those of `server_path`, a few milliseconds old.

    Without it a document may arrive in the millisecond in which it was made.
    """

    def answer(request):
        reply = ask(server_path, request)
        made = time.time()
        harness.wait_until(lambda: time.time() > made + 0.002, "the next millisecond")
        return reply

    server = lying_server(path, answer)
    test.addCleanup(server.close)


def is_writing(pid):
    """Whether a process is inside write(2), which only a full pipe or socket makes last."""
    number = {"x86_64": "1", "aarch64": "64"}.get(os.uname().machine)
    try:
        with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
            return file.read().split()[0] == number
    except OSError as error:
        raise unittest.SkipTest(f"system calls of other processes are not shown here: {error}") from None


def document_reply(document, **changes):
    """The reply to `attest` that carries this document."""
    return {
        "success": True,
        "attestation_document": base64.b64encode(document).decode(),
        "user_data": None,
        "nonce": None,
        "has_public_key": False,
        "document_size": len(document),
        "timestamp": 1,
        **changes,
    }


# --- nitro-cli and vsock ----------------------------------------------------------------------


def write_script(path, body):
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n" + body + "\n")
    os.chmod(path + ".new", stat.S_IRWXU)
    os.rename(path + ".new", path)  # a process may be running it


def enclave_entry(name, cid, state="RUNNING", flags="NONE"):
    """An entry as nitro-cli describe-enclaves prints it."""
    return {
        "EnclaveName": name,
        "EnclaveID": f"{INSTANCE_ID}-enc{cid:016x}",
        "ProcessID": 95271,
        "EnclaveCID": cid,
        "NumberOfCPUs": 2,
        "CPUIDs": [2, 10],
        "MemoryMiB": 256,
        "State": state,
        "Flags": flags,
        "Measurements": {
            "HashAlgorithm": "Sha384 { ... }",
            **{f"PCR{index}": value for index, value in PCRS.items()},
        },
    }


class Sandbox:
    """Runs programs that would use vsock: they get Unix sockets, and the kernel refuses the rest."""

    def __init__(self, test):
        self.directory = test.path("vsock")
        self.bin = test.path("bin")
        os.mkdir(self.directory)
        os.mkdir(self.bin)
        self.launcher = os.path.join(harness.BUILD, "tests", "e2e", "no_vsock")
        self.shim = os.path.join(harness.BUILD, "tests", "e2e", "libvsock_shim.so")
        probe = harness.run([self.launcher, "true"])
        if probe.returncode == 77:
            test.skipTest("no seccomp filters here, so nothing keeps a program from vsock")
        test.assert_exit(probe, 0)

    def link(self, cid, port, path):
        """Lets CID `cid`, port `port` lead to the Unix socket `path`."""
        os.makedirs(os.path.join(self.directory, str(cid)), exist_ok=True)
        os.symlink(path, os.path.join(self.directory, str(cid), str(port)))

    def nitro_cli(self, body, name="nitro-cli"):
        """A stand-in that notes its arguments in self.calls() and then runs `body` (shell)."""
        log = os.path.join(self.bin, "calls")
        write_script(os.path.join(self.bin, name), f'echo "{name} $*" >>{log}\n{body}')

    def describes(self, entries):
        """What nitro-cli prints for these entries."""
        listing = os.path.join(self.bin, "listing.json")
        with open(listing + ".new", "w", encoding="utf-8") as file:
            json.dump(entries, file, indent=2)
            file.write("\n")
        os.rename(listing + ".new", listing)  # a process may be reading
        return f"exec cat {listing}"

    def calls(self):
        try:
            with open(os.path.join(self.bin, "calls"), encoding="utf-8") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def unlink(self, cid):
        """There is no CID `cid` any more."""
        shutil.rmtree(os.path.join(self.directory, str(cid)))

    def client_command(self, *options, path=None):
        """The command line of a vsock_client in here, and what to add to its environment."""
        environment = {
            "PATH": path or f"{self.bin}:/usr/bin:/bin",
            "LD_PRELOAD": self.shim,
            "VSA_SHIM": self.directory,
            # The shim comes before the sanitizer's library, which does not mind really.
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
        }
        return [self.launcher, harness.program("vsock_client"), *options], environment

    def client(self, *options, timeout=harness.PATIENCE, path=None):
        command, environment = self.client_command(*options, path=path)
        return harness.run(command, timeout=timeout, env=environment)
