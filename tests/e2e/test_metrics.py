# SPDX-License-Identifier: Apache-2.0
"""What the server says of itself: `status` and `metrics`, held to each other and to promtool."""

import re
import shutil
import subprocess
import time
import unittest

import harness
import support
import test_server

ATTEST = {"command": "attest"}
SAMPLE = re.compile(r'([a-z_]+)((?:\{[^}]*\})?) (\d+(?:\.\d+)?)')


class MetricsTestCase(test_server.ServerTestCase):
    def status(self):
        return self.ask({"command": "status"})

    def text(self):
        reply = self.ask({"command": "metrics"})
        self.assertEqual(set(reply), {"success", "metrics"})
        return reply["metrics"]

    def metrics(self):
        """Values by name and labels; fails on lines that are neither comments nor samples."""
        values = {}
        for line in self.text().splitlines():
            if not line.startswith("# "):
                match = SAMPLE.fullmatch(line)
                self.assertIsNotNone(match, line)
                name = match[1] + match[2]
                self.assertNotIn(name, values)
                values[name] = float(match[3])
        return values


class Promtool(MetricsTestCase):
    def check(self, text):
        if not shutil.which("promtool"):
            raise unittest.SkipTest("no promtool (Debian package prometheus)")
        return subprocess.run(
            ["promtool", "check", "metrics"],
            input=text.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=harness.PATIENCE,
            check=False,
        )

    def assert_passes(self, text):
        done = self.check(text)
        self.assertEqual((done.returncode, done.stdout), (0, b""))

    def test_fresh(self):
        self.assert_passes(self.text())

    def test_used(self):
        self.ask(ATTEST)
        self.ask({"command": "?"})
        self.ask(b"{\n")
        self.assert_passes(self.text())

    def test_without_nsm(self):
        self.kill_nsm()
        self.ask(ATTEST)
        self.assert_passes(self.text())

    def test_it_would_tell(self):
        """promtool itself is not silent about everything."""
        text = self.text()
        broken = text.replace("vsattest_requests_total", "vsattest_requests")
        self.assertNotEqual(self.check(broken).returncode, 0)
        self.assertNotEqual(self.check(text.rstrip("\n")).returncode, 0)


class Numbers(MetricsTestCase):
    def test_requests(self):
        for _ in range(3):
            self.assert_alive()
        self.ask(ATTEST)
        self.ask({"command": "attest", "nonce": 1})
        self.ask({"command": "nope"})
        self.ask(b"{\n")
        status = self.status()
        self.assertEqual((status["requests"], status["errors"]), (7, 3))
        self.assertEqual(
            status["commands"],
            {
                "ping": {"requests": 3, "errors": 0},
                "status": {"requests": 0, "errors": 0},
                "attest": {"requests": 2, "errors": 1},
                "metrics": {"requests": 0, "errors": 0},
                "seal_key": {"requests": 0, "errors": 0},
                "sealed": {"requests": 0, "errors": 0},
            },
        )
        metrics = self.metrics()
        for command, requests, errors in (
            ("ping", 3, 0), ("status", 1, 0), ("attest", 2, 1), ("metrics", 0, 0), ("(none)", 2, 2),
        ):
            label = f'{{command="{command}"}}'
            self.assertEqual(metrics["vsattest_requests_total" + label], requests, command)
            self.assertEqual(metrics["vsattest_request_errors_total" + label], errors, command)

    def test_latency(self):
        """The NSM's times, those of requests that it does not answer included."""
        for _ in range(9):
            self.assertIs(self.ask(ATTEST)["success"], True)
        latency = self.status()["nsm_latency_us"]
        self.assertIn(latency["count"], range(9, 14))
        self.assertEqual(latency["failures"], 0)
        self.assertGreater(latency["p50"], 0)
        self.assertLessEqual(latency["p50"], latency["p99"])
        self.assertLessEqual(latency["p99"], latency["max"])
        self.stall_nsm()
        client = self.connect()
        client.send(ATTEST)
        self.wait_until_the_nsm_is_asked()
        time.sleep(1)  # what is measured
        self.resume_nsm()
        self.assertIs(client.receive()["success"], True)
        latency = self.status()["nsm_latency_us"]
        self.assertGreater(latency["max"], 800000)
        self.assertLess(latency["p50"], latency["max"])
        metrics = self.metrics()
        name = "vsattest_nsm_exchange_duration_seconds"
        self.assertGreaterEqual(metrics[name + "_count"], 10)
        self.assertEqual(metrics[name + '_bucket{le="+Inf"}'], metrics[name + "_count"])
        self.assertLess(metrics[name + '_bucket{le="0.5"}'], metrics[name + "_count"])
        self.assertGreater(metrics[name + "_sum"], 0.8)
        self.assertGreater(metrics["vsattest_nsm_exchange_duration_max_seconds"], 0.8)

    def test_failures(self):
        harness.wait_until(lambda: self.status()["nsm"]["reachable"], "the NSM")
        self.kill_nsm()
        self.assert_code(self.ask(ATTEST), "nsm_unreachable")
        self.assertGreaterEqual(self.status()["nsm_latency_us"]["failures"], 1)
        metrics = self.metrics()
        self.assertEqual(metrics["vsattest_nsm_reachable"], 0)
        self.assertGreaterEqual(metrics["vsattest_nsm_exchange_failures_total"], 1)

    def test_waiting(self):
        """Connections and requests that wait for a stalled NSM are seen to do so."""
        self.assertIs(self.ask(ATTEST)["success"], True)
        self.stall_nsm()
        clients = [self.connect() for _ in range(4)]
        for number, client in enumerate(clients):
            client.send({"command": "attest", "nonce": str(number)})  # nothing to share
        idle = self.connect()
        self.assertEqual(idle.ask({"command": "ping"}), test_server.PONG)

        def all_wait():
            status = self.status()
            return status if status["in_flight"] >= 4 else None

        status = harness.wait_until(all_wait, "four requests in flight")
        self.assertGreaterEqual(status["queue_depth"], 3)
        self.assertGreaterEqual(status["connections_by_state"]["busy"], 4)
        self.assertGreaterEqual(status["connections_by_state"]["idle"], 1)
        self.assertEqual(sum(status["connections_by_state"].values()), status["connections"])
        self.resume_nsm()
        for client in clients:
            self.assertIs(client.receive()["success"], True)
        metrics = self.metrics()
        self.assertEqual(metrics["vsattest_nsm_queue_requests"], 0)

    def test_sending_and_refused(self):
        self.start_server("--max-connections", "2", name="small")
        self.server_path = self.path("small")
        slow = self.connect()
        slow.socket.settimeout(0.5)
        try:
            while True:
                slow.socket.sendall(b'{"command":"metrics"}\n' * 100)
        except TimeoutError:
            pass
        other = self.connect()
        status = other.ask({"command": "status"})
        self.assertEqual(status["connections_by_state"]["sending"], 1)
        # A third one: who does not read for longest gives way.
        third = self.connect()
        status = third.ask({"command": "status"})
        self.assertEqual(status["connections_by_state"]["sending"], 0)
        self.assertEqual((status["connections_refused"], status["connections_opened"]), (0, 3))
        self.stall_nsm()
        for client in (other, third):
            client.send({"command": "ping"}, ATTEST)
            client.receive()
        self.assert_code(self.connect().receive(), "too_many_connections")
        self.resume_nsm()
        for client in (other, third):
            client.receive()
        status = other.ask({"command": "status"})
        self.assertEqual((status["connections_refused"], status["connections_opened"]), (1, 3))

    def test_process(self):
        """What the process uses is what the kernel says it uses."""
        for _ in range(50):
            self.status()
        status = self.status()
        kernel = test_server.memory_kib(self.enclave_service.pid) * 1024
        self.assertLess(abs(status["resident_bytes"] - kernel), 4 << 20)
        metrics = self.metrics()
        cpu = metrics['vsattest_process_cpu_seconds_total{mode="user"}']
        cpu += metrics['vsattest_process_cpu_seconds_total{mode="system"}']
        self.assertGreater(cpu, 0)
        self.assertLess(cpu, harness.PATIENCE)
        self.assertLessEqual(sum(status["cpu_ms"].values()), cpu * 1000)

    def test_spared(self):
        """What the NSM was spared: limited, kept and shared requests."""
        self.enclave_service.stop()
        self.start_server("--rate-limit", "1:2", "--cache-ttl", "60")
        client = self.connect()
        replies = [client.ask({"command": "attest", "nonce": str(n)}) for n in range(20)]
        limited = [reply["success"] for reply in replies].count(False)
        self.assertGreater(limited, 0)
        replies = [self.ask(ATTEST) for _ in range(3)]
        self.assertEqual([reply.get("cached") for reply in replies], [False, True, True])
        self.stall_nsm()
        clients = [self.connect() for _ in range(3)]
        clients[0].send({"command": "attest", "nonce": "keeps the NSM busy"})
        for client in clients[1:]:
            client.send({"command": "attest", "user_data": "the same"})
        harness.wait_until(lambda: self.status()["in_flight"] >= 3, "three requests in flight")
        self.resume_nsm()
        for client in clients:
            self.assertIs(client.receive()["success"], True)
        status = self.status()
        self.assertEqual(
            [status[name] for name in ("rate_limited", "cached", "coalesced")], [limited, 2, 1]
        )
        metrics = self.metrics()
        self.assertEqual(metrics["vsattest_requests_rate_limited_total"], limited)
        self.assertEqual(metrics["vsattest_requests_cached_total"], 2)
        self.assertEqual(metrics["vsattest_requests_coalesced_total"], 1)

    def test_limits(self):
        self.enclave_service.stop()
        self.start_server(
            "--max-connections", "30", "--max-in-flight", "20", "--max-nsm-queue", "10"
        )
        metrics = self.metrics()
        self.assertEqual(metrics["vsattest_connections_limit"], 30)
        self.assertEqual(metrics["vsattest_requests_in_flight_limit"], 20)
        self.assertEqual(metrics["vsattest_nsm_queue_limit"], 10)
        self.assertEqual(metrics[f'vsattest_nsm_info{{module_id="{support.MODULE_ID}"}}'], 1)
