# SPDX-License-Identifier: Apache-2.0
"""vsattest-verifierd alone: challenge, document, verdict, token; limits; files; what is published."""

import base64
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest

import harness
import support
import verifierd

ALL_99 = {name: 99 for name in (
    "instance-identity", "configuration", "executables", "file-system", "hardware", "runtime-opaque",
    "storage-opaque", "sourced-data")}


class Verdicts(verifierd.ServiceTestCase):
    def start(self, *options, nsm=(), **members):
        self.start_enclave(*nsm)
        self.nsm_policy(**members)
        return self.start_verifierd(*options)

    def appraised(self, path, document_options=(), **members):
        challenge = self.challenge(path)
        document = self.document(challenge, *document_options)
        return challenge, self.result(path, self.body(document, challenge, **members))

    def images(self, **other):
        return [{**{str(n): "ee" * 48 for n in range(3)}, "label": "old"},
                {**{str(n): support.PCRS[n] for n in range(3)}, "label": "v1.4", **other}]

    def test_challenge_to_token(self):
        path = self.start("--issuer", "https://verifier.example", pcrs=self.images())
        challenge, claims = self.appraised(path, audience="app")
        self.assertEqual(claims["eat_profile"], "tag:ietf.org,2026:rats/ear#04")
        self.assertEqual(claims["eat_nonce"], challenge)
        self.assertEqual(claims["aud"], "app")
        self.assertEqual(claims["iss"], "https://verifier.example")
        self.assertEqual(claims["exp"], claims["iat"] + 300)
        # Software's root is not AWS's: never affirming, whatever else is right.
        self.assertEqual(claims["ear_status"], "contraindicated")
        self.assertEqual(verifierd.vector(claims), {"hardware": 97, "executables": 3, "configuration": 3})
        submodule = claims["submods"][verifierd.SUBMODULE]
        self.assertEqual(submodule["ear_verifier_claims"], {"error_codes": ["untrusted_root"], "image": "v1.4"})
        self.assertEqual(submodule["ear_attester_claims"]["module_id"], support.MODULE_ID)
        self.assertEqual(submodule["ear_attester_claims"]["nonce"], base64.b64encode(challenge.encode()).decode())
        self.assertEqual(submodule["eat_nonce"], challenge)
        with open(self.path("policies/p.json"), "rb") as file:
            digest = base64.urlsafe_b64encode(hashlib.sha256(file.read()).digest()).rstrip(b"=").decode()
        self.assertEqual(submodule["ear_appraisal_policy_ids"], ["p#sha256-" + digest])

    def test_wrong_pcr(self):
        path = self.start(pcrs=self.images()[:1])
        _, claims = self.appraised(path)
        self.assertEqual(verifierd.vector(claims), {"hardware": 97, "executables": 33, "configuration": 3})

    def test_debug_mode(self):
        path = self.start(nsm=("--debug-mode",))
        _, claims = self.appraised(path)
        self.assertEqual(verifierd.vector(claims),
                         {"hardware": 97, "configuration": 96, "runtime-opaque": 96})

    def test_instance(self):
        path = self.start(instance=support.INSTANCE_ID)
        _, claims = self.appraised(path)
        self.assertEqual(verifierd.vector(claims),
                         {"hardware": 97, "configuration": 2, "instance-identity": 2})

    def test_wrong_nonce_uses_nothing_up(self):
        path = self.start()
        challenge = self.challenge(path)
        for nonce in ("something else", self.challenge(path), challenge[:-1], None):
            self.refused(path, self.body(self.document(nonce), challenge), 409, "challenge_mismatch")
        self.result(path, self.body(self.document(challenge), challenge))

    def test_redeemed_once(self):
        path = self.start()
        challenge = self.challenge(path)
        body = self.body(self.document(challenge), challenge)
        self.result(path, body)
        for _ in range(3):
            self.refused(path, body, 409, "challenge_used")

    def test_challenges_of_others(self):
        path = self.start()
        self.nsm_policy("q")
        self.verifierd.process.send_signal(signal.SIGHUP)
        harness.wait_until(lambda: "read again" in self.verifierd.log(), "the reload")
        challenge = self.challenge(path, "q")
        document = self.document(challenge)
        self.refused(path, self.body(document, challenge), 409, "challenge_unknown")
        flipped = ("B" if challenge[20] == "A" else "A").join((challenge[:20], challenge[21:]))
        self.refused(path, self.body(document, flipped, "q"), 409, "challenge_unknown")
        self.refused(path, self.body(document, challenge[:-4], "q"), 400, "challenge_malformed")
        self.refused(path, self.body(document, None, "q"), 400, "challenge_missing")
        self.result(path, self.body(document, challenge, "q"))

    def test_forged_and_cut(self):
        path = self.start()
        challenge = self.challenge(path)
        document = self.document(challenge)
        for position in (-1, -60, len(document) // 2):
            forged = bytearray(document)
            forged[position] ^= 1
            answer = verifierd.ask(path, "POST", "/v1/verify", self.body(bytes(forged), challenge))
            if answer.status == 200:
                self.assertEqual(verifierd.vector(verifierd.claims_of(answer.body.decode())), ALL_99)
                self.assertNotIn(b"ear_attester_claims", verifierd.unpadded(answer.body.decode().split(".")[1]))
            else:
                self.assertEqual((answer.status, answer.json()["error"]), (400, "document_malformed"))
        for part in (b"", document[:-1], document + b"\0", b"text"):
            self.assertEqual(
                verifierd.ask(path, "POST", "/v1/verify", self.body(part, challenge)).status, 400)
        # None of them used the challenge up.
        self.result(path, self.body(document, challenge))

    def test_forms(self):
        """JSON, raw bytes, text; a token or JSON."""
        path = self.start(challenge="optional")
        document = self.document()
        text = base64.b64encode(document)
        for body, kind in ((document, "application/cbor"), (document, "application/octet-stream"),
                           (text, "text/plain; charset=utf-8"), (text + b"\n", "text/plain")):
            answer = verifierd.ask(path, "POST", "/v1/verify?policy=p&audience=a", body, content_type=kind)
            self.assertEqual(answer.status, 200, answer.body)
            claims = verifierd.claims_of(answer.body.decode())
            self.assertEqual(claims["aud"], "a")
            self.assertNotIn("eat_nonce", claims)
        answer = verifierd.ask(path, "POST", "/v1/verify", self.body(document), accept="application/json")
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        result = answer.json()
        self.assertIs(result["affirming"], False)
        self.assertEqual(verifierd.claims_of(result["token"]), result["result"])
        challenge = self.challenge(path)
        answer = verifierd.ask(path, "POST", f"/v1/verify?policy=p&challenge={challenge}",
                               self.document(challenge), content_type="application/cbor")
        self.assertEqual(verifierd.claims_of(answer.body.decode())["eat_nonce"], challenge)

    def test_mutated_documents(self):
        """Never 5xx, never affirming, and the challenge stays."""
        path = self.start()
        challenge = self.challenge(path)
        document = self.document(challenge)
        connection = verifierd.Connection(path)
        self.addCleanup(connection.close)
        for position in range(0, len(document), max(1, len(document) // 400)):
            for bit in (1, 128):
                changed = bytearray(document)
                changed[position] ^= bit
                answer = verifierd.ask(path, "POST", "/v1/verify", self.body(bytes(changed), challenge),
                                       connection=connection)
                self.assertIn(answer.status, (200, 400, 409), answer.body)
                if answer.status == 200:
                    claims = verifierd.claims_of(answer.body.decode())
                    self.assertEqual(verifierd.vector(claims), ALL_99)
        self.result(path, self.body(document, challenge))


@unittest.skipUnless(verifierd.FAKETIME, "no libfaketime")
class RealDocuments(verifierd.ServiceTestCase):
    """AWS's own documents: at their time, and today."""

    SAMPLE, SAMPLE_TIME = "production-2023-user-data-290.bin", 1695899317
    DEBUG, DEBUG_TIME = "debug-2024-all-fields.bin", 1706120075

    def at(self, name, time, **members):
        with open(os.path.join(harness.documents(), name), "rb") as file:
            document = file.read()
        if harness.is_sanitized():
            self.skipTest("libfaketime and sanitizers do not go together")
        self.policy(challenge="optional", **members)
        # A new time for each start, on a socket of its own.
        path = self.start_verifierd(name=f"at-{time}", env=verifierd.clock_at(time))
        return self.result(path, self.body(document))

    def test_at_their_time(self):
        claims = self.at(self.SAMPLE, self.SAMPLE_TIME)
        self.assertEqual(claims["ear_status"], "affirming")
        self.assertEqual(verifierd.vector(claims), {"hardware": 2, "configuration": 3})
        self.assertLess(abs(claims["iat"] - self.SAMPLE_TIME), 60)

    def test_debug_mode(self):
        claims = self.at(self.DEBUG, self.DEBUG_TIME)
        self.assertEqual(claims["ear_status"], "contraindicated")
        self.assertEqual(verifierd.vector(claims), {"hardware": 2, "configuration": 96, "runtime-opaque": 96})

    def test_debug_mode_allowed(self):
        claims = self.at(self.DEBUG, self.DEBUG_TIME, allow_debug=True)
        self.assertEqual(claims["ear_status"], "warning")
        self.assertEqual(verifierd.vector(claims), {"hardware": 2, "configuration": 32})

    def test_today(self):
        claims = self.at(self.SAMPLE, None)
        self.assertEqual(verifierd.vector(claims), ALL_99)
        self.assertEqual(claims["submods"][verifierd.SUBMODULE]["ear_verifier_claims"],
                         {"error_codes": ["certificate_expired"]})

    def test_too_old(self):
        """Still within the certificate's three hours, and not within the policy's five minutes."""
        with self.assertRaisesRegex(AssertionError, "document_too_old"):
            self.at(self.SAMPLE, self.SAMPLE_TIME + 600)


class Requests(verifierd.ServiceTestCase):
    def start(self, *options):
        self.policy()
        return self.start_verifierd(*options)

    def assert_problem(self, answer, status, code):
        self.assertEqual((answer.status, answer.json()["error"]), (status, code), answer.body)

    def test_malformed(self):
        path = self.start()
        for body in (b"", b"{", b"[]", b'"text"', b"{}", b'{"policy":1}', b'{"policy":"p","x":"y"}',
                     b'{"policy":"p","policy":"p"}', b"[" * 60000, b'{"policy":"\xff"}', b"\0" * 100):
            for target in ("/v1/challenges", "/v1/verify"):
                answer = verifierd.ask(path, "POST", target, body, content_type="application/json")
                self.assert_problem(answer, 400, "request_malformed")
        for document in ("", "!", "AAAA", 5, None, "A" * 60000):
            answer = verifierd.ask(path, "POST", "/v1/verify", {"document": document, "policy": "p"})
            self.assertEqual(answer.status, 400)
        for audience in ("", "x" * 257, "a\nb", "a\u202eb"):
            answer = verifierd.ask(path, "POST", "/v1/verify",
                                   {"document": "AAAA", "policy": "p", "audience": audience})
            self.assert_problem(answer, 400, "request_malformed")

    def test_paths_and_methods(self):
        path = self.start()
        for method, target, status, code in (
            ("GET", "/v1/verify", 405, "method_not_allowed"),
            ("DELETE", "/v1/challenges", 405, "method_not_allowed"),
            ("POST", "/metrics", 405, "method_not_allowed"),
            ("POST", "/openapi.json", 405, "method_not_allowed"),
            ("GET", "/nothing", 404, "not_found"),
            ("GET", "/v1/policies/../../etc/passwd", 404, "policy_unknown"),
            ("GET", "/v1/policies/none", 404, "policy_unknown"),
            ("GET", "/v1/challenge", 404, "not_found"),
        ):
            self.assert_problem(verifierd.ask(path, method, target), status, code)
        self.assert_problem(verifierd.ask(path, "POST", "/v1/challenges", {"policy": "none"}), 404, "policy_unknown")
        self.assert_problem(
            verifierd.ask(path, "POST", "/v1/verify", b"x", content_type="application/xml"), 415, "type_unknown")

    def test_sizes(self):
        path = self.start()
        longest = b" " * 65519 + b'{"policy": "p"}\n\n'
        self.assertEqual(len(longest), 65536)
        answer = verifierd.ask(path, "POST", "/v1/challenges", longest, content_type="application/json")
        self.assertEqual(answer.status, 200)
        answer = verifierd.ask(path, "POST", "/v1/challenges", longest + b" ", content_type="application/json")
        self.assert_problem(answer, 413, "too_large")
        # In chunks, without a length.
        connection = verifierd.Connection(path)
        self.addCleanup(connection.close)
        connection.request("POST", "/v1/challenges", iter([b" " * 10000] * 10), encode_chunked=True,
                           headers={"Transfer-Encoding": "chunked", "Content-Type": "application/json"})
        self.assertEqual(connection.getresponse().status, 413)
        # Without an end: it is closed.
        connection = verifierd.Connection(path)
        self.addCleanup(connection.close)
        with self.assertRaises((OSError, verifierd.http.client.HTTPException)):
            connection.request("POST", "/v1/challenges", b" " * 4000000)
            connection.getresponse().read()
            raise OSError("answered")
        self.assertIn(verifierd.ask(path, "GET", "/healthz", x="y" * 20000).status, (413, 431, 414))
        self.assertEqual(verifierd.ask(path, "GET", "/healthz").status, 200)

    def test_rate_limit(self):
        path = self.start("--rate=1", "--burst=3")
        statuses = [verifierd.ask(path, "POST", "/v1/challenges", {"policy": "p"}) for _ in range(5)]
        self.assertEqual([a.status for a in statuses[:3]], [200] * 3)
        self.assert_problem(statuses[4], 429, "rate_limited")
        self.assertEqual(statuses[4].headers["Retry-After"], "1")
        # What is only read is not limited, nor is another client behind a proxy that is not trusted.
        self.assertEqual(verifierd.ask(path, "GET", "/healthz").status, 200)
        answer = verifierd.ask(path, "POST", "/v1/challenges", {"policy": "p"}, x_forwarded_for="192.0.2.1")
        self.assertEqual(answer.status, 429)

    def test_trusted_proxy(self):
        path = self.start("--rate=1", "--burst=1", "--trust-proxy")

        def status(forwarded):
            return verifierd.ask(path, "POST", "/v1/challenges", {"policy": "p"}, x_forwarded_for=forwarded).status

        self.assertEqual(status("192.0.2.1"), 200)
        self.assertEqual(status("192.0.2.2"), 200)
        self.assertEqual(status("192.0.2.1"), 429)
        # Only the last address is the proxy's; what stands before it, the client wrote.
        self.assertEqual(status("198.51.100.7, 192.0.2.2"), 429)
        self.assertEqual(status("2001:db8::1"), 200)
        self.assertEqual(status("2001:db8::2"), 429)
        self.assertEqual(status("nonsense"), 200)
        self.assertEqual(status("more nonsense"), 429)
        # IPv4 in the form of IPv6 is no network of all IPv4 clients.
        self.assertEqual(status("::ffff:192.0.2.3"), 200)
        self.assertEqual(status("::ffff:192.0.2.4"), 200)
        self.assertEqual(status("192.0.2.3"), 429)
        # A proxy may add a field of its own behind the client's.
        for chosen, expected in (("203.0.113.1", 200), ("203.0.113.2", 429)):
            connection = verifierd.Connection(path)
            self.addCleanup(connection.close)
            connection.putrequest("POST", "/v1/challenges")
            for name, text in (("X-Forwarded-For", chosen), ("x-forwarded-for", "192.0.2.5"), ("Content-Length", "15")):
                connection.putheader(name, text)
            connection.endheaders(b'{"policy": "p"}')
            self.assertEqual(connection.getresponse().status, expected)

    def test_clients(self):
        secrets = {"one": "1" * 32, "two": "2" * 43}
        self.write("clients", "".join(
            f"{name} {hashlib.sha256(secret.encode()).hexdigest()} {'1' if name == 'two' else ''}\n"
            for name, secret in secrets.items()).encode())
        path = self.start("--clients", self.path("clients"))

        def status(**headers):
            answer = verifierd.ask(path, "POST", "/v1/challenges", {"policy": "p"}, **headers)
            self.assertEqual(answer.headers.get("WWW-Authenticate"), "Bearer" if answer.status == 401 else None)
            return answer.status

        for authorization in (None, "", "Bearer ", "Bearer " + "3" * 32, "Basic " + "1" * 32, "Bearer " + "1" * 31):
            self.assertEqual(status(**({"authorization": authorization} if authorization is not None else {})), 401)
        self.assertEqual([status(authorization="bearer " + secrets["one"]) for _ in range(20)], [200] * 20)
        # Its own rate of 1, twice that at once.
        self.assertEqual([status(authorization="Bearer " + secrets["two"]) for _ in range(4)][-1], 429)
        self.assertEqual(verifierd.ask(path, "GET", "/.well-known/jwks.json").status, 200)

    def test_slow_clients_are_closed(self):
        path = self.start()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as slow:
            slow.settimeout(harness.PATIENCE)
            slow.connect(path)
            slow.sendall(b"POST /v1/verify HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx")
            self.assertEqual(verifierd.ask(path, "GET", "/healthz").status, 200)
            self.assertEqual(slow.recv(100), b"")

    def test_body_byte_by_byte(self):
        """Progress alone keeps no place: a client that sends a byte now and then is sent away, too."""
        path = self.start()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as slow:
            slow.settimeout(harness.PATIENCE)
            slow.connect(path)
            slow.sendall(b"POST /v1/verify HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n")
            begin = time.monotonic()
            with self.assertRaises(OSError):
                while time.monotonic() - begin < harness.PATIENCE:
                    slow.sendall(b"x")
                    time.sleep(1)
            self.assertGreater(time.monotonic() - begin, 9)
        self.assertEqual(verifierd.ask(path, "GET", "/healthz").status, 200)

    def test_client_with_the_name_of_an_address(self):
        """Who guesses tokens takes from the bucket of its address, never from that of a client."""
        secret = "1" * 32
        self.write("clients", f"local {hashlib.sha256(secret.encode()).hexdigest()}\n".encode())
        path = self.start("--rate=1", "--burst=3", "--clients", self.path("clients"))
        statuses = [verifierd.ask(path, "POST", "/v1/challenges", {"policy": "p"}).status for _ in range(5)]
        self.assertEqual(statuses[-1], 429)
        answer = verifierd.ask(path, "POST", "/v1/challenges", {"policy": "p"}, authorization="Bearer " + secret)
        self.assertEqual(answer.status, 200)


class Published(verifierd.ServiceTestCase):
    def test_tokens_verify(self):
        """By PyJWT and by Debian's jose, with the published keys, for both algorithms."""
        try:
            import jwt
        except ImportError:
            self.skipTest("no PyJWT")
        self.start_enclave()
        self.nsm_policy(challenge="optional")
        for curve, algorithm in (("P-256", "ES256"), ("P-384", "ES384")):
            options = self.keys(curve)
            path = self.start_verifierd(*options, name=curve)
            answer = verifierd.ask(path, "POST", "/v1/verify", self.body(self.document(), audience="app"))
            keys = verifierd.ask(path, "GET", "/.well-known/jwks.json")
            self.assertEqual(keys.headers["Cache-Control"], "max-age=300")
            key = keys.json()["keys"][0]
            token = answer.body.decode()
            self.assertEqual(jwt.get_unverified_header(token),
                             {"alg": algorithm, "kid": key["kid"], "typ": "eat+jwt"})
            decoded = jwt.decode(token, jwt.PyJWK(key).key, algorithms=[algorithm], audience="app")
            self.assertEqual(decoded, verifierd.claims_of(token))
            with self.assertRaises(jwt.InvalidSignatureError):
                jwt.decode(token[:-8] + "AAAAAAAA", jwt.PyJWK(key).key, algorithms=[algorithm], audience="app")
            if shutil.which("jose"):
                jwks = self.write("jwks", keys.body)
                self.write("token", answer.body)
                harness_run = harness.run(["jose", "jws", "ver", "-i", self.path("token"), "-k", jwks, "-O", "-"])
                self.assert_exit(harness_run, 0)
                self.assertEqual(json.loads(harness_run.stdout), decoded)
                self.write("jwk", json.dumps(key).encode())
                thumbprint = harness.run(["jose", "jwk", "thp", "-a", "S256", "-i", self.path("jwk")])
                self.assertEqual(thumbprint.stdout.decode().strip(), key["kid"])
            shutil.rmtree(self.path("keys"))

    def test_key_rotation(self):
        """A new key is published at once, and signs once all readers can have it."""
        self.start_enclave()
        self.nsm_policy(challenge="optional")
        path = self.start_verifierd(*self.keys("P-256"))

        def signer():
            token = verifierd.ask(path, "POST", "/v1/verify", self.body(self.document())).body.decode()
            return json.loads(verifierd.unpadded(token.split(".")[0]))["alg"]

        def reload(times):
            self.verifierd.process.send_signal(signal.SIGHUP)
            harness.wait_until(lambda: self.verifierd.log().count("read again") == times, "the reload")

        self.assertEqual(signer(), "ES256")
        old = os.stat(self.path("keys/P-256.pem")).st_mtime - 7200
        os.utime(self.path("keys/P-256.pem"), (old, old))
        self.keys("P-384")
        reload(1)
        self.assertEqual(len(verifierd.ask(path, "GET", "/.well-known/jwks.json").json()["keys"]), 2)
        self.assertEqual(signer(), "ES256")
        os.utime(self.path("keys/P-384.pem"), (old + 3600, old + 3600))
        reload(2)
        self.assertEqual(signer(), "ES384")
        # Copies have a time of their own; then names decide.
        for curve, seconds in (("P-256", -3600), ("P-384", 3600)):
            name = time.strftime("keys/%Y%m%dT%H%MZ.pem", time.gmtime(time.time() + seconds))
            os.rename(self.path(f"keys/{curve}.pem"), self.path(name))
            os.utime(self.path(name))
        reload(3)
        self.assertEqual(signer(), "ES256")

    def test_reload_is_all_or_nothing(self):
        self.policy("a")
        self.policy("b")
        path = self.start_verifierd()
        challenge = self.challenge(path, "a")
        self.policy("c")
        self.write("policies/b.json", b"broken")
        self.verifierd.process.send_signal(signal.SIGHUP)
        # The line is written byte by byte.
        harness.wait_until(lambda: "stays as it was: policy b.json" in self.verifierd.log(), "the failure")
        names = [p["name"] for p in verifierd.ask(path, "GET", "/v1/policies").json()["policies"]]
        self.assertEqual(names, ["a", "b"])
        self.policy("b")
        self.verifierd.process.send_signal(signal.SIGHUP)
        harness.wait_until(lambda: "read again" in self.verifierd.log(), "the reload")
        names = [p["name"] for p in verifierd.ask(path, "GET", "/v1/policies").json()["policies"]]
        self.assertEqual(names, ["a", "b", "c"])
        # What this process issued before is still its own.
        self.refused(path, self.body(b"x", challenge, "a"), 400, "document_malformed")
        self.assertEqual(self.verifierd.stop(), 0)

    def test_policies_byte_by_byte(self):
        content = b'{ "max_age_ms":\t1000 }\r\n'
        self.write("policies/p.json", content)
        path = self.start_verifierd()
        self.assertEqual(verifierd.ask(path, "GET", "/v1/policies/p").body, content)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        self.assertEqual(verifierd.ask(path, "GET", "/v1/policies").json(),
                         {"policies": [{"name": "p", "id": "p#sha256-" + digest}]})

    def test_metrics(self):
        self.start_enclave()
        self.nsm_policy()
        path = self.start_verifierd()
        challenge = self.challenge(path)
        body = self.body(self.document(challenge), challenge)
        self.result(path, body)
        self.refused(path, body, 409, "challenge_used")
        verifierd.ask(path, "GET", "/x{}\"")
        answer = verifierd.ask(path, "GET", "/metrics")
        text = answer.body.decode()
        for line in (
            'requests_total{endpoint="challenges",status="200"} 1',
            'requests_total{endpoint="verify",status="200"} 1',
            'requests_total{endpoint="verify",status="409"} 1',
            'verdicts_total{policy="p",status="contraindicated"} 1',
            'challenges_total{event="issued"} 1',
            'challenges_total{event="redeemed"} 1',
            'challenges_total{event="replayed"} 1',
            "store_errors_total 0",
            "verify_seconds_count 2",
            "policies 1",
            "store_shared 0",
        ):
            self.assertIn(f"\nvsattest_verifierd_{line}\n", text)
        if shutil.which("promtool"):
            self.assert_exit(harness.run(["promtool", "check", "metrics"], stdin=answer.body), 0)
        samples = set(re.findall(r"(?m)^vsattest_verifierd_\w+", text))
        for name in ("grafana-dashboard.json", "prometheus-rules.yml"):
            with open(os.path.join(verifierd.EXAMPLES, name), encoding="utf-8") as file:
                asked = set(re.findall(r"vsattest_verifierd_\w+", file.read()))
            self.assertGreater(len(asked), 5)
            self.assertLessEqual(asked, samples, name)

    def test_health(self):
        self.policy()
        path = self.start_verifierd()
        self.assertEqual(verifierd.ask(path, "GET", "/healthz").body, b"ok\n")
        ready = verifierd.ask(path, "GET", "/readyz")
        self.assertEqual((ready.status, ready.json()), (200, {"ready": True, "store": "memory of this process only"}))
        harness.wait_until(lambda: "no replicas without --store" in self.verifierd.log(), "what it says at start")
        head = verifierd.ask(path, "HEAD", "/healthz")
        self.assertEqual((head.status, head.body), (200, b""))
        for name, value in (("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store")):
            self.assertEqual(head.headers[name], value)
        self.assertIn("default-src 'none'", head.headers["Content-Security-Policy"])

    def test_description(self):
        """It names all that is answered, and nothing else."""
        self.policy()
        path = self.start_verifierd()
        description = verifierd.ask(path, "GET", "/openapi.json").json()
        self.assertEqual(description["openapi"], "3.0.3")
        for target, methods in description["paths"].items():
            for method in methods:
                answer = verifierd.ask(path, method.upper(), target.replace("{name}", "p"))
                self.assertIn(str(answer.status), methods[method]["responses"])
                self.assertNotIn(answer.status, (404, 405))


class Hosts(verifierd.ServiceTestCase):
    """Pages of other sites cannot read answers on the loopback, whatever their name leads to."""

    def status_of(self, host, *options):
        address = ("127.0.0.1", verifierd.free_port())
        service = self.service([verifierd.PROGRAM, "--policies", self.policies, "--listen",
                                "tcp:{}:{}".format(*address), *options])
        harness.wait_until(lambda: "serves on" in service.log(), "the service")
        connection = http.client.HTTPConnection(*address, timeout=harness.PATIENCE)
        status = verifierd.ask(None, "GET", "/v1/policies", connection=connection, host=host).status
        connection.close()
        self.assertEqual(service.stop(), 0)
        return status

    def test_over_tcp(self):
        self.policy()
        self.assertEqual(self.status_of("localhost"), 200)
        self.assertEqual(self.status_of("pages.example"), 421)
        self.assertEqual(self.status_of("verifier.example", "--trust-proxy"), 200)

    def test_over_a_unix_socket(self):
        self.policy()
        path = self.start_verifierd()
        self.assertEqual(verifierd.ask(path, "GET", "/v1/policies", host="pages.example").status, 200)


class Arguments(verifierd.ServiceTestCase):
    def test_mistakes(self):
        self.policy()
        good = ["--policies", self.policies, "--listen", "unix:" + self.path("v")]
        os.mkdir(self.path("rsa"))
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out",
                        self.path("rsa/rsa.pem")], check=True, stderr=subprocess.DEVNULL)
        for options, status, words in (
            ([], 2, "--policies DIR is needed"),
            ([*good, "x"], 2, "'x' is no option"),
            ([*good, "--listen", "vsock:3:5"], 2, "--listen"),
            ([*good[:2], "--listen", "vsock:3:5"], 2, "takes unix:PATH"),
            ([*good[:2], "--listen", "tcp:192.0.2.1:8080"], 2, "loopback"),
            ([*good, "--threads=0"], 2, "--threads"),
            ([*good, "--rate=x"], 2, "--rate"),
            ([*good, "--clock-skew=61"], 2, "--clock-skew"),
            ([*good, "--store", "http://x"], 2, "is no store"),
            ([*good, "--store", "redis://localhost:1"], 2, "the same challenge key"),
            ([*good, "--service-id", "a b"], 2, "--service-id"),
            ([*good, "--issuer", ""], 2, "--issuer"),
            ([*good, "--keys", self.policies], 2, "no signing key"),
            ([*good, "--challenge-key", self.path("policies/p.json")], 2, "challenge key"),
            ([*good, "--clients", self.path("policies/p.json")], 2, "line 1 of the clients"),
            ([*good, "--keys", self.path("none")], 3, "cannot read the directory"),
            ([*good, "--keys", self.path("rsa")], 2, "signing key rsa.pem: not an EC key on P-256 or P-384"),
        ):
            with self.subTest(options=options):
                done = harness.run([verifierd.PROGRAM, *options])
                self.assert_exit(done, status)
                self.assertIn(words, done.stderr.decode())

    def test_help_and_version(self):
        done = harness.run([verifierd.PROGRAM, "--help"])
        self.assert_exit(done, 0)
        self.assertIn(b"--challenge-key FILE", done.stdout)
        self.assert_exit(harness.run([verifierd.PROGRAM, "--version"]), 0)

    def test_ends_at_once(self):
        self.policy()
        for number in (signal.SIGTERM, signal.SIGINT):
            path = self.start_verifierd()
            self.assertEqual(verifierd.ask(path, "GET", "/healthz").status, 200)
            self.assertEqual(self.verifierd.stop(number), 0)
            self.assertFalse(os.path.exists(path))
