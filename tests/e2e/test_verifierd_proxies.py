# SPDX-License-Identifier: Apache-2.0
"""vsattest-verifierd behind nginx and haproxy, with the example configurations as they are shipped."""

import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess

import harness
import verifierd

EXAMPLES = os.path.join(harness.SOURCE, "packaging", "service")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ProxyTestCase(verifierd.ServiceTestCase):
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
        text = text.replace("/etc/vsattest-verifierd/", self.folder + "/")
        text = text.replace("/run/vsattest-verifierd/", self.folder + "/")
        for old, new in changes.items():
            self.assertIn(old, text)
            text = text.replace(old, new)
        return text

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
            return verifierd.ask(None, method, target, body, connection=connection, **headers).status
        except OSError:
            return 0
        finally:
            connection.close()

    def check(self):
        """What holds behind either: TLS, sizes, metrics that stay inside, an address that cannot be chosen."""
        harness.wait_until(lambda: self.status("GET", "/healthz") == 200, "the proxy")
        self.assertEqual(self.status("POST", "/v1/challenges", {"policy": "p"}), 200)
        self.assertEqual(self.status("GET", "/metrics"), 403)
        self.assertIn(self.status("POST", "/v1/challenges", b" " * 70000, content_type="application/json"), (413, 0))
        statuses = [self.status("POST", "/v1/challenges", {"policy": "p"}, x_forwarded_for=f"192.0.2.{n}")
                    for n in range(6)]
        self.assertEqual(statuses[-1], 429)


class Nginx(ProxyTestCase):
    def test_example(self):
        nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
        if not nginx:
            self.skipTest("no nginx")
        self.start_verifierd("--trust-proxy", "--rate=1", "--burst=5", name="http.sock")
        text = self.example("nginx.conf", **{"listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl"})
        temporary = "".join(f"{kind}_temp_path {self.folder}/{kind};\n" for kind in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        self.write("nginx.conf", f"daemon off;\nmaster_process off;\npid {self.folder}/pid;\nerror_log stderr;\n"
                   f"events {{}}\nhttp {{\naccess_log off;\n{temporary}{text}}}\n".encode())
        self.service([nginx, "-p", self.folder, "-c", self.path("nginx.conf")])
        self.check()


class Haproxy(ProxyTestCase):
    def test_example(self):
        haproxy = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/sbin:/bin")
        if not haproxy:
            self.skipTest("no haproxy")
        options = ["--trust-proxy", "--rate=1", "--burst=5"]
        for name in ("one.sock", "two.sock", "three.sock"):
            self.start_verifierd(*options, name=name)
            last = self.verifierd
        text = self.example("haproxy.cfg", **{"bind :443 ssl": f"bind 127.0.0.1:{self.port} ssl"})
        self.write("haproxy.cfg", re.sub(r"(?m)^    # .*\n", "", text).encode())
        self.assert_exit(harness.run([haproxy, "-c", "-q", "-f", self.path("haproxy.cfg")]), 0)
        self.service([haproxy, "-db", "-f", self.path("haproxy.cfg")])
        harness.wait_until(lambda: self.status("GET", "/healthz") == 200, "the proxy")
        # Each replica has buckets of its own.
        limited = [self.status("POST", "/v1/challenges", {"policy": "p"}, x_forwarded_for=f"192.0.2.{n}")
                   for n in range(18)]
        self.assertIn(429, limited)
        self.assertEqual(self.status("GET", "/metrics"), 403)
        # One that is gone is not asked any more.
        last.stop(signal.SIGKILL)
        harness.wait_until(lambda: {self.status("GET", "/healthz") for _ in range(9)} == {200}, "two replicas")
