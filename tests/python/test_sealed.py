# SPDX-License-Identifier: Apache-2.0
"""client.seal(): requests that only the enclave reads, through a parent that records and changes lines."""

import base64
import gc
import json
import os
import pathlib
import random
import socket
import subprocess
import threading

import harness
import support
import vsattest
from vsattest import Policy, SealedEnclave, VsockAttestationClient

SESSIONS = int(os.environ.get("VSA_SEALED_SESSIONS", "1000"))


class Parent(support.SocketServer):
    """Between clients and the enclave: sees every byte, and does with each line what it likes."""

    def __init__(self, path, enclave):
        self.enclave = enclave
        self.address = "unix:" + path
        self.seen = bytearray()
        self.change = lambda line, to_enclave: [line]
        super().__init__(path, self.between)

    def between(self, client):
        with socket.socket(socket.AF_UNIX) as enclave:
            enclave.connect(self.enclave)
            self.connections.append(enclave)
            back = threading.Thread(target=self.carry, args=(enclave, client, False), daemon=True)
            back.start()
            self.carry(client, enclave, True)
            back.join()

    def carry(self, source, target, to_enclave):
        try:
            with source.makefile("rb") as lines:
                for line in lines:
                    self.seen += line
                    for sent in self.change(line, to_enclave):
                        target.sendall(sent)
        except (OSError, ValueError):
            pass
        support.shut_down(source, target)


def is_sealed(line):
    return b'"sealed"' in line


class SealedTestCase(support.EnclaveTestCase):
    options = ()

    def setUp(self):
        super().setUp()
        self.start_nsm()
        self.start_server("--rate-limit=0", *self.options)
        self.policy = Policy(pcrs={0: support.PCRS[0]})
        self.parent = Parent(self.path("parent"), self.path("enclave"))
        self.addCleanup(self.parent.close)

    def connect(self, **keywords):
        keywords = {"roots": [pathlib.Path(self.root)], "policy": self.policy, "timeout": 10,
                    "address": self.parent.address, **keywords}
        client = VsockAttestationClient(**keywords)
        self.addCleanup(client.close)
        return client

    def sealed_count(self):
        """Sealed requests that the enclave has answered."""
        metrics = self.client("--metrics", "--connect", self.enclave).stdout.decode()
        return int(metrics.split('vsattest_requests_total{command="sealed"} ')[1].split("\n")[0])

    def fails(self, kind, code, function, *arguments, **keywords):
        with self.assertRaises(vsattest.AttestationError) as raised:
            function(*arguments, **keywords)
        self.assertEqual((type(raised.exception), raised.exception.error_code), (kind, code),
                         raised.exception)
        return raised.exception


class Sealing(SealedTestCase):
    def test_request_and_reply(self):
        with self.connect() as client:
            enclave = client.seal()
            self.assertIsInstance(enclave, SealedEnclave)
            self.assertIsNone(enclave.thumbprint)
            self.assertEqual(enclave.send_request({"command": "ping"}), {"success": True, "message": "pong"})
            nonce = "a\u00e9\0b"
            reply = enclave.send_request({"command": "attest", "nonce": nonce}, aad=b"tenant-1")
            self.assertEqual(reply["nonce"], nonce)
            self.assertEqual(self.sealed_count(), 2)

    def test_enclave_refuses(self):
        """Inside of the seal: its authentic word."""
        enclave = self.connect().seal()
        self.fails(vsattest.PolicyError, "refused_by_peer", enclave.send_request, {"command": "none"})
        self.fails(vsattest.PolicyError, "refused_by_peer", enclave.send_request,
                   {"command": "attest", "nonce": 5})
        self.assertEqual(enclave.send_request({"command": "ping"})["message"], "pong")

    def test_only_from_a_document_that_verifies(self):
        for keywords, kind, code in (
            ({"policy": Policy()}, vsattest.UsageError, "policy_empty"),
            ({"policy": Policy(pcrs={4: b"\1" * 48})}, vsattest.UsageError, "policy_empty"),
            ({"policy": Policy(pcrs={0: b"\1" * 48})}, vsattest.PolicyError, "pcr_mismatch"),
            ({"roots": None}, vsattest.TrustError, "untrusted_root"),
        ):
            with self.subTest(keywords=keywords):
                self.fails(kind, code, self.connect(**keywords).seal)
        self.assertEqual(self.connect(policy=Policy(any_enclave=True)).seal()
                         .send_request({"command": "ping"})["message"], "pong")
        self.assertEqual(self.sealed_count(), 1)

    def test_attested_key_is_no_sealing_key(self):
        """A parent that gives a genuine document about another key instead."""
        def change(line, to_enclave):
            return [line.replace(b'"seal_key"', b'"attest","generate_key":true')] if to_enclave else [line]

        self.parent.change = change
        with self.assertRaises(vsattest.AttestationError) as raised:
            self.connect().seal()
        self.assertIn(raised.exception.error_code, ("reply_invalid", "field_invalid"))

    def test_old_document(self):
        """A parent that gives the document of an earlier client: the nonce is another."""
        kept = []

        def change(line, to_enclave):
            if not to_enclave and b"attestation_document" in line:
                kept.append(line)
                return kept[:1]
            return [line]

        self.parent.change = change
        self.connect().seal()
        self.fails(vsattest.PolicyError, "nonce_mismatch", self.connect().seal)

    def test_sign_key(self):
        key = self.path("key.pem")
        subprocess.run(["openssl", "ecparam", "-genkey", "-name", "secp384r1", "-noout", "-out", key],
                       check=True, capture_output=True, timeout=harness.PATIENCE)
        enclave = self.connect().seal(sign_key=pathlib.Path(key))
        self.assertEqual(enclave.send_request({"command": "ping"}, aad="x")["message"], "pong")
        self.assertRegex(enclave.thumbprint, "^[0-9a-f]{96}$")
        with open(key, "rb") as file:
            self.assertEqual(self.connect().seal(sign_key=file.read()).thumbprint, enclave.thumbprint)
        for bad in (b"", b"no key", "/nonexistent/key.pem"):
            with self.subTest(key=bad), self.assertRaises(vsattest.AttestationError):
                self.connect().seal(sign_key=bad)

    def test_arguments(self):
        enclave = self.connect().seal()
        for request in (None, [], "ping", 5):
            self.fails(vsattest.WrongTypeError, "invalid_argument", enclave.send_request, request)
        self.fails(vsattest.FormatError, "request_invalid", enclave.send_request, {})
        self.fails(vsattest.FormatError, "request_invalid", enclave.send_request, {"command": "x", "id": 1})
        self.fails(vsattest.WrongTypeError, "invalid_argument", enclave.send_request, {"command": "x"}, 5)
        self.fails(vsattest.LimitError, "too_large", enclave.send_request, {"command": "x"}, b"x" * 257)
        self.fails(vsattest.LimitError, "too_large", enclave.send_request, {"command": "x" * 47872})
        self.assertEqual(self.sealed_count(), 0)

    def test_lifetimes(self):
        client = self.connect()
        enclave = client.seal()
        client.close()
        self.fails(vsattest.UsageError, "invalid_argument", enclave.send_request, {"command": "ping"})
        self.fails(vsattest.UsageError, "invalid_argument", client.seal)
        enclave = self.connect().seal()  # the client has no other name
        gc.collect()
        self.assertEqual(enclave.send_request({"command": "ping"})["message"], "pong")
        child = os.fork()
        if child == 0:
            try:
                enclave.send_request({"command": "ping"})
            except vsattest.UsageError:
                os._exit(0)
            finally:
                os._exit(1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_threads(self):
        enclave = self.connect(max_connections=4).seal()
        replies = []

        def work(number):
            for i in range(20):
                text = f"{number}-{i}"
                reply = enclave.send_request({"command": "attest", "nonce": text})
                replies.append(reply["nonce"] == text)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(replies, [True] * 160)

    def test_enclave_restarts(self):
        """The old key is gone: one outcome is unknown, then a new document is verified."""
        enclave = self.connect().seal()
        enclave.send_request({"command": "ping"})
        self.assertEqual(self.enclave_service.stop(), 0)
        self.start_server()
        with self.assertRaises(vsattest.TransportError) as raised:
            enclave.send_request({"command": "ping"})
        self.assertEqual(raised.exception.error_code, "outcome_unknown")
        self.assertEqual(enclave.send_request({"command": "ping"})["message"], "pong")


class HostileParent(SealedTestCase):
    """What it does to lines of sealed requests gives the right reply, or an outcome that is unknown."""

    def unknown(self, enclave):
        error = self.fails(vsattest.TransportError, "outcome_unknown", enclave.send_request,
                           {"command": "attest", "nonce": "secret"})
        self.assertNotIn("secret", str(error))

    def test_sees_nothing(self):
        """Neither a byte of what is sealed nor its base64, at any offset, in many random sessions."""
        source = random.Random(9)
        for number in range(SESSIONS):
            marker = "m%016x%016x" % (source.getrandbits(64), source.getrandbits(64))
            client = self.connect()
            enclave = client.seal()
            for _ in range(source.choice((1, 1, 1, 2, 3))):
                padding = "x" * source.choice((0, 1, 2, 3, 100, 250, 500))
                request = {"command": "attest", "nonce": padding + marker, "user_data": marker}
                reply = enclave.send_request(request, aad=source.choice((None, f"session {number}")))
                self.assertEqual(reply["nonce"], padding + marker)
            client.close()
            self.assert_unseen(marker.encode())
            self.parent.seen.clear()
        self.assertGreaterEqual(self.sealed_count(), SESSIONS)

    def assert_unseen(self, marker):
        seen = bytes(self.parent.seen)
        self.assertIn(b'"seal_key"', seen)
        for part in (marker, marker.hex().encode()):
            self.assertNotIn(part, seen)
        for offset in range(3):
            encoded = base64.b64encode(b"\0" * offset + marker)
            # Without the characters that depend on what is beside it.
            self.assertNotIn(encoded[4 if offset else 0:-4], seen)
        self.assertNotIn(b'"nonce":"' + marker, seen)

    def test_flipped(self):
        """One bit of each line of a sealed exchange, wherever."""
        source = random.Random(3)
        state = {"to_enclave": True}

        def change(line, to_enclave):
            if not is_sealed(line) or to_enclave is not state["to_enclave"]:
                return [line]
            changed = bytearray(line)
            changed[source.randrange(len(line) - 1)] ^= 1 << source.randrange(8)
            # Two lines have two replies, of which the next request would read one: test_doubled.
            return [line if b"\n" in changed[:-1] else bytes(changed)]

        client = self.connect(timeout=2)
        enclave = client.seal()
        self.parent.change = change
        unknown = 0
        for number in range(200):
            state["to_enclave"] = number % 2 == 0
            try:
                reply = enclave.send_request({"command": "attest", "nonce": str(number)})
                # Of the outer line something may be changed that means nothing.
                self.assertEqual(reply["nonce"], str(number))
            except vsattest.TransportError as error:
                self.assertEqual(error.error_code, "outcome_unknown", error)
                unknown += 1
        self.assertGreater(unknown, 150)
        self.parent.change = lambda line, to_enclave: [line]
        self.assertEqual(enclave.send_request({"command": "ping"})["message"], "pong")

    def test_dropped(self):
        client = self.connect(timeout=0.5, retries=5)
        enclave = client.seal()
        for dropped in (True, False):
            self.parent.change = lambda line, to_enclave, dropped=dropped: (
                [] if is_sealed(line) and to_enclave is dropped else [line])
            before = self.sealed_count()
            self.unknown(enclave)
            self.assertEqual(self.sealed_count(), before + (not dropped))

    def test_doubled(self):
        """The second reply reaches no caller: at most it is in the way of the next one."""
        enclave = self.connect().seal()
        self.parent.change = lambda line, to_enclave: [line] * (2 if is_sealed(line) and to_enclave else 1)
        for number in range(20):
            try:
                reply = enclave.send_request({"command": "attest", "nonce": str(number)})
                self.assertEqual(reply["nonce"], str(number))
            except vsattest.TransportError as error:
                self.assertEqual(error.error_code, "outcome_unknown")

    def test_swapped(self):
        """Replies of two clients, exchanged."""
        held = []
        lock = threading.Lock()

        def change(line, to_enclave):
            if to_enclave or not is_sealed(line):
                return [line]
            with lock:
                held.append(json.loads(line)["sealed"])
                if len(held) == 1:
                    return [line]
                return [json.dumps({**json.loads(line), "sealed": held[-2]}).encode() + b"\n"]

        first, second = self.connect().seal(), self.connect().seal()
        self.parent.change = change
        self.assertEqual(first.send_request({"command": "ping"})["message"], "pong")
        self.unknown(second)
        self.unknown(first)

    def test_made_up(self):
        """Errors and replies that no enclave made."""
        state = {}

        def change(line, to_enclave):
            if to_enclave or not is_sealed(line):
                return [line]
            return [json.dumps({**state["reply"], "id": json.loads(line).get("id")}).encode() + b"\n"]

        enclave = self.connect(retries=5).seal()
        for reply in (
            {"success": True, "message": "pong"}, {"success": True, "sealed": ""},
            {"success": True, "sealed": base64.b64encode(bytes(64)).decode()}, {"success": True, "sealed": 5},
            {"success": False, "error": "x", "error_code": "sealed_key_unknown"},
            {"success": False, "error": "x", "error_code": "busy", "retry_after_ms": 0},
            {"success": False, "error": "x", "error_code": "idle_timeout"}, {"success": "yes"},
        ):
            with self.subTest(reply=reply):
                state["reply"] = reply
                before = self.sealed_count()
                self.parent.change = change
                self.unknown(enclave)
                self.parent.change = lambda line, to_enclave: [line]
                # It was carried out, once; the enclave counts it when its reply is on the way.
                harness.wait_until(lambda count=before: self.sealed_count() > count, "the request to be counted")
                self.assertEqual(self.sealed_count(), before + 1)

    def test_replayed_later(self):
        """Recorded lines, sent again by the parent itself in another order: none runs again."""
        recorded = []

        def change(line, to_enclave):
            if to_enclave and is_sealed(line):
                recorded.append(line)
            return [line]

        self.parent.change = change
        enclave = self.connect().seal()
        for number in range(20):
            enclave.send_request({"command": "attest", "nonce": str(number)})
        random.Random(1).shuffle(recorded)
        with socket.socket(socket.AF_UNIX) as parent:
            parent.settimeout(harness.PATIENCE)
            parent.connect(self.path("enclave"))
            with parent.makefile("rb") as replies:
                for line in recorded:
                    parent.sendall(line)
                    self.assertEqual(json.loads(replies.readline())["error_code"], "sealed_replayed")
