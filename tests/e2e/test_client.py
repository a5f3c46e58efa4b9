# SPDX-License-Identifier: Apache-2.0
"""vsock_client against real enclaves on this machine, and against peers that lie.

What would end up on vsock runs in support.Sandbox, where vsock addresses are Unix sockets.
"""

import base64
import json
import os
import socket
import stat
import threading
import time

import harness
import support

BASE64 = r"[A-Za-z0-9+/]+=*"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z"
MASKS = {
    "attestation_document": (BASE64, "<base64>"),
    "nonce": (r"[0-9a-f]{64}", "<nonce>"),
    "nonce_base64": (BASE64, "<base64>"),
    "document_size": (r"4\d{3}|5\d{3}", "<size>"),
    "timestamp": (r"\d{13}", "<ms>"),
    "version": (r"\d+\.\d+\.\d+", "<version>"),
    "uptime": (r"\d{1,3}", "<seconds>"),
    # Whether this request waited for news of the NSM is a matter of luck.
    "connections_by_state.idle": (r"[01]", "<0 or 1>"),
    "connections_by_state.busy": (r"[01]", "<0 or 1>"),
    "in_flight": (r"[01]", "<0 or 1>"),
    "buffered_bytes_limit": (r"\d{7,9}", "<bytes>"),
    "sealing.key_id": (r"\d{1,3}", "<id>"),
    "sealing.age_ms": (r"\d{1,5}", "<ms>"),
    "nsm.age_ms": (r"\d{1,5}", "<ms>"),
    "nsm_latency_us.count": (r"\d", "<count>"),
    "nsm_latency_us.p50": (r"\d{1,7}", "<us>"),
    "nsm_latency_us.p99": (r"\d{1,7}", "<us>"),
    "nsm_latency_us.max": (r"\d{1,7}", "<us>"),
    "resident_bytes": (r"\d{6,10}", "<bytes>"),
    "cpu_ms.user": (r"\d{1,5}", "<ms>"),
    "cpu_ms.system": (r"\d{1,5}", "<ms>"),
    "libraries.vsattest": (r"\d+\.\d+\.\d+", "<version>"),
    "libraries.libcrypto": (r"[A-Za-z].* \d.*", "<version>"),
    "libraries.jansson": (r"\d+\.\d+.*", "<version>"),
    "saved_to": (r"/.*/saved\.b64", "<path>/saved.b64"),
    "verification.timestamp": (r"\d{13}", "<ms>"),
    "verification.document_time": (TIME, "<time>"),
    "verification.verified_at": (TIME, "<time>"),
    "verification.public_key": (BASE64, "<base64>"),
    "verification.nonce": (r"[0-9a-f]{64}", "<nonce>"),
    "verification.nonce_base64": (BASE64, "<base64>"),
    "verification.measurements.file": (r"/.*/measurements\.json", "<file>"),
    "verification.root.sha256": (r"[0-9a-f]{64}", "<sha256>"),
    "verification.certificate.not_before": (TIME, "<time>"),
    "verification.certificate.not_after": (TIME, "<time>"),
}
FAILED = {"success", "error", "error_code"}


class ClientTestCase(support.EnclaveTestCase):
    def golden(self, name, result):
        support.assert_golden(self, name, support.masked(result, MASKS))

    def succeeds(self, *options, **keywords):
        return self.json_of(self.client("--json", *options, **keywords), 0)

    def fails(self, status, code, *options, **keywords):
        """Nothing was received: exactly this JSON, and the same for people."""
        done = self.client("--json", *options, **keywords)
        return self.check_failed(done, status, code, "--verify" in options)

    def check_failed(self, done, status, code, verifying):
        result = self.json_of(done, status)
        self.assertIs(result["success"], False)
        self.assertEqual(result["error_code"], code, result)
        members = set(FAILED)
        if verifying:
            self.assertIs(result["verified"], False)
            self.assertEqual(result["verification_error"], result["error"])
            members |= {"verified", "verification_error"}
        if code == "ambiguous_enclave":
            members.add("enclaves")
        self.assertEqual(set(result), members)
        self.assertIn(result["error"].encode(), done.stderr)
        return done

    def refuses(self, status, code, *options, **keywords):
        """A document came, and does not verify."""
        done = self.client("--json", "--verify", *options, **keywords)
        result = self.json_of(done, status)
        self.assertIs(result["success"], True)
        self.assertIs(result["verified"], False)
        self.assertEqual(result["error_code"], code, result)
        self.assertIn(result["verification_error"].encode(), done.stderr)
        self.assertNotIn("verification", result)
        base64.b64decode(result["attestation_document"], validate=True)
        plain = self.client("--verify", *options, **keywords)
        self.assert_exit(plain, status)
        self.assertEqual(plain.stdout, b"")
        return result


class Enclave(ClientTestCase):
    """Everything is as it should be."""

    def setUp(self):
        super().setUp()
        self.start_enclave()
        self.to = ("--connect", self.enclave)
        self.verify = ("--verify", "--root", self.root, *self.to)

    def test_ping(self):
        done = self.client("--ping", *self.to)
        self.assert_exit(done, 0)
        self.assertEqual((done.stdout, done.stderr), (b"Pong!\n", b""))
        self.golden("client-ping.json", self.succeeds("--ping", *self.to))

    def test_status(self):
        self.golden("client-status.json", self.succeeds("--status", *self.to))
        done = self.client("--status", *self.to)
        self.assert_exit(done, 0)
        text = done.stdout.decode()
        self.assertRegex(text, r"^Status: running for \d+ s\n")
        self.assertIn(f"reachable, module ID {support.MODULE_ID}\n", text)
        for line in (
            r"  version      \d+\.\d+\.\d+ with .*, jansson \d.*",
            r"    status     1, 0 of them failed",
            r"  connections  1: 1 (idle|busy); 2 opened, 0 refused",
            r"  waiting      \d in flight, 0 of them in the NSM's queue",
            r"  avoided      0 rate-limited, 0 cached, 0 coalesced calls of the NSM",
            r"  NSM latency  p50 \d+\.\d ms, p99 \d+\.\d ms, max \d+\.\d ms "
            r"\(\d exchanges, 0 failed\)",
            r"  memory       \d+\.\d MiB",
            r"  CPU time     \d+\.\d\d s user, \d+\.\d\d s system",
        ):
            self.assertRegex(text, rf"(?m)^{line}$")

    def test_metrics(self):
        done = self.client("--metrics", *self.to)
        self.assert_exit(done, 0)
        self.assertRegex(done.stdout, rb'(?m)^vsattest_requests_total\{command="ping"\} 0$')
        result = self.succeeds("--metrics", *self.to)
        self.assertEqual(set(result), {"success", "metrics"})

    def test_attest(self):
        self.golden("client-attest.json", self.succeeds("--attest", *self.to))
        done = self.client("--attest", "--generate-key", *self.to)
        self.assert_exit(done, 0)
        self.assertIn(b"nothing in it was verified", done.stderr)
        # What it prints is what verifier reads.
        verified = harness.run(
            [harness.program("verifier"), "--json", "--root", self.root], stdin=done.stdout
        )
        result = self.json_of(verified, 0)
        self.assertEqual(result["user_data"], "hello-from-enclave")
        self.assertIsNone(result["nonce"])
        self.assertEqual(len(base64.b64decode(result["public_key"])), 120)

    def test_verify_with_everything(self):
        measurements = self.path("measurements.json")
        with open(measurements, "w", encoding="utf-8") as file:
            file.write("Enclave Image successfully created.\n")
            pcrs = {f"PCR{index}": value for index, value in support.PCRS.items()}
            json.dump({"Measurements": {"HashAlgorithm": "Sha384 { ... }", **pcrs}}, file)
        done = self.client(
            "--json",
            *self.verify,
            "--generate-key",
            "--user-data=session-12345",
            "--nonce=challenge-abc",
            "--measurements", measurements,
            "--instance-id", support.INSTANCE_ID,
            "--save", self.path("saved.b64"),
        )
        result = self.json_of(done, 0)
        self.golden("client-verify.json", result)
        self.assertEqual(result["document_size"],
                         len(base64.b64decode(result["attestation_document"])))
        self.assertEqual(done.stderr.decode(),
                         f"vsock_client: {support.OTHER_ROOT}"
                         f"vsock_client: document saved to {self.path('saved.b64')}\n")

    def test_verify_without_nonce_makes_one(self):
        first = self.succeeds(*self.verify)
        second = self.succeeds(*self.verify)
        self.golden("client-verify-random-nonce.json", first)
        self.assertNotEqual(first["nonce"], second["nonce"])
        self.assertEqual(first["nonce"], first["verification"]["nonce"])
        # None named, so the server's own, which is not compared.
        self.assertEqual(first["user_data"], "hello-from-enclave")

    def test_verify_for_people(self):
        done = self.client(*self.verify, "--generate-key", f"--pcr=0={support.PCRS[0]}")
        self.assert_exit(done, 0)
        text = done.stdout.decode()
        self.assertTrue(text.startswith("Verified: "))
        self.assertIn(support.MODULE_ID, text)
        self.assertRegex(text, r'nonce +as expected +"[0-9a-f]{64}"')
        self.assertIn("NOT AWS's", text.splitlines()[0])
        self.assertEqual(done.stderr.decode(), "vsock_client: " + support.OTHER_ROOT)

    def test_no_pcr_is_warned_of(self):
        done = self.client("--json", *self.verify)
        self.assertEqual(self.json_of(done, 0)["verification"]["pcrs_checked"], [])
        self.assertIn(b"warning: no PCR was checked", done.stderr)

    def test_attest_beside_verify_is_verify(self):
        self.assertIs(self.succeeds("--attest", *self.verify)["verified"], True)
        self.assertIs(self.succeeds(*self.verify, "--attest")["verified"], True)

    def test_binary_values_go_both_ways(self):
        nonce = base64.b64encode(bytes(range(128, 192))).decode()
        data = base64.b64encode(b"\xff\x00").decode()
        result = self.succeeds(*self.verify, "--nonce-base64", nonce, "--user-data-base64", data)
        self.assertIsNone(result["verification"]["nonce"])
        self.assertEqual(result["verification"]["nonce_base64"], nonce)
        self.assertEqual(result["user_data_base64"], data)

    def test_nonce_in_hexadecimal(self):
        result = self.succeeds(*self.verify, "--nonce-hex", "00ff" * 10)
        self.assertEqual(result["nonce_base64"], base64.b64encode(b"\x00\xff" * 10).decode())

    def test_clocks_that_differ_are_named(self):
        support.slow_post(self, self.path("enclave"), self.path("slow"))
        done = self.client("--verify", "--root", self.root, "--connect",
                           "unix:" + self.path("slow"), "--max-age", "0")
        self.assert_exit(done, 1)
        self.assertIn(b"check the clocks. This machine says 20", done.stderr)
        done = self.client(*self.verify, "--at", "document")
        self.assert_exit(done, 2)
        self.assertIn(b"--at document is for saved documents", done.stderr)

    def test_largest_values_go_both_ways(self):
        result = self.succeeds(
            *self.verify, "--nonce", "n" * 1024, "--user-data", "ü" * 512, "--generate-key"
        )
        self.assertEqual(result["verification"]["nonce"], "n" * 1024)
        self.assertEqual(result["verification"]["user_data"], "ü" * 512)

    def test_odd_text_goes_both_ways(self):
        for text in ('"quotes" \\ and / slashes', "\x1b[31mred\x7f\n\ttab", "日本語 \u0085 é", " "):
            with self.subTest(text):
                result = self.succeeds(*self.verify, "--user-data", text, "--nonce", text)
                self.assertEqual(result["verification"]["user_data"], text)
                # For people, no control character gets through to the terminal.
                done = self.client(*self.verify, "--user-data", text, "--nonce", text)
                self.assert_exit(done, 0)
                shown = done.stdout.decode().replace("\n", "")
                self.assertTrue(shown.isprintable(), shown)

    def test_empty_user_data_is_a_value(self):
        result = self.succeeds(*self.verify, "--user-data", "")
        self.assertEqual(result["verification"]["user_data"], "")

    def test_policy_refuses(self):
        wrong = "77" * 48
        self.refuses(1, "pcr_mismatch", *self.verify, f"--pcr=1={wrong}")
        self.refuses(1, "pcr_missing", *self.verify, f"--pcr=16={wrong}")
        self.refuses(1, "instance_mismatch", *self.verify, "--instance-id=i-00000000000000000")
        self.refuses(1, "document_too_old", *self.verify,
                     "--at", str(int(time.time()) + 600))
        self.refuses(1, "certificate_expired", *self.verify,
                     "--at", str(int(time.time()) + 4 * 3600))
        result = self.refuses(1, "untrusted_root", *self.to)
        self.assertIn("not a trusted one", result["verification_error"])

    def test_refused_for_people(self):
        done = self.client("--verify", *self.to)
        self.assert_exit(done, 1)
        self.assertIn(b"--root FILE", done.stderr)

    def test_example_request_attestation(self):
        """examples/request_attestation.c does what its header says."""
        program = harness.example("request_attestation")
        done = harness.run([program, self.enclave, support.PCRS[0], self.root])
        self.assert_exit(done, 0)
        self.assertIn(support.MODULE_ID.encode(), done.stdout)
        self.assertRegex(done.stdout, rb"public key: [A-Za-z0-9+/]{160}\n")
        for arguments, error in (
            ([self.enclave, support.PCRS[1], self.root], b"[pcr_mismatch]"),
            ([self.enclave, support.PCRS[0]], b"[untrusted_root]"),
            (["unix:" + self.path("nothing"), support.PCRS[0]], b"[connection_refused]"),
        ):
            done = harness.run([program, *arguments])
            self.assert_exit(done, 1)
            self.assertEqual(done.stdout, b"")
            self.assertIn(error, done.stderr)

    def test_example_pool(self):
        """examples/pool.c: 8 threads verify 5 documents each on 2 connections."""
        program = harness.example("pool")
        done = harness.run([program, self.enclave, support.PCRS[0], self.root])
        self.assert_exit(done, 0)
        self.assertRegex(done.stdout, rb"\Averified: 40 of 40\nconnections made: [12]\n\Z")
        done = harness.run([program, self.enclave, support.PCRS[1], self.root])
        self.assert_exit(done, 1)
        self.assertIn(b"verified: 0 of 40\n", done.stdout)
        self.assertEqual(done.stderr.count(b"[pcr_mismatch]"), 40)

    def test_mux(self):
        """The same through the Unix socket of a guest."""
        path = self.path("mux")
        mux = support.vsock_mux(path, {9000: self.path("enclave")})
        self.addCleanup(mux.close)
        to = ("--connect", f"vsock-mux:{path}:9000")
        done = self.client("--ping", *to)
        self.assert_exit(done, 0)
        result = self.succeeds("--verify", "--root", self.root, "--generate-key", *to)
        self.assertIs(result["verified"], True)
        self.fails(3, "connection_refused", "--ping", "--connect", f"vsock-mux:{path}:9001")


class Requests(ClientTestCase):
    """--request: any command from the command line."""

    def setUp(self):
        super().setUp()
        self.start_enclave()
        self.to = ("--connect", self.enclave)

    def request(self, text, *options, **keywords):
        return self.client("--request", text, *self.to, *options, **keywords)

    def test_reply_is_printed(self):
        for options in ((), ("--json",)):
            reply = self.json_of(self.request('{"command":"ping"}', *options), 0)
            self.assertEqual(reply, {"success": True, "message": "pong"})

    def test_where_it_comes_from(self):
        pretty = b'{\n  "command": "attest",\n  "user_data": "\xc3\xa9",\n  "nonce": null\n}\n'
        path = self.path("request.json")
        with open(path, "wb") as file:
            file.write(pretty)
        for done in (self.request("@" + path), self.request("-", stdin=pretty),
                     self.request("@/dev/stdin", stdin=pretty)):
            self.assertEqual(self.json_of(done, 0)["user_data"], "\u00e9")
            self.assertEqual(done.stderr, b"")

    def test_errors_of_the_enclave(self):
        done = self.request('{"command":"no_such"}')
        self.assert_exit(done, 1)
        self.assertEqual(done.stdout, b"")
        self.assertIn(b"[unknown_command]", done.stderr)
        self.fails(1, "refused_by_peer", "--request", '{"command":"no_such"}', *self.to)
        self.fails(1, "refused_by_peer", "--request", '{"command":"attest","nonce":5}', *self.to)

    def test_no_request(self):
        for text, code in (("", "empty_input"), ("-", "empty_input"), ("{", "json_invalid"), ("[]", "json_invalid"),
                           ("request.json", "invalid_argument"),  # without its @
                           ('{"command":5}', "field_invalid"), ("{}", "request_invalid"),
                           ('{"command":"ping","command":"ping"}', "duplicate_key"),
                           ("@/nonexistent", "io_error"), ("@", "io_error"), ("@/", "io_error")):
            with self.subTest(text=text):
                done = self.fails(2, code, "--request", text, *self.to)
                self.assertNotIn(b"ping", done.stderr)  # it may be secret
        self.assertIn(b'for example: {"command": "status"}', self.request("{}").stderr)

    def test_size(self):
        room = 65536 - len('{"command":"ping","x":"","id":1}\n')
        self.json_of(self.request("-", stdin=b'{"command":"ping","x":"%s"}' % (b"x" * room)), 0)
        for size, code in ((room + 1, "request_invalid"), (65536, "too_large")):
            text = b'{"command":"ping","x":"%s"}' % (b"x" * size)
            done = self.client("--json", "--request", "-", *self.to, stdin=text)
            self.check_failed(done, {"too_large": 2}.get(code, 4), code, False)


class Sealed(ClientTestCase):
    """--request --sealed: only the enclave reads it, and who sends it is known if that is wanted."""

    def setUp(self):
        super().setUp()
        self.start_enclave()
        self.to = ("--connect", self.enclave, "--root", self.root)
        self.expected = [f"--pcr={index}={value}" for index, value in support.PCRS.items()]

    def sealed(self, text, *options, **keywords):
        return self.client("--request", text, "--sealed", *self.to, *self.expected, *options, **keywords)

    def sealed_count(self):
        text = self.client("--metrics", "--connect", self.enclave).stdout.decode()
        return int(text.split('vsattest_requests_total{command="sealed"} ')[1].split("\n")[0])

    def test_reply_is_printed(self):
        for options in ((), ("--json",), ("--aad", "tenant-1"), ("--idempotent", "--retries=3")):
            done = self.sealed("-", *options, stdin=b'{"command":"ping"}')
            self.assertEqual(self.json_of(done, 0), {"success": True, "message": "pong"})
            self.assertEqual(done.stderr, b"")
        self.assertEqual(self.sealed_count(), 4)

    def test_enclave_refuses(self):
        done = self.sealed('{"command":"no_such"}')
        self.assert_exit(done, 1)
        self.assertEqual(done.stdout, b"")
        self.assertIn(b"[unknown_command]", done.stderr)

    def test_sent_to_no_other_enclave(self):
        """What does not verify gets nothing."""
        for expected, status, code in (
            ([], 2, "policy_empty"),
            (["--pcr=4=" + "44" * 48], 2, "policy_empty"),
            (["--pcr=0=" + "44" * 48], 1, "pcr_mismatch"),
        ):
            with self.subTest(expected=expected):
                self.expected = expected
                self.check_failed(self.sealed('{"command":"ping"}', "--json"), status, code, False)
        self.to = ("--connect", self.enclave)
        self.expected = ["--pcr=0=" + support.PCRS[0]]
        self.check_failed(self.sealed('{"command":"ping"}', "--json"), 1, "untrusted_root", False)
        self.assertEqual(self.sealed_count(), 0)

    def test_sign_key(self):
        key = self.path("key.pem")
        harness.run(["openssl", "ecparam", "-genkey", "-name", "secp384r1", "-noout", "-out", key])
        self.json_of(self.sealed('{"command":"ping"}', "--sign-key", key), 0)
        with open(key, "rb") as file:
            done = self.sealed('{"command":"ping"}', "--sign-key", "-", stdin=file.read())
        self.json_of(done, 0)
        public = self.path("senders.pem")
        harness.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public])
        self.enclave_service.stop()
        self.start_server("--senders", public)
        self.json_of(self.sealed('{"command":"ping"}', "--sign-key", key), 0)
        done = self.sealed('{"command":"ping"}')
        self.assert_exit(done, 1)
        self.assertIn(b"[sender_unknown]", done.stderr)
        self.assertIn(b"--sign-key FILE", done.stderr)
        for path, words in ((self.path("none"), b"cannot open"), (self.root, b"--sign-key"), ("/dev/null", b"")):
            with self.subTest(path=path):
                done = self.sealed('{"command":"ping"}', "--sign-key", path)
                self.assert_exit(done, 2)
                self.assertIn(words, done.stderr)

    def test_request_among_the_arguments(self):
        """Other users read it there: ps shows it."""
        path = self.path("request.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write('{"command":"ping"}')
        for text, options, warned in (('{"command":"ping"}', {}, True), ("@" + path, {}, False),
                                      ("-", {"stdin": b'{"command":"ping"}'}, False)):
            with self.subTest(text=text):
                done = self.sealed(text, **options)
                self.json_of(done, 0)
                self.assertEqual(b"among the arguments: --request @FILE or --request -" in done.stderr, warned)
        done = self.client("--request", '{"command":"ping"}', *self.to)
        self.assertNotIn(b"among the arguments", done.stderr)

    def test_enclave_takes_none(self):
        self.enclave_service.stop()
        self.start_server("--seal", "off")
        done = self.sealed('{"command":"ping"}')
        self.assert_exit(done, 1)
        self.assertIn(b"no sealing key: the enclave refused: Unknown command [unknown_command]", done.stderr)

    def test_outcome_unknown(self):
        """A parent that hides the reply: status 3, and sent again with --idempotent only."""
        hides = self.path("hides")
        hidden = []

        def serve(listener):
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client, socket.socket(socket.AF_UNIX) as enclave:
                    enclave.connect(self.path("enclave"))
                    replies = enclave.makefile("rb")
                    for line in client.makefile("rb"):
                        enclave.sendall(line)
                        reply = replies.readline()
                        if b'"sealed"' in line and len(hidden) < 1:
                            hidden.append(reply)
                            break
                        client.sendall(reply)

        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(hides)
            listener.listen(8)
            thread = threading.Thread(target=serve, args=(listener,), daemon=True)
            thread.start()
            self.to = ("--connect", "unix:" + hides, "--root", self.root)
            self.check_failed(self.sealed('{"command":"ping"}', "--json", "--retries=5"), 3, "outcome_unknown", False)
            self.assertEqual(len(hidden), 1)
            hidden.clear()
            self.json_of(self.sealed('{"command":"ping"}', "--idempotent"), 0)
            self.assertEqual(len(hidden), 1)
            listener.shutdown(socket.SHUT_RDWR)

    def test_example(self):
        """examples/sealed_request.c does what its header says."""
        command = [harness.example("sealed_request"), self.enclave, support.PCRS[0], "attest", "user_data", self.root]
        self.assertEqual(self.json_of(harness.run(command, stdin=b"secret"), 0)["user_data"], "secret")
        key = self.path("key.pem")
        harness.run(["openssl", "ecparam", "-genkey", "-name", "secp384r1", "-noout", "-out", key])
        self.json_of(harness.run([*command, key], stdin=b"secret"), 0)
        self.assert_exit(harness.run(command, stdin=b"not UTF-8: \xff"), 2)
        done = harness.run(["sh", "-c", 'exec "$@" >/dev/full', "sh", *command], stdin=b"secret")
        self.assert_exit(done, 3)
        self.assertIn(b"carried out", done.stderr)
        command[2] = "11" * 48
        done = harness.run(command, stdin=b"secret")
        self.assert_exit(done, 1)
        self.assertIn(b"[pcr_mismatch]", done.stderr)


class SpecialEnclaves(ClientTestCase):
    def test_debug_mode(self):
        self.start_enclave("--debug-mode", measured=False)
        options = ("--root", self.root, "--connect", self.enclave)
        result = self.refuses(1, "debug_mode", *options)
        self.assertIn("debug", result["verification_error"])
        done = self.client("--json", "--verify", "--allow-debug", *options)
        result = self.json_of(done, 0)
        self.assertIs(result["verification"]["debug_mode"], True)
        self.assertIn(b"warning: the enclave runs in debug mode", done.stderr)

    def test_image_without_application_ramdisk(self):
        empty = (
            "21b9efbc184807662e966d34f390821309eeac6802309798826296bf3e8bec7c"
            "10edb30948c90ba67310f7b964fc500a"
        )
        self.start_enclave(f"--pcr=0={'11' * 48}", f"--pcr=1={'11' * 48}", f"--pcr=2={empty}",
                           measured=False)
        options = ("--verify", "--root", self.root, "--connect", self.enclave)
        done = self.client("--json", *options, f"--pcr=2={empty}")
        self.json_of(done, 0)
        self.assertIn(b"without an application ramdisk", done.stderr)
        self.assertIn(b"only PCR2", done.stderr)
        done = self.client("--json", *options, f"--pcr=0={'11' * 48}")
        self.json_of(done, 0)
        self.assertEqual(done.stderr.decode(), "vsock_client: " + support.OTHER_ROOT)

    def test_nothing_to_compare(self):
        """A usage error, before anything is asked."""
        options = ("--verify", "--connect", "unix:" + self.path("none"), "--require-pcrs")
        done = self.client("--json", *options)
        self.assertEqual(self.json_of(done, 2)["error_code"], "policy_empty")
        self.assertIn(b"--require-pcrs without --measurements FILE and --pcr", done.stderr)
        done = self.client("--json", *options, f"--pcr=0={'11' * 48}")
        self.assertEqual(self.json_of(done, 3)["success"], False)

    def test_nsm_gone(self):
        self.start_enclave()
        self.nsm_service.stop()
        self.fails(3, "nsm_unreachable", "--verify", "--connect", self.enclave)
        self.assert_exit(self.client("--ping", "--connect", self.enclave), 0)


class Lies(ClientTestCase):
    """Peers that answer something else than an honest enclave."""

    def peer(self, answer):
        path = self.path("peer")
        server = support.lying_server(path, answer)
        self.addCleanup(server.close)
        return ("--connect", "unix:" + path)

    def honest(self, request):
        return support.ask(self.path("enclave"), request)

    def test_replayed_document(self):
        """An old document with an old nonce, whatever is asked for."""
        self.start_enclave()
        old = self.honest({"command": "attest", "nonce": "old", "generate_key": True})

        def answer(request):
            nonce = request.get("nonce")
            coded = base64.b64encode(nonce.encode()).decode()
            return {**old, "nonce": nonce, "nonce_base64": coded}

        to = self.peer(answer)
        result = self.refuses(1, "nonce_mismatch", "--root", self.root, *to)
        # The server's word, which is why it counts for nothing.
        self.assertRegex(result["nonce"], "^[0-9a-f]{64}$")
        self.refuses(1, "nonce_mismatch", "--root", self.root, "--nonce=new", *to)
        # Asked for by name it is what it is.
        done = self.client("--json", "--verify", "--root", self.root, "--nonce=old", *to)
        self.json_of(done, 0)

    def test_document_without_nonce(self):
        self.start_enclave()
        old = self.honest({"command": "attest"})
        self.refuses(1, "nonce_mismatch", "--root", self.root, *self.peer(lambda request: old))

    def test_other_user_data(self):
        self.start_enclave()
        to = self.peer(lambda request: self.honest({**request, "user_data": "else"}))
        self.refuses(1, "user_data_mismatch", "--root", self.root, "--user-data=mine", *to)

    def test_no_key_in_the_document(self):
        self.start_enclave()

        def answer(request):
            return {**self.honest({**request, "generate_key": False}), "has_public_key": True}

        to = self.peer(answer)
        result = self.refuses(1, "public_key_mismatch", "--root", self.root, "--generate-key", *to)
        self.assertIs(result["has_public_key"], True)  # by the server's word
        result = self.succeeds("--verify", "--root", self.root, *to)
        self.assertIs(result["has_public_key"], False)  # by the document's

    def test_forged_signature(self):
        self.start_enclave()

        def answer(request):
            reply = self.honest(request)
            document = bytearray(base64.b64decode(reply["attestation_document"]))
            document[-1] ^= 1
            return {**reply, "attestation_document": base64.b64encode(document).decode()}

        self.refuses(1, "signature_invalid", "--root", self.root, *self.peer(answer))

    def test_no_document(self):
        for document in (b"\x84", b"hello", b"\xd2" * 100):
            to = self.peer(lambda request, document=document: support.document_reply(document))
            done = self.client("--json", "--verify", *to)
            result = self.json_of(done, 4)
            self.assertIs(result["verified"], False)
            self.assertIn("verification_error", result)
            self.doCleanups()
            self.setUp()

    def test_malformed_replies(self):
        size = 16384 + 128
        fits = support.document_reply(b"\x84" * size)
        for reply, status, code in (
            (b"hello\n", 4, "json_invalid"),
            (b"\n", 4, "empty_input"),
            (b"[]\n", 4, "json_invalid"),
            (b'{"success":true,"success":true}\n', 4, "duplicate_key"),
            (b"{}\n", 4, "reply_invalid"),
            ({"success": True}, 4, "reply_invalid"),
            (support.document_reply(b""), 4, "reply_invalid"),
            (support.document_reply(b"\x84", document_size=2), 4, "reply_invalid"),
            (support.document_reply(b"\x84", attestation_document="*"), 4, "reply_invalid"),
            (support.document_reply(b"\x84", nonce=7), 4, "reply_invalid"),
            (support.document_reply(b"\x84", user_data="x" * 1025), 4, "reply_invalid"),
            (support.document_reply(b"\x84" * (size + 1)), 4, "reply_invalid"),
            (b'{"success":true,"id":77}\n', 4, "reply_invalid"),
            (b'"' + b"x" * 65536, 4, "line_too_long"),
            (b'{"success":true', 3, "connection_closed"),
            (None, 3, "connection_closed"),
        ):
            with self.subTest(reply if reply is None else str(reply)[:60]):
                hang_up = isinstance(reply, bytes) and not reply.endswith(b"\n")

                def answer(request, reply=reply, hang_up=hang_up):
                    if hang_up:
                        raise HangUpAfter(reply)
                    return reply

                self.fails(status, code, "--verify", *self.hanging_peer(answer))
                self.doCleanups()
                self.setUp()
        # The largest document that can be is taken as one, whatever is in it.
        result = self.json_of(
            self.client("--json", "--verify", *self.peer(lambda request: fits)), 4
        )
        self.assertEqual(result["document_size"], size)

    def hanging_peer(self, answer):
        """Like peer(), but `answer` may raise HangUpAfter."""
        path = self.path("peer")

        def handle(connection):
            request = json.loads(support.read_line(connection))
            try:
                reply = answer(request)
            except HangUpAfter as last:
                connection.sendall(last.args[0])
                return
            if isinstance(reply, dict):
                reply = json.dumps({**reply, "id": request["id"]}).encode() + b"\n"
            if reply:
                connection.sendall(reply)

        server = support.SocketServer(path, handle)
        self.addCleanup(server.close)
        return ("--connect", "unix:" + path)

    def test_refusals(self):
        for code, status, expected in (
            ("busy", 3, "busy"),
            ("timeout", 3, "timeout"),
            ("too_many_connections", 3, "too_many_connections"),
            ("shutting_down", 3, "shutting_down"),
            ("nsm_unreachable", 3, "nsm_unreachable"),
            ("unknown_command", 1, "refused_by_peer"),
            ("ok", 1, "refused_by_peer"),
            ("no_such_code", 1, "refused_by_peer"),
            (None, 1, "refused_by_peer"),
        ):
            with self.subTest(code):
                reply = {"success": False, "error": "because \x1b[31mred", "error_code": code}
                for action in ("--ping", "--status", "--attest", "--verify"):
                    done = self.fails(status, expected, action, *self.peer(lambda request: reply))
                    self.assertIn(b"because ?[31mred", done.stderr)
                    self.doCleanups()
                    self.setUp()

    def test_controls_of_the_peer_stay_off_the_terminal(self):
        nasty = "\x1b[2J\x9b31m\x7f\n\u202e\u2066\u200b\u2028\ufeff\U000e0041"
        reply = {
            "success": True, "status": nasty, "uptime": 1, "version": nasty,
            "nsm": {"module_id": nasty, "reachable": True},
        }
        done = self.client("--status", *self.peer(lambda request: reply))
        self.assert_exit(done, 0)
        self.assertTrue(done.stdout.decode().replace("\n", "").isprintable(), done.stdout)
        self.doCleanups()
        self.setUp()
        done = self.client("--status", "--json", *self.peer(lambda request: reply))
        self.assertEqual(self.json_of(done, 0)["version"], nasty)
        self.assertNotIn(b"\x1b", done.stdout)
        self.assertNotIn(b"\x9b", done.stdout)

    def test_status_with_members_of_other_types(self):
        """Each line of the text stands and falls by itself; the JSON is what came."""
        reply = {
            "success": True, "status": "running", "uptime": 7, "version": "9",
            "requests": 5, "errors": 1, "connections": 2,
            "nsm": {"module_id": None, "reachable": False},
            "libraries": "none",
            "commands": {"x\x1b[2J": {"requests": 1, "errors": 0}, "ping": 3,
                         "attest": {"requests": -1, "errors": 0}},
            "connections_by_state": {"idle": 1},
            "connections_opened": 2**62, "connections_refused": "0",
            "in_flight": 1, "queue_depth": 1, "rate_limited": 1, "cached": 1, "coalesced": 1.5,
            "nsm_latency_us": None, "resident_bytes": None,
            "cpu_ms": {"user": 1500, "system": 20},
        }
        done = self.client("--status", *self.peer(lambda request: reply))
        self.assert_exit(done, 0)
        self.assertEqual(done.stdout.decode(), "\n".join([
            "Status: running for 7 s",
            "  version      9",
            "  requests     5, 1 of them failed",
            r"    x\x1b[2J      1, 0 of them failed",
            "  connections  2",
            "  NSM          not reachable",
            "  CPU time     1.50 s user, 0.02 s system",
        ]) + "\n")
        self.doCleanups()
        self.setUp()
        done = self.client("--status", "--json", *self.peer(lambda request: reply))
        self.assertEqual(self.json_of(done, 0), reply)

    def test_server_from_before_ids(self):
        """The guide's first server echoes no id and knows no error_code."""

        def handle(connection):
            while line := support.read_line(connection):
                command = json.loads(line)["command"]
                reply = {
                    "ping": {"success": True, "message": "pong"},
                    "status": {"success": True, "status": "running", "uptime": 12.5, "port": 9000},
                }.get(command, {"success": False, "error": "no NSM"})
                connection.sendall(json.dumps(reply).encode() + b"\n")

        server = support.SocketServer(self.path("peer"), handle)
        self.addCleanup(server.close)
        to = ("--connect", "unix:" + self.path("peer"))
        self.assert_exit(self.client("--ping", *to), 0)
        self.assertEqual(self.succeeds("--status", *to)["uptime"], 12.5)
        self.fails(1, "refused_by_peer", "--attest", *to)


class HangUpAfter(Exception):
    """What to say last."""


class Time(ClientTestCase):
    """No peer, a peer that does not answer, and never waiting for longer than asked."""

    def silent(self, handle):
        server = support.SocketServer(self.path("silent"), handle)
        self.addCleanup(server.close)
        return self.path("silent")

    def test_nobody_listens(self):
        done = self.fails(3, "connection_refused", "--ping", "--connect",
                          "unix:" + self.path("nothing"))
        self.assertIn(b"enclave_app --listen", done.stderr)
        self.assertNotIn(b"describe-enclaves", done.stderr)
        self.fails(3, "connection_refused", "--verify", "--connect",
                   f"vsock-mux:{self.path('nothing')}:9000")

    def test_silence(self):
        path = self.silent(support.wait_for_hangup)
        done = self.fails(3, "timeout", "--verify", "--timeout=0.5", "--connect", "unix:" + path)
        self.assertIn(b"--timeout 60", done.stderr)

    def test_silent_mux(self):
        path = self.silent(support.wait_for_hangup)
        self.fails(3, "timeout", "--ping", "--timeout=0.5", "--connect", f"vsock-mux:{path}:9000")

    def test_mux_that_says_something_else(self):
        def handle(connection):
            support.read_line(connection)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n")
            support.wait_for_hangup(connection)

        path = self.silent(handle)
        self.fails(4, "reply_invalid", "--ping", "--connect", f"vsock-mux:{path}:9000")

    def test_drop_by_drop(self):
        """A byte now and then is no progress towards a reply."""

        def handle(connection):
            while True:
                connection.sendall(b" ")
                time.sleep(0.05)

        path = self.silent(handle)
        self.fails(3, "timeout", "--ping", "--timeout=1", "--connect", "unix:" + path)


class Save(ClientTestCase):
    def setUp(self):
        super().setUp()
        self.start_enclave()
        self.saved = self.path("saved.b64")
        self.to = ("--connect", self.enclave)
        self.before = set(os.listdir(self.directory))

    def assert_saved(self, result):
        with open(self.saved, "rb") as file:
            data = file.read()
        self.assertEqual(data.decode(), result["attestation_document"] + "\n")
        self.assertEqual(stat.S_IMODE(os.stat(self.saved).st_mode), 0o600)
        # Nothing else was left behind.
        self.assertEqual(set(os.listdir(self.directory)) - self.before, {"saved.b64"})

    def test_attest(self):
        result = self.succeeds("--attest", "--save", self.saved, *self.to)
        self.assert_saved(result)
        self.assertEqual(result["saved_to"], self.saved)
        done = self.client("--attest", "--save", self.saved, *self.to)
        self.assert_exit(done, 0)
        self.assertEqual(done.stdout, b"")
        self.assertIn(f"saved to {self.saved}".encode(), done.stderr)

    def test_umask_does_not_matter(self):
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        self.assert_saved(self.succeeds("--attest", "--save", self.saved, *self.to))

    def test_relative_path(self):
        done = self.client("--json", "--attest", "--save=saved.b64", *self.to, cwd=self.directory)
        self.assert_saved(self.json_of(done, 0))

    def test_existing_file_is_replaced(self):
        with open(self.saved, "wb") as file:
            file.write(b"x" * 100000)
        os.chmod(self.saved, 0o644)
        self.assert_saved(self.succeeds("--verify", "--root", self.root, "--save", self.saved,
                                        *self.to))

    def test_refused_document_is_saved_too(self):
        result = self.json_of(
            self.client("--json", "--verify", "--save", self.saved, *self.to), 1
        )
        self.assert_saved(result)
        self.assertEqual(result["saved_to"], self.saved)

    def test_nothing_received_saves_nothing(self):
        with open(self.saved, "wb") as file:
            file.write(b"precious")
        self.fails(3, "connection_refused", "--verify", "--save", self.saved,
                   "--connect", "unix:" + self.path("nothing"))
        with open(self.saved, "rb") as file:
            self.assertEqual(file.read(), b"precious")

    def test_failing_to_save_fails(self):
        os.mkdir(self.path("directory"))
        os.symlink(self.path("root.pem"), self.path("link"))
        # Stands for devices, which a test run by root must not put at risk.
        os.mkfifo(self.path("fifo"))
        for path in (
            self.path("missing/saved.b64"),
            self.path("directory"),
            self.path("directory/"),
            self.path("link"),
            self.path("fifo"),
            "",
        ):
            with self.subTest(path):
                done = self.client("--json", "--verify", "--root", self.root, "--save", path,
                                   *self.to)
                result = self.json_of(done, 3)
                # The verification stands, the run does not.
                self.assertIs(result["verified"], True)
                self.assertIsNone(result["saved_to"])
                self.assertIn("cannot write", result["save_error"])
                self.assertIn(result["save_error"].encode(), done.stderr)
                self.fails(3, "io_error", "--attest", "--save", path, *self.to)
        self.assertEqual(os.listdir(self.path("directory")), [])
        self.assertTrue(os.path.islink(self.path("link")))
        self.assertTrue(stat.S_ISFIFO(os.lstat(self.path("fifo")).st_mode))
        self.assertEqual(
            set(os.listdir(self.directory)) - self.before, {"directory", "fifo", "link"}
        )

    def test_refused_and_not_saved(self):
        done = self.client("--json", "--verify", "--save", self.path("missing/x"), *self.to)
        result = self.json_of(done, 1)
        self.assertIs(result["verified"], False)
        self.assertIn("cannot write", result["save_error"])


class Metrics(ClientTestCase):
    TEXT = "# TYPE vsattest_up gauge\nvsattest_up{name=\"\u00fc\"} 1\n"

    def peer(self, text):
        server = support.lying_server(
            self.path("peer"), lambda request: {"success": True, "metrics": text, "more": 1}
        )
        self.addCleanup(server.close)
        return ("--connect", "unix:" + self.path("peer"))

    def test_as_it_is(self):
        to = self.peer(self.TEXT)
        done = self.client("--metrics", *to)
        self.assert_exit(done, 0)
        self.assertEqual(done.stdout.decode(), self.TEXT)
        self.assertEqual(done.stderr, b"")
        result = self.succeeds("--metrics", *to)
        self.assertEqual(result, {"success": True, "metrics": self.TEXT, "more": 1})

    def test_save_for_a_collector(self):
        """As a whole or not at all, and readable for others as the umask says."""
        saved = self.path("enclave.prom")
        to = self.peer(self.TEXT)
        before = os.umask(0o022)
        self.addCleanup(os.umask, before)
        done = self.client("--metrics", "--save", saved, *to)
        self.assert_exit(done, 0)
        self.assertEqual(done.stdout, b"")
        with open(saved, encoding="utf-8") as file:
            self.assertEqual(file.read(), self.TEXT)
        self.assertEqual(stat.S_IMODE(os.stat(saved).st_mode), 0o644)
        result = self.succeeds("--metrics", "--save", saved, *to)
        self.assertEqual(result["saved_to"], saved)
        self.fails(3, "io_error", "--metrics", "--save", self.path("missing/x"), *to)
        self.fails(3, "connection_refused", "--metrics", "--save", saved, "--connect",
                   "unix:" + self.path("nothing"))
        with open(saved, encoding="utf-8") as file:
            self.assertEqual(file.read(), self.TEXT)

    def test_no_text(self):
        for text in (None, 7, "", "up 1", "up 1\n\x1b[2J\n", "up\u00001\n", "up\u009b1\n", "\r\n", "\n",
                     "vsattest_up 1", "vsattest_up\u202e 1\n", "vsattest_up 1\nnode_load1 0\n",
                     "# HELP node_load1 vsattest_\n", "# EOF\n", 'up{job="node"} 1\n',
                     " vsattest_up 1\n", "vsattest_up 1\n\nvsattest_up 2\n"):
            with self.subTest(text):
                done = self.fails(4, "reply_invalid", "--metrics", *self.peer(text))
                self.assertNotIn(b"\x1b", done.stderr)
                self.doCleanups()
                self.setUp()


class Retries(ClientTestCase):
    """--retries: again, if that is harmless and may help, within --timeout."""

    def peer(self, *replies):
        """Gives these, the last one for ever; counts what it was asked."""
        self.asked = []

        def answer(request):
            self.asked.append(request["command"])
            return replies[min(len(self.asked), len(replies)) - 1]

        server = support.lying_server(self.path("peer"), answer)
        self.addCleanup(server.close)
        return ("--connect", "unix:" + self.path("peer"))

    def refusal(self, code, **more):
        return {"success": False, "error": "no", "error_code": code, **more}

    PONG = {"success": True, "message": "pong"}

    def test_none_by_default(self):
        self.fails(3, "busy", "--ping", *self.peer(self.refusal("busy"), self.PONG))
        self.assertEqual(self.asked, ["ping"])

    def test_until_it_works(self):
        to = self.peer(self.refusal("busy"), self.refusal("rate_limited", retry_after_ms=100),
                       self.PONG)
        self.succeeds("--ping", "--retries=5", *to)
        self.assertEqual(len(self.asked), 3)

    def test_not_more_often_than_asked_for(self):
        self.fails(3, "busy", "--ping", "--retries=2", *self.peer(self.refusal("busy")))
        self.assertEqual(len(self.asked), 3)

    def test_not_where_it_cannot_help(self):
        to = self.peer(self.refusal("unknown_command"))
        self.fails(1, "refused_by_peer", "--status", "--retries=5", *to)
        self.assertEqual(len(self.asked), 1)

    def test_waits_as_long_as_the_enclave_says(self):
        to = self.peer(self.refusal("rate_limited", retry_after_ms=1200), self.PONG)
        started = time.monotonic()
        self.succeeds("--ping", "--retries=1", *to)
        self.assertGreaterEqual(time.monotonic() - started, 1.2)

    def test_never_beyond_the_timeout(self):
        to = self.peer(self.refusal("rate_limited", retry_after_ms=3600 * 1000))
        self.fails(3, "rate_limited", "--ping", "--retries=100", f"--timeout={harness.PATIENCE}", *to)
        self.assertEqual(len(self.asked), 1)

    def test_an_enclave_that_starts_meanwhile(self):
        self.start_nsm()
        later = threading.Timer(0.5, self.start_server)
        later.start()
        self.addCleanup(later.join)
        self.succeeds("--verify", "--root", self.root, "--retries=50", "--connect",
                      "unix:" + self.path("enclave"))


class Usage(ClientTestCase):
    def test_usage(self):
        enclave = ("--connect", "unix:" + self.path("nothing"))
        pcr = "--pcr=0=" + "11" * 48
        for options in (
            [],
            ["--generate-key"],
            ["--ping", "--status"],
            ["--verify", "--ping"],
            ["--attest", "--verify", "--status"],
            ["--ping", "extra"],
            ["--ping", "--unknown"],
            ["--ping", "--port=0"],
            ["--ping", "--port=4294967295"],
            ["--ping", "--port=9000x"],
            ["--ping", "--port=-1"],
            ["--ping", "--cid=0"],
            ["--ping", "--cid=2"],
            ["--ping", "--cid=4294967295"],
            ["--ping", "--cid=any"],
            ["--ping", "--cid="],
            ["--ping", "--timeout=0"],
            ["--ping", "--timeout=-1"],
            ["--ping", "--timeout=soon"],
            ["--ping", "--timeout=86401"],
            ["--ping", "--connect=tcp:localhost"],
            ["--ping", "--connect=unix:"],
            ["--ping", "--connect=unix:" + "x" * 200],
            ["--ping", *enclave, "--cid=16"],
            ["--ping", *enclave, "--port=9000"],
            ["--ping", *enclave, "--enclave-name=x"],
            ["--ping", *enclave, "--enclave-id=x"],
            ["--ping", "--cid=16", "--enclave-name=x"],
            ["--ping", *enclave, "--generate-key"],
            ["--ping", *enclave, "--save=x"],
            ["--status", *enclave, "--nonce=x"],
            ["--status", *enclave, "--user-data=x"],
            ["--attest", *enclave, pcr],
            ["--attest", *enclave, "--allow-debug"],
            ["--attest", *enclave, "--max-age=1"],
            ["--attest", *enclave, "--max-skew=1"],
            ["--attest", *enclave, "--at=1"],
            ["--ping", *enclave, "--instance-id=i-1"],
            ["--metrics", *enclave, "--nonce=x"],
            ["--metrics", *enclave, "--at=1"],
            ["--metrics", *enclave, "--save=-"],
            ["--attest", *enclave, "--save=-"],
            ["--status", *enclave, "--save=x"],
            ["--request"],
            ["--request", '{"command":"ping","id":1}', *enclave],
            ["--request", '{"command":"ping"}', "--ping", *enclave],
            ["--request", '{"command":"ping"}', "--request", '{"command":"ping"}', *enclave],
            ["--request", '{"command":"ping"}', "--all"],
            ["--request", '{"command":"ping"}', *enclave, "--nonce=x"],
            ["--request", '{"command":"ping"}', *enclave, "--save=x"],
            ["--request", '{"command":"ping"}', *enclave, pcr],
            ["--sealed", "--ping", *enclave],
            ["--sealed", *enclave],
            ["--request", '{"command":"ping"}', *enclave, "--aad=x"],
            ["--request", '{"command":"ping"}', *enclave, "--sign-key=x"],
            ["--request", '{"command":"ping"}', *enclave, "--idempotent"],
            ["--request", '{"command":"ping"}', "--sealed", *enclave, "--nonce=x"],
            ["--request", '{"command":"ping"}', "--sealed", *enclave, "--user-data=x"],
            ["--ping", *enclave, "--retries=-1"],
            ["--ping", *enclave, "--retries=101"],
            ["--ping", *enclave, "--retries=x"],
            ["--verify", *enclave, "--nonce="],
            ["--verify", *enclave, "--nonce", "x" * 1025],
        ):
            with self.subTest(options=options):
                self.fails(2, "invalid_argument", *options)
                done = self.client(*options)
                self.assert_exit(done, 2)
                self.assertEqual(done.stdout, b"")

    def test_measurements_in_debug_mode(self):
        done = self.client("--json", "--verify", "--pcr=0=" + "00" * 48)
        self.check_failed(done, 2, "policy_pcr_invalid", True)

    def test_help_names_every_option(self):
        done = self.client("--help")
        self.assert_exit(done, 0)
        for option in (
            "ping status metrics attest verify request watch interval count all retries generate-key user-data nonce save json timeout port cid "
            "connect enclave-name enclave-id at max-age max-skew public-key pcr measurements "
            "require-pcrs instance-id root allow-debug help version"
        ).split():
            self.assertIn(f"--{option} ".encode(), done.stdout)
        self.assertRegex(self.client("--version").stdout, rb"^vsock_client \d+\.\d+\.\d+ \((OpenSSL|AWS-LC) \d[^()]*\)\n$")


class Guide(ClientTestCase):
    """The guide's commands as they stand, without --connect: nitro-cli is asked."""

    def setUp(self):
        super().setUp()
        self.sandbox = support.Sandbox(self)
        self.start_enclave()
        self.sandbox.nitro_cli(self.sandbox.describes([support.enclave_entry("app", 16)]))
        self.sandbox.link(16, 9000, self.path("enclave"))
        self.root_option = ("--root", self.root)

    def client(self, *options, **keywords):
        return self.sandbox.client(*options, **keywords)

    def test_ping(self):
        done = self.client("--ping")
        self.assert_exit(done, 0)
        self.assertEqual(done.stdout, b"Pong!\n")
        self.assertIn(b"enclave app (", done.stderr)
        self.assertIn(b"CID 16", done.stderr)
        self.assertEqual(self.sandbox.calls(), ["nitro-cli describe-enclaves"])

    def test_status(self):
        self.assert_exit(self.client("--status"), 0)
        self.assertIsInstance(self.succeeds("--status")["uptime"], int)

    def test_cid_does_not_ask(self):
        self.sandbox.link(18, 9000, self.path("enclave"))
        done = self.client("--cid", "18", "--ping")
        self.assert_exit(done, 0)
        self.assertEqual(self.sandbox.calls(), [])

    def test_loopback_cid(self):
        self.sandbox.link(1, 9000, self.path("enclave"))
        self.assert_exit(self.client("--cid=1", "--ping"), 0)

    def test_attestations(self):
        for options in (
            ["--verify"],
            ["--verify", "--generate-key"],
            ["--verify", "--user-data", "my-session-token", "--nonce", "challenge-123",
             "--generate-key"],
            ["--verify", "--generate-key", "--json"],
        ):
            self.assert_exit(self.client(*options, *self.root_option), 0)
        self.assert_exit(self.client("--attest"), 0)
        saved = self.path("attestation.b64")
        self.assert_exit(self.client("--attest", "--generate-key", "--save", saved), 0)
        done = harness.run([harness.program("verifier"), *self.root_option, saved])
        self.assert_exit(done, 0)

    def test_timeout_and_port(self):
        self.sandbox.link(16, 9001, self.path("enclave"))
        self.assert_exit(
            self.client("--timeout", "60", "--port", "9001", "--verify", *self.root_option), 0
        )

    def test_script(self):
        """The guide's bash integration, but for jq."""
        response = self.path("response.json")
        done = self.client("--verify", "--generate-key", "--save", self.path("attestation.b64"),
                           "--json", *self.root_option)
        with open(response, "wb") as file:
            file.write(done.stdout)
        with open(response, encoding="utf-8") as file:
            parsed = json.load(file)
        self.assertIs(parsed["verified"], True)
        self.assertEqual(parsed["verification"]["module_id"], support.MODULE_ID)
        self.assertIs(parsed["has_public_key"], True)
        base64.b64decode(parsed["verification"]["public_key"], validate=True)


class Finding(ClientTestCase):
    """nitro-cli and vsock in all their moods."""

    def setUp(self):
        super().setUp()
        self.sandbox = support.Sandbox(self)

    def client(self, *options, **keywords):
        return self.sandbox.client(*options, **keywords)

    def enclaves(self, *entries):
        self.sandbox.nitro_cli(self.sandbox.describes(list(entries)))

    def pong_at(self, cid):
        """A peer on CID `cid`, port 9000."""
        path = self.path(f"pong{cid}")
        server = support.lying_server(
            path, lambda request: {"success": True, "message": "pong", "cid": cid}
        )
        self.addCleanup(server.close)
        self.sandbox.link(cid, 9000, path)

    def test_no_nitro_cli(self):
        done = self.fails(3, "nitro_cli_unavailable", "--ping")
        self.assertIn(b"--cid", done.stderr)
        self.assertIn(b"--connect", done.stderr)

    def test_no_enclave(self):
        for entries in ([], [support.enclave_entry("old", 16, state="TERMINATING")]):
            self.enclaves(*entries)
            done = self.fails(3, "no_enclave", "--verify")
            self.assertIn(b"No running enclaves found", done.stderr)
            self.assertIn(b"nitro-cli run-enclave", done.stderr)

    UNREACHABLE = (
        "printf 'Failed connections: 2\\n[ E39 ] Enclave process connection failure.\\n' >&2\n"
        "exit 39")

    def test_a_dead_enclave_hides_no_others(self):
        self.sandbox.nitro_cli(self.sandbox.describes([support.enclave_entry("app", 18)])
                               .replace("exec ", "") + "\n" + self.UNREACHABLE)
        self.pong_at(18)
        for options in ((), ("--all",), ("--enclave-name", "app")):
            done = self.client("--ping", *options)
            self.assert_exit(done, 0)
            self.assertIn(b"nitro-cli could not reach 2 enclave processes", done.stderr)
        done = self.fails(3, "no_enclave", "--ping", "--enclave-name", "other")
        self.assertIn(b"nitro-cli could not reach 2", done.stderr)
        for body in ("echo '[]'", "echo broken", "true"):
            self.sandbox.nitro_cli(body + "\n" + self.UNREACHABLE)
            done = self.fails(3, "nitro_cli_unavailable", "--ping")
            self.assertIn(b"[ E39 ] Enclave process connection failure.", done.stderr)

    def test_one_of_several(self):
        self.enclaves(
            support.enclave_entry("app1", 18),
            support.enclave_entry("app2", 19, flags="DEBUG_MODE"),
            support.enclave_entry("gone", 20, state="TERMINATING"),
        )
        self.pong_at(19)
        done = self.fails(3, "ambiguous_enclave", "--ping")
        for word in (b"app1", b"app2", b"CID 18", b"CID 19", b"--enclave-name", b"--cid"):
            self.assertIn(word, done.stderr)
        self.assertNotIn(b"gone", done.stderr)
        self.assertEqual(
            support.strict_json(done.stdout)["enclaves"],
            [
                {"name": "app1", "id": f"{support.INSTANCE_ID}-enc{18:016x}", "cid": 18,
                 "debug_mode": False},
                {"name": "app2", "id": f"{support.INSTANCE_ID}-enc{19:016x}", "cid": 19,
                 "debug_mode": True},
            ],
        )
        self.assert_exit(self.client("--ping", "--enclave-name=app2"), 0)
        done = self.client("--ping", "--enclave-id", f"{support.INSTANCE_ID}-enc{19:016x}")
        self.assert_exit(done, 0)
        self.assertIn(b"warning: it runs in debug mode", done.stderr)
        done = self.fails(3, "no_enclave", "--ping", "--enclave-name=gone")
        self.assertIn(b"app1", done.stderr)
        # The other one is there, and no program listens on it.
        self.fails(3, "no_such_cid", "--ping", "--enclave-name=app1")

    def test_enclave_without_server(self):
        self.enclaves(support.enclave_entry("app", 16))
        os.mkdir(os.path.join(self.sandbox.directory, "16"))
        done = self.fails(3, "connection_refused", "--verify")
        self.assertIn(b"port 9000 of CID 16", done.stderr)
        self.assertIn(b"sudo nitro-cli describe-enclaves", done.stderr)
        self.assertIn(b"nitro-cli console", done.stderr)

    def test_no_such_cid(self):
        done = self.fails(3, "no_such_cid", "--ping", "--cid=77")
        self.assertIn(b"CID 77", done.stderr)

    def test_permission(self):
        self.sandbox.nitro_cli(
            "echo '[ E19 ] File operation failure.' >&2\n"
            "echo 'Permission denied (os error 13)' >&2\nexit 1"
        )
        self.sandbox.nitro_cli(self.sandbox.describes([support.enclave_entry("app", 16)]), "sudo")
        self.pong_at(16)
        self.assert_exit(self.client("--ping"), 0)
        self.assertEqual(
            self.sandbox.calls(),
            ["nitro-cli describe-enclaves", "sudo -n nitro-cli describe-enclaves"],
        )

    def test_permission_without_sudo(self):
        self.sandbox.nitro_cli("echo 'Permission denied' >&2; exit 1")
        self.sandbox.nitro_cli("echo 'sudo: a password is required' >&2; exit 1", "sudo")
        done = self.fails(3, "nitro_cli_unavailable", "--ping")
        self.assertIn(b"a password is required", done.stderr)

    def test_failing(self):
        self.sandbox.nitro_cli("echo '[ E39 ] Enclave process connection failure.' >&2; exit 1")
        self.sandbox.nitro_cli("exit 0", "sudo")
        done = self.fails(3, "nitro_cli_unavailable", "--ping")
        self.assertIn(b"[ E39 ]", done.stderr)
        self.assertEqual(self.sandbox.calls(), ["nitro-cli describe-enclaves"])

    def test_malformed(self):
        for body in ("echo hello", "echo '{}'", "true",
                     self.sandbox.describes([support.enclave_entry("app", 2)])):
            self.sandbox.nitro_cli(body)
            done = self.fails(4, "empty_input" if body == "true" else "json_invalid", "--ping")
            self.assertIn(b"--cid", done.stderr)

    def test_hanging(self):
        self.sandbox.nitro_cli("exec sleep 600")
        done = self.fails(3, "timeout", "--ping", "--timeout=0.5")
        self.assertIn(b"nitro-cli describe-enclaves did not end in time", done.stderr)
        self.assertIn(b"name the CID", done.stderr)
        # Nothing is said of the enclave, which was not asked.
        self.assertIn(b"To name the enclave yourself", done.stderr)
        self.assertNotIn(b"--timeout", done.stderr)

    def test_slow_nitro_cli_leaves_less_time(self):
        """The timeout is for everything together."""
        hung = []

        def handle(connection):
            begin = time.monotonic()
            support.wait_for_hangup(connection)
            hung.append(time.monotonic() - begin)

        server = support.SocketServer(self.path("silent"), handle)
        self.addCleanup(server.close)
        self.sandbox.link(16, 9000, self.path("silent"))
        self.sandbox.nitro_cli(
            "sleep 6\n" + self.sandbox.describes([support.enclave_entry("app", 16)])
        )
        self.fails(3, "timeout", "--ping", "--timeout=8")
        # Less than 2 s are left and not 8, if nitro-cli took no longer than all of them.
        if server.connections:
            harness.wait_until(lambda: hung, "its end")
            self.assertLess(hung[0], 7.5)

    def test_kernel_without_vsock(self):
        done = harness.run(
            [self.sandbox.launcher, harness.program("vsock_client"), "--ping", "--json",
             "--cid=16"]
        )
        self.check_failed(done, 3, "io_error", False)
        self.assertIn(b"no vsock support", done.stderr)
