# SPDX-License-Identifier: Apache-2.0
"""What tests of the verification service share: the service, its files, a client over Unix sockets."""

import base64
import http.client
import json
import os
import socket
import subprocess

import harness
import support

PROGRAM = harness.program("vsattest-verifierd")
# As in src/verifierd/ear.h.
SUBMODULE = "nitro-enclave"


class Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path, timeout=harness.PATIENCE):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)


def ask(path, method, target, body=None, connection=None, **headers):
    """One request; `body`: bytes, or what becomes JSON."""
    kept = connection or Connection(path)
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        headers.setdefault("content_type", "application/json")
    kept.request(method, target, body, {name.replace("_", "-"): text for name, text in headers.items()})
    answer = Answer(kept.getresponse())
    if not connection:
        kept.close()
    return answer


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims_of(token):
    """What a token says; its signature is for tests of that."""
    return json.loads(unpadded(token.split(".")[1]))


class ServiceTestCase(support.EnclaveTestCase):
    """The service on a Unix socket, and policies in a directory of the test's."""

    def setUp(self):
        super().setUp()
        if not os.path.exists(PROGRAM):
            self.skipTest("built without libmicrohttpd or hiredis")
        self.policies = self.path("policies")
        os.mkdir(self.policies)

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content if isinstance(content, bytes) else json.dumps(content).encode())
        return self.path(name)

    def policy(self, name="p", **members):
        return self.write(f"policies/{name}.json", members)

    def nsm_policy(self, name="p", **members):
        """A policy that trusts the root of start_nsm()."""
        with open(self.root, "rb") as file:
            self.write("policies/root.pem", file.read())
        return self.policy(name, roots="root.pem", **members)

    def keys(self, *curves):
        """A directory of signing keys, and a challenge key."""
        os.makedirs(self.path("keys"), exist_ok=True)
        for curve in curves or ("P-256",):
            key = subprocess.run(
                ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
            self.write(f"keys/{curve}.pem", key)
        self.write("challenge-key", base64.b64encode(os.urandom(48)) + b"\n")
        return ["--keys", self.path("keys"), "--challenge-key", self.path("challenge-key")]

    def start_verifierd(self, *options, name="v", env=None):
        """Starts it; returns the path of its socket."""
        path = self.path(name)
        if not any(option.startswith("--rate") for option in options):
            options = ("--rate=100000", "--burst=100000", *options)
        self.verifierd = self.service(
            [PROGRAM, "--listen", "unix:" + path, "--policies", self.policies, *options],
            wait_for=path, env=env)
        return path

    def challenge(self, path, policy="p"):
        answer = ask(path, "POST", "/v1/challenges", {"policy": policy})
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json()["challenge"]

    def document(self, nonce=None, *options):
        """A new document of start_enclave()'s, raw."""
        out = self.path("document.bin")
        nonces = ["--nonce", nonce] if nonce else []
        self.assert_exit(self.client("--attest", "--save", out, *nonces, *options, "--connect", self.enclave), 0)
        with open(out, "rb") as file:
            return base64.b64decode(file.read())

    def body(self, document, challenge=None, policy="p", **members):
        body = {"document": base64.b64encode(document).decode(), "policy": policy, **members}
        if challenge:
            body["challenge"] = challenge
        return body

    def result(self, path, body, status=200):
        """The EAR claims of a verification."""
        answer = ask(path, "POST", "/v1/verify", body)
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["Content-Type"], "application/eat+jwt")
        return claims_of(answer.body.decode())

    def refused(self, path, body, status, code):
        answer = ask(path, "POST", "/v1/verify", body)
        self.assertEqual((answer.status, answer.json()["error"]), (status, code), answer.body)
        return answer


def vector(claims):
    return claims["submods"][SUBMODULE]["ear_trustworthiness_vector"]
