# SPDX-License-Identifier: Apache-2.0
"""The fault table of docs/FAULTS.md, row by row.

Every row names its test, here or in another file; every test of a fault here is a row. A test takes
from its row what the client gets, makes the fault happen, and ends with a request that works.
"""

import ast
import base64
import errno
import json
import mmap
import os
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

import harness
import support
import test_server

SHIM = os.path.join(harness.BUILD, "tests", "e2e", "libfault_shim.so")
HOUR_MS = 3600 * 1000
DAY_MS = 24 * HOUR_MS


class Row:
    """A line of the table: `fault` | reply | exit | next | test."""

    def __init__(self, cells):
        self.name = cells[0].split("`")[1]
        self.codes = re.findall(r"`([a-z_]+)`", cells[1])
        self.exits = [int(number) for number in re.findall(r"\b\d\b", cells[2])]
        self.test = cells[4].strip("`")


def read_table():
    with open(os.path.join(harness.SOURCE, "docs", "FAULTS.md"), encoding="utf-8") as file:
        lines = [line for line in file if line.startswith("| `")]
    return [Row([cell.strip() for cell in line.strip().strip("|").split("|")]) for line in lines]


class Faults:
    """What the shim reads, in the order of its struct."""

    NAMES = (
        "accepts", "accept_errno", "allocations", "fail_after", "fail", "clock_offset_ms",
        "write_errno", "write_room", "fsync_errno", "sockets", "socket_errno", "connects", "connect_errno",
    )

    def __init__(self, path):
        size = 8 * len(self.NAMES)
        with open(path, "w+b") as file:
            file.truncate(size)
            self.map = mmap.mmap(file.fileno(), size)
        self.environment = {
            "VSA_FAULTS": path,
            "LD_PRELOAD": SHIM,
            # The shim comes before the sanitizer's library, which does not mind really.
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
        }

    def set(self, **values):
        for name, value in values.items():
            struct.pack_into("=q", self.map, 8 * self.NAMES.index(name), value)

    def get(self, name):
        return struct.unpack_from("=q", self.map, 8 * self.NAMES.index(name))[0]


class FaultTestCase(test_server.ServerTestCase):
    """A server under the shim, and a row of the table for the test."""

    # Waited for where the NSM does not answer; all else must be done within it on any machine.
    server_options = ("--request-timeout", str(harness.PATIENCE / 10))

    def setUp(self):
        name = self._testMethodName[len("test_"):].replace("_", "-")
        self.row = next(row for row in read_table() if row.name == name)
        self.assertEqual(len(self.row.exits), 1, self.row.name)
        super().setUp()

    def start_server(self, *options, name="enclave"):
        self.faults = Faults(self.path("faults"))
        self.enclave = "unix:" + self.server_path
        app = [harness.program("enclave_app"), "--listen", self.enclave, "--nsm", self.nsm]
        self.enclave_service = self.service(
            app + list(options), wait_for=self.server_path, env=self.faults.environment
        )
        return self.enclave

    def asked(self, *options, action="--attest", env=None):
        """vsock_client's exit status and JSON."""
        options = ["--json", action, "--connect", self.enclave, *options]
        done = self.client(*options, env=env)
        return done.returncode, support.strict_json(done.stdout)

    def assert_row(self, status, result):
        """The client ended as the row says; what an enclave does not usually say is a refusal."""
        self.assertEqual(status, self.row.exits[0], result)
        if status == 0:
            self.assertIs(result["success"], True, result)
            return
        sentence = result.get("error") or result["verification_error"]
        code = result["error_code"]
        if code == "refused_by_peer":
            code = re.search(r"\[([a-z_]+)\]$", sentence)[1]
        self.assertIn(code, self.row.codes, result)
        self.assertTrue(sentence)

    def assert_works(self):
        """The next request: to the server alone, to the NSM behind it, and the proof of it."""
        self.assert_alive()
        status, result = self.asked("--root", self.root, action="--verify")
        self.assertEqual((status, result.get("verified")), (0, True), result)


# --- the NSM ----------------------------------------------------------------------------------


class FakeNsm:
    """Stands before a software NSM. `answer`: takes its response, gives a list of messages, or
    None to hang up without a word. None instead of a function: honest."""

    def __init__(self, path, real):
        self.real = real
        self.answer = None
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(path)
        self.listener.listen(16)
        self.connections = []
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        connection.settimeout(harness.PATIENCE)
        with connection, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as real:
            real.settimeout(harness.PATIENCE)
            try:
                real.connect(self.real)
                while request := connection.recv(65536):
                    real.send(request)
                    response = real.recv(65536)
                    answer = self.answer
                    messages = [response] if answer is None else answer(response)
                    if messages is None:
                        return
                    for message in messages:
                        connection.send(message)
            except OSError:
                pass  # the server has gone, or the test

    def close(self):
        support.shut_down(self.listener, *self.connections)
        for one in [self.listener, *self.connections]:
            one.close()
        self.thread.join(harness.PATIENCE)


def cbor_text(text):
    return bytes([0x60 + len(text)]) + text.encode()


# CBOR {"Error": "InternalError"}
NSM_ERROR = b"\xa1" + cbor_text("Error") + cbor_text("InternalError")


class Nsm(FaultTestCase):
    def start(self):
        self.start_nsm()
        self.fake = FakeNsm(self.path("fake"), self.path("nsm"))
        self.addCleanup(self.fake.close)
        self.nsm = "unix:" + self.path("fake")
        self.start_server(*self.server_options)
        self.assert_works()

    def nsm_answers(self, answer, reachable=True):
        """The client gets the error; the server goes on; with the NSM well again all is well."""
        self.fake.answer = answer
        client = self.connect()
        reply = client.ask({"command": "attest", "nonce": "n", "id": 1})
        self.assertIn(reply.get("error_code"), self.row.codes, reply)
        self.assertEqual(reply["id"], 1)
        # The same connection, and another one.
        self.assertEqual(client.ask(test_server.PING), test_server.PONG)
        self.assert_alive()
        self.assert_row(*self.asked())
        harness.wait_until(
            lambda: client.ask({"command": "status"})["nsm"]["reachable"] is reachable,
            "status to show what the server knows of the NSM",
        )
        self.fake.answer = None
        reply = client.ask({"command": "attest", "nonce": "n", "id": 2})
        self.assertEqual((reply["success"], reply["id"]), (True, 2), reply)
        self.assert_works()
        return reply

    def test_nsm_error(self):
        self.nsm_answers(lambda response: [NSM_ERROR])

    def test_nsm_garbage(self):
        self.nsm_answers(lambda response: [os.urandom(len(response))], reachable=False)

    def test_nsm_half(self):
        self.nsm_answers(lambda response: [response[: len(response) // 2]], reachable=False)

    def test_nsm_too_long(self):
        self.nsm_answers(lambda response: [response + bytes(12288)], reachable=False)

    def test_nsm_other_answer(self):
        # The answer to LockPCR is its name and nothing more.
        self.nsm_answers(lambda response: [cbor_text("LockPCR")], reachable=False)

    def test_nsm_empty(self):
        self.nsm_answers(lambda response: [b""], reachable=False)

    def test_nsm_hangup(self):
        self.nsm_answers(lambda response: None, reachable=False)

    def test_nsm_twice(self):
        """The second answer must not become the answer to the next request."""
        self.fake.answer = lambda response: [response, response]
        client = self.connect()
        for number in range(4):
            nonce = f"nonce-{number}"
            reply = client.ask({"command": "attest", "nonce": nonce})
            self.assertIs(reply["success"], True, reply)
            document = base64.b64decode(reply["attestation_document"])
            self.assertTrue(nonce.encode() in document, f"not the answer to {nonce}")
            time.sleep(0.1)  # the second one arrives
        self.assert_row(*self.asked("--root", self.root, action="--verify"))
        self.fake.answer = None
        self.assert_works()

    def test_nsm_silence(self):
        """As of an NSM that is stopped: the answers come when no client waits for them any more."""
        gate = threading.Event()
        self.addCleanup(gate.set)

        def answer(response):
            gate.wait(harness.PATIENCE)
            return [response]

        self.fake.answer = answer
        waiting = self.connect()
        waiting.send({"command": "attest", "id": 1})
        self.assert_alive()
        reply = waiting.receive()
        self.assertEqual((reply["error_code"], reply["id"]), (self.row.codes[0], 1), reply)
        self.assert_row(*self.asked())
        self.fake.answer = None
        gate.set()
        harness.wait_until(lambda: waiting.ask({"command": "attest"})["success"], "the NSM")
        self.assert_works()


class NsmProcess(FaultTestCase):
    def test_nsm_stopped(self):
        """SIGSTOP, then SIGCONT."""
        self.assert_works()
        self.stall_nsm()
        self.assert_row(*self.asked())
        self.assert_alive()
        self.resume_nsm()
        harness.wait_until(lambda: self.ask({"command": "attest"})["success"], "the NSM")
        self.assert_works()

    def test_nsm_killed(self):
        self.assert_works()
        self.kill_nsm()
        self.assert_row(*self.asked())
        self.assert_alive()
        self.start_nsm()
        harness.wait_until(lambda: self.ask({"command": "attest"})["success"], "the NSM")
        self.assert_works()

    def test_nsm_restarted(self):
        """Between two requests: the connection that the server kept leads nowhere."""
        self.assert_works()
        self.kill_nsm()
        os.unlink(self.path("nsm"))
        self.start_nsm()
        self.assert_row(*self.asked())
        self.assert_works()


# --- descriptors and memory -------------------------------------------------------------------


class Accepting(FaultTestCase):
    def test_accept_fails(self):
        """The system has no memory or descriptors for another connection: the client waits."""
        inside = self.connect()
        for number in (errno.ENOMEM, errno.ENOBUFS, errno.ENFILE, errno.EMFILE):
            before = len(self.logged("accept_paused"))
            self.faults.set(accept_errno=number, accepts=3)
            begin = time.monotonic()
            self.assert_row(*self.asked(action="--ping"))
            self.assertLess(time.monotonic() - begin, 0.3 + harness.PATIENCE / 2)
            self.assertEqual(self.faults.get("accepts"), 0)
            self.wait_for_event("accept_paused", before + 3)
            self.assertEqual(self.logged("accept_paused")[-1]["detail"], os.strerror(number))
            self.assertEqual(inside.ask(test_server.PING), test_server.PONG)
        self.assert_works()

    def test_accept_aborted(self):
        """A client that went away while it waited is no trouble of the server's."""
        self.faults.set(accept_errno=errno.ECONNABORTED, accepts=5)
        self.assert_row(*self.asked(action="--ping"))
        self.assertEqual(self.logged("accept_paused"), [])
        self.assert_works()


@unittest.skipIf(harness.is_sanitized(), "the sanitizer has its own malloc, which cannot be failed")
class Memory(FaultTestCase):
    def test_memory_accept(self):
        """A connection is there, but no memory for it."""
        inside = self.connect()
        self.assertEqual(inside.ask(test_server.PING), test_server.PONG)
        self.faults.set(fail=1)
        client = self.connect()
        self.assertIn(client.receive()["error_code"], self.row.codes)
        self.assertIsNone(client.receive())
        self.faults.set(fail=10**6)
        refused = self.asked(action="--ping")
        # Also for those inside, in words that need no memory.
        self.assertIn(inside.ask({"command": "status"})["error_code"], self.row.codes)
        self.faults.set(fail=0)
        self.assert_row(*refused)
        self.wait_for_event("accept_paused", 2)
        self.assertTrue(inside.ask({"command": "status"})["success"])
        self.assert_works()

    def known_client(self):
        """A connection that has all it needs."""
        client = self.connect()
        self.assertEqual(client.ask(test_server.PING), test_server.PONG)
        return client

    def test_memory_first_request(self):
        """libcrypto's first use is the server's own: in a request's it crashed without memory."""
        for number in range(0, 120, 4):
            self.assertEqual(self.enclave_service.stop(), 0)
            self.start_server(*self.server_options)
            client = self.known_client()
            self.faults.set(fail_after=number, fail=1)
            reply = client.ask({"command": "attest", "generate_key": True, "nonce": "n"})
            self.faults.set(fail=0)
            if reply and not reply["success"]:
                self.assertIn(reply["error_code"], self.row.codes)
            self.assert_alive()

    def test_memory_request(self):
        """Each allocation of a request in turn: an answer or an error, and the next one works."""
        outcomes = set()
        for request in (
            {"command": "attest", "generate_key": True, "nonce": "n", "id": "x"},
            {"command": "status", "id": 7},
            {"command": "nope"},
        ):
            client = self.known_client()
            before = self.faults.get("allocations")
            client.ask(request)
            needed = self.faults.get("allocations") - before
            self.assertGreater(needed, 5)
            # Of the thousands that libcrypto makes for a key, some.
            numbers = [*range(60), *range(60, 800, 7), *range(800, needed, 199)]
            numbers = numbers if needed > 100 else range(needed + 5)
            for position, number in enumerate(numbers):
                if position % 50 == 0:  # before its rate is limited
                    self.assertEqual(client.ask(test_server.PING), test_server.PONG)
                    client = self.known_client()
                self.faults.set(fail_after=number, fail=1)
                reply = client.ask(request)
                self.faults.set(fail=0)
                self.assertIsNotNone(reply, f"allocation {number} of {request}")
                outcomes.add(reply.get("error_code"))
                if reply["success"]:
                    self.assertEqual(reply["id"], request["id"])
                    self.assertEqual(reply.get("nonce"), request.get("nonce"))
        self.assertEqual(outcomes - {None, "unknown_command"} - set(self.row.codes), set())
        self.assertTrue({None, "out_of_memory", "crypto_failure"} <= outcomes, outcomes)
        client = self.known_client()
        self.faults.set(fail=10**6)
        reply = client.ask({"command": "attest"})
        self.faults.set(fail=0)
        self.assertIn(reply["error_code"], self.row.codes)
        self.assertIs(client.ask({"command": "attest"})["success"], True)
        self.assert_works()

    def test_memory_waiting(self):
        """The same while the NSM does not answer: a client that waits gets the error with the right id."""
        self.assert_works()
        self.stall_nsm()
        marker = self.connect()
        clients = [self.known_client() for _ in range(50)]
        for number, client in enumerate(clients):
            self.faults.set(fail_after=number, fail=1)
            client.send({"command": "attest", "nonce": f"n{number}", "id": number})
            # Its line was read before that of the other connection, which may meet the fault, too.
            self.assertIsNotNone(marker.ask(test_server.PING))
            self.faults.set(fail=0)
        codes = set()
        for number, client in enumerate(clients):
            reply = client.receive()
            codes.add(reply["error_code"])
            if reply["error_code"] == "timeout":
                self.assertEqual(reply.get("id"), number)
        self.assertEqual(codes - set(self.row.codes), set())
        self.assertTrue({"timeout", "out_of_memory"} <= codes, codes)
        self.assert_row(*self.asked())
        self.resume_nsm()
        harness.wait_until(lambda: self.ask({"command": "attest"})["success"], "the NSM")
        self.assert_works()

    def test_memory_client(self):
        """vsock_client with one allocation failing: it never crashes, and never believes more."""
        broken = Faults(self.path("client-faults"))
        self.asked("--root", self.root, action="--verify", env=broken.environment)
        needed = broken.get("allocations")
        self.assertGreater(needed, 300)
        libcrypto = self.connect().ask({"command": "status"})["libraries"]["libcrypto"]
        codes = set()
        hung = 0
        # Those of the program's own, some of libcrypto's, and all that printing takes.
        for number in [*range(0, 200, 10), *range(200, needed, needed // 30), *range(needed - 40, needed)]:
            # This root signed it, AWS's did not.
            for root, right in ((["--root", self.root], True), ([], False)):
                broken.set(fail_after=number, fail=1)
                try:
                    done = self.client("--json", "--verify", "--connect", self.enclave, *root,
                                       env=broken.environment, timeout=10)
                except AssertionError as error:
                    # OpenSSL 3.5 reports the failure from within its pthread_once(), by an error
                    # that waits for the same one: one allocation of its first, with both roots.
                    if "did not end" not in str(error) or "OpenSSL 3.0." in libcrypto:
                        raise
                    hung += 1
                    self.assertLessEqual(hung, 2)
                    continue
                # libgcov allocates at exit, and does not check it.
                if done.returncode == -signal.SIGSEGV and os.environ.get("VSA_COVERAGE"):
                    continue
                self.assertIn(done.returncode, (0, 1, 2, 3, 4, 5), (number, done))
                if done.returncode == 0:
                    self.assertTrue(right, f"believed, with allocation {number} failing")
                    self.assertIs(support.strict_json(done.stdout)["verified"], True)
                elif done.stdout:
                    codes.add(support.strict_json(done.stdout)["error_code"])
        self.assertTrue(set(self.row.codes) <= codes, codes)
        self.assert_works()


# --- backends and sealed requests --------------------------------------------------------------


class Backends(FaultTestCase):
    """An application behind the server: what fails there costs its requests, and no others."""

    HELLO = {"command": "hello", "id": 7}

    def start(self):
        self.gate = threading.Event()
        self.gate.set()
        self.addCleanup(self.gate.set)
        self.application = support.SocketServer(self.path("app"), self.serve_backend)
        self.addCleanup(self.application.close)
        self.start_nsm()
        self.start_server(*self.server_options, "--backend=unix:" + self.path("app"))

    def serve_backend(self, connection):
        while line := support.read_line(connection):
            self.gate.wait(harness.PATIENCE)
            self.assertIn("vsattest", json.loads(line))
            connection.sendall(b'{"success": true, "from": "app"}\n')

    def answered(self, client):
        self.assertEqual(client.ask(self.HELLO), {"success": True, "from": "app", "id": 7})

    def fails_at_first(self, count, number, errors):
        """No connection to it yet, and none can be made."""
        client = self.connect()
        for error in errors:
            self.faults.set(**{number: error, count: 1})
            reply = client.ask(self.HELLO)
            self.assertIn(reply.get("error_code"), self.row.codes, reply)
            self.assertEqual(reply["id"], 7)
            self.assertIn("cannot connect", reply["error"])
            self.assertEqual(self.faults.get(count), 0)
            self.assertEqual(client.ask(test_server.PING), test_server.PONG)
        self.faults.set(**{number: errors[0], count: 1})
        self.assert_row(*self.asked(action='--request={"command":"hello"}'))
        self.answered(client)
        self.assert_works()

    def test_backend_socket_fails(self):
        self.fails_at_first("sockets", "socket_errno", (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))

    def test_backend_connect_fails(self):
        self.fails_at_first("connects", "connect_errno", (errno.EAGAIN, errno.ECONNREFUSED, errno.EACCES, errno.EINTR))

    def test_backend_no_further(self):
        """A second connection fails while the first is in use: the request waits for that one."""
        first, second = self.connect(), self.connect()
        self.answered(first)
        for error in (errno.EMFILE, errno.EAGAIN):
            self.gate.clear()
            first.send(self.HELLO)
            self.assert_alive()
            self.faults.set(connect_errno=error, connects=100)
            second.send({**self.HELLO, "id": error})
            harness.wait_until(lambda: self.faults.get("connects") < 100, "the attempt")
            self.gate.set()
            self.assertEqual(first.receive()["id"], 7)
            self.assertEqual(second.receive(), {"success": True, "from": "app", "id": error})
        self.assertEqual(len(self.application.connections), 1)
        self.faults.set(connects=0)
        self.assert_row(*self.asked(action='--request={"command":"hello"}'))
        self.assert_works()

    @unittest.skipIf(harness.is_sanitized(), "the sanitizer has its own malloc, which cannot be failed")
    def test_backend_memory(self):
        """Each allocation of a request in turn, also where it needs a connection to the backend."""
        codes = set()
        for connected in (False, True):
            for number in range(60):
                client = self.connect()
                self.assertEqual(client.ask(test_server.PING), test_server.PONG)
                if connected:
                    self.answered(client)
                else:
                    self.hang_up()
                self.faults.set(fail_after=number, fail=1)
                reply = client.ask(self.HELLO)
                self.faults.set(fail=0)
                self.assertIsNotNone(reply, f"allocation {number}")
                codes.add(reply.get("error_code"))
                if reply["success"]:
                    self.assertEqual(reply, {"success": True, "from": "app", "id": 7})
                self.answered(client)
        self.assertEqual(codes - {None} - set(self.row.codes), set())
        self.assertTrue({None, "out_of_memory"} <= codes, codes)
        self.assert_row(*self.asked(action='--request={"command":"hello"}'))
        self.assert_works()

    def hang_up(self):
        """The application closes what it has; the server makes a new connection."""
        support.shut_down(*self.application.connections)
        self.application.connections.clear()

    @unittest.skipIf(harness.is_sanitized(), "the sanitizer has its own malloc, which cannot be failed")
    def test_sealed_memory(self):
        """Any one allocation of `seal_key` and `sealed`, up to the backend and back."""
        sealed = ("--root", self.root, f"--pcr=0={support.PCRS[0]}", "--sealed")
        status, result = self.asked(*sealed, action='--request={"command":"hello"}')
        self.assertEqual((status, result["from"]), (0, "app"))
        before = self.faults.get("allocations")
        self.asked(*sealed, action='--request={"command":"hello"}')
        needed = self.faults.get("allocations") - before
        self.assertGreater(needed, 60)
        codes = set()
        for number in [*range(0, needed, max(needed // 60, 1)), 10 * needed]:
            self.faults.set(fail_after=number, fail=1)
            status, result = self.asked(*sealed, action='--request={"command":"hello"}')
            failed = self.faults.get("fail") == 0
            self.faults.set(fail=0)
            codes.add(result.get("error_code"))
            self.assertEqual(status == 0, "from" in result, result)
            if not failed:  # which one may fail without harm is the crypto library's affair
                self.assertEqual(status, 0, (number, result))
            self.assert_alive()
        self.assertEqual(codes - {None, "refused_by_peer"} - set(self.row.codes), set())
        self.assertTrue({None, "outcome_unknown"} <= codes, codes)
        self.assert_row(*self.asked(*sealed, action='--request={"command":"hello"}'))
        self.assert_works()


# --- clocks -----------------------------------------------------------------------------------


class Clock(FaultTestCase):
    server_options = ("--idle-timeout", "60", "--request-timeout", "10")

    def jump(self, offset_ms):
        """The server's clock jumps: connections, time limits and counters do not notice."""
        client = self.connect()
        old = client.ask({"command": "attest"})["timestamp"]
        self.stall_nsm()
        waiting = self.connect()
        waiting.send({"command": "attest", "id": 1})
        self.assert_alive()
        self.faults.set(clock_offset_ms=offset_ms)
        self.assert_alive()
        self.resume_nsm()
        self.assertTrue(waiting.receive()["success"])
        self.assertLess(client.ask({"command": "status"})["uptime"], 600)
        reply = client.ask({"command": "attest"})
        # Only what the reply says of the time jumps with it.
        self.assertLess(abs(reply["timestamp"] - old - offset_ms), 600 * 1000)
        self.assert_row(*self.asked("--root", self.root, action="--verify"))
        self.assertEqual(self.logged("connection_closed"), [])
        self.faults.set(clock_offset_ms=0)
        self.assertEqual(client.ask(test_server.PING), test_server.PONG)
        self.assert_works()

    def test_clock_server_ahead(self):
        self.jump(400 * DAY_MS)

    def test_clock_server_behind(self):
        self.jump(-400 * DAY_MS)

    def client_is_off(self, offset_ms):
        """The client's own clock is wrong: it says what does not fit, and believes nothing."""
        off = Faults(self.path("client-faults"))
        off.set(clock_offset_ms=offset_ms)
        status, result = self.asked("--root", self.root, action="--verify", env=off.environment)
        self.assert_row(status, result)
        self.assertIs(result["verified"], False)
        self.assertNotIn("verification", result)
        off.set(clock_offset_ms=0)
        status, result = self.asked("--root", self.root, action="--verify", env=off.environment)
        self.assertEqual(status, 0, result)
        self.assert_works()

    def test_clock_client_minutes_ahead(self):
        self.client_is_off(HOUR_MS // 6)

    def test_clock_client_ahead(self):
        self.client_is_off(DAY_MS)

    def test_clock_client_behind(self):
        self.client_is_off(-HOUR_MS // 6)

    def test_clock_everywhere(self):
        """The machine's clock jumps: certificates of the NSM expire, or are not valid yet."""
        self.nsm_service.stop()
        machine = Faults(self.path("machine"))
        plain = os.environ.copy()
        self.addCleanup(os.environ.update, plain)
        os.environ.update(machine.environment)
        try:
            self.start_nsm()
        finally:
            for name in machine.environment:
                os.environ.pop(name)
            os.environ.update(plain)
        for offset_ms in (0, DAY_MS, 30 * DAY_MS, -HOUR_MS // 2, 0):
            machine.set(clock_offset_ms=offset_ms)
            self.faults.set(clock_offset_ms=offset_ms)
            self.assert_row(
                *self.asked("--root", self.root, action="--verify", env=machine.environment)
            )
        self.assert_works()


class Cache(FaultTestCase):
    """A server that keeps replies: for as long as it is configured, by a clock that does not jump."""

    server_options = ("--cache-ttl", "3600", "--request-timeout", str(harness.PATIENCE / 10))

    def cached(self):
        reply = self.ask({"command": "attest"})
        self.assertIs(reply["success"], True)
        return reply["cached"], reply["age_ms"]

    def test_clock_cache(self):
        self.assertEqual(self.cached(), (False, 0))
        ages = []
        for offset_ms in (0, 400 * DAY_MS, -400 * DAY_MS, 0):
            self.faults.set(clock_offset_ms=offset_ms)
            cached, age_ms = self.cached()
            self.assertIs(cached, True)
            ages.append(age_ms)
        self.assertEqual(ages, sorted(ages))
        self.assertLess(ages[-1], 3600 * 1000)
        self.assert_row(*self.asked())
        self.assert_works()

    def test_nsm_killed_cache(self):
        """Kept replies are given until it is known that the NSM is gone: another may come back."""
        self.assertEqual(self.cached(), (False, 0))
        self.kill_nsm()
        self.assertIs(self.cached()[0], True)
        self.assert_row(*self.asked("--nonce", "fresh"))
        self.assert_row(*self.asked())
        os.unlink(self.path("nsm"))
        self.start_nsm()
        self.assertEqual(self.cached(), (False, 0))
        self.assert_works()


# --- saving -----------------------------------------------------------------------------------


class Saving(FaultTestCase):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("place"))
        self.saved = self.path("place/document")

    def verify_and_save(self, env=None):
        return self.asked("--save", self.saved, "--root", self.root, action="--verify", env=env)

    def assert_place(self, content):
        """One file, whole; `content`: what is in it, or None for a document."""
        self.assertEqual(os.listdir(self.path("place")), ["document"])
        with open(self.saved, "rb") as file:
            found = file.read()
        if content is None:
            self.assertGreater(len(base64.b64decode(found)), 4000)
        else:
            self.assertEqual(found, content)

    def save_fails(self, **faults):
        broken = Faults(self.path("client-faults"))
        broken.set(**faults)
        self.assert_row(*self.asked("--save", self.saved, env=broken.environment))
        # There was nothing, and there is nothing.
        self.assertEqual(os.listdir(self.path("place")), [])
        with open(self.saved, "wb") as file:
            file.write(b"precious\n")
        broken.set(**faults)
        status, result = self.verify_and_save(broken.environment)
        self.assertEqual(status, self.row.exits[0])
        # The verification stands, the file does not.
        self.assertIs(result["verified"], True)
        self.assertIsNone(result["saved_to"])
        self.assertIn(os.strerror(max(faults.get("write_errno", 0), faults.get("fsync_errno", 0))),
                      result["save_error"])
        self.assert_place(b"precious\n")
        broken.set(write_errno=0, fsync_errno=0)
        status, result = self.verify_and_save(broken.environment)
        self.assertEqual((status, result["saved_to"]), (0, self.saved))
        self.assert_place(None)
        self.assert_works()

    def test_save_disk_full(self):
        self.save_fails(write_errno=errno.ENOSPC, write_room=100)

    def test_save_disk_broken(self):
        self.save_fails(fsync_errno=errno.EIO)

    def test_save_file_size_limit(self):
        """RLIMIT_FSIZE: the kernel sends SIGXFSZ, which ends a program that does not expect it."""

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))

        def save():
            command = [harness.program("vsock_client"), "--connect", self.enclave, "--json"]
            return subprocess.run(
                [*command, "--attest", "--save", self.saved], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=harness.PATIENCE,
                preexec_fn=limit, check=False,
            )

        done = save()
        self.assert_row(done.returncode, support.strict_json(done.stdout))
        self.assertEqual(os.listdir(self.path("place")), [])
        with open(self.saved, "wb") as file:
            file.write(b"precious\n")
        self.assertEqual(save().returncode, self.row.exits[0])
        self.assert_place(b"precious\n")
        self.assertEqual(self.verify_and_save()[0], 0)
        self.assert_place(None)
        self.assert_works()

    def test_save_small_file_system(self):
        """No shim: a file system of two pages, in a namespace of its own."""
        namespace = ["unshare", "--mount", "--propagation", "private"]
        if os.geteuid() != 0:
            namespace.append("--map-root-user")
        place = self.path("place")
        probe = harness.run([*namespace, "mount", "-t", "tmpfs", "tmpfs", place])
        if probe.returncode != 0:
            self.skipTest("no mount namespaces here: " + probe.stderr.decode().strip())
        support.write_script(
            self.path("script"),
            f"""
            set -e
            mount -t tmpfs -o size=8k tmpfs {place}
            echo precious >{self.saved}
            status=0
            "$@" >{self.path("first")} || status=$?
            ls -A {place} >{self.path("listing")}
            cat {self.saved} >{self.path("kept")}
            mount -o remount,size=64k {place}
            "$@" >{self.path("second")}
            cat {self.saved} >{self.path("new")}
            exit $status""",
        )
        client = [harness.program("vsock_client"), "--json", "--attest", "--connect", self.enclave]
        done = harness.run([*namespace, self.path("script"), *client, "--save", self.saved])

        def content(name):
            with open(self.path(name), "rb") as file:
                return file.read()

        self.assert_row(done.returncode, support.strict_json(content("first")))
        self.assertEqual(content("listing"), b"document\n")
        self.assertEqual(content("kept"), b"precious\n")
        self.assertEqual(support.strict_json(content("second"))["saved_to"], self.saved)
        self.assertGreater(len(content("new")), 4000)
        self.assert_works()

    def test_save_state_disk_full(self):
        """software_nsm's root: none, or a whole one."""
        broken = Faults(self.path("nsm-faults"))
        state = self.path("other-state")
        command = [harness.program("software_nsm"), "--listen", "unix:" + self.path("other")]
        for room in (0, 100, 350):
            broken.set(write_errno=errno.ENOSPC, write_room=room)
            done = harness.run([*command, "--state", state], env=broken.environment)
            self.assert_exit(done, self.row.exits[0])
            self.assertIn(os.strerror(errno.ENOSPC).encode(), done.stderr)
            self.assertNotIn("root.pem", os.listdir(state))
            self.assertEqual([name for name in os.listdir(state) if "new" in name], [])
            shutil.rmtree(state)
        broken.set(write_errno=0)
        other = self.service([*command, "--state", state], wait_for=self.path("other"),
                             env=broken.environment)
        self.assertEqual(other.stop(), 0)
        self.assert_works()


# --- killed -----------------------------------------------------------------------------------

# Asks for more than it will ever read, says when the server is stuck with it, and waits.
GREEDY = """
import socket, sys, time
peer = socket.socket(socket.AF_UNIX)
peer.connect(sys.argv[1])
peer.settimeout(0.5)
try:
    while True:
        peer.sendall(b'{"command":"attest"}\\n' * 10 + b'{"command":"nope"}\\n' * 100)
except TimeoutError:
    print("stuck", flush=True)
time.sleep(100)
"""


def open_descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Killed(FaultTestCase):
    server_options = ("--log-level", "debug")

    def test_killed_client(self):
        """SIGKILL while the server has more for it than the socket takes."""
        self.assert_works()
        # Of the two before, the test holds one.
        self.wait_for_event("connection_closed")
        before = open_descriptors(self.enclave_service.pid)
        greedy = [
            self.service([sys.executable, "-c", GREEDY, self.server_path]) for _ in range(3)
        ]
        for service in greedy:
            harness.wait_until(lambda service=service: "stuck" in service.log(), "a full socket")
        self.assertEqual(open_descriptors(self.enclave_service.pid), before + 3)
        for service in greedy:
            service.stop(signal.SIGKILL)
        harness.wait_until(
            lambda: open_descriptors(self.enclave_service.pid) == before, "their connections to go"
        )
        self.assert_row(*self.asked())
        self.assert_works()

    def ask_and_do(self, event, *options):
        """vsock_client waits for a document, and then `event` happens."""
        self.stall_nsm()
        client = self.service(
            [harness.program("vsock_client"), "--json", "--attest", "--connect", self.enclave,
             *options],
        )
        self.wait_for_event("connection_opened")
        self.assert_alive()  # by now the request is in flight, or it will find what happened
        event()
        status = client.wait()
        lines = client.log().splitlines(keepends=True)
        self.resume_nsm()
        begin = lines.index("{\n")
        end = lines.index("}\n")
        return status, json.loads("".join(lines[begin : end + 1]))

    def test_killed_server(self):
        self.assert_row(
            *self.ask_and_do(lambda: self.enclave_service.stop(signal.SIGKILL))
        )
        # Until it is back, no program listens there.
        self.assertEqual(self.asked()[1]["error_code"], "connection_refused")
        os.unlink(self.server_path)
        self.start_server(*self.server_options)
        self.assert_works()

    def test_stopped_server(self):
        """SIGSTOP: the client's own time limit."""

        def stop():
            self.enclave_service.process.send_signal(signal.SIGSTOP)
            self.addCleanup(self.enclave_service.process.send_signal, signal.SIGCONT)

        self.assert_row(*self.ask_and_do(stop, "--timeout", "1"))
        self.assert_row(*self.asked("--timeout", "0.2", action="--ping"))
        self.enclave_service.process.send_signal(signal.SIGCONT)
        self.assert_works()

    def test_ended_server(self):
        """SIGTERM: what is in flight is answered, others hear why not."""
        self.stall_nsm()
        waiting = self.connect()
        waiting.send({"command": "attest", "id": 1})
        idle = self.connect()
        self.assertEqual(idle.ask(test_server.PING), test_server.PONG)
        self.enclave_service.process.send_signal(signal.SIGTERM)
        self.wait_for_event("stopping")
        self.assertIn(idle.ask(test_server.PING)["error_code"], self.row.codes)
        self.resume_nsm()
        self.assertTrue(waiting.receive()["success"])
        self.assertEqual(self.enclave_service.wait(), 0)
        self.assertEqual(self.asked()[0], self.row.exits[0])
        self.start_server(*self.server_options)
        self.assert_works()


# --- the table itself -------------------------------------------------------------------------


def tests_of(name):
    """{"file.Class.method"} of one test file, without running it."""
    with open(os.path.join(harness.SOURCE, "tests", "e2e", f"test_{name}.py"),
              encoding="utf-8") as file:
        tree = ast.parse(file.read())
    return {
        f"{name}.{group.name}.{method.name}"
        for group in tree.body if isinstance(group, ast.ClassDef)
        for method in group.body
        if isinstance(method, ast.FunctionDef) and method.name.startswith("test_")
    }


class Table(unittest.TestCase):
    def test_rows_and_tests(self):
        rows = read_table()
        names = [row.name for row in rows]
        self.assertEqual(len(names), len(set(names)), "a row twice")
        files = {row.test.split(".")[0] for row in rows}
        known = set().union(*(tests_of(name) for name in files))
        for row in rows:
            self.assertIn(row.test, known, row.name)
        mine = {test for test in tests_of("faults") if not test.startswith("faults.Table.")}
        self.assertEqual({row.test for row in rows if row.test.startswith("faults.")}, mine)

    def test_codes_are_known(self):
        with open(os.path.join(harness.SOURCE, "include", "vsattest", "base.h"),
                  encoding="utf-8") as file:
            known = set(re.findall(r'X\(VSA_\w+, 0x\w+, "(\w+)"', file.read()))
        with open(os.path.join(harness.SOURCE, "src", "verifierd", "answer.h"), encoding="utf-8") as file:
            known |= set(re.findall(r'X\(VSA_\w+, \d+, "(\w+)"', file.read()))
        for row in read_table():
            self.assertEqual(set(row.codes) - known, set(), row.name)


if __name__ == "__main__":
    unittest.main()
