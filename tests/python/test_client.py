# SPDX-License-Identifier: Apache-2.0
"""VsockAttestationClient against a real enclave on a Unix socket, and against peers that lie."""

import base64
import json
import os
import pathlib
import stat
import threading
import time
import warnings

import harness
import support
import vsattest
from vsock_client import AttestationError, Policy, VsockAttestationClient


class ClientTestCase(support.EnclaveTestCase):
    def connect(self, address=None, **keywords):
        keywords.setdefault("roots", [pathlib.Path(self.root)])
        client = VsockAttestationClient(address=address or self.enclave, **keywords)
        self.addCleanup(client.close)
        return client

    def fails(self, kind, code, function, *arguments, **keywords):
        with self.assertRaises(AttestationError) as raised:
            function(*arguments, **keywords)
        self.assertIs(type(raised.exception), kind, raised.exception)
        self.assertEqual(raised.exception.error_code, code, raised.exception)
        return raised.exception


class Enclave(ClientTestCase):
    """Everything is as it should be."""

    def setUp(self):
        super().setUp()
        self.start_enclave()
        self.client_ = self.connect()

    def test_ping(self):
        self.assertIs(self.client_.ping(), True)

    def test_status(self):
        status = self.client_.get_status()
        self.assertEqual(status["status"], "running")
        self.assertIsInstance(status["uptime"], int)
        self.assertEqual(status["nsm"]["module_id"], support.MODULE_ID)

    def test_attestation_is_not_verified(self):
        reply = self.client_.request_attestation("text", b"\xff\x00", True)
        program = self.json_of(
            self.client("--connect", self.enclave, "--attest", "--json", "--user-data=text",
                        "--nonce-base64=/wA=", "--generate-key"), 0)
        self.assertEqual(list(reply), list(program))
        for name in set(program) - {"attestation_document", "document_size", "timestamp"}:
            self.assertEqual(reply[name], program[name], name)
        self.assertIs(reply["verified"], False)
        self.assertEqual(reply["nonce_base64"], "/wA=")
        self.assertEqual(len(base64.b64decode(reply["attestation_document"])),
                         reply["document_size"])

    def test_defaults_are_the_servers(self):
        reply = self.client_.request_attestation()
        self.assertEqual(reply["user_data"], "hello-from-enclave")
        self.assertIsNone(reply["nonce"])
        self.assertIs(reply["has_public_key"], False)

    def test_verify_as_the_program_does(self):
        result = self.client_.request_and_verify("session-12345", "challenge-abc", True)
        program = self.json_of(
            self.client("--connect", self.enclave, "--root", self.root, "--verify", "--json",
                        "--user-data=session-12345", "--nonce=challenge-abc", "--generate-key"), 0)
        self.assertEqual(list(result), list(program))
        self.assertEqual(list(result["verification"]), list(program["verification"]))
        self.assertIs(result["success"], True)
        self.assertIs(result["verified"], True)
        self.assertIs(result["has_public_key"], True)
        self.assertEqual(result["user_data"], "session-12345")
        self.assertEqual(result["nonce"], "challenge-abc")
        verification = result["verification"]
        self.assertEqual(verification["module_id"], support.MODULE_ID)
        self.assertEqual(verification["user_data"], b"session-12345")
        self.assertEqual(verification["nonce"], b"challenge-abc")
        self.assertIsInstance(verification["public_key"], bytes)
        self.assertEqual(len(verification["public_key"]), 120)
        self.assertEqual(verification["pcrs"][0], bytes.fromhex(support.PCRS[0]))
        self.assertEqual(verification["pcrs_checked"], [])

    def test_a_nonce_is_made(self):
        first = self.client_.request_and_verify()
        second = self.client_.request_and_verify()
        self.assertRegex(first["nonce"], "^[0-9a-f]{64}$")
        self.assertNotEqual(first["nonce"], second["nonce"])
        self.assertEqual(first["verification"]["nonce"], first["nonce"].encode())
        self.assertIsNone(first["verification"]["public_key"])
        self.assertIs(first["has_public_key"], False)

    def test_bytes_that_are_no_text(self):
        result = self.client_.request_and_verify(b"\xff\x00", bytearray(b"\xfe"))
        self.assertEqual(result["verification"]["user_data"], b"\xff\x00")
        self.assertEqual(result["verification"]["nonce"], b"\xfe")
        self.assertIsNone(result["user_data"])
        self.assertEqual(result["user_data_base64"], "/wA=")

    def test_empty_user_data_is_not_none(self):
        result = self.client_.request_and_verify("")
        self.assertEqual(result["verification"]["user_data"], b"")

    def test_policy(self):
        good = Policy(pcrs=dict(support.PCRS), instance_id=support.INSTANCE_ID)
        with self.connect(policy=good) as client:
            result = client.request_and_verify()
            self.assertEqual(result["verification"]["pcrs_checked"], [0, 1, 2])
        bad = Policy(pcrs={0: "ee" * 48})
        with self.connect(policy=bad) as client:
            result = client.request_and_verify()
        self.assertIs(result["success"], True)
        self.assertIs(result["verified"], False)
        self.assertEqual(result["error_code"], "pcr_mismatch")
        self.assertIn("PCR0", result["verification_error"])
        self.assertNotIn("verification", result)

    def test_without_expected_pcrs(self):
        def texts(client, **keywords):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                self.assertTrue(client.request_and_verify(**keywords)["verified"])
            self.assertEqual({warning.filename for warning in caught} - {__file__}, set())
            return [str(warning.message) for warning in caught]

        text, root = texts(self.client_)
        self.assertTrue(text.startswith("no PCR was checked: this proves some Nitro enclave, not"))
        self.assertTrue(root.startswith("the root certificate is not one of AWS's"))
        self.assertEqual(texts(self.client_, any_enclave=True), [root])
        self.assertEqual(texts(self.connect(policy=Policy(any_enclave=True))), [root])
        self.assertEqual(texts(self.connect(policy=Policy(pcrs={0: support.PCRS[0]}))), [root])
        with self.assertRaises(ValueError):
            self.connect(policy=Policy(require_pcrs=True))
        # As an error it comes after the document is saved.
        path = self.path("saved")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with self.assertRaises(UserWarning):
                self.client_.request_and_verify(save_to_file=path)
        self.assertTrue(os.path.exists(path))

    def test_root_that_is_not_trusted(self):
        result = self.connect(roots=None).request_and_verify()
        self.assertIs(result["verified"], False)
        self.assertEqual(result["error_code"], "untrusted_root")

    def test_save(self):
        path = self.path("saved.b64")
        result = self.client_.request_and_verify(save_to_file=path)
        self.assertEqual(result["saved_to"], path)
        text = pathlib.Path(path).read_text(encoding="ascii")
        self.assertEqual(text, result["attestation_document"] + "\n")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        verified = vsattest.verify_attestation_document(
            text, expected_nonce=result["nonce"], roots=[pathlib.Path(self.root)])
        self.assertEqual(verified["nonce"], result["nonce"].encode())
        # A second time over the first, as a path object; also what does not verify.
        other = self.connect(roots=None).request_and_verify(save_to_file=pathlib.Path(path))
        self.assertIs(other["verified"], False)
        self.assertEqual(other["saved_to"], path)
        self.assertEqual(pathlib.Path(path).read_text(encoding="ascii"),
                         other["attestation_document"] + "\n")
        self.assertEqual(sorted(name for name in os.listdir(self.directory) if "saved" in name),
                         ["saved.b64"])

    def test_what_cannot_be_saved(self):
        link = self.path("link")
        os.symlink(self.path("target"), link)
        for path in (self.path("no-directory/saved"), self.directory, link, "/dev/null", "a\0b"):
            with self.subTest(path=path):
                result = self.client_.request_and_verify(save_to_file=path)
                self.assertIs(result["verified"], True)
                self.assertIsNone(result["saved_to"])
                self.assertIn("cannot", result["save_error"])
        self.assertFalse(os.path.exists(self.path("target")))

    def test_any_request(self):
        self.assertEqual(self.client_.send_request({"command": "ping"}),
                         {"success": True, "message": "pong"})
        reply = self.client_.send_request({"command": "attest", "user_data": None})
        self.assertIsNone(reply["user_data"])
        error = self.fails(vsattest.PolicyError, "refused_by_peer",
                           self.client_.send_request, {"command": "reboot"})
        self.assertIn("Unknown command", str(error))
        self.assertIn("there is ping, status, attest, metrics", str(error))
        # The connection is still good.
        self.assertIs(self.client_.ping(), True)

    def test_requests_that_are_none(self):
        deep = value = {}
        for _ in range(100000):
            value["x"] = value = {}
        for name, request in (
            ("empty", {}), ("command", {"command": 5}), ("id", {"command": "ping", "id": 1}),
            ("long", {"command": "ping", "x": "y" * 70000}),
            ("64 bits", {"command": "ping", "x": 2**64}),
            ("NaN", {"command": "ping", "x": float("nan")}),
            ("surrogate", {"command": "ping", "x": "\ud800"}),
            ("deep", {"command": "ping", "x": deep}),
        ):
            with self.subTest(name):
                with self.assertRaises(AttestationError) as raised:
                    self.client_.send_request(request)
                self.assertIn(raised.exception.error_class, ("usage", "format"))
        for request in ("ping", None, ["ping"], {"command": "ping", "x": b"y"},
                        {"command": "ping", (1, 2): 3}):
            self.fails(vsattest.WrongTypeError, "invalid_argument", self.client_.send_request,
                       request)
        self.assertIs(self.client_.ping(), True)

    def test_arguments_of_requests(self):
        for function in (self.client_.request_attestation, self.client_.request_and_verify):
            for keywords in ({"nonce": ""}, {"user_data": "x" * 1025}, {"nonce": b"x" * 1025}):
                self.fails(vsattest.UsageError, "invalid_argument", function, **keywords)
            for keywords in ({"nonce": 5}, {"user_data": ["x"]}, {"generate_key": 1},
                             {"generate_key": None}):
                self.fails(vsattest.WrongTypeError, "invalid_argument", function, **keywords)

    def test_one_connection_is_reused(self):
        for _ in range(5):
            self.client_.ping()
        self.assertEqual(self.client_.get_status()["connections"], 1)

    def test_a_limit_on_connections(self):
        with self.connect(max_connections=2) as client:
            threads = [threading.Thread(target=client.request_attestation) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(harness.PATIENCE)
            self.assertLessEqual(client.get_status()["connections"], 2)

    def test_close_while_calls_are_under_way(self):
        """Those get their replies; what comes later is refused."""
        client = self.connect()
        results = []

        def work():
            for _ in range(100):
                try:
                    results.append(client.request_and_verify()["verified"])
                except vsattest.UsageError:
                    return

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        harness.wait_until(lambda: results, "the first reply")
        client.close()
        for thread in threads:
            thread.join(harness.PATIENCE)
            self.assertFalse(thread.is_alive())
        self.assertEqual(set(results) | {True}, {True})

    def test_restarted_server(self):
        self.assertIs(self.client_.ping(), True)
        self.assertEqual(self.enclave_service.stop(), 0)
        self.assertIs(self.client_.ping(), False)
        self.start_server()
        self.assertIs(self.client_.ping(), True)
        self.assertIs(self.client_.request_and_verify()["verified"], True)

    def test_shared_between_threads(self):
        failures = []

        def work(number):
            for turn in range(10):
                nonce = f"{number}-{turn}"
                result = self.client_.request_and_verify(nonce=nonce)
                if result.get("verification", {}).get("nonce") != nonce.encode():
                    failures.append(result)
                if not self.client_.ping():
                    failures.append("ping")

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(harness.PATIENCE)
            self.assertFalse(thread.is_alive())
        self.assertEqual(failures, [])


class Construction(ClientTestCase):
    def refused(self, *arguments, **keywords):
        with self.assertRaises(vsattest.UsageError) as raised:
            VsockAttestationClient(*arguments, **keywords)
        return raised.exception

    def test_arguments_that_make_no_sense(self):
        for arguments in ((0,), (2,), (-1,), (2**32 - 1,), (16, 0), (16, 2**32), (16, 9000, 0),
                          (16, 9000, -1), (16, 9000, float("nan")), (16, 9000, 86401)):
            self.refused(*arguments)
        self.refused(16, address="unix:/x")
        for address in ("", "unix:", "tcp:localhost", "udp:localhost:1", "vsock:any", "unix:/x\0y",
                        "unix:/" + "x" * 200):
            self.refused(address=address)
        self.refused(policy=Policy(pcrs={0: "00" * 48}))
        self.refused(policy=Policy(max_age_seconds=-1))
        self.refused(retries=-1)
        self.refused(retries=10**6)
        self.refused(max_connections=0)
        self.refused(max_connections=10**6)

    def test_types_that_are_wrong(self):
        for error in (self.refused("16"), self.refused(16.0), self.refused(True),
                      self.refused(16, "9000"), self.refused(16, 9000, "30"),
                      self.refused(address=5), self.refused(policy={"pcrs": {}}),
                      self.refused(roots="root.pem")):
            self.assertIsInstance(error, vsattest.WrongTypeError)

    def test_nothing_is_connected_to(self):
        """Making a client sends nothing."""
        VsockAttestationClient(16).close()
        VsockAttestationClient().close()

    def test_keywords_only(self):
        with self.assertRaises(TypeError):
            VsockAttestationClient(None, 9000, 30, "unix:/x")


class Unreachable(ClientTestCase):
    def setUp(self):
        super().setUp()
        self.absent = VsockAttestationClient(address="unix:" + self.path("nothing"))

    def test_ping(self):
        with self.assertLogs("vsattest", "INFO") as logs:
            self.assertIs(self.absent.ping(), False)
        self.assertIn("connection_refused", logs.output[0])

    def test_exceptions(self):
        for function in (self.absent.get_status, self.absent.request_attestation):
            error = self.fails(vsattest.TransportError, "connection_refused", function)
            self.assertEqual(error.error_class, "io")
            self.assertIn("no server listens", str(error))

    def test_verify(self):
        result = self.absent.request_and_verify(save_to_file=self.path("saved"))
        program = self.json_of(
            self.client("--connect", "unix:" + self.path("nothing"), "--verify", "--json"), 3)
        self.assertEqual(result, program)
        self.assertFalse(os.path.exists(self.path("saved")))

    def test_timeout(self):
        server = support.SocketServer(self.path("silent"), support.wait_for_hangup)
        self.addCleanup(server.close)
        client = VsockAttestationClient(address="unix:" + self.path("silent"), timeout=0.2)
        self.fails(vsattest.TransportError, "timeout", client.get_status)

    def test_other_threads_go_on_meanwhile(self):
        """Calls into C release the GIL."""
        server = support.SocketServer(self.path("silent"), support.wait_for_hangup)
        self.addCleanup(server.close)
        client = VsockAttestationClient(address="unix:" + self.path("silent"), timeout=2)
        thread = threading.Thread(target=client.ping)
        thread.start()
        turns = 0
        while thread.is_alive():
            turns += 1
            time.sleep(0.001)
        # With the GIL held for those two seconds it would be one or two.
        self.assertGreater(turns, 20)


class Liars(ClientTestCase):
    """Whatever the peer says, nothing but its document counts."""

    def answer(self, answer):
        server = support.lying_server(self.path("liar"), answer)
        self.addCleanup(server.close)
        return VsockAttestationClient(address="unix:" + self.path("liar"), timeout=5)

    def test_no_json(self):
        client = self.answer(lambda request: b"hello\n")
        self.assertIs(client.ping(), False)
        self.fails(vsattest.MalformedError, "json_invalid", client.get_status)

    def test_no_reply(self):
        client = self.answer(lambda request: None)
        self.assertIs(client.ping(), False)
        self.fails(vsattest.TransportError, "connection_closed", client.get_status)

    def test_claims_without_a_document(self):
        client = self.answer(lambda request: {"success": True, "verified": True,
                                              "verification": {"module_id": "i-liar"}})
        result = client.request_and_verify()
        self.assertIs(result["success"], False)
        self.assertIs(result["verified"], False)
        self.assertNotIn("verification", result)
        self.assertEqual(result["error_code"], "reply_invalid")

    def test_a_document_of_no_sense(self):
        client = self.answer(lambda request: support.document_reply(b"\xd2\x80"))
        result = client.request_and_verify()
        self.assertIs(result["success"], True)
        self.assertIs(result["verified"], False)
        self.assertEqual(result["error_code"], "cose_invalid")

    def test_busy(self):
        asked = []

        def answer(request):
            asked.append(request)
            if len(asked) % 3 == 0:
                return {"success": True, "message": "pong"}
            return {"success": False, "error": "later", "error_code": "busy",
                    "retry_after_ms": 1}

        client = self.answer(answer)
        self.assertIs(client.ping(), False)
        self.fails(vsattest.LimitError, "busy", client.get_status)
        self.assertIs(client.ping(), True)
        patient = VsockAttestationClient(address="unix:" + self.path("liar"), retries=2)
        self.assertIs(patient.ping(), True)
        self.assertEqual(len(asked), 6)

    def test_replayed_document(self):
        self.start_enclave()
        old = self.connect().request_attestation(nonce="old")
        client = VsockAttestationClient(
            address="unix:" + self.path("liar"), roots=[pathlib.Path(self.root)])
        server = support.lying_server(
            self.path("liar"),
            lambda request: support.document_reply(
                base64.b64decode(old["attestation_document"]), nonce=request["nonce"]))
        self.addCleanup(server.close)
        result = client.request_and_verify(nonce="new")
        self.assertIs(result["verified"], False)
        self.assertEqual(result["error_code"], "nonce_mismatch")
        self.assertIs(client.request_and_verify(nonce="old")["verified"], True)

    def test_words_of_the_peer(self):
        client = self.answer(lambda request: json.dumps(
            {"success": False, "error": "\x1b[2J\u202e" + "x" * 500, "error_code": "nonsense",
             "id": request["id"]}).encode() + b"\n")
        error = self.fails(vsattest.PolicyError, "refused_by_peer", client.get_status)
        self.assertNotIn("\x1b", str(error))


class Closed(ClientTestCase):
    def setUp(self):
        super().setUp()
        self.start_enclave()

    def test_use_after_close(self):
        client = self.connect()
        self.assertIs(client.ping(), True)
        client.close()
        client.close()
        for function in (client.ping, client.get_status, client.request_attestation,
                         client.request_and_verify):
            self.fails(vsattest.UsageError, "invalid_argument", function)
        self.fails(vsattest.UsageError, "invalid_argument", client.send_request,
                   {"command": "ping"})

    def test_with(self):
        with self.connect() as client:
            self.assertIs(client.ping(), True)
        self.fails(vsattest.UsageError, "invalid_argument", client.ping)

    def test_close_hangs_up(self):
        client, other = self.connect(), self.connect()
        client.ping()
        self.assertEqual(other.get_status()["connections"], 2)
        client.close()
        harness.wait_until(lambda: other.get_status()["connections"] == 1, "hanging up")

    def test_dropping_it_hangs_up(self):
        other = self.connect()
        client = VsockAttestationClient(address=self.enclave)
        client.ping()
        self.assertEqual(other.get_status()["connections"], 2)
        del client
        harness.wait_until(lambda: other.get_status()["connections"] == 1, "hanging up")

    def test_fork(self):
        """A child of fork() has a connection of its own; the parent's stays good."""
        client = self.connect()
        self.assertIs(client.request_and_verify(nonce="parent")["verified"], True)
        child = os.fork()
        if child == 0:
            try:
                good = all(client.request_and_verify(nonce=f"child-{n}")["nonce"] == f"child-{n}"
                           for n in range(5))
                os._exit(0 if good else 1)
            except BaseException:
                os._exit(2)
        for turn in range(5):
            result = client.request_and_verify(nonce=f"parent-{turn}")
            self.assertEqual(result["verification"]["nonce"], b"parent-%d" % turn)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertIs(client.ping(), True)

    def test_fork_while_a_call_is_under_way(self):
        """Locks held by threads that the child has not got do not stop it."""
        server = support.SocketServer(self.path("silent"), support.wait_for_hangup)
        self.addCleanup(server.close)
        client = VsockAttestationClient(address="unix:" + self.path("silent"), timeout=2)
        thread = threading.Thread(target=client.ping)
        thread.start()
        harness.wait_until(lambda: server.connections, "the call")
        child = os.fork()
        if child == 0:
            os._exit(1 if client.ping() else 0)
        thread.join(harness.PATIENCE)
        self.assertFalse(thread.is_alive())
        deadline = time.monotonic() + harness.PATIENCE
        while True:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                break
            if time.monotonic() > deadline:
                os.kill(child, 9)
                os.waitpid(child, 0)
                self.fail("the child hangs")
            time.sleep(0.02)
        self.assertEqual(status, 0)
