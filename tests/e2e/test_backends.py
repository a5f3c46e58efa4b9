# SPDX-License-Identifier: Apache-2.0
"""enclave_app --backend: what an application behind it gets and gives, and hostile ones.

Whatever a backend does, another client's ping is answered.
"""

import base64
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import unittest

import harness
import support
import test_server

HELLO = {"command": "hello"}
ORIGIN = {"sealed": False, "aad": None, "peer": None, "sender": None}


class Backend(support.SocketServer):
    """An application that answers each line by `reply(request)`: bytes are sent, None ends the connection."""

    def __init__(self, path, reply):
        self.reply = reply
        self.ended = threading.Semaphore(0)
        super().__init__(path, self.answer)

    def answer(self, connection):
        try:
            for line in connection.makefile("rb"):
                reply = self.reply(json.loads(line))
                if reply is None:
                    return
                connection.sendall(reply)
        finally:
            self.ended.release()


def echo(request):
    return json.dumps({"success": True, "request": request}).encode() + b"\n"


class BackendTestCase(test_server.ServerTestCase):
    options = ()

    def setUp(self):
        self.reply = echo
        super().setUp()

    def start(self):
        self.backend_path = self.path("backend")
        self.start_nsm()
        self.start_server(*self.backend_options(), *self.options)

    def backend_options(self):
        return ["--backend", "unix:" + self.backend_path]

    def backend(self, reply=echo, path=None):
        made = Backend(path or self.backend_path, reply)
        self.addCleanup(made.close)
        return made


class Exchange(BackendTestCase):
    def test_request_and_reply(self):
        self.backend()
        reply = self.ask({"command": "hello", "id": "x", "n": [1, "\u00e9\u0000"]})
        self.assertEqual(reply, {
            "success": True, "id": "x",
            "request": {"command": "hello", "id": "x", "n": [1, "\u00e9\u0000"], "vsattest": ORIGIN},
        })
        self.assertEqual(self.ask(test_server.PING), test_server.PONG)
        self.assertIs(self.ask({"command": "attest"})["success"], True)

    def test_id_is_the_clients(self):
        self.backend(lambda _: b'{"success": true, "id": "other"}\n')
        self.assertEqual(self.ask(HELLO), {"success": True})
        self.assertEqual(self.ask({**HELLO, "id": 7}), {"success": True, "id": 7})

    def test_errors_are_the_applications(self):
        self.backend(lambda _: b'{"success": false, "error_code": "too_rich", "error": "no", "more": 1}\n')
        self.assertEqual(self.ask(HELLO), {"success": False, "error_code": "too_rich", "error": "no", "more": 1})
        status = self.ask({"command": "status"})
        self.assertEqual((status["requests"], status["errors"]), (1, 1))

    def test_own_member_is_refused(self):
        backend = self.backend()
        for value in ({}, None, {"sealed": True}):
            self.assert_code(self.ask({**HELLO, "vsattest": value}), "field_invalid")
        # encoding/json of Go, and others, would take these for it, and the last one wins.
        for name in ("Vsattest", "VSATTEST", "v\u017fatte\u017ft", "VsAtTeSt"):
            self.assert_code(self.ask({**HELLO, name: {"sender": "0" * 96}}), "field_invalid")
        for name in ("Command", "COMMAND", "commanD"):
            self.assert_code(self.ask({**HELLO, name: "unlock"}), "field_invalid")
            self.assert_code(self.ask({name: "unlock", **HELLO}), "field_invalid")
        self.assertEqual(backend.connections, [])
        for name in ("vsattest2", "vsattes", "commands", "comman", "vs\u017ftest", "\u017f", "id2", ""):
            self.assertIs(self.ask({**HELLO, name: "x"})["success"], True, name)
        # A built-in command minds it as little as any other member.
        self.assertEqual(self.ask({**test_server.PING, "vsattest": 1}), test_server.PONG)

    def test_names(self):
        self.backend()
        for name in ("*", "Hello World", "x" * 1000, "", "ping2", "\n\u0000"):
            reply = self.ask({"command": name})
            if reply["success"]:
                self.assertEqual(reply["request"]["command"], name)
            else:
                self.assertIn(reply["error_code"], ("field_invalid", "request_invalid"))
        self.assert_alive()

    def test_largest_request(self):
        self.backend(lambda request: echo({"size": len(request["text"])}))
        room = 65536 - len(json.dumps({"command": "hello", "text": ""}).replace(" ", "")) - 1
        for size in range(room - 100, room, 33):
            line = b'{"command":"hello","text":"' + b"x" * size + b'"}\n'
            reply = self.ask(line)
            if reply["success"]:
                self.assertEqual(reply["request"], {"size": size})
            else:
                self.assert_code(reply, "too_large")
        self.assert_alive()

    def test_connections_are_kept(self):
        backend = self.backend()
        for _ in range(20):
            self.assertIs(self.ask(HELLO)["success"], True)
        self.assertEqual(len(backend.connections), 1)

    def test_connections_are_bounded(self):
        gate = threading.Event()

        def wait(request):
            gate.wait(harness.PATIENCE)
            return echo(request)

        backend = self.backend(wait)
        clients = [self.connect() for _ in range(60)]
        for index, client in enumerate(clients):
            client.send({**HELLO, "n": index})
        harness.wait_until(lambda: self.ask({"command": "status"})["in_flight"] == 60, "60 requests")
        harness.wait_until(lambda: len(backend.connections) == 16, "16 connections")
        gate.set()
        for index, client in enumerate(clients):
            self.assertEqual(client.receive()["request"]["n"], index)
        self.assertEqual(len(backend.connections), 16)

    def test_client_that_leaves(self):
        gate = threading.Event()

        def wait(_):
            gate.wait(harness.PATIENCE)
            return b'{"success": true, "late": 1}\n'

        backend = self.backend(wait)
        client = self.connect()
        client.send(HELLO)
        harness.wait_until(lambda: backend.connections, "the request")
        client.close()
        harness.wait_until(lambda: self.ask({"command": "status"})["in_flight"] == 0, "its end")
        backend.reply = echo
        gate.set()
        self.assertTrue(backend.ended.acquire(timeout=harness.PATIENCE))
        self.assertEqual(self.ask(HELLO)["request"]["command"], "hello")

    def test_drain_of_one_that_hangs(self):
        gate = threading.Event()
        self.addCleanup(gate.set)
        backend = self.backend(lambda _: gate.wait(harness.PATIENCE) and None)
        client = self.connect()
        client.send(HELLO)
        harness.wait_until(lambda: backend.connections, "the request")
        self.enclave_service.process.send_signal(signal.SIGTERM)
        self.assert_code(client.receive(), "timeout")
        self.assertEqual(self.enclave_service.wait(), 0)

    def test_drain(self):
        gate = threading.Event()

        def wait(request):
            gate.wait(harness.PATIENCE)
            return echo(request)

        backend = self.backend(wait)
        client = self.connect()
        client.send(HELLO)
        harness.wait_until(lambda: backend.connections, "the request")
        self.enclave_service.process.send_signal(signal.SIGTERM)
        self.wait_for_event("stopping")
        gate.set()
        self.assertIs(client.receive()["success"], True)
        self.assertEqual(self.enclave_service.wait(), 0)


class Hostile(BackendTestCase):
    options = ("--request-timeout", "1", "--backend-connections", "2")

    REPLIES = (
        b"\n", b"not json\n", b"[]\n", b"{}\n", b'{"success": 1}\n', b'{"success": null}\n', b'"success"\n',
        b'{"success": true, "a": 1, "a": 2}\n', b'{"success": true, "a": ' + b"[" * 20 + b"]" * 20 + b"}\n",
        b'{"success": true, "a": "\xff"}\n', b'{"success": true}garbage\n', b'{"success": true} {"success": true}\n',
        b"x" * 70000, b'{"success": true, "a": "' + b"x" * 70000 + b'"}\n', b"\0" * 100 + b"\n", None,
    )

    def test_garbage(self):
        replies = []
        self.backend(lambda request: replies.pop() if replies else echo(request))
        for reply in self.REPLIES:
            with self.subTest(reply=str(reply)[:40]):
                replies.append(reply)
                self.assert_code(self.ask(HELLO), "backend_unavailable")
                self.assertIs(self.ask(HELLO)["success"], True)
                self.assert_alive()

    def test_half_a_reply(self):
        backend = self.backend()

        def half(request):
            backend.connections[-1].sendall(echo(request)[:-10])

        backend.reply = half
        self.assert_code(self.ask(HELLO), "backend_unavailable")
        # Its newline may be missing where it ends.
        backend.reply = lambda request: backend.connections[-1].sendall(echo(request)[:-1])
        self.assertIs(self.ask(HELLO)["success"], True)

    def test_down_and_up(self):
        self.assert_code(self.ask(HELLO), "backend_unavailable")
        backend = self.backend()
        self.assertIs(self.ask(HELLO)["success"], True)
        backend.close()
        self.assert_code(self.ask(HELLO), "backend_unavailable")
        os.unlink(self.backend_path)
        self.assert_code(self.ask(HELLO), "backend_unavailable")
        self.backend()
        self.assertIs(self.ask(HELLO)["success"], True)

    def test_slow(self):
        gate = threading.Event()
        self.addCleanup(gate.set)

        def wait(_):
            gate.wait(harness.PATIENCE)
            return b'{"success": true, "late": 1}\n'

        backend = self.backend(wait)
        clients = [self.connect() for _ in range(5)]
        for client in clients:
            client.send(HELLO)
        self.assert_alive()
        for client in clients:
            self.assert_code(client.receive(), "timeout")
        backend.reply = echo
        # What comes too late is no other request's reply.
        gate.set()
        for _ in range(5):
            self.assertEqual(self.ask(HELLO)["request"]["command"], "hello")

    def test_more_than_a_reply(self):
        """With one connection in turn, nothing of one client's comes to another one."""
        count = 0

        def answer(request):
            nonlocal count
            count += 1
            line = echo(request)
            return line + line if count % 3 == 0 else line

        self.backend(answer)
        clients = [self.connect() for _ in range(8)]
        for turn in range(10):
            for index, client in enumerate(clients):
                client.send({**HELLO, "n": [turn, index]})
            for index, client in enumerate(clients):
                reply = client.receive()
                if reply["success"]:
                    self.assertEqual(reply["request"]["n"], [turn, index])
                else:
                    self.assert_code(reply, "backend_unavailable")
        self.assert_alive()

    def test_unread(self):
        """A backend that takes connections and reads nothing."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(listener.close)
        listener.bind(self.backend_path)
        listener.listen(1)
        clients = [self.connect() for _ in range(20)]
        for client in clients:
            client.send({**HELLO, "text": "x" * 60000})
        self.assert_alive()
        for client in clients:
            self.assertIn(client.receive()["error_code"], ("timeout", "backend_unavailable"))
        self.assert_alive()

    def test_speaks_first(self):
        backend = self.backend()
        self.assertIs(self.ask(HELLO)["success"], True)
        backend.connections[0].sendall(b'{"success": true, "unasked": 1}\n')
        self.assertTrue(backend.ended.acquire(timeout=harness.PATIENCE))
        self.assertEqual(self.ask(HELLO)["request"]["command"], "hello")


class Named(BackendTestCase):
    def backend_options(self):
        return ["--backend", "sign,unlock=unix:" + self.backend_path, "--backend", "two=unix:" + self.path("two")]

    def test_names(self):
        self.backend(lambda _: b'{"success": true, "one": 1}\n')
        self.backend(lambda _: b'{"success": true, "two": 2}\n', self.path("two"))
        self.assertEqual(self.ask({"command": "sign"}), {"success": True, "one": 1})
        self.assertEqual(self.ask({"command": "unlock"}), {"success": True, "one": 1})
        self.assertEqual(self.ask({"command": "two"}), {"success": True, "two": 2})
        reply = self.ask({"command": "other"})
        self.assert_code(reply, "unknown_command")
        self.assertEqual(reply["available_commands"][-3:], ["sign", "unlock", "two"])


class Sealed(BackendTestCase):
    """What comes sealed: the backend sees what was inside, the parent the seal."""

    options = ("--request-timeout", "2")

    def key(self):
        """(private key, thumbprint) of a sender, by openssl."""
        if not shutil.which("openssl"):
            self.skipTest("no openssl program on this machine")
        key, public = self.path("sender.key"), self.path("sender.der")
        for command in (["ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", key],
                        ["ec", "-in", key, "-pubout", "-outform", "DER", "-out", public]):
            subprocess.run(["openssl", *command], check=True, capture_output=True, timeout=60)
        with open(public, "rb") as file:
            return key, hashlib.sha384(file.read()).hexdigest()

    def test_origin(self):
        self.backend()
        origin = {**ORIGIN, "sealed": True}
        self.assertEqual(self.sealed(HELLO)["request"]["vsattest"], origin)
        reply = self.sealed({**HELLO, "secret": "x"}, "--aad", "tenant-1")
        self.assertEqual(reply["request"]["secret"], "x")
        self.assertEqual(reply["request"]["vsattest"], {**origin, "aad": base64.b64encode(b"tenant-1").decode()})
        key, thumbprint = self.key()
        reply = self.sealed(HELLO, "--sign-key", key)
        self.assertEqual(reply["request"]["vsattest"], {**origin, "sender": thumbprint})

    def test_numbers_name_no_command(self):
        self.backend()
        self.sealed(HELLO)
        commands = self.ask({"command": "status"})["commands"]
        self.assertEqual(commands["sealed"]["requests"], 1)
        self.assertEqual(commands["*"]["requests"], 0)

    def test_failures_come_sealed(self):
        self.assertIn("backend_unavailable", self.sealed(HELLO, status=3))
        self.backend(lambda _: b"garbage\n")
        self.assertIn("backend_unavailable", self.sealed(HELLO, status=3))
        self.assertIn("field_invalid", self.sealed({**HELLO, "vsattest": {"sealed": True}}, status=1))
        status = self.ask({"command": "status"})
        self.assertEqual(status["commands"]["sealed"], {"requests": 3, "errors": 0})

    def test_slow(self):
        gate = threading.Event()
        self.addCleanup(gate.set)
        self.backend(lambda _: gate.wait(harness.PATIENCE) and None)
        self.assertIn("timeout", self.sealed(HELLO, status=3))
        self.assert_alive()


class SealedOnly(Sealed):
    options = ("--request-timeout", "2", "--backend-sealed-only")

    def test_clear_is_refused(self):
        backend = self.backend()
        self.assert_code(self.ask(HELLO), "sealed_required")
        self.assertEqual(backend.connections, [])
        self.assertEqual(self.ask(test_server.PING), test_server.PONG)


class Options(support.EnclaveTestCase):
    def server(self, *options, config=None):
        arguments = [harness.program("enclave_app"), "--listen", "unix:" + self.path("x"), "--nsm", "unix:" + self.nsm_path()]
        if config is not None:
            with open(self.path("config"), "w", encoding="utf-8") as file:
                file.write(config)
            arguments += ["--config", self.path("config")]
        return harness.run([*arguments, *options])

    def nsm_path(self):
        return self.path("nsm")

    def test_refused(self):
        address = "unix:" + self.path("b")
        rows = (
            (["--backend", "vsock:3:9000"], "is neither unix:PATH nor NAME[,NAME...]=unix:PATH"),
            (["--backend", "=" + address], "is neither unix:PATH nor"),
            (["--backend", "unix:"], "unix:"),
            (["--backend", "a=tcp:127.0.0.1:1"], "is neither unix:PATH nor"),
            (["--backend", "A=" + address], "a command's name has 1 to 64 characters"),
            (["--backend", "a,,b=" + address], "a command's name has 1 to 64 characters"),
            (["--backend", "a" * 65 + "=" + address], "a command's name has 1 to 64 characters"),
            (["--backend", "*=" + address], "is the name of no command"),
            (["--backend", "sign,ping=" + address], '"ping" is a command of the server\'s own'),
            (["--backend", "sealed=" + address], '"sealed" is a command of the server\'s own'),
            (["--backend", "a,a=" + address], 'there is a command "a" already'),
            (["--backend", address, "--backend", address], "all other commands are answered already"),
            (["--backend", "a=" + address] + ["--backend", "b=" + address] * 16, "more than 16 backends"),
            (["--backend-sealed-only"], "are for backends: add --backend"),
            (["--backend-connections", "1"], "are for backends: add --backend"),
            (["--backend-connections", "0"], "--backend-connections"),
            (["--backend-connections", "1025"], "--backend-connections"),
        )
        for options, text in rows:
            with self.subTest(options=options[:2]):
                done = self.server(*options)
                self.assert_exit(done, 2)
                self.assertIn(text, done.stderr.decode())
        done = harness.run([harness.program("enclave_app"), "--backend", address])
        self.assert_exit(done, 2)
        self.assertIn("limits and backends are a server's", done.stderr.decode())

    def test_refused_settings(self):
        done = self.server(config="backend-sealed-only = maybe\n")
        self.assert_exit(done, 2)
        self.assertIn("'maybe' is neither yes nor no", done.stderr.decode())
        done = self.server(config="backend-sealed-only = yes\n")
        self.assert_exit(done, 2)
        self.assertIn("are for backends: add --backend", done.stderr.decode())

    def test_configuration_file(self):
        self.start_nsm()
        with open(self.path("config"), "w", encoding="utf-8") as file:
            file.write("backend = unix:%s\nbackend = one=unix:%s\nbackend-connections = 1\nbackend-sealed-only = no\n"
                       % (self.path("b"), self.path("one")))
        self.server_path = self.path("enclave")
        self.start_server("--config", self.path("config"))
        for name in ("b", "one"):
            made = Backend(self.path(name), lambda _, name=name: b'{"success": true, "%s": 1}\n' % name.encode())
            self.addCleanup(made.close)
        for command, name in (("one", "one"), ("two", "b")):
            client = test_server.Client(self.server_path)
            self.addCleanup(client.close)
            self.assertEqual(client.ask({"command": command}), {"success": True, name: 1})


if __name__ == "__main__":
    unittest.main()
