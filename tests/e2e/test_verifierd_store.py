# SPDX-License-Identifier: Apache-2.0
"""Replicas of vsattest-verifierd on one Redis: each challenge redeemed once, and never without it."""

import base64
import contextlib
import json
import os
import signal
import socket
import threading
import time

import harness
import support
import verifierd


class OnlyOnce(verifierd.StoreTestCase):
    def test_replicas_share_what_they_issue(self):
        """One issues, another verifies, a third has the keys; one that was restarted knows no less."""
        one, other = (self.start_verifierd(*self.shared, name=name) for name in ("one", "other"))
        self.assertEqual(verifierd.ask(one, "GET", "/.well-known/jwks.json").body,
                         verifierd.ask(other, "GET", "/.well-known/jwks.json").body)
        body = self.redeemable(one)
        self.result(other, body)
        later = self.redeemable(one)
        self.verifierd.stop(signal.SIGKILL)
        restarted = self.start_verifierd(*self.shared, name="restarted")
        self.refused(restarted, body, 409, "challenge_used")
        self.result(restarted, later)

    def test_names_and_times_in_the_store(self):
        path = self.start_verifierd(*self.shared, "--service-id", "ours")
        body = self.redeemable(path)
        self.result(path, body)
        mac = base64.urlsafe_b64encode(verifierd.unpadded(body["challenge"])[24:]).decode()
        left = int(self.command("PTTL", f"ours:used:{mac}")[1:])
        self.assertTrue(290_000 < left <= 310_000, left)
        self.assertRegex(self.command("GET", "ours:epoch"), r"\n\d{13}-[0-9a-f]{40}\r")
        self.assertEqual(self.command("DBSIZE"), ":2\r\n")


def endless(stream):
    stream.sendall(b"$500000000\r\n")
    for _ in range(1000):
        stream.sendall(b"x" * 65536)


def drip(stream):
    for _ in range(30):
        stream.sendall(b"+")
        time.sleep(0.1)


class Lies(verifierd.ServiceTestCase):
    """A store that is none: it costs neither the thread nor memory, and nothing is redeemed."""

    ANSWERS = {
        "an array that takes 16 GiB": lambda stream: stream.sendall(b"*2147483647\r\n"),
        "a value without an end": endless,
        "drips": drip,
        "a type of RESP 3": lambda stream: stream.sendall(b">2\r\n+x\r\n+y\r\n"),
        "no Redis": lambda stream: stream.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        "loading": lambda stream: stream.sendall(b"-LOADING x\r\n" * 3),
        "elsewhere": lambda stream: stream.sendall(b"-MOVED 1 192.0.2.1:1\r\n" * 3),
    }

    def serve(self):
        while True:
            try:
                stream, _ = self.server.accept()
            except OSError:
                return
            with stream, contextlib.suppress(OSError):
                stream.settimeout(harness.PATIENCE)
                stream.recv(65536)
                self.answer(stream)

    def test_answers(self):
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(self.server.close)
        self.server.bind(self.path("store"))
        self.server.listen()
        self.answer = self.ANSWERS["loading"]
        threading.Thread(target=self.serve, daemon=True).start()
        self.policy()
        path = self.start_verifierd("--threads=1", *self.keys(), "--store", "unix:" + self.path("store"))
        for name, answer in self.ANSWERS.items():
            with self.subTest(name):
                self.answer = answer
                begin = time.monotonic()
                self.assertEqual(verifierd.ask(path, "GET", "/readyz").status, 503)
                if not harness.is_sanitized():
                    self.assertLess(time.monotonic() - begin, 1.5)
        with open(f"/proc/{self.verifierd.pid}/status", encoding="ascii") as file:
            highest = next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))
        if not harness.is_sanitized():
            self.assertLess(highest, 64 * 1024)


class Failures(verifierd.StoreTestCase):
    def assert_away(self, path, body):
        """503 within half a second, and not ready. The fastest of some: other work is on this machine."""
        outcomes = [self.verify(path, body) for _ in range(5)]
        self.assertEqual({outcome for outcome, _ in outcomes}, {(503, "store_unavailable")})
        if not harness.is_sanitized():
            self.assertLess(sorted(seconds for _, seconds in outcomes)[2], 0.5)
        self.assertEqual(self.ready(path), 503)

    def test_killed_and_back(self):
        path = self.start_verifierd(*self.shared)
        self.assertEqual(self.ready(path), 200)
        body = self.redeemable(path)
        used = self.redeemable(path)
        self.result(path, used)
        self.redis.stop(signal.SIGKILL)
        self.assert_away(path, body)
        # A forged one has no token, either.
        document = bytearray(base64.b64decode(body["document"]))
        document[-1] ^= 1
        forged = dict(body, document=base64.b64encode(document).decode())
        self.assertEqual(self.verify(path, forged)[0], (503, "store_unavailable"))
        answer = verifierd.ask(path, "POST", "/v1/verify", body)
        self.assertEqual(answer.headers["Retry-After"], "1")
        # It lost its memory: what was issued before is refused, used or not.
        self.start_redis()
        begin = time.monotonic()
        harness.wait_until(lambda: self.ready(path) == 200, "the store")
        if not harness.is_sanitized():
            self.assertLess(time.monotonic() - begin, 2)
        for old in (used, body):
            self.refused(path, old, 409, "challenge_expired")
        self.result(path, self.redeemable(path))
        self.assertIn("\nvsattest_verifierd_challenges_total{event=\"redeemed\"} 2\n",
                      verifierd.ask(path, "GET", "/metrics").body.decode())

    def test_hangs(self):
        path = self.start_verifierd(*self.shared)
        body = self.redeemable(path)
        os.kill(self.redis.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, self.redis.pid, signal.SIGCONT)
        self.assert_away(path, body)
        os.kill(self.redis.pid, signal.SIGCONT)
        harness.wait_until(lambda: self.ready(path) == 200, "the store")
        self.result(path, self.redeemable(path))

    def test_hangs_and_the_process_lives(self):
        """Requests that wait for the store do not keep the one thread from what needs none."""
        path = self.start_verifierd(*self.shared, "--threads=1")
        body = json.dumps(self.redeemable(path)).encode()
        os.kill(self.redis.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, self.redis.pid, signal.SIGCONT)
        waiting = [verifierd.Connection(path) for _ in range(60)]
        for connection in waiting:
            connection.request("POST", "/v1/verify", body, {"Content-Type": "application/json"})
        begin = time.monotonic()
        self.assertEqual(verifierd.ask(path, "GET", "/healthz").status, 200)
        seconds = time.monotonic() - begin
        for connection in waiting:
            self.assertEqual(connection.getresponse().status, 503)
            connection.close()
        # 60 times 200 ms, were each to try.
        self.assertLess(seconds, 6)

    def test_ends_while_it_answers(self):
        """SIGTERM while a request waits for the store: it is answered all the same."""
        path = self.start_verifierd(*self.shared)
        body = json.dumps(self.redeemable(path)).encode()
        os.kill(self.redis.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, self.redis.pid, signal.SIGCONT)
        connection = verifierd.Connection(path)
        connection.request("POST", "/v1/verify", body, {"Content-Type": "application/json"})
        # It waits for 200 ms; on a machine that is slower than that nothing is shown.
        for _ in range(5):
            if b"requests_in_flight 1" in verifierd.ask(path, "GET", "/metrics").body:
                break
        self.verifierd.stop(signal.SIGTERM)
        self.assertEqual(connection.getresponse().status, 503)
        connection.close()

    def test_not_there_at_start(self):
        self.redis.stop(signal.SIGKILL)
        path = self.start_verifierd(*self.shared)
        body = self.redeemable(path)
        self.assert_away(path, body)
        self.assertEqual(verifierd.ask(path, "GET", "/healthz").status, 200)
        self.start_redis()
        harness.wait_until(lambda: self.ready(path) == 200, "the store")
        self.result(path, self.redeemable(path))

    def test_emptied(self):
        """FLUSHALL: nothing that was issued before is redeemed, in any replica."""
        one, other = (self.start_verifierd(*self.shared, name=name) for name in ("one", "other"))
        used, fresh = self.redeemable(one), self.redeemable(one)
        self.result(one, used)
        self.command("FLUSHALL")
        for path in (other, one, other):
            for old in (used, fresh):
                self.refused(path, old, 409, "challenge_expired")
        self.result(one, self.redeemable(other))

    def test_restarted_from_a_snapshot(self):
        """It comes back with an epoch, and without what was redeemed since its snapshot."""
        path = self.start_verifierd(*self.shared)
        used, fresh = self.redeemable(path), self.redeemable(path)
        self.assertEqual(self.ready(path), 200)
        self.command("SAVE")
        self.result(path, used)
        self.redis.stop(signal.SIGKILL)
        self.start_redis()
        self.assertIn("vsattest:epoch", self.command("KEYS", "*"))
        harness.wait_until(lambda: self.ready(path) == 200, "the store")
        for old in (used, fresh):
            self.refused(path, old, 409, "challenge_expired")
        self.result(path, self.redeemable(path))

    def test_epoch_waits_for_slow_clocks(self):
        """After an empty start, challenges of the first seconds are refused, and it is not ready."""
        options = [option for option in self.shared if "skew" not in option] + ["--clock-skew=2"]
        path = self.start_verifierd(*options)
        self.assertEqual(self.ready(path), 503)
        early = self.redeemable(path)
        self.refused(path, early, 409, "challenge_expired")
        harness.wait_until(lambda: self.ready(path) == 200, "the epoch")
        self.refused(path, early, 409, "challenge_expired")
        self.result(path, self.redeemable(path))

    def test_evicting(self):
        path = self.start_verifierd(*self.shared)
        for policy in ("allkeys-lru", "volatile-ttl"):
            self.command("CONFIG", "SET", "maxmemory-policy", policy)
            answer = verifierd.ask(path, "GET", "/readyz")
            self.assertEqual(answer.status, 503)
            self.assertIn(policy, answer.json()["message"])
            # A connection that was good looks again within a second.
            harness.wait_until(
                lambda: self.verify(path, self.redeemable(path))[0] == (503, "store_unavailable"), "503")
            self.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
            harness.wait_until(lambda: self.ready(path) == 200, "the store")
        self.result(path, self.redeemable(path))

    def test_full(self):
        path = self.start_verifierd(*self.shared)
        body = self.redeemable(path)
        self.command("CONFIG", "SET", "maxmemory", "1")
        self.assertEqual(self.verify(path, body)[0], (503, "store_unavailable"))
        self.command("CONFIG", "SET", "maxmemory", "0")
        self.result(path, body)

    def test_without_its_replicas(self):
        path = self.start_verifierd(*self.shared, "--store-wait=1")
        self.assertEqual(self.verify(path, self.redeemable(path))[0], (503, "store_unavailable"))

    def test_password(self):
        self.command("CONFIG", "SET", "requirepass", "secret")
        path = self.start_verifierd(*self.shared, name="without")
        self.assertEqual(self.ready(path), 503)
        path = self.start_verifierd(
            *self.shared, "--store-password", self.write("password", b"secret\n"), name="with")
        self.assertEqual(self.ready(path), 200)
        self.result(path, self.redeemable(path))

    def test_others_epoch(self):
        self.command("SET", "vsattest:epoch", "text")
        path = self.start_verifierd(*self.shared)
        self.assertEqual(self.ready(path), 503)
        self.assertEqual(self.verify(path, self.redeemable(path))[0], (503, "store_unavailable"))
