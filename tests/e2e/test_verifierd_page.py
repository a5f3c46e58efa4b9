# SPDX-License-Identifier: Apache-2.0
"""What the page of vsattest-verifierd consists of and asks for; the page itself is tests/browser's."""

import base64
import hashlib
import re
import unittest

import harness
import support
import verifierd

POLICY = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "connect-src": "'self'",
    "img-src": "'self'", "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'", "trusted-types": "'none'",
}


class Page(verifierd.ServiceTestCase):
    def setUp(self):
        super().setUp()
        self.policy()
        self.socket = self.start_verifierd()

    def get(self, target, **headers):
        return verifierd.ask(self.socket, "GET", target, **headers)

    def test_headers(self):
        """The same for the page, its files, answers and failures."""
        for target, status in (("/", 200), ("/page/page.js", 200), ("/v1/policies", 200), ("/nothing", 404)):
            headers = self.get(target).headers
            self.assertEqual(self.get(target).status, status)
            rules = dict(rule.strip().split(" ", 1) for rule in headers["Content-Security-Policy"].split(";"))
            self.assertEqual(rules, POLICY)
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
            self.assertEqual(headers["Referrer-Policy"], "no-referrer")
            self.assertEqual(headers["Cache-Control"], "no-store")

    def test_all_that_it_loads(self):
        """Its own files, each with its type; no other host, no script or style inside."""
        page = self.get("/")
        self.assertEqual(page.headers["Content-Type"], "text/html; charset=utf-8")
        text = page.body.decode()
        self.assertNotRegex(text, r"<style|\sstyle=|\son\w+=|javascript:|https?:|//\w")
        self.assertEqual(re.findall(r"<script[^>]*>([^<]*)", text), [""])
        names = set(re.findall(r'(?:src|href)="([^"#]+)"', text))
        for name in list(names):
            if name.endswith(".js"):
                names |= self.modules(name)
        types = {".js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
        loaded = [name for name in names if name.startswith("/page/")]
        self.assertGreaterEqual(len(loaded), 9)
        for name in loaded:
            answer = self.get(name)
            self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, types[name[-3:]]), name)
            self.assertIn(b"SPDX-License-Identifier: Apache-2.0", answer.body)
        for name in names - set(loaded):
            self.assertEqual(self.get(name).status, 200, name)

    def modules(self, name):
        """What a script imports, and what that imports."""
        text = self.get(name).body.decode()
        self.assertNotRegex(text, r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|localStorage|"
                                  r"sessionStorage|cookie|https?://(?!www\.w3\.org/2000/svg)")
        found = {"/page/" + other for other in re.findall(r'from "\./([\w.]+)"', text)}
        return found.union(*(self.modules(other) for other in found))

    def test_paths(self):
        for target in ("/page", "/page/", "/page/index.html", "/index.html", "/page/../page.js", "/page/page.js/"):
            self.assertEqual(self.get(target).status, 404, target)
        answer = verifierd.ask(self.socket, "POST", "/", b"")
        self.assertEqual((answer.status, answer.json()["error"]), (405, "method_not_allowed"))


class Inspection(verifierd.ServiceTestCase):
    def inspect(self, path, document, status=200, **headers):
        headers.setdefault("content_type", "application/cbor")
        answer = verifierd.ask(path, "POST", "/v1/inspect", document, **headers)
        self.assertEqual(answer.status, status, answer.body)
        return answer.json()

    def test_document(self):
        self.start_enclave()
        self.policy()
        path = self.start_verifierd()
        document = self.document("a nonce", "--user-data", "text")
        content = self.inspect(path, document)
        self.assertIs(content["verified"], False)
        self.assertEqual(content["module_id"], support.MODULE_ID)
        self.assertEqual(base64.b64decode(content["nonce"]), b"a nonce")
        self.assertEqual(base64.b64decode(content["user_data"]), b"text")
        self.assertIsNone(content["public_key"])
        self.assertEqual({index: content["pcrs"][index] for index in "012"},
                         {str(index): value for index, value in support.PCRS.items()})
        chain = content["certificates"]
        self.assertEqual(chain[0]["subject"], chain[0]["issuer"])
        for above, below in zip(chain, chain[1:]):
            self.assertEqual(above["subject"], below["issuer"])
            self.assertLess(below["not_before"], content["now"] + 1000)
            self.assertGreater(below["not_after"], content["now"])
        text = base64.b64encode(document)
        self.assertEqual(self.inspect(path, text, content_type="text/plain")["certificates"], chain)

    def test_root_digest(self):
        """The digest is that of the certificate's DER."""
        self.start_enclave()
        self.policy()
        path = self.start_verifierd()
        with open(self.root, encoding="ascii") as file:
            der = base64.b64decode("".join(file.read().strip().splitlines()[1:-1]))
        content = self.inspect(path, self.document())
        self.assertEqual(content["certificates"][0]["sha256"], hashlib.sha256(der).hexdigest())

    def test_refused(self):
        self.policy()
        path = self.start_verifierd()
        for body in (b"", b"text", b"\x84\x40"):
            self.assertEqual(self.inspect(path, body, 400)["error"], "document_malformed")
        self.assertEqual(self.inspect(path, b"{}", 415, content_type="text/html")["error"], "type_unknown")
        self.assertEqual(self.inspect(path, b"A" * 65537, 413)["error"], "too_large")


class Verdicts(verifierd.ServiceTestCase):
    def verdicts(self, path, status=200, **headers):
        answer = verifierd.ask(path, "GET", "/v1/verdicts", **headers)
        self.assertEqual(answer.status, status, answer.body)
        return answer.json()

    def test_counts(self):
        self.start_enclave()
        self.nsm_policy("p", challenge="optional")
        self.nsm_policy("q", challenge="optional")
        path = self.start_verifierd()
        self.assertEqual(self.verdicts(path), {"policies": [], "recent": []})
        document = self.document(None, "--user-data", "secret text")
        for policy in ("p", "p", "q"):
            self.result(path, self.body(document, policy=policy))
        self.refused(path, self.body(b"x"), 400, "document_malformed")
        shown = self.verdicts(path)
        self.assertEqual([(row["policy"], row["affirming"], row["warning"], row["contraindicated"])
                          for row in shown["policies"]], [("p", 0, 0, 2), ("q", 0, 0, 1)])
        for row, count in zip(shown["policies"], (2, 1)):
            self.assertEqual(len(row["minutes"]), 60)
            self.assertEqual(sum(row["minutes"]), count)
            self.assertEqual(sum(row["minutes"][-2:]), count)
        self.assertEqual([(one["policy"], one["status"]) for one in shown["recent"]],
                         [("q", "contraindicated"), ("p", "contraindicated"), ("p", "contraindicated")])
        for one in shown["recent"]:
            self.assertEqual(set(one), {"policy", "status", "age_ms"})
            self.assertLess(one["age_ms"], 1000 * harness.PATIENCE)

    def test_only_for_clients(self):
        """Where tokens are needed, nothing of it, and no look into a document, without one."""
        secret = "1" * 32
        self.write("clients", f"one {hashlib.sha256(secret.encode()).hexdigest()} 5\n".encode())
        self.start_enclave()
        self.nsm_policy("hidden-name", challenge="optional")
        path = self.start_verifierd("--clients", self.path("clients"))
        bearer = "Bearer " + secret
        body = self.body(self.document(), policy="hidden-name")
        self.assertEqual(verifierd.ask(path, "POST", "/v1/verify", body, authorization=bearer).status, 200)
        for headers in ({}, {"authorization": "Bearer " + "2" * 32}):
            answer = verifierd.ask(path, "GET", "/v1/verdicts", **headers)
            self.assertEqual((answer.status, answer.headers["WWW-Authenticate"]), (401, "Bearer"))
            self.assertNotIn(b"hidden-name", answer.body)
            answer = verifierd.ask(path, "POST", "/v1/inspect", b"x", content_type="text/plain", **headers)
            self.assertEqual(answer.status, 401)
        self.assertEqual(verifierd.ask(path, "GET", "/").status, 200)
        self.assertEqual(self.verdicts(path, authorization=bearer)["policies"][0]["policy"], "hidden-name")
        # At the client's rate, as all that it asks for.
        statuses = [verifierd.ask(path, "GET", "/v1/verdicts", authorization=bearer).status for _ in range(30)]
        self.assertEqual(statuses[-1], 429)


class Compared(verifierd.ServiceTestCase):
    def test_compared(self):
        """Beside the token, for genuine documents only."""
        self.start_enclave()
        images = [{**{str(n): support.PCRS[n] for n in range(2)}, "2": "ee" * 48}]
        self.nsm_policy("p", challenge="optional", pcrs=images, instance=support.INSTANCE_ID)
        path = self.start_verifierd()
        document = self.document()

        def answer(body):
            return verifierd.ask(path, "POST", "/v1/verify?policy=p", body, content_type="application/cbor",
                                 accept="application/json").json()

        compared = answer(document)["pcrs_compared"]
        self.assertEqual(compared, {"0": True, "1": True, "2": False, "4": True})
        forged = document[:-1] + bytes([document[-1] ^ 1])
        self.assertNotIn("pcrs_compared", answer(forged))


if __name__ == "__main__":
    unittest.main()
