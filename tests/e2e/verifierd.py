# SPDX-License-Identifier: Apache-2.0
"""What tests of the verification service share: the service, its files, a client over Unix sockets."""

import base64
import glob
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import time
import unittest

import harness
import support

PROGRAM = harness.program("vsattest-verifierd")
FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
# As in src/verifierd/ear.h.
SUBMODULE = "nitro-enclave"
# Or Valkey's, which takes the same options.
REDIS = os.environ.get("VSA_REDIS", "redis-server")
EXAMPLES = os.path.join(harness.SOURCE, "packaging", "service")


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


def clock_at(time):
    """The environment in which a program's clock begins at `time`; the monotonic one is left alone."""
    return {"LD_PRELOAD": FAKETIME[0], "FAKETIME": f"@{time}", "FAKETIME_FMT": "%s", "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1"} if time else None


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
        if status == 409:
            self.assertRegex(answer.json()["message"], ": (ask for|request a|check it)", "what to do next")
        return answer


def vector(claims):
    return claims["submods"][SUBMODULE]["ear_trustworthiness_vector"]


@unittest.skipUnless(shutil.which(REDIS), "no " + REDIS)
class StoreTestCase(ServiceTestCase):
    """The service, an enclave, and a Redis."""

    def setUp(self):
        super().setUp()
        self.start_enclave()
        self.nsm_policy()
        self.start_redis()
        self.shared = [*self.keys(), "--store", "unix:" + self.redis_path, "--clock-skew=0"]

    def start_redis(self, *options):
        self.redis_path = self.path("redis")
        if os.path.exists(self.redis_path):
            os.unlink(self.redis_path)
        self.redis = self.service(
            [REDIS, "--port", "0", "--unixsocket", self.redis_path, "--save", "",
             "--appendonly", "no", "--dir", self.directory, *options], wait_for=self.redis_path)

    def command(self, *words):
        """One command of Redis; returns its reply as it is."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(harness.PATIENCE)
            connection.connect(self.redis_path)
            connection.sendall(f"*{len(words)}\r\n".encode() +
                               b"".join(f"${len(w)}\r\n{w}\r\n".encode() for w in words))
            return connection.recv(65536).decode()

    def attested(self, challenge):
        """A document by the enclave's own protocol, which is quicker than a program each."""
        reply = support.ask(self.path("enclave"), {"command": "attest", "nonce": challenge})
        return base64.b64decode(reply["attestation_document"])

    def redeemable(self, path):
        challenge = self.challenge(path)
        return self.body(self.attested(challenge), challenge)

    def ready(self, path):
        return ask(path, "GET", "/readyz").status

    def verify(self, path, body):
        """Status and error of a verification, and the seconds it took."""
        begin = time.monotonic()
        answer = ask(path, "POST", "/v1/verify", body)
        error = answer.json()["error"] if answer.status != 200 else None
        return (answer.status, error), time.monotonic() - begin


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ProxyTestCase(ServiceTestCase):
    """The service behind a proxy, whose configuration is one of EXAMPLES."""

    def setUp(self):
        super().setUp()
        self.policy()
        self.port = free_port()
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
             "-keyout", self.path("tls.key"), "-out", self.path("tls.pem")],
            check=True, stderr=subprocess.DEVNULL)
        with open(self.path("tls-with-key.pem"), "wb") as out:
            for name in ("tls.pem", "tls.key"):
                with open(self.path(name), "rb") as file:
                    out.write(file.read())

    def example(self, name, **changes):
        """An example with the paths and the port of this test, and nothing else changed."""
        with open(os.path.join(EXAMPLES, name), encoding="utf-8") as file:
            text = file.read()
        text = text.replace("/etc/vsattest-verifierd/", self.directory + "/")
        text = text.replace("/run/vsattest-verifierd/", self.directory + "/")
        for old, new in changes.items():
            self.assertIn(old, text)
            text = text.replace(old, new)
        return text

    def compose_proxy(self):
        """haproxy.cfg with this test's ports; `metrics` are those of the replicas, in their order."""
        self.metrics = [free_port() for _ in range(3)]
        ports = {f"-127.0.0.1}}:{9464 + n}": f"-127.0.0.1}}:{port}" for n, port in enumerate(self.metrics)}
        return self.example("haproxy.cfg", **{"bind :443 ssl": f"bind 127.0.0.1:{self.port} ssl"}, **ports)

    def connection(self):
        context = ssl.create_default_context(cafile=self.path("tls.pem"))
        connection = http.client.HTTPSConnection("localhost", self.port, context=context,
                                                 timeout=harness.PATIENCE)
        connection._create_connection = lambda address, *rest, **keywords: socket.create_connection(
            ("127.0.0.1", self.port), harness.PATIENCE)
        return connection

    def status(self, method, target, body=None, **headers):
        connection = self.connection()
        try:
            return ask(None, method, target, body, connection=connection, **headers).status
        except OSError:
            return 0
        finally:
            connection.close()

    def start_haproxy(self, text):
        """Starts it with this configuration; skips the test where there is none."""
        haproxy = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/sbin:/bin")
        if not haproxy:
            self.skipTest("no haproxy")
        self.write("haproxy.cfg", text.encode())
        self.assert_exit(harness.run([haproxy, "-c", "-q", "-f", self.path("haproxy.cfg")]), 0)
        self.service([haproxy, "-db", "-f", self.path("haproxy.cfg")])
        harness.wait_until(lambda: self.status("GET", "/healthz") == 200, "the proxy")
