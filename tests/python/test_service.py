# SPDX-License-Identifier: Apache-2.0
"""vsattest.service against the real service, and against one that answers nonsense."""

import contextlib
import hashlib
import http.server
import io
import json
import pathlib
import re
import socket
import threading
import unittest

import harness
import verifierd
import vsattest
from vsattest.service import VerificationService


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RealService(verifierd.ServiceTestCase):
    def start(self, *options, **members):
        self.start_enclave()
        self.nsm_policy(**members)
        port = free_port()
        service = self.service([verifierd.PROGRAM, "--listen", f"tcp:127.0.0.1:{port}", "--policies", self.policies,
                                *options])

        def listens():
            self.assertIsNone(service.process.poll(), service.log())
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        harness.wait_until(listens, "the service")
        return VerificationService(f"http://127.0.0.1:{port}/")

    def refuses(self, kind, code, call, *arguments, **keywords):
        with self.assertRaises(kind) as raised:
            call(*arguments, **keywords)
        self.assertEqual(raised.exception.error_code, code)

    def test_from_challenge_to_result(self):
        service = self.start()
        challenge = service.challenge("p")
        document = self.document(challenge)
        appraisal = service.verify(document, "p", challenge, audience="app")
        # The root is not AWS's.
        self.assertIs(appraisal.affirming, False)
        self.assertEqual(appraisal.result, verifierd.claims_of(appraisal.token))
        self.assertEqual((appraisal.result["eat_nonce"], appraisal.result["aud"]), (challenge, "app"))
        self.refuses(vsattest.PolicyError, "challenge_used", service.verify, document, "p", challenge)

    def test_documentation(self):
        """The example of docs/PYTHON.md, with this service, policy and enclave."""
        service = self.start()
        text = pathlib.Path(harness.SOURCE, "docs", "PYTHON.md").read_text(encoding="utf-8")
        code = next(code for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "vsattest.service" in code)
        for printed, here in (('"https://verifier.example"', repr(service._url)), ('"prod"', '"p"'),
                              ("VsockAttestationClient()", f"VsockAttestationClient(address={self.enclave!r})")):
            self.assertIn(printed, code)
            code = code.replace(printed, here)
        names = {}
        with contextlib.redirect_stdout(io.StringIO()):
            exec(code, names)  # pylint: disable=exec-used
        self.assertEqual(names["appraisal"].result["eat_nonce"], names["challenge"])

    def test_refusals(self):
        service = self.start("--rate=1", "--burst=4")
        self.refuses(vsattest.FormatError, "policy_unknown", service.challenge, "none")
        self.refuses(vsattest.FormatError, "document_malformed", service.verify, b"x", "p")
        self.refuses(vsattest.LimitError, "too_large", service.verify, bytes(60000), "p")
        self.refuses(vsattest.FormatError, "challenge_missing", service.verify, self.document(), "p")
        self.refuses(vsattest.LimitError, "rate_limited", lambda: [service.challenge("p") for _ in range(9)])

    def test_bearer_token(self):
        secret = "s" * 40
        digest = hashlib.sha256(secret.encode()).hexdigest()
        service = self.start("--clients", self.write("clients", f"c {digest}\n".encode()))
        self.refuses(vsattest.PolicyError, "unauthorized", service.challenge, "p")
        known = VerificationService(service._url, bearer_token=secret)
        self.assertEqual(len(known.challenge("p")), 64)


class OtherServices(harness.TestCase):
    def answers(self, status, body, **headers):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        return VerificationService(f"http://127.0.0.1:{server.server_port}", timeout=harness.PATIENCE)

    def test_nonsense(self):
        for status, body, kind in (
            (200, b"", vsattest.FormatError),
            (200, b"[]", vsattest.FormatError),
            (200, b"\xff", vsattest.FormatError),
            (200, b"[" * 100000, vsattest.FormatError),
            (200, b'{"challenge": 1}', vsattest.FormatError),
            (500, b"<html>", vsattest.FormatError),
            (302, b'{"error": "x", "message": "y"}', vsattest.FormatError),
        ):
            with self.subTest(body=body[:20]), self.assertRaises(kind):
                self.answers(status, body, Location="http://127.0.0.1:1/").challenge("p")

    def test_words_reach_no_terminal(self):
        """What the service writes into an error is text of one line, and not endless."""
        hostile = "a\x1b[31m\n\u202e\u2028" + "b" * 1000
        body = json.dumps({"error": hostile, "message": hostile}).encode()
        with self.assertRaises(vsattest.PolicyError) as caught:
            self.answers(409, body).challenge("p")
        for text in (str(caught.exception), caught.exception.error_code):
            self.assertEqual(text, "a?[31m???" + "b" * 191)

    def test_away(self):
        with self.assertRaises(vsattest.TransportError):
            VerificationService(f"http://127.0.0.1:{free_port()}").challenge("p")

    def test_urls(self):
        for url in ("file:///etc/passwd", "ftp://x", "x", "https://", "https://[", "http://192.0.2.1",
                    "http://127.0.0.1.example", "http://127.0.0.256", "http://[2001:db8::1]/",
                    "https://user:secret@x"):
            with self.subTest(url=url), self.assertRaises(vsattest.UsageError) as caught:
                VerificationService(url)
            self.assertNotIn("secret", str(caught.exception))
        for url in ("https://x", "http://localhost:1", "http://127.0.0.2:1", "http://[::1]:1"):
            VerificationService(url)

    def test_bearer_tokens(self):
        for token in ("", "two words", "x\r\ny: z", "\u00fc", "x" * 513):
            with self.subTest(token=token), self.assertRaises(vsattest.UsageError):
                VerificationService("https://x", bearer_token=token)

    def test_no_http(self):
        """A peer that speaks something else, or stops in the middle, is one that does not answer."""
        for answer in (b"SSH-2.0-x\r\n", b"HTTP/1.1 \x1b[31m\r\n\r\n",
                       b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"):
            with self.subTest(answer=answer), socket.create_server(("127.0.0.1", 0)) as server:
                server.settimeout(harness.PATIENCE)

                def serve(server=server, answer=answer):
                    stream, _ = server.accept()
                    with stream:
                        stream.recv(65536)
                        stream.sendall(answer)

                thread = threading.Thread(target=serve)
                thread.start()
                port = server.getsockname()[1]
                with self.assertRaises(vsattest.TransportError) as caught:
                    VerificationService(f"http://127.0.0.1:{port}", timeout=harness.PATIENCE).challenge("p")
                self.assertNotIn("\x1b", str(caught.exception))
                thread.join()


if __name__ == "__main__":
    unittest.main()
