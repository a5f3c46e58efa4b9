# SPDX-License-Identifier: Apache-2.0
"""vsock_client --service: with the real service, and with stand-ins that lie, hang and redirect."""

import base64
import hashlib
import http.server
import json
import os
import socketserver
import ssl
import subprocess
import threading
import time

import harness
import support
import verifierd

HELPER = os.path.join(harness.BUILD, "src", "http_exchange", "http_exchange")
CHALLENGE = "A" * 64
POLICY = "prod"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Signer:
    """A key and tokens of it, by openssl."""

    CURVES = {"ES256": ("P-256", 32, "sha256"), "ES384": ("P-384", 48, "sha384")}

    def __init__(self, directory, algorithm="ES256"):
        self.algorithm = algorithm
        self.curve, self.size, self.digest = self.CURVES[algorithm]
        self.path = os.path.join(directory, f"{algorithm}-{os.urandom(4).hex()}.pem")
        self.openssl("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{self.curve}", "-out", self.path)
        point = self.openssl("pkey", "-in", self.path, "-pubout", "-outform", "DER")[-2 * self.size:]
        self.jwk = {"kty": "EC", "crv": self.curve, "x": base64url(point[:self.size]),
                    "y": base64url(point[self.size:])}
        text = json.dumps({name: self.jwk[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
        self.jwk.update(kid=base64url(hashlib.sha256(text.encode()).digest()), alg=algorithm, use="sig")

    @staticmethod
    def openssl(*arguments, stdin=b""):
        return subprocess.run(["openssl", *arguments], input=stdin, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=True, timeout=harness.PATIENCE).stdout

    def token(self, claims, **header):
        head = {"alg": self.algorithm, "kid": self.jwk["kid"], "typ": "eat+jwt", **header}
        signed = ".".join(base64url(json.dumps(part).encode()) for part in (head, claims)).encode()
        der = self.openssl("dgst", "-" + self.digest, "-sign", self.path, stdin=signed)
        numbers, at = [], 2 + (der[1] & 0x80 and der[1] & 0x7F)
        for _ in range(2):
            numbers.append(int.from_bytes(der[at + 2:at + 2 + der[at + 1]], "big").to_bytes(self.size, "big"))
            at += 2 + der[at + 1]
        return f"{signed.decode()}.{base64url(b''.join(numbers))}"


def good_claims(status="affirming", value=2, **changes):
    now = int(time.time())
    submodule = {"ear_status": status, "ear_trustworthiness_vector": {"hardware": 2, "executables": value},
                 "ear_appraisal_policy_ids": [POLICY + "#sha256-x"],
                 "ear_attester_claims": {"module_id": support.MODULE_ID}}
    if status != "affirming":
        submodule["ear_verifier_claims"] = {"error_codes": ["pcr_mismatch"]}
    return {"eat_profile": "tag:ietf.org,2026:rats/ear#04", "iat": now, "exp": now + 300, "eat_nonce": CHALLENGE,
            "ear_status": status, "submods": {verifierd.SUBMODULE: submodule}, **changes}


class StandIn(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """A service that answers what the test wants, on a port of the loopback."""

    daemon_threads = True

    def __init__(self, answers, context=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.requests = answers, []
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def handle_error(self, request, client_address):
        """A client that goes is no matter."""

    @property
    def port(self):
        return self.server_address[1]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = harness.PATIENCE

    def log_message(self, *arguments):
        """Nothing on the test's output."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append((self.path, dict(self.headers), body))
        answer = self.server.answers[self.path]
        if callable(answer):
            answer(self)
            return
        status, text, *headers = answer
        text = text if isinstance(text, bytes) else text.encode()
        self.send_response(status)
        for name, value in [("Content-Length", str(len(text))), *headers]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST


class ServiceClientTestCase(verifierd.ServiceTestCase):
    def setUp(self):
        super().setUp()
        if not os.path.exists(HELPER):
            self.skipTest("built without libcurl")

    def ask_service(self, url, *options, policy=POLICY):
        return self.client("--connect", self.enclave, "--verify", "--service", url, "--service-policy", policy,
                           "--timeout", "20", *options)

    def refused(self, url, status, code, *words, options=()):
        """Exit status, code and words, in JSON and as text."""
        done = self.ask_service(url, "--json", *options)
        result = self.json_of(done, status)
        self.assertIs(result["verified"], False)
        self.assertEqual(result["error_code"], code, result)
        for word in words:
            self.assertIn(word, result["verification_error"])
        self.assertIn("vsock_client: ", done.stderr.decode())
        return result


class RealService(ServiceClientTestCase):
    def start(self, *options, **members):
        self.start_enclave()
        self.nsm_policy(POLICY, **members)
        return "unix:" + self.start_verifierd(*options)

    def test_result(self):
        """Software's root is not AWS's: the whole way, and never affirming."""
        url = self.start(pcrs=[{str(n): support.PCRS[n] for n in range(3)}])
        result = self.refused(url, 1, "untrusted_root", "contraindicated: the policy trusts the document's root",
                              options=["--user-data", "x"])
        claims = result["result"]
        self.assertEqual(verifierd.claims_of(result["token"]), claims)
        self.assertEqual(verifierd.vector(claims), {"hardware": 97, "executables": 3, "configuration": 3})
        attester = claims["submods"][verifierd.SUBMODULE]["ear_attester_claims"]
        self.assertEqual(base64.b64decode(attester["user_data"]), b"x")
        self.assertEqual(base64.b64decode(attester["nonce"]).decode(), claims["eat_nonce"])
        self.assertEqual(sorted(result), sorted(["success", "attestation_document", "document_size", "timestamp",
                                                 "verified", "token", "result", "verification_error",
                                                 "error_code"]))

    def test_root_that_the_policy_does_not_trust(self):
        self.start_enclave()
        self.policy(POLICY)
        url = "unix:" + self.start_verifierd()
        result = self.refused(url, 1, "untrusted_root", "contraindicated: root is not a trust anchor")
        self.assertEqual(verifierd.vector(result["result"])["hardware"], 99)

    def test_text(self):
        url = self.start()
        done = self.ask_service(url)
        self.assert_exit(done, 1)
        text = done.stdout.decode()
        for line in (f"Result of {url}: contraindicated\n", "  because of        untrusted_root\n",
                     "  hardware          97\n", f"  module ID         {support.MODULE_ID}\n"):
            self.assertIn(line, text)
        self.assertRegex(text, r"\nToken:\neyJ[\w.-]+\n$")
        self.assertIn("the service's result is contraindicated", done.stderr.decode())

    def test_keys(self):
        for curve in ("P-256", "P-384"):
            with self.subTest(curve=curve):
                url = self.start(*self.keys(curve))
                self.refused(url, 1, "untrusted_root")
                self.verifierd.stop()
                self.enclave_service.stop()
                self.nsm_service.stop()
                os.unlink(self.path(f"keys/{curve}.pem"))

    def test_bearer_token(self):
        secret = "s" * 43
        self.write("clients", f"one {hashlib.sha256(secret.encode()).hexdigest()}\n".encode())
        url = self.start("--clients", self.path("clients"))
        self.refused(url, 1, "refused_by_peer", "unauthorized", "HTTP 401")
        good = self.write("good", secret.encode() + b"\n")
        self.refused(url, 1, "untrusted_root", options=["--service-token-file", good])
        wrong = self.write("wrong", b"t" * 43)
        self.refused(url, 1, "refused_by_peer", "unauthorized", options=["--service-token-file", wrong])
        for content in (b"", b"\n", b"two words", b"x" * 513, b"x\ny", "ü".encode()):
            done = self.ask_service(url, "--service-token-file", self.write("bad", content))
            self.assert_exit(done, 2)
            self.assertIn("no bearer token", done.stderr.decode())
        done = self.ask_service(url, "--service-token-file", self.write("bad", secret.encode() + b"\n" * 500))
        self.assert_exit(done, 2)
        self.assertIn("--service-token-file: more than 520 bytes", done.stderr.decode())

    def test_policy_and_audience(self):
        url = self.start()
        done = self.ask_service(url, policy="none")
        self.assert_exit(done, 1)
        self.assertIn("policy_unknown", done.stderr.decode())
        result = self.refused(url, 1, "untrusted_root", options=["--service-audience", "app"])
        self.assertEqual(result["result"]["aud"], "app")

    def test_document_is_saved(self):
        url = self.start()
        saved = self.path("saved")
        result = self.refused(url, 1, "untrusted_root", options=["--save", saved])
        self.assertEqual(result["saved_to"], saved)
        done = harness.run([harness.program("verifier"), "--root", self.root, "--nonce",
                            result["result"]["eat_nonce"], saved])
        self.assert_exit(done, 0)

    def test_rate_limit(self):
        url = self.start("--rate=1", "--burst=1")
        self.refused(url, 3, "rate_limited", "HTTP 429")

    def test_mistakes(self):
        self.start_enclave()
        for options, words in (
            (["--service", "https://x"], "--service-policy"),
            (["--service-policy", "p", "--verify"], "go with --service"),
            (["--cacert", "x", "--ping"], "go with --service"),
            (["--service", "u", "--service-policy", "p", "--nonce", "n"], "no --nonce"),
            (["--service", "u", "--service-policy", "p", "--pcr", "0=" + "ab" * 48], "no --pcr"),
            (["--service", "u", "--service-policy", "p", "--root", self.root], "no --root"),
            (["--service", "u", "--service-policy", "p", "--watch"], "no --service beside it"),
            (["--service", "u", "--service-policy", "p", "--request", "{}"], "one action at a time"),
            (["--service", "u", "--service-policy", "p", "--sealed"], "--sealed goes with --request"),
            (["--service", "u", "--service-policy", "p"], "no URL: https://HOST[:PORT][/PATH], or http://"),
            (["--service", "localhost:8080", "--service-policy", "p"], "or http://"),
            (["--service", "ftp://localhost", "--service-policy", "p"], "only https://"),
            (["--service", "http://192.0.2.1", "--service-policy", "p"], "only https://"),
            (["--service", "http://127.0.0.256", "--service-policy", "p"], "only https://"),
            (["--service", "http://127.0.-1.1", "--service-policy", "p"], "only https://"),
            (["--service", "http://127.0.0.1.example", "--service-policy", "p"], "only https://"),
            (["--service", "https://u:p@localhost", "--service-policy", "p"], "has a user"),
            (["--service", "https://localhost?x", "--service-policy", "p"], "has a user, a password, a query"),
            (["--service", "https://localhost", "--service-policy", "p", "--cacert", "/none"], "none"),
        ):
            with self.subTest(options=options):
                done = self.client("--connect", self.enclave, "--timeout", "10", *options)
                self.assert_exit(done, 2)
                self.assertIn(words, done.stderr.decode())


class StandInTestCase(ServiceClientTestCase):
    """An enclave, and a service that answers what the test wants."""

    def setUp(self):
        super().setUp()
        self.start_enclave()
        self.signer = Signer(self.directory)

    def stand_in(self, token=None, keys=None, context=None, **answers):
        found = {
            "/v1/challenges": (200, json.dumps({"challenge": CHALLENGE, "expires_in_ms": 300000})),
            "/v1/verify": (200, token or self.signer.token(good_claims())),
            "/.well-known/jwks.json": (200, json.dumps({"keys": keys or [self.signer.jwk]})),
        }
        names = {"challenge": "/v1/challenges", "verify": "/v1/verify", "jwks": "/.well-known/jwks.json"}
        found.update({names[name]: answer for name, answer in answers.items()})
        service = StandIn(found, context)
        self.addCleanup(service.server_close)
        self.addCleanup(service.shutdown)
        return service

    def url(self, *arguments, **keywords):
        self.service_peer = self.stand_in(*arguments, **keywords)
        return f"http://127.0.0.1:{self.service_peer.port}"


class Answers(StandInTestCase):
    """What a service may answer. Nothing is believed that its key does not sign."""

    def test_affirming(self):
        for algorithm in ("ES256", "ES384"):
            signer = Signer(self.directory, algorithm)
            token = signer.token(good_claims())
            result = self.json_of(self.ask_service(self.url(token, [self.signer.jwk, signer.jwk]), "--json"), 0)
            self.assertIs(result["verified"], True)
            self.assertEqual(result["token"], token)
            self.assertEqual(result["result"], verifierd.claims_of(token))
            self.assertNotIn("error_code", result)
        done = self.ask_service(self.url() + "//")
        self.assert_exit(done, 0)
        self.assertIn(": affirming\n", done.stdout.decode())
        document = json.loads(self.service_peer.requests[1][2])
        self.assertEqual(document["challenge"], CHALLENGE)
        self.assertEqual([path for path, _, _ in self.service_peer.requests],
                         ["/v1/challenges", "/v1/verify", "/.well-known/jwks.json"])

    def test_names_reach_no_terminal(self):
        """Of a vector and of PCRs the names, too, are the service's."""
        claims = good_claims()
        submodule = claims["submods"][verifierd.SUBMODULE]
        submodule["ear_trustworthiness_vector"]["x\x1b[31m"] = 2
        submodule["ear_attester_claims"]["pcrs"] = {"\x1b]0;y\x07": "00"}
        done = self.ask_service(self.url(self.signer.token(claims)))
        self.assert_exit(done, 0)
        self.assertNotIn(b"\x1b", done.stdout)
        self.assertIn(b"  x\\x1b[31m", done.stdout)
        self.assertRegex(done.stdout, rb"\n  hardware          2\n")

    def test_warning(self):
        token = self.signer.token(good_claims("warning", 33))
        self.refused(self.url(token), 1, "pcr_mismatch", "the service's result is warning")

    def test_tokens_that_do_not_hold(self):
        other = Signer(self.directory)
        now = int(time.time())
        good = self.signer.token(good_claims())
        rows = [
            (good[:-8] + "AAAAAAAA", "signature"),
            (other.token(good_claims()), "no key"),
            (other.token(good_claims(), kid=self.signer.jwk["kid"]), "signature"),
            (self.signer.token(good_claims(), alg="none"), "alg"),
            (self.signer.token(good_claims(), alg="HS256"), "alg"),
            (self.signer.token(good_claims(), alg="ES384"), "ES384"),
            (self.signer.token(good_claims(), typ="JWT"), "typ"),
            (self.signer.token(good_claims(), crit=["x"]), "crit"),
            (self.signer.token(good_claims(eat_nonce="B" * 64)), "eat_nonce"),
            (self.signer.token(good_claims(eat_nonce=[CHALLENGE])), "eat_nonce"),
            (self.signer.token(good_claims(eat_profile="tag:github.com,2023:veraison/ear")), "eat_profile"),
            (self.signer.token(good_claims(exp=now - 120)), "exp"),
            (self.signer.token(good_claims(iat=now + 120)), "iat"),
            (self.signer.token(good_claims(iat=float(now))), "iat"),
            (self.signer.token(good_claims(exp=2 ** 63 - 1)), "exp"),
            (self.signer.token(good_claims(aud="another")), "aud"),
            (self.signer.token(good_claims("affirming", 33)), "better"),
            (self.signer.token(good_claims("warning", 33, ear_status="affirming")), "better"),
            (self.signer.token(good_claims(ear_status="good")), "ear_status"),
            (self.signer.token(good_claims(submods={})), "submodule"),
            ("x", "three parts"),
            ("..", "header"),
        ]
        for token, word in rows:
            with self.subTest(word=word, token=token[:40]):
                result = self.refused(self.url(token), 1, "token_invalid", word)
                self.assertIsNone(result["token"])
                self.assertIsNone(result["result"])
        done = self.ask_service(self.url(self.signer.token(good_claims()).replace(".", ".", 1)), policy="pro")
        self.assert_exit(done, 1)
        self.assertIn("ear_appraisal_policy_ids", done.stderr.decode())

    def test_answers_that_are_none(self):
        for answers, status, code in (
            ({"challenge": (200, "x")}, 4, "reply_invalid"),
            ({"challenge": (200, "{}")}, 4, "reply_invalid"),
            ({"challenge": (200, json.dumps({"challenge": "A" * 2000}))}, 4, "reply_invalid"),
            ({"challenge": (200, json.dumps({"challenge": "A\n" * 20}))}, 4, "reply_invalid"),
            ({"challenge": (200, b"\xff\xfe")}, 4, "reply_invalid"),
            ({"challenge": (404, "not here")}, 1, "refused_by_peer"),
            ({"challenge": (500, "<html>")}, 3, "backend_unavailable"),
            ({"verify": (503, json.dumps({"error": "busy", "message": "x"}))}, 3, "backend_unavailable"),
            ({"verify": (409, json.dumps({"error": "challenge_used", "message": "a\x1b[31m"}))}, 1,
             "refused_by_peer"),
            ({"verify": (413, "")}, 4, "too_large"),
            ({"verify": (204, "")}, 4, "reply_invalid"),
            ({"jwks": (200, "[]")}, 4, "reply_invalid"),
            ({"jwks": (200, "{}")}, 1, "token_invalid"),
            ({"jwks": (200, json.dumps({"keys": "x"}))}, 1, "token_invalid"),
            ({"challenge": (200, "x" * 100000)}, 4, "too_large"),
        ):
            with self.subTest(answers=answers):
                # A refusal before the document has no document.
                result = self.json_of(self.ask_service(self.url(**answers), "--json"), status)
                self.assertEqual(result["error_code"], code, result)
                self.assertNotIn("\x1b", json.dumps(result))

    def test_redirect(self):
        """It is not followed: neither document nor token go where the caller did not say."""
        elsewhere = self.stand_in()
        location = f"http://127.0.0.1:{elsewhere.port}/v1/challenges"
        token_file = self.write("token", b"secret")
        url = self.url(challenge=(307, "", ("Location", location)))
        done = self.ask_service(url, "--service-token-file", token_file)
        self.assert_exit(done, 4)
        self.assertIn("redirects (HTTP 307)", done.stderr.decode())
        self.assertEqual(elsewhere.requests, [])
        self.assertEqual(self.service_peer.requests[0][1]["Authorization"], "Bearer secret")

    def test_no_proxy_of_the_environment(self):
        proxy = self.stand_in()
        address = f"http://127.0.0.1:{proxy.port}"
        done = harness.run([harness.program("vsock_client"), "--connect", self.enclave, "--service", self.url(),
                            "--service-policy", POLICY],
                           env={"http_proxy": address, "https_proxy": address, "ALL_PROXY": address})
        self.assert_exit(done, 0)
        self.assertEqual(proxy.requests, [])

    def endless(self, handler):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for _ in range(1000):
            handler.wfile.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")

    def test_body_without_an_end(self):
        result = self.json_of(self.ask_service(self.url(challenge=self.endless), "--json"), 4)
        self.assertEqual(result["error_code"], "too_large")

    def test_fields_without_an_end(self):
        """Before the body, and behind it, where libcurl has no limit of its own."""
        def fields(handler):
            handler.wfile.write((b"X: " + b"y" * 1000 + b"\r\n") * 100)

        def before(handler):
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n")
            fields(handler)
            handler.wfile.write(b"\r\n")

        def behind(handler):
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
            fields(handler)
            handler.wfile.write(b"\r\n")

        for answer in (before, behind):
            with self.subTest(answer=answer.__name__):
                result = self.json_of(self.ask_service(self.url(challenge=answer), "--json"), 4)
                self.assertEqual(result["error_code"], "too_large")

    def in_time(self, url):
        begin = time.monotonic()
        done = self.client("--connect", self.enclave, "--service", url, "--service-policy", POLICY, "--timeout", "1",
                           "--json")
        self.assertEqual(self.json_of(done, 3)["error_code"], "timeout")
        self.assertLess(time.monotonic() - begin, harness.PATIENCE / 2)

    def test_silence(self):
        self.in_time(self.url(verify=lambda handler: time.sleep(3)))

    def test_drips(self):
        def drip(handler):
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            for _ in range(30):
                handler.wfile.write(b" ")
                time.sleep(0.1)

        self.in_time(self.url(challenge=drip))

    def test_away(self):
        service = self.stand_in()
        service.shutdown()
        service.server_close()
        result = self.json_of(self.ask_service(f"http://127.0.0.1:{service.port}", "--json"), 3)
        self.assertEqual(result["error_code"], "connection_refused")
        result = self.json_of(self.ask_service("unix:" + self.path("none"), "--json"), 3)
        self.assertEqual(result["error_code"], "connection_refused")

    def test_enclave_away(self):
        self.enclave_service.stop()
        done = self.ask_service(self.url())
        self.assert_exit(done, 3)
        self.assertIn("enclave_app --listen", done.stderr.decode())

    def certificate(self, name):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=" + name, "-addext", "subjectAltName=DNS:" + name, "-keyout", self.path(name + ".key"),
             "-out", self.path(name + ".pem")], check=True, stderr=subprocess.DEVNULL)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path(name + ".pem"), self.path(name + ".key"))
        return context

    def test_tls(self):
        service = self.stand_in(context=self.certificate("localhost"))
        url = f"https://localhost:{service.port}"
        self.assert_exit(self.ask_service(url, "--cacert", self.path("localhost.pem")), 0)
        # Not the system's, another host's, another one's.
        self.certificate("other.example")
        wrong = self.stand_in(context=self.certificate("wrong.example"))
        for address, options in (
            (url, []),
            (url, ["--cacert", self.path("other.example.pem")]),
            (f"https://localhost:{wrong.port}", ["--cacert", self.path("wrong.example.pem")]),
        ):
            result = self.json_of(self.ask_service(address, "--json", *options), 3)
            self.assertEqual(result["error_code"], "io_error")
            self.assertRegex(result["error"], "certificate|subject")
        self.assertEqual(wrong.requests, [])

    def test_helper_missing(self):
        """A program that was built without libcurl says so; all else works."""
        alone = self.path("vsock_client")
        with open(harness.program("vsock_client"), "rb") as file:
            self.write("vsock_client", file.read())
        os.chmod(alone, 0o755)
        done = harness.run([alone, "--connect", self.enclave, "--service", self.url(), "--service-policy", POLICY])
        self.assert_exit(done, 2)
        self.assertIn("needs libcurl", done.stderr.decode())
        self.assert_exit(harness.run([alone, "--connect", self.enclave, "--ping"]), 0)

    def test_no_process_is_left(self):
        def helpers():
            return [pid for pid in filter(str.isdigit, os.listdir("/proc")) if harness_exe(pid) == HELPER]

        before = helpers()
        self.assert_exit(self.ask_service(self.url()), 0)
        self.assertEqual(set(helpers()) - set(before), set())


def harness_exe(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return None
