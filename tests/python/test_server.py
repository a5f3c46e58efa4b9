# SPDX-License-Identifier: Apache-2.0
"""VsockAttestationServer on Unix sockets: the C server's own commands, and commands in Python."""

import json
import os
import pathlib
import select
import signal
import socket
import sys
import threading
import time

import harness
import support
import vsattest
from vsock_client import VsockAttestationClient
from vsock_server import VsockAttestationServer

# A server as a program of its own: what becomes of the process matters.
SCRIPT = """
import os, signal, sys, threading, time
from vsock_server import VsockAttestationServer
slept = threading.Event()
class Server(VsockAttestationServer):
    def process_request(self, request):
        if request["command"] == "stop":
            self.stop()
            return {}
        if request["command"] == "sleep":
            slept.set()
            time.sleep(request["seconds"])
            return {}
        return super().process_request(request)
server = Server(address=sys.argv[1], nsm=sys.argv[2], drain_timeout=0.5)
"""


class Custom(VsockAttestationServer):
    """What the guide's "Custom Protocol Implementation" says, and whatever can go wrong."""

    def process_request(self, request):
        command = request["command"]
        if command == "ping":
            return {**super().process_request(request), "message": "pong from Python"}
        if command == "my-command" and "reply" in request:
            return request["reply"]
        if command == "attest-more":
            return super().process_request(
                {**request, "command": "attest", "user_data": "more " + request["user_data"]})
        if command.startswith("fail-"):
            return self.fail(command[5:])
        return super().process_request(request)

    def fail(self, how):
        if how == "exception":
            raise RuntimeError("secret detail")
        if how == "exit":
            sys.exit(3)
        if how == "deep":
            return self.fail(how)
        if how == "attestation":
            raise vsattest.LimitError("enough for today", "busy")
        if how == "own-code":
            raise vsattest.PolicyError("not you", "my_own_code")
        if how == "ok":
            raise vsattest.PolicyError("denied", "ok")
        if how == "internal":
            vsattest.verify_attestation_document(5)
        return {"none": None, "list": [1], "bytes": {"x": b"y"}, "nan": {"x": float("nan")},
                "key": {(1, 2): 3}, "surrogate": {"x": "\ud800"}, "text": "yes",
                "large": {"x": "y" * 70000}, "set": {"x": {1}}}[how]


class ServerTestCase(support.EnclaveTestCase):
    def serve(self, kind=VsockAttestationServer, **keywords):
        self.address = "unix:" + self.path("served")
        server = kind(address=self.address, nsm=self.nsm, **keywords)
        server.start()
        self.addCleanup(server.stop)
        return server

    def ask(self, request):
        return support.ask(self.path("served"), request)

    def refused(self, request, code):
        reply = self.ask({"id": 7, **request})
        self.assertIs(reply["success"], False, reply)
        self.assertEqual(reply["error_code"], code, reply)
        self.assertEqual(reply["id"], 7)
        return reply["error"]


class Backends(ServerTestCase):
    """Applications behind the server, and what comes sealed."""

    def setUp(self):
        super().setUp()
        self.start_nsm()
        self.received = []
        self.application = support.SocketServer(self.path("app"), self.serve_backend)
        self.addCleanup(self.application.close)

    def serve_backend(self, connection):
        while line := support.read_line(connection):
            self.received.append(json.loads(line))
            connection.sendall(b'{"success": true, "from": "app"}\n')

    def client(self):
        client = VsockAttestationClient(address=self.address, roots=[pathlib.Path(self.root)],
                                        policy=vsattest.Policy(pcrs={0: support.PCRS[0]}))
        self.addCleanup(client.close)
        return client

    def test_named(self):
        self.serve(Custom, backends=[vsattest.Backend(self.path("app"), commands=["sign", "unlock"])])
        for command in ("sign", "unlock"):
            self.assertEqual(self.ask({"command": command, "x": 1}), {"success": True, "from": "app"})
        self.assertEqual(self.received[0]["vsattest"],
                         {"sealed": False, "aad": None, "peer": None, "sender": None})
        self.assertEqual([request["command"] for request in self.received], ["sign", "unlock"])
        # What is not the backend's is process_request()'s.
        self.assertEqual(self.ask({"command": "ping"})["message"], "pong from Python")
        self.refused({"command": "other"}, "unknown_command")

    def test_all_others(self):
        self.serve(backends=[vsattest.Backend("unix:" + self.path("app"), connections=1)])
        self.assertEqual(self.ask({"command": "whatever"}), {"success": True, "from": "app"})
        self.assertEqual(self.ask({"command": "ping"})["message"], "pong")
        self.assertEqual(len(self.received), 1)

    def test_away(self):
        self.serve(backends=[vsattest.Backend(self.path("none"), commands=["sign"])])
        self.refused({"command": "sign"}, "backend_unavailable")
        self.assertIs(self.ask({"command": "ping"})["success"], True)

    def test_sealed_only(self):
        for kem in ("x25519", "p384"):
            with self.subTest(kem=kem):
                server = self.serve(seal=kem, backends=[
                    vsattest.Backend(self.path("app"), commands=["sign"], sealed_only=True)])
                self.refused({"command": "sign"}, "sealed_required")
                enclave = self.client().seal()
                self.assertEqual(enclave.send_request({"command": "sign"}, aad=b"a")["from"], "app")
                self.assertEqual(self.received[-1]["vsattest"],
                                 {"sealed": True, "aad": "YQ==", "peer": None, "sender": None})
                server.stop()
        self.assertEqual(len(self.received), 2)

    def test_sealed_for_python(self):
        class Server(VsockAttestationServer):
            def process_request(self, request):
                origin = self.sealed()
                return {"origin": origin and [origin.aad.decode(), origin.sender]}

        server = self.serve(Server, seal="x25519")
        self.assertIsNone(self.ask({"command": "who"})["origin"])
        client = self.client()
        self.assertEqual(client.seal().send_request({"command": "who"}, aad=b"t1")["origin"], ["t1", None])
        key = vsattest.generate_ephemeral_keypair().private_key
        signed = client.seal(sign_key=key).send_request({"command": "who"})["origin"]
        self.assertEqual((signed[0], len(signed[1])), ("", 96))
        with self.assertRaises(vsattest.UsageError):
            server.sealed()

    def test_without_seal_there_is_none(self):
        self.serve()
        self.refused({"command": "seal_key", "nonce": "n"}, "unknown_command")

    def test_refused(self):
        path = self.path("app")
        for kind, make in (
            (vsattest.UsageError, lambda: vsattest.Backend("")),
            (vsattest.UsageError, lambda: vsattest.Backend("a\0b")),
            (vsattest.WrongTypeError, lambda: vsattest.Backend(5)),
            (vsattest.WrongTypeError, lambda: vsattest.Backend(path, commands="sign")),
            (vsattest.UsageError, lambda: vsattest.Backend(path, commands=["a,b"])),
            (vsattest.UsageError, lambda: vsattest.Backend(path, commands=[])),
            (vsattest.UsageError, lambda: vsattest.Backend(path, connections=0)),
            (vsattest.UsageError, lambda: vsattest.Backend(path, connections=1025)),
            (vsattest.WrongTypeError, lambda: vsattest.Backend(path, sealed_only=1)),
            (vsattest.UsageError, lambda: VsockAttestationServer(seal="p256")),
            (vsattest.WrongTypeError, lambda: VsockAttestationServer(backends=[path])),
            (vsattest.UsageError,
             lambda: VsockAttestationServer(backends=[vsattest.Backend(path, sealed_only=True)])),
            # What only the C server sees, when it is made.
            (vsattest.UsageError, lambda: self.serve(backends=[vsattest.Backend(path, commands=["A"])])),
            (vsattest.UsageError, lambda: self.serve(backends=[vsattest.Backend(path)] * 2)),
            (vsattest.UsageError, lambda: self.serve(Custom, backends=[vsattest.Backend(path)])),
        ):
            with self.assertRaises(vsattest.AttestationError) as raised:
                make()
            self.assertIs(type(raised.exception), kind, raised.exception)


class Plain(ServerTestCase):
    """The C server as it is."""

    def setUp(self):
        super().setUp()
        self.start_nsm()

    def test_commands(self):
        self.serve()
        self.assertEqual(self.ask({"command": "ping"}), {"success": True, "message": "pong"})
        status = self.ask({"command": "status"})
        self.assertEqual(status["nsm"]["module_id"], support.MODULE_ID)
        self.assertIs(status["nsm"]["reachable"], True)
        self.refused({"command": "reboot"}, "unknown_command")

    def test_our_client_in_the_same_process(self):
        """Server and client release the GIL, or this would hang."""
        self.serve()
        with VsockAttestationClient(address=self.address,
                                    roots=[pathlib.Path(self.root)]) as client:
            result = client.request_and_verify("x", "y", True)
            self.assertIs(result["verified"], True)
            self.assertEqual(len(result["verification"]["public_key"]), 120)

    def test_context_manager(self):
        path = self.path("with")
        with VsockAttestationServer(address="unix:" + path, nsm=self.nsm) as server:
            self.assertIs(support.ask(path, {"command": "ping"})["success"], True)
        self.assertFalse(os.path.exists(path))
        with self.assertRaises(vsattest.UsageError):
            server.start()

    def test_stop_twice_and_without_start(self):
        server = self.serve()
        with self.assertRaises(vsattest.UsageError):
            server.start()
        server.stop()
        server.stop()
        VsockAttestationServer(address="unix:/x", nsm=self.nsm).stop()

    def test_stop_from_many_threads(self):
        server = self.serve()
        threads = [threading.Thread(target=server.stop) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(harness.PATIENCE)
            self.assertFalse(thread.is_alive())

    def test_address_in_use(self):
        self.serve()
        other = VsockAttestationServer(address=self.address, nsm=self.nsm)
        with self.assertRaises(vsattest.TransportError) as raised:
            other.start()
        self.assertEqual(raised.exception.error_code, "address_in_use")
        other.stop()
        # What could not start may be tried again.
        with self.assertRaises(vsattest.TransportError):
            other.start()

    def test_no_nsm_device(self):
        server = VsockAttestationServer(address="unix:" + self.path("x"), nsm=self.path("no-nsm"))
        with self.assertRaises(vsattest.TransportError) as raised:
            server.start()
        self.assertEqual(raised.exception.error_code, "nsm_unreachable")

    def test_arguments(self):
        for keywords in ({"port": 0}, {"port": 2**32}, {"max_connections": 0},
                         {"max_queue": -1}, {"max_in_flight": 0}, {"max_buffered": 262143}, {"rate_limit": -1},
                         {"rate_burst": 10**7}, {"cache_ttl": 3601}, {"cache_ttl": -1},
                         {"idle_timeout": 0}, {"idle_timeout": -1},
                         {"request_timeout": float("nan")}, {"drain_timeout": 86401},
                         {"address": "tcp:x"}, {"address": "tcp:0.0.0.0:9000"}, {"address": ""}, {"nsm": "\0"}):
            with self.subTest(keywords=keywords), self.assertRaises(vsattest.UsageError):
                VsockAttestationServer(**keywords)
        for keywords in ({"port": "9000"}, {"address": 5}, {"nsm": None}, {"max_queue": 1.5},
                         {"idle_timeout": "1"}):
            with self.subTest(keywords=keywords), self.assertRaises(vsattest.WrongTypeError):
                VsockAttestationServer(**keywords)

    def test_max_buffered(self):
        """Unfinished lines beyond it are answered busy."""
        self.serve(max_buffered=262144)
        peers = []
        codes = []
        for _ in range(16):
            peer = socket.socket(socket.AF_UNIX)
            self.addCleanup(peer.close)
            peer.settimeout(harness.PATIENCE)
            peer.connect(self.path("served"))
            peer.sendall(b'{"command": "ping", "x": "' + b"x" * 40000)
            peers.append(peer)
        with VsockAttestationClient(address=self.address) as client:
            status = client.get_status()
        self.assertEqual(status["buffered_bytes_limit"], 262144)
        # Answered or not read on: which of them is not decided here.
        harness.wait_until(lambda: select.select(peers, [], [], 0)[0], "busy")
        for peer in peers:
            peer.setblocking(False)
            try:
                codes.append(json.loads(peer.recv(65536))["error_code"])
            except BlockingIOError:
                codes.append("")
        self.assertIn("busy", codes)
        self.assertIn("", codes)

    def test_limits(self):
        self.serve(max_connections=1, idle_timeout=0.3)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.path("served"))
            connection.settimeout(harness.PATIENCE)
            connection.sendall(b'{"command":"ping"}\n')
            support.read_line(connection)
            with socket.socket(socket.AF_UNIX) as other:
                other.settimeout(harness.PATIENCE)
                other.connect(self.path("served"))
                line = json.loads(support.read_line(connection))
                self.assertEqual(line["error_code"], "too_many_connections")
                line = json.loads(support.read_line(other))
                self.assertEqual(line["error_code"], "idle_timeout")


    def test_cache(self):
        self.serve(cache_ttl=60)
        one, other = (self.ask({"command": "attest"})["attestation_document"] for _ in range(2))
        self.assertEqual(one, other)
        reply = self.ask({"command": "attest", "nonce": "n"})
        self.assertNotEqual(one, reply["attestation_document"])


class RateLimit(ServerTestCase):
    def test_attest_is_limited_before_python_sees_it(self):
        self.start_nsm()
        for kind in (VsockAttestationServer, Custom):
            server = self.serve(kind, rate_limit=1, rate_burst=2)
            with VsockAttestationClient(address=self.address) as client:
                client.request_attestation()
                client.request_attestation(nonce="x")
                with self.assertRaises(vsattest.LimitError) as raised:
                    for turn in range(20):
                        client.request_attestation(nonce=str(turn))
                self.assertEqual(raised.exception.error_code, "rate_limited")
                self.assertEqual(client.get_status()["status"], "running")
            server.stop()


class InPython(ServerTestCase):
    def setUp(self):
        super().setUp()
        self.start_nsm()
        self.server = self.serve(Custom)

    def test_overridden_command(self):
        self.assertEqual(self.ask({"command": "ping", "id": "x"}),
                         {"success": True, "message": "pong from Python", "id": "x"})

    def test_commands_of_the_c_server(self):
        status = self.ask({"command": "status"})
        self.assertEqual(status["nsm"]["module_id"], support.MODULE_ID)
        self.assertIs(status["nsm"]["reachable"], True)
        reply = self.ask({"command": "attest", "nonce": "n", "generate_key": True})
        self.assertIs(reply["has_public_key"], True)
        error = self.refused({"command": "attest", "nonce": 5}, "field_invalid")
        self.assertIn("nonce", error)
        self.assertEqual(self.refused({"command": "reboot"}, "unknown_command"), "Unknown command")

    def test_new_command_over_an_old_one(self):
        with VsockAttestationClient(address=self.address,
                                    roots=[pathlib.Path(self.root)]) as client:
            reply = client.send_request({"command": "attest-more", "user_data": "data"})
            result = vsattest.verify_attestation_document(
                reply["attestation_document"], "more data", roots=[pathlib.Path(self.root)])
            self.assertEqual(result["user_data"], b"more data")

    def test_replies(self):
        for reply in ({}, {"x": None}, {"x": [1, 2.5, "é\0", {"y": True}]}, {"success": True}):
            got = self.ask({"command": "my-command", "reply": reply, "id": 1})
            self.assertEqual(got, {"success": True, **reply, "id": 1})
        # The id is the server's business.
        self.assertEqual(self.ask({"command": "my-command", "reply": {"id": 5}}),
                         {"success": True})

    def test_error_replies(self):
        reply = {"success": False, "error": "later", "error_code": "busy"}
        self.assertEqual(self.ask({"command": "my-command", "reply": reply}), reply)
        for reply in ({"success": False}, {"success": False, "error": "x", "error_code": "mine"},
                      {"success": False, "error": "x", "error_code": "busy", "retry": 5},
                      {"success": False, "error": "x", "error_code": "ok"},
                      {"success": False, "error": "x", "error_code": 5}):
            self.assertEqual(self.ask({"command": "my-command", "reply": reply}), reply)

    def test_long_sentences_end_at_a_character(self):
        for sentence in ("é" * 500, "x" + "é" * 500, "a\0b"):
            reply = {"success": False, "error": sentence, "error_code": "busy"}
            error = self.ask({"command": "my-command", "reply": reply})["error"]
            self.assertTrue(sentence.replace("\0", " ").startswith(error), error)
            self.assertGreater(len(error), 2)

    def test_exceptions_do_not_reach_the_client(self):
        for how in ("exception", "exit", "deep", "none", "list", "bytes", "nan", "key",
                    "surrogate", "text", "set", "internal"):
            with self.subTest(how):
                code = "invalid_argument" if how == "internal" else "internal_error"
                if how == "internal":
                    error = self.refused({"command": "fail-" + how}, code)
                else:
                    with self.assertLogs("vsattest", "ERROR"):
                        error = self.refused({"command": "fail-" + how}, code)
                for text in ("secret", "Traceback", "Recursion", ".py", "process_request"):
                    self.assertNotIn(text, error)
        self.assertEqual(self.ask({"command": "ping"})["message"], "pong from Python")

    def test_attestation_errors_do(self):
        self.assertEqual(self.refused({"command": "fail-attestation"}, "busy"), "enough for today")
        self.assertEqual(self.refused({"command": "fail-own-code"}, "internal_error"), "not you")
        # "ok" is a code, too, but not of an error: it must not grant what was denied.
        self.assertEqual(self.refused({"command": "fail-ok"}, "internal_error"), "denied")

    def test_reply_that_is_too_large(self):
        self.refused({"command": "fail-large"}, "too_large")

    def test_requests_that_are_none_do_not_reach_python(self):
        self.refused({"command": 5}, "field_invalid")
        self.refused({}, "request_invalid")

    def test_super_elsewhere(self):
        """There is no context for the C server's commands but in a request."""
        with self.assertRaises(vsattest.UsageError):
            self.server.process_request({"command": "ping"})

    def test_many_clients(self):
        failures = []

        def work(number):
            with VsockAttestationClient(address=self.address) as client:
                for turn in range(20):
                    sent = {"command": "my-command", "reply": {"n": number, "turn": turn}}
                    if client.send_request(sent) != {"success": True, **sent["reply"]}:
                        failures.append((number, turn))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(harness.PATIENCE)
            self.assertFalse(thread.is_alive())
        self.assertEqual(failures, [])


class WithoutNsm(ServerTestCase):
    def test_commands_in_python_need_none(self):
        self.nsm = "unix:" + self.path("no-nsm")
        self.serve(Custom)
        self.assertEqual(self.ask({"command": "my-command", "reply": {"x": 1}}),
                         {"success": True, "x": 1})
        self.assertEqual(self.ask({"command": "ping"})["message"], "pong from Python")
        self.refused({"command": "attest"}, "nsm_unreachable")


class Keys(ServerTestCase):
    def test_private_half_stays_here(self):
        keys = []

        class Keeper(VsockAttestationServer):
            def on_key(self, key, document, user_data, nonce):
                keys.append((key, document, user_data, nonce))

        self.start_nsm()
        self.serve(Keeper)
        reply = self.ask({"command": "attest", "generate_key": True, "user_data": None,
                          "nonce": "n"})
        [(key, document, user_data, nonce)] = keys
        self.assertIsNone(user_data)
        self.assertEqual(nonce, b"n")
        result = vsattest.verify_attestation_document(document, roots=[pathlib.Path(self.root)])
        self.assertEqual(result["public_key"], key.public_key)
        self.assertEqual(vsattest.verify_attestation_document(
            reply["attestation_document"], roots=[pathlib.Path(self.root)])["nonce"], b"n")
        self.assertIn(len(key.private_key), range(100, 400))
        self.assertIs(self.ask({"command": "attest"})["success"], True)
        self.assertEqual(len(keys), 1)

    def test_exception_fails_the_request(self):
        class Refuser(VsockAttestationServer):
            def on_key(self, key, document, user_data, nonce):
                raise RuntimeError("secret")

        self.start_nsm()
        self.serve(Refuser)
        with self.assertLogs("vsattest", "ERROR"):
            error = self.refused({"command": "attest", "generate_key": True}, "internal_error")
        self.assertNotIn("secret", error)
        self.assertIs(self.ask({"command": "attest"})["success"], True)


class Processes(ServerTestCase):
    """How a server ends, and how Python does."""

    def setUp(self):
        super().setUp()
        self.start_nsm()

    def script(self, text):
        return self.service([sys.executable, "-c", SCRIPT + text, "unix:" + self.path("served"),
                             self.nsm], wait_for=self.path("served"))

    def assert_gone(self):
        self.assertFalse(os.path.exists(self.path("served")))

    def test_ctrl_c(self):
        service = self.script("server.serve_forever()")
        self.assertIs(self.ask({"command": "ping"})["success"], True)
        self.assertEqual(service.stop(signal.SIGINT), -signal.SIGINT)
        self.assertIn("KeyboardInterrupt", service.log())
        self.assert_gone()

    def test_stopped_by_a_command(self):
        service = self.script("server.serve_forever()\nprint('over')")
        self.assertIs(self.ask({"command": "stop"})["success"], True)
        self.assertEqual(service.wait(), 0)
        self.assertEqual(service.log(), "over\n")
        self.assert_gone()

    def test_stopped_by_a_signal_handler(self):
        """As docs/PYTHON.md says it."""
        service = self.script("signal.signal(signal.SIGTERM, lambda *_: server.stop())\n"
                              "server.serve_forever()\nprint('over')")
        self.assertIs(self.ask({"command": "ping"})["success"], True)
        self.assertEqual(service.stop(signal.SIGTERM), 0)
        self.assertEqual(service.log(), "over\n")
        self.assert_gone()

    def test_end_of_python_stops_it(self):
        service = self.script("server.start()\nsys.stdin.read()\ntime.sleep(0.5)")
        self.assertEqual(service.wait(), 0)
        self.assertEqual(service.log(), "")
        self.assert_gone()

    def test_exit_with_a_request_under_way(self):
        """It gets the drain timeout, and no more; no crash."""
        service = self.script("server.start()\nslept.wait()")
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.path("served"))
            connection.sendall(b'{"command":"sleep","seconds":600}\n')
            self.assertEqual(service.wait(), 0)
        self.assertIn("stopping: ", service.log())

    def test_fork(self):
        """A child has no server, and its end is not the server's."""
        service = self.script(
            "server.start()\n"
            "child = os.fork()\n"
            "if child == 0:\n"
            "    server.stop()\n"
            "    sys.exit(0)\n"
            "assert os.waitpid(child, 0)[1] == 0\n"
            "open(sys.argv[1][5:] + '.forked', 'w').close()\n"
            "time.sleep(60)\n")
        harness.wait_until(lambda: os.path.exists(self.path("served.forked")), "the child's end")
        self.assertIs(self.ask({"command": "ping"})["success"], True)
        service.end()

    def test_as_a_program(self):
        for directory in sys.path:
            module = os.path.join(directory, "vsock_server.py")
            if os.path.exists(module):
                break
        path = self.path("program")
        service = self.service([sys.executable, module, "--listen", "unix:" + path, "--nsm",
                                self.nsm])
        # --vsock and --listen exclude each other: never vsock in a test.
        self.assertEqual(service.wait(), 2)
