# SPDX-License-Identifier: Apache-2.0
"""Whatever comes in, an exception of ours goes out: no crash, no other exception."""

import base64
import json
import pathlib
import random
import subprocess
import sys

import harness
import support
import vsattest

SEED = 20261122
VALUES = (
    None, True, False, 0, 1, -1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**1000, 10**5000, 0.0, -0.5,
    1e308, float("nan"), float("inf"), "", "x", "\0", "é", "\ud800", "x" * 1024, "x" * 1025, "x" * 100000,
    b"", b"\0", b"\xff", b"x" * 1025, bytearray(b"x"), memoryview(b"x"), memoryview(b"xyz")[::2],
    [], [None], (), (1, 2), {}, {0: 0}, {"a": "b"}, {0: "00" * 48}, set(), object(), int, len,
    Ellipsis, NotImplemented, pathlib.Path("/"), pathlib.Path("/nonexistent"), pathlib.Path("a\0b"),
    pathlib.Path("/dev/zero"), range(3), iter([]),
)


class Hostile(support.EnclaveTestCase):
    def attempt(self, function, *arguments, **keywords):
        """None, or the exception, which must be one of ours."""
        try:
            function(*arguments, **keywords)
        except vsattest.AttestationError as error:
            self.assertNotIsInstance(error, vsattest.InternalError)
            return error
        return None

    def test_values_as_documents(self):
        for value in VALUES:
            with self.subTest(value=str(type(value))):
                self.assertIsNotNone(self.attempt(vsattest.verify_attestation_document, value))

    def test_values_as_expectations(self):
        # Refused before anything else is looked at, or for the document.
        for name in ("expected_user_data", "expected_nonce", "max_age_seconds", "max_skew_seconds",
                     "expected_public_key", "pcrs", "measurements", "instance_id", "roots",
                     "allow_debug", "now"):
            for value in VALUES:
                with self.subTest(name, value=str(type(value))):
                    error = self.attempt(
                        vsattest.verify_attestation_document, b"\x84", **{name: value})
                    self.assertIsNotNone(error)

    def test_values_for_a_client(self):
        for name in ("enclave_cid", "port", "timeout", "address", "roots", "policy", "retries",
                     "max_connections"):
            for value in VALUES:
                with self.subTest(name, value=str(type(value))):
                    self.attempt(vsattest.VsockAttestationClient, **{name: value})

    def test_values_for_a_server(self):
        for name in ("port", "address", "nsm", "max_connections", "max_in_flight", "max_queue", "max_buffered",
                     "rate_limit", "rate_burst", "cache_ttl", "idle_timeout", "request_timeout",
                     "drain_timeout"):
            for value in VALUES:
                with self.subTest(name, value=str(type(value))):
                    self.attempt(vsattest.VsockAttestationServer, **{name: value})

    def test_values_for_a_document(self):
        for name in ("user_data", "nonce", "public_key", "nsm", "timeout"):
            for value in VALUES:
                keywords = {"nsm": "unix:" + self.path("nothing"), name: value}
                with self.subTest(name, value=str(type(value))):
                    error = self.attempt(vsattest.get_attestation_document, **keywords)
                    self.assertIsNotNone(error)

    def test_values_in_requests(self):
        self.start_enclave()
        with vsattest.VsockAttestationClient(address=self.enclave) as client:
            for value in VALUES:
                with self.subTest(value=str(type(value))):
                    self.attempt(client.send_request, value)
                    self.attempt(client.send_request, {"command": "ping", "x": value})
                    self.attempt(client.send_request, {"command": value})
                    self.attempt(client.request_attestation, value)
                    self.attempt(client.request_attestation, "x", value)
                    self.attempt(client.request_and_verify, "x", "y", value)
                    if isinstance(value, (str, pathlib.Path)):
                        continue  # "x" is a good name of a file
                    error = self.attempt(client.request_and_verify, save_to_file=value)
                    self.assertEqual(error is None, value is None)
            self.assertIs(client.ping(), True)

    def test_random_bytes(self):
        generator = random.Random(SEED)
        for turn in range(3000):
            data = generator.randbytes(generator.randrange(200))
            first = generator.choice((b"", b"\x84", b"\xd2\x84", b"\x84\x44\xa1\x01\x38\x22\xa0"))
            self.assertIsNotNone(self.attempt(vsattest.verify_attestation_document, first + data))
            text = base64.b64encode(data)
            self.assertIsNotNone(self.attempt(vsattest.verify_attestation_document, text))
            self.attempt(vsattest.verify_attestation_document, b"\x84", measurements=data)
            if turn % 20 == 0:  # each makes a verifier, with AWS's roots
                self.attempt(vsattest.verify_attestation_document, b"\x84", roots=[data])

    def test_changed_documents(self):
        """Each byte of a good document matters, but for the malleable signature."""
        self.start_nsm()
        roots = [pathlib.Path(self.root)]
        document = vsattest.get_attestation_document("x", nsm=self.nsm)
        vsattest.verify_attestation_document(document, roots=roots)
        generator = random.Random(SEED)
        for _ in range(300):
            place = generator.randrange(len(document))
            changed = bytearray(document)
            changed[place] ^= 1 << generator.randrange(8)
            error = self.attempt(vsattest.verify_attestation_document, changed, roots=roots)
            self.assertIsNotNone(error, place)

    def test_replies_of_random_bytes(self):
        generator = random.Random(SEED)
        words = [b"{", b"}", b'"success"', b":", b"true", b'"attestation_document"', b",", b"[",
                 b'"hEShATgi"', b"\xff", b"\0", b"1e999", b'"id"', b"1"]

        def answer(request):
            return b"".join(generator.choice(words) for _ in range(12)) + b"\n"

        server = support.lying_server(self.path("liar"), answer)
        self.addCleanup(server.close)
        with vsattest.VsockAttestationClient(address="unix:" + self.path("liar")) as client:
            for _ in range(200):
                self.assertIs(client.ping(), False)
                self.assertIsNotNone(self.attempt(client.get_status))
                self.assertIs(client.request_and_verify()["verified"], False)

    def test_huge_input(self):
        for size in (1 << 20, (1 << 20) + 1, 1 << 26):
            error = self.attempt(vsattest.verify_attestation_document, b"A" * size)
            self.assertIn(error.error_class, ("limit", "syntax", "format"))

    def test_objects_that_misbehave(self):
        class Rude(dict):
            def items(self):
                raise RuntimeError("no")

        class Index(int):
            def __index__(self):
                raise RuntimeError("no")

        class Text(str):
            def encode(self, *_):
                return 5

        with self.assertRaises(RuntimeError):  # the caller's own
            vsattest.verify_attestation_document(b"\x84", pcrs=Rude())
        self.attempt(vsattest.verify_attestation_document, b"\x84", pcrs={Index(1): "ee" * 48})
        with self.assertRaises((vsattest.AttestationError, TypeError)):
            vsattest.verify_attestation_document(Text("x"))

    def test_end_of_the_interpreter(self):
        """A client in use when Python ends is no crash."""
        script = (
            "import threading, time, vsattest\n"
            f"c = vsattest.VsockAttestationClient(address='unix:{self.path('silent')}', timeout=600)\n"
            "threading.Thread(target=c.ping, daemon=True).start()\n"
            "input()\n"
        )
        server = support.SocketServer(self.path("silent"), support.wait_for_hangup)
        self.addCleanup(server.close)
        with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            self.addCleanup(process.kill)
            harness.wait_until(lambda: server.connections, "the call")
            output, errors = process.communicate(b"\n", harness.PATIENCE)
        done = subprocess.CompletedProcess(process.args, process.returncode, output, errors)
        self.assert_exit(done, 0)
        self.assertEqual(done.stderr, b"")

    def test_json_of_a_reply_is_strict(self):
        """What jansson accepts, Python's json reads the same: no key twice, no NaN."""
        def answer(request):
            return (b'{"success":true,"status":"running","uptime":1,"uptime":2,"id":%d}\n'
                    % request["id"])

        server = support.lying_server(self.path("liar"), answer)
        self.addCleanup(server.close)
        with vsattest.VsockAttestationClient(address="unix:" + self.path("liar")) as client:
            error = self.attempt(client.get_status)
        self.assertIn(error.error_code, ("duplicate_key", "json_invalid"))

    def test_text_survives(self):
        self.start_enclave()
        with vsattest.VsockAttestationClient(address=self.enclave) as client:
            for text in ("\0", "é\u202e", "\U0001f600", '"\\/\n'):
                reply = client.send_request({"command": "attest", "user_data": text})
                self.assertEqual(reply["user_data"], text, json.dumps(text))
