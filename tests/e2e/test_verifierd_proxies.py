# SPDX-License-Identifier: Apache-2.0
"""vsattest-verifierd behind nginx and haproxy, with the example configurations as they are shipped."""

import errno
import http.client
import os
import re
import select
import shutil
import signal
import socket

import harness
import verifierd


class ExampleTestCase(verifierd.ProxyTestCase):
    def check(self):
        """What holds behind either: TLS, sizes, metrics that stay inside, an address that cannot be chosen."""
        harness.wait_until(lambda: self.status("GET", "/healthz") == 200, "the proxy")
        self.assertEqual(self.status("POST", "/v1/challenges", {"policy": "p"}), 200)
        self.assertEqual(self.status("GET", "/metrics"), 403)
        self.check_escapes()
        self.assertIn(self.status("POST", "/v1/challenges", b" " * 70000, content_type="application/json"), (413, 0))
        statuses = [self.status("POST", "/v1/challenges", {"policy": "p"}, x_forwarded_for=f"192.0.2.{n}")
                    for n in range(6)]
        self.assertIn(429, statuses)

    def check_escapes(self):
        """The service decodes paths, and reads them to the first NUL."""
        for target in ("/%6detrics", "/metrics%00", "/%6Detrics?x", "/metrics%00x", "//metrics"):
            self.assertIn(self.status("GET", target), (400, 403, 404), target)


class Nginx(ExampleTestCase):
    def test_example(self):
        nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
        if not nginx:
            self.skipTest("no nginx")
        self.start_verifierd("--trust-proxy", "--rate=1", "--burst=2", name="http.sock")
        text = self.example("nginx.conf", **{"listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl"})
        temporary = "".join(f"{kind}_temp_path {self.directory}/{kind};\n" for kind in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        self.write("nginx.conf", f"daemon off;\nmaster_process off;\npid {self.directory}/pid;\nerror_log stderr;\n"
                   f"events {{}}\nhttp {{\naccess_log off;\n{temporary}{text}}}\n".encode())
        self.service([nginx, "-p", self.directory, "-c", self.path("nginx.conf")])
        self.check()


class Haproxy(ExampleTestCase):
    def test_example(self):
        options = ["--trust-proxy", "--rate=1", "--burst=1"]
        for name in ("one.sock", "two.sock", "three.sock"):
            self.start_verifierd(*options, name=name)
            last = self.verifierd
        self.start_haproxy(self.compose_proxy())
        # Each replica has buckets of its own.
        limited = [self.status("POST", "/v1/challenges", {"policy": "p"}, x_forwarded_for=f"192.0.2.{n}")
                   for n in range(18)]
        self.assertIn(429, limited)
        self.assertEqual(self.status("GET", "/metrics"), 403)
        self.check_escapes()
        self.check_metrics()
        # One that is gone is not asked any more.
        last.stop(signal.SIGKILL)
        harness.wait_until(lambda: {self.status("GET", "/healthz") for _ in range(9)} == {200}, "two replicas")
        # Nor is another one asked in its place.
        self.assertEqual([self.inside(port, "/metrics").status for port in self.metrics], [200, 200, 503])

    def inside(self, port, target):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=harness.PATIENCE)
        try:
            return verifierd.ask(None, "GET", target, connection=connection)
        finally:
            connection.close()

    def check_metrics(self):
        """Each replica's own counts, and nothing else: no path that only looks like it, no other address."""
        for port, name in zip(self.metrics, ("one.sock", "two.sock", "three.sock")):
            before = self.counted(self.inside(port, "/metrics"))
            for _ in range(5):
                self.assertEqual(verifierd.ask(self.path(name), "GET", "/v1/policies").status, 200)
            self.assertEqual(self.counted(self.inside(port, "/metrics")), before + 5)
            for target in ("/", "/v1/policies", "/healthz", "/metrics/", "/metrics%00", "/%6detrics"):
                self.assertIn(self.inside(port, target).status, (400, 403), target)
            # All of 127.0.0.0/8 is this machine: it listens on the one address only.
            with socket.socket() as other, self.assertRaises(ConnectionRefusedError):
                other.connect(("127.0.0.2", port))

    @staticmethod
    def counted(answer):
        """How often a replica has shown its policies."""
        found = re.search(rb'requests_total\{endpoint="policies",status="200"\} (\d+)', answer.body)
        return int(found[1]) if found else 0

    def silent_clients(self, count):
        """Connections that send nothing."""
        clients = [socket.socket() for _ in range(count)]
        for client in clients:
            self.addCleanup(client.close)
            client.settimeout(harness.PATIENCE)
            # On a busy machine the proxy refuses before connect() looks.
            self.assertIn(client.connect_ex(("127.0.0.1", self.port)), (0, errno.ECONNRESET))
        return clients

    def test_one_client_has_not_all_connections(self):
        for name in ("one.sock", "two.sock", "three.sock"):
            self.start_verifierd("--trust-proxy", name=name)
        self.start_haproxy(self.compose_proxy())
        clients = self.silent_clients(70)
        harness.wait_until(lambda: len(select.select(clients, [], [], 0)[0]) >= 6, "the proxy to close what is too much")
        self.assertEqual(self.status("GET", "/healthz"), 0)
        connection = self.connection()
        connection._create_connection = lambda *_, **__: socket.create_connection(
            ("127.0.0.1", self.port), harness.PATIENCE, ("127.0.0.2", 0))
        self.addCleanup(connection.close)
        self.assertEqual(verifierd.ask(None, "GET", "/healthz", connection=connection).status, 200)

    def test_probes_are_answered_beside_too_many_clients(self):
        self.start_verifierd("--trust-proxy", name="http.sock")
        os.mkdir(self.path("tls"))
        os.rename(self.path("tls.key"), self.path("tls/tls.key"))
        shutil.copy(self.path("tls.pem"), self.path("tls/tls.crt"))
        cluster = verifierd.free_port()
        self.start_haproxy(self.example("kubernetes/haproxy.cfg", **{
            "bind :8443 ssl": f"bind 127.0.0.1:{self.port} ssl", "bind :9464": f"bind 127.0.0.1:{cluster}",
            "maxconn 1024": "maxconn 24", "maxconn 960": "maxconn 20"}))
        self.silent_clients(30)
        connection = http.client.HTTPConnection("127.0.0.1", cluster, timeout=2)
        self.addCleanup(connection.close)
        self.assertEqual(verifierd.ask(None, "GET", "/healthz", connection=connection).status, 200)

    def test_beside_the_service_in_a_pod(self):
        """The one for Kubernetes: the policies and keys as its volumes have them, behind links."""
        for name, target in (("policies", "..data"), ("keys", "..data")):
            os.makedirs(self.path(f"{name}/..2026"), exist_ok=True)
            os.symlink("..2026", self.path(f"{name}/{target}"))
        shared = self.keys()
        os.rename(self.path("keys/P-256.pem"), self.path("keys/..2026/20260101T0000Z.pem"))
        os.symlink("..data/20260101T0000Z.pem", self.path("keys/20260101T0000Z.pem"))
        os.rename(self.path("policies/p.json"), self.path("policies/..2026/p.json"))
        os.symlink("..data/p.json", self.path("policies/p.json"))
        os.mkdir(self.path("tls"))
        os.rename(self.path("tls.key"), self.path("tls/tls.key"))
        shutil.copy(self.path("tls.pem"), self.path("tls/tls.crt"))
        self.start_verifierd("--trust-proxy", "--rate=1", "--burst=2", *shared, name="http.sock")
        cluster = verifierd.free_port()
        self.start_haproxy(self.example("kubernetes/haproxy.cfg", **{
            "bind :8443 ssl": f"bind 127.0.0.1:{self.port} ssl", "bind :9464": f"bind 127.0.0.1:{cluster}"}))
        self.check()
        for target, status in (("/metrics", 200), ("/readyz", 200), ("/healthz", 200), ("/v1/policies", 403)):
            self.assertEqual(self.inside(cluster, target).status, status, target)
