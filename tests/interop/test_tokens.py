# SPDX-License-Identifier: Apache-2.0
"""Tokens of the verification service, read by what this project did not write.

Of each kind (affirming, warning, contraindicated) and algorithm: by the crate `ear`, Debian's `jose` and PyJWT.
The examples in Go, for Node.js and in C: with the live service, and with a stand-in whose results are affirming.
`scripts/deps interop` gets modules and packages, `scripts/fetch-interop --with-ear` the crate.
"""

import glob
import json
import os
import shutil
import socket
import unittest

import harness
import test_service_client
import verifierd

EXAMPLES = os.path.join(harness.SOURCE, "examples", "service-clients")
HOME = os.path.expanduser("~")
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.join(HOME, ".cache"), "vsattest", "interop")
FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
# A document that AWS signed, and a moment at which it was fresh.
SAMPLE, SAMPLE_TIME = "production-2023-user-data-290.bin", 1695899317
ALGORITHMS = {"P-256": "ES256", "P-384": "ES384"}


def at(moment):
    """The environment of a program whose clock begins at that moment."""
    return {"LD_PRELOAD": FAKETIME[0], "FAKETIME": f"@{moment}", "FAKETIME_FMT": "%s", "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1"}


class Token:
    def __init__(self, kind, algorithm, token, jwk, moment):
        self.kind, self.algorithm, self.token, self.jwk, self.moment = kind, algorithm, token, jwk, moment
        self.claims = verifierd.claims_of(token)

    def changed(self):
        """The same with another status in it: its signature does not hold any more."""
        head, _, signature = self.token.split(".")
        claims = json.loads(json.dumps(self.claims))
        for place in (claims, claims["submods"][verifierd.SUBMODULE]):
            place["ear_status"] = "contraindicated" if self.kind != "contraindicated" else "affirming"
        return ".".join((head, test_service_client.base64url(json.dumps(claims).encode()), signature))


class Kinds(verifierd.ServiceTestCase):
    def tokens(self):
        """One of each kind and algorithm."""
        if not FAKETIME:
            self.skipTest("no libfaketime")
        if harness.is_sanitized():
            self.skipTest("libfaketime and sanitizers do not go together")
        with open(os.path.join(harness.documents(), SAMPLE), "rb") as file:
            sample = file.read()
        self.start_enclave()
        wrong = [{"0": "ab" * 48, "1": "ab" * 48, "2": "ab" * 48}]
        self.policy("affirming", challenge="optional")
        self.policy("warning", challenge="optional", pcrs=wrong)
        self.nsm_policy("contraindicated", challenge="optional")
        found = []
        for curve, algorithm in ALGORITHMS.items():
            keys = self.keys(curve)
            for kind, document, moment in (("affirming", sample, SAMPLE_TIME), ("warning", sample, SAMPLE_TIME),
                                           ("contraindicated", self.document(), None)):
                path = self.start_verifierd(*keys, name=f"{curve}-{kind}", env=at(moment) if moment else None)
                answer = verifierd.ask(path, "POST", "/v1/verify", self.body(document, policy=kind))
                self.assertEqual(answer.status, 200, answer.body)
                jwk = verifierd.ask(path, "GET", "/.well-known/jwks.json").json()["keys"][0]
                found.append(Token(kind, algorithm, answer.body.decode(), jwk, moment))
                self.assertEqual(found[-1].claims["ear_status"], kind)
                self.verifierd.stop()
            shutil.rmtree(self.path("keys"))
        return found

    def test_ear_crate(self):
        """It verifies each, and understands what it says.

        Not with an audience: the crate takes no token that has one. Nor does it compare statuses with vectors when it
        reads: vsock_client does.
        """
        program = os.path.join(CACHE, "tokens-target", "debug", "read-ear")
        if not os.path.exists(program):
            self.skipTest("no crate ear: scripts/fetch-interop --with-ear builds it, as .ci/nightly does")
        for one in self.tokens():
            with self.subTest(kind=one.kind, algorithm=one.algorithm):
                lines = "".join(f"{one.algorithm}\t{json.dumps(one.jwk)}\t{token}\n"
                                for token in (one.token, one.changed()))
                done = harness.run([program], stdin=lines.encode(),
                                   env=at(one.moment) if one.moment else None)
                self.assert_exit(done, 0)
                read, refused = done.stdout.decode().splitlines()
                self.assertFalse(read.startswith("refused"), read)
                submodule = json.loads(read)["submods"][verifierd.SUBMODULE]
                ours = one.claims["submods"][verifierd.SUBMODULE]
                self.assertEqual(submodule["ear_status"], one.kind)
                self.assertEqual({name: value for name, value in submodule["ear_trustworthiness_vector"].items()
                                  if value}, ours["ear_trustworthiness_vector"])
                self.assertTrue(refused.startswith("refused: "), refused)

    def test_jose(self):
        if not shutil.which("jose"):
            self.skipTest("no jose")
        for one in self.tokens():
            with self.subTest(kind=one.kind, algorithm=one.algorithm):
                jwk = self.write("jwk", one.jwk)
                command = ["jose", "jws", "ver", "-i", "-", "-k", jwk, "-O", "-"]
                done = harness.run(command, stdin=one.token.encode())
                self.assert_exit(done, 0)
                self.assertEqual(json.loads(done.stdout), one.claims)
                self.assertNotEqual(harness.run(command, stdin=one.changed().encode()).returncode, 0)
                done = harness.run(["jose", "jwk", "thp", "-a", "S256", "-i", jwk])
                self.assertEqual(done.stdout.decode().strip(), one.jwk["kid"])

    def test_pyjwt(self):
        try:
            import jwt
        except ImportError:
            self.skipTest("no PyJWT")
        for one in self.tokens():
            with self.subTest(kind=one.kind, algorithm=one.algorithm):
                key = jwt.PyJWK(one.jwk).key
                # Its clock is this one, the token's perhaps of 2023.
                options = {"verify_exp": one.moment is None, "verify_iat": one.moment is None}
                self.assertEqual(jwt.decode(one.token, key, algorithms=[one.algorithm], options=options), one.claims)
                with self.assertRaises(jwt.InvalidSignatureError):
                    jwt.decode(one.changed(), key, algorithms=[one.algorithm], options=options)


class Examples(test_service_client.StandInTestCase):
    def go(self):
        go = shutil.which("go")
        if not go or not os.path.exists(os.path.join(CACHE, "token-modules")):
            self.skipTest("no Go, or not the modules of jwx: scripts/deps interop gets them")
        program = self.path("check")
        done = harness.run([go, "build", "-C", os.path.join(EXAMPLES, "go"), "-o", program], timeout=600,
                           env={"GOFLAGS": "-mod=readonly", "GOPROXY": "off", "GOTOOLCHAIN": "local", "HOME": HOME})
        self.assert_exit(done, 0)
        return [program]

    def node(self):
        node, modules = shutil.which("node"), os.path.join(CACHE, "token-node", "node_modules")
        if not node or not os.path.exists(os.path.join(modules, "jose")):
            self.skipTest("no Node.js, or no jose: scripts/deps interop gets it")
        shutil.copy(os.path.join(EXAMPLES, "node", "check.mjs"), self.directory)
        if not os.path.exists(self.path("node_modules")):
            os.symlink(modules, self.path("node_modules"))
        return [node, self.path("check.mjs")]

    def live(self, curve):
        """A service on a port, and a token of it that is not affirming."""
        self.nsm_policy("prod")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.service([verifierd.PROGRAM, "--listen", f"tcp:127.0.0.1:{port}", "--policies", self.policies,
                      *self.keys(curve)])
        url = f"http://127.0.0.1:{port}"

        def listens():
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", port)) == 0

        harness.wait_until(listens, "the service")
        result = self.json_of(self.ask_service(url, "--json"), 1)
        return url, result["token"], result["result"]["eat_nonce"]

    def check(self, command):
        signer = test_service_client.Signer(self.directory, "ES384")
        good = signer.token(test_service_client.good_claims())
        url = self.url(good, [self.signer.jwk, signer.jwk])
        done = harness.run([*command, url, test_service_client.CHALLENGE], stdin=good.encode() + b"\n")
        self.assert_exit(done, 0)
        self.assertEqual(done.stdout, b"affirming\n")
        claims = test_service_client.good_claims
        for token in (
            good[:-8] + "AAAAAAAA",
            ".".join(self.signer.token(claims(), alg="none").split(".")[:2]) + ".",
            test_service_client.Signer(self.directory).token(claims()),
            signer.token(claims(eat_nonce="B" * 64)),
            signer.token(claims(exp=1)),
            signer.token(claims("warning", 33)),
        ):
            done = harness.run([*command, url, test_service_client.CHALLENGE], stdin=token.encode())
            self.assertEqual((done.returncode, done.stdout), (1, b""), (token, done.stderr))
        for curve in ALGORITHMS:
            live, token, challenge = self.live(curve)
            done = harness.run([*command, live, challenge], stdin=token.encode())
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"the result is", done.stderr)
            self.assertIn(b"contraindicated", done.stderr)
            shutil.rmtree(self.path("keys"))

    def test_go(self):
        self.check(self.go())

    def test_node(self):
        self.check(self.node())

    def test_c(self):
        program = harness.example("attest_by_service")
        if not os.path.exists(program):
            self.skipTest("built without libcurl")
        url, token, _ = self.live("P-256")
        done = harness.run([program, self.enclave, url, "prod"])
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(verifierd.claims_of(done.stdout.decode())["ear_status"], "contraindicated")
        self.assertEqual(done.stdout.split(b".")[0].decode(), token.split(".")[0])
        self.assertEqual(harness.run([program, self.enclave, url, "none"]).returncode, 3)
        self.assertEqual(harness.run([program, "unix:" + self.path("none"), url, "prod"]).returncode, 3)
        good = self.signer.token(test_service_client.good_claims())
        for nonce, status in ((test_service_client.CHALLENGE, 0), ("B" * 64, 3)):
            answer = {"affirming": True, "token": good, "result": {"eat_nonce": nonce}}
            done = harness.run([program, self.enclave, self.url(verify=(200, json.dumps(answer))), "prod"])
            self.assertEqual(done.returncode, status, done.stderr)


if __name__ == "__main__":
    unittest.main()
