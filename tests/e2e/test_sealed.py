# SPDX-License-Identifier: Apache-2.0
"""Sealed requests from end to end: vsock_client seals, enclave_app opens, and a relay between them looks.

What single bytes, keys and times do is in the unit tests; here is what a parent sees, and what it can do.
"""

import base64
import json
import os
import re
import subprocess
import unittest

import harness
import support
import test_server

ATTEST = {"command": "attest", "nonce": "marker-of-the-request"}


class Relay(support.SocketServer):
    """A parent: carries lines, keeps them, and may change what it carries."""

    def __init__(self, path, to):
        self.to = to
        self.seen = []
        self.change = lambda line: [line]
        super().__init__(path, self.carry)

    def carry(self, client):
        with test_server.Client(self.to) as enclave:
            for line in client.makefile("rb"):
                self.seen.append(line)
                for changed in self.change(line):
                    enclave.socket.sendall(changed)
                    reply = enclave.file.readline()
                    self.seen.append(reply)
                client.sendall(reply)


class SealedTestCase(test_server.ServerTestCase):
    def start(self):
        super().start()
        self.relay = Relay(self.path("parent"), self.server_path)
        self.addCleanup(self.relay.close)

    def sealed(self, request, *options, to="parent", status=0):
        return super().sealed(request, *options, to=self.path(to), status=status)


class Sealed(SealedTestCase):
    def test_the_parent_sees_nothing(self):
        for options in ((), ("--aad", "tenant-1")):
            self.relay.seen.clear()
            reply = self.sealed(ATTEST, *options)
            self.assertEqual(reply["nonce"], ATTEST["nonce"])
            seen = b"".join(self.relay.seen)
            self.assertGreater(len(seen), 5000)
            marker = ATTEST["nonce"].encode()
            self.assertNotIn(marker, seen)
            # Whatever the place in its base64.
            for shift in range(3):
                encoded = base64.b64encode(b"x" * shift + marker)[4:-4]
                self.assertNotIn(encoded, seen)
            for line in self.relay.seen[2:]:
                self.assertNotIn(b"attestation_document", line)
            sealed = json.loads(self.relay.seen[2])
            self.assertEqual(sealed["command"], "sealed")
            self.assertEqual((len(base64.b64decode(sealed["sealed"])) - 7 - 32 - 16) % 256, 0)

    def test_numbers_and_log_name_no_command(self):
        def numbers():
            text = self.ask({"command": "metrics"})["metrics"]
            return {
                name: value for name, value in re.findall(r"^(\S+) (\S+)$", text, re.M)
                if not re.search(r"process_|uptime|nsm_|connections|buffered", name)
            }

        self.sealed({"command": "ping"})
        before = numbers()
        for request in ({"command": "ping"}, {"command": "nothing"}, {"command": "status"}):
            self.sealed(request, status=0 if request["command"] != "nothing" else 1)
        after = numbers()
        changed = {name: int(after[name]) - int(before[name]) for name in after if after[name] != before[name]}
        self.assertEqual(changed, {
            'vsattest_requests_total{command="sealed"}': 3,
            'vsattest_requests_total{command="seal_key"}': 3,
            'vsattest_requests_total{command="metrics"}': 1,
        })
        self.assertEqual({line.get("command") for line in self.logged("request")} - {"metrics", "status"},
                         {"seal_key", "sealed"})

    def test_status(self):
        for uses in range(3):
            sealing = self.ask({"command": "status", "id": uses})["sealing"]
            self.assertEqual((sealing["suite"], sealing["uses"]), ("x25519", uses))
            self.assertIn(sealing["key_id"], range(256))
            self.assertGreaterEqual(sealing["age_ms"], 0)
            self.sealed({"command": "ping"})
            self.wait_for_new_status()

    def wait_for_new_status(self):
        before = self.ask({"command": "status"})["uptime"]
        harness.wait_until(lambda: self.ask({"command": "status"})["uptime"] > before, "a second")

    def test_a_line_twice(self):
        self.relay.change = lambda line: [line, line] if b"sealed" in line else [line]
        self.assertIn("perhaps carried out", self.sealed({"command": "ping"}, status=3))
        self.assertIn(b"sealed_replayed", self.relay.seen[-1])
        self.assertIn(b'"success":true', self.relay.seen[-2])

    def test_over_many_connections_at_once(self):
        self.sealed({"command": "ping"})
        lines = []
        self.relay.change = lambda line: lines.append(line) or ([] if b'"sealed"' in line else [line])
        with self.assertRaises(Exception):
            self.sealed({"command": "ping"}, "--timeout", "1")
        line = lines[-1]
        clients = [self.connect() for _ in range(20)]
        for client in clients:
            client.send(line)
        replies = [client.receive() for client in clients]
        self.assertEqual(sum(reply["success"] for reply in replies), 1)
        self.assertEqual({reply.get("error_code") for reply in replies}, {None, "sealed_replayed"})

class P384(Sealed):
    server_options = ("--seal", "p384")

    def test_the_parent_sees_nothing(self):
        self.assertEqual(self.sealed(ATTEST)["nonce"], ATTEST["nonce"])

    def test_status(self):
        self.assertEqual(self.ask({"command": "status"})["sealing"]["suite"], "p384")


class Off(test_server.ServerTestCase):
    server_options = ("--seal", "off")

    def test_it_is_unknown(self):
        for command in ("seal_key", "sealed"):
            self.assert_code(self.ask({"command": command, "nonce": "n"}), "unknown_command")
        self.assertIsNone(self.ask({"command": "status"})["sealing"])
        self.assert_alive()


class Rotation(test_server.ServerTestCase):
    server_options = ("--seal-lifetime", "1")

    def test_keys_come_and_go(self):
        def key():
            return self.ask({"command": "seal_key", "nonce": "n"})

        first = key()
        self.assertLessEqual(first["expires_in_ms"], 2000)
        harness.wait_until(lambda: key()["key_id"] == (first["key_id"] + 1) % 256, "the next key")
        self.assertEqual(self.ask({"command": "status"})["sealed_rotated_early"], 0)
        self.assert_alive()


class Senders(SealedTestCase):
    def start(self):
        for name in ("one", "other"):
            subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384",
                            "-out", self.path(name)], check=True, capture_output=True)
            subprocess.run(["openssl", "pkey", "-in", self.path(name), "-pubout", "-out",
                            self.path(name + ".pub")], check=True, capture_output=True)
        self.server_options = ("--senders", "status,attest=" + self.path("one.pub"))
        super().start()

    def test_who_may_send(self):
        one = ("--sign-key", self.path("one"))
        other = ("--sign-key", self.path("other"))
        self.assertEqual(self.sealed(ATTEST, *one)["nonce"], ATTEST["nonce"])
        self.assertIn("sender_unknown", self.sealed(ATTEST, *other, status=1))
        self.assertIn("sender_unknown", self.sealed(ATTEST, status=1))
        self.assertEqual(self.sealed({"command": "ping"}, *other)["message"], "pong")
        self.assert_code(self.ask(ATTEST), "sealed_required")
        self.assert_code(self.ask({"command": "status"}), "sealed_required")
        self.assertEqual(self.ask({"command": "ping"})["message"], "pong")

    def test_names_of_no_command(self):
        for name, words in (("statsu", "no command of this server"), ("*", "no command"),
                            ("seal_key", "is how sealed requests come"), ("sealed", "is how sealed requests come")):
            done = harness.run([harness.program("enclave_app"), "--listen", "unix:" + self.path("second"),
                                "--nsm", self.nsm, "--senders", f"{name}=" + self.path("one.pub")])
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(words, done.stderr.decode())
            self.assertFalse(os.path.exists(self.path("second")))


class Usage(support.EnclaveTestCase):
    def app(self, *options):
        return subprocess.run([harness.program("enclave_app"), "--listen", "unix:" + self.path("enclave"),
                               "--nsm", self.nsm, *options], capture_output=True, timeout=harness.PATIENCE,
                              check=False)

    def test_senders_that_are_none(self):
        self.start_nsm()
        with open(self.path("keys"), "wb") as file:
            file.write(b"no key")
        for options, status, words in (
            (["--senders", self.path("none")], 2, b"--senders " + self.path("none").encode() + b": cannot open"),
            (["--senders", self.path("keys")], 2, b"no public key"),
            (["--senders", "=" + self.path("keys")], 2, b"a command's name"),
            (["--senders", ",b=" + self.path("keys")], 2, b"a command's name"),
            (["--senders", self.path("keys"), "--seal", "off"], 2, b"sealed requests, which are off"),
            (["--backend", "unix:/b", "--backend-sealed-only", "--seal", "off"], 2, b"sealed requests, which are off"),
        ):
            with self.subTest(options=options):
                done = self.app(*options)
                self.assertEqual(done.returncode, status, done.stderr)
                self.assertIn(words, done.stderr)


if __name__ == "__main__":
    unittest.main()
