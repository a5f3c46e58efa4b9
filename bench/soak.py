#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Endurance: a mixed load on enclave_app for a while, and a verdict. Run it by scripts/soak.

Volume comes from bench/load (pings and statuses, kept and one-shot connections); what needs judging
comes from here: documents with nonces that must be in them, bad lines with the code that each must
get, clients that vanish or do not read, one that asks too often, an NSM that is killed, stopped and
restarted meanwhile. Unix sockets only; ends by itself, and only what it started.
"""
import argparse
import base64
import collections
import json
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import soak_report

BUILD = os.environ["VSA_BUILD"]
TICK = os.sysconf("SC_CLK_TCK")
ROUND_S = 5
PATIENCE_S = 60
# A request that came this much before the NSM was well again may have been answered that it is not.
GRACE_S = 3
# However slow the machine: a run for a number of requests ends.
LONGEST_S = 3600
IDLE_TIMEOUT_S = 10
PING = {"command": "ping"}
# Lines of the load generator, and how many connections send them.
VOLUME = (
    ("ping, kept", '{"command":"ping"}', 16, "kept"),
    ("status, kept", '{"command":"status","id":"soak"}', 4, "kept"),
    ("ping, one-shot", '{"command":"ping"}', 4, "oneshot"),
)
WITHOUT_NSM = {"nsm_unreachable", "timeout", "busy"}


def program(name):
    return os.path.join(BUILD, "src", "programs", name)


# --- bookkeeping ------------------------------------------------------------------------------


class Tally:
    """What came of the requests of all threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.unexpected = []
        self.latencies = collections.defaultdict(list)
        self.requests = 0

    def add(self, source, outcome, number=1):
        with self.lock:
            self.counts[f"{source}: {outcome}"] += number
            self.requests += number

    def wrong(self, sentence):
        with self.lock:
            if len(self.unexpected) < 100:
                self.unexpected.append(sentence)

    def took(self, source, seconds):
        with self.lock:
            self.latencies[source].append(seconds * 1e6)

    def take_latencies(self):
        """{source: figures} since the last call."""
        with self.lock:
            taken, self.latencies = self.latencies, collections.defaultdict(list)
        series = {}
        for source, values in taken.items():
            values.sort()
            series[source] = {
                "requests": len(values),
                "p50_us": values[int((len(values) - 1) * 0.50)],
                "p99_us": values[int((len(values) - 1) * 0.99)],
            }
        return series


def proc_status(pid, field):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field + ":"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


# --- what is under test -----------------------------------------------------------------------


class Process:
    def __init__(self, name, arguments, directory, path):
        with open(os.path.join(directory, name + ".log"), "ab") as log:
            self.child = subprocess.Popen([program(name), *arguments], stdin=subprocess.DEVNULL,
                                          stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE_S
        while not os.path.exists(path):
            if self.child.poll() is not None or time.monotonic() > deadline:
                self.end()
                raise RuntimeError(f"{name} does not listen on {path}: see {directory}")
            time.sleep(0.01)

    @property
    def pid(self):
        return self.child.pid

    def stop(self, number=signal.SIGTERM):
        """Its exit status; killed if it takes too long."""
        if self.child.poll() is None:
            self.child.send_signal(number)
        try:
            return self.child.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.end()
            return None

    def end(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait(PATIENCE_S)


class Nsm:
    """A software NSM with bad days."""

    def __init__(self, directory):
        self.directory = directory
        self.path = os.path.join(directory, "nsm")
        self.root = os.path.join(directory, "root.pem")
        self.down = False
        self.well_since = 0.0
        self.process = None
        self.start()

    def start(self):
        if os.path.exists(self.path):
            os.unlink(self.path)  # of one that was killed
        self.process = Process("software_nsm", ["--listen", "unix:" + self.path, "--state",
                                                os.path.join(self.directory, "state"),
                                                "--root-out", self.root], self.directory, self.path)

    def excuses(self, since):
        """Whether something that began then may have met an NSM that was not well."""
        return self.down or since < self.well_since + GRACE_S

    def disturb(self, how):
        self.down = True
        if how == "stopped":
            self.process.child.send_signal(signal.SIGSTOP)
            time.sleep(1)
            self.process.child.send_signal(signal.SIGCONT)
        else:
            self.process.stop(signal.SIGKILL if how == "killed" else signal.SIGTERM)
            time.sleep(0.5)
            self.start()
        self.well_since = time.monotonic()
        self.down = False


def options_of_server():
    """Limits that this build knows."""
    text = subprocess.run([program("enclave_app"), "--help"], check=True, stdout=subprocess.PIPE,
                          timeout=PATIENCE_S).stdout.decode()
    wanted = [("--rate-limit", "100:50"), ("--cache-ttl", "2")]
    return {name: value for name, value in wanted if name in text}


# --- clients ----------------------------------------------------------------------------------


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE_S)
        self.file = None
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise
        self.file = self.socket.makefile("rb")

    def send(self, *requests):
        self.socket.sendall(b"".join(
            r if isinstance(r, bytes) else json.dumps(r).encode() + b"\n" for r in requests))

    def receive(self):
        line = self.file.readline()
        return json.loads(line) if line else None

    def ask(self, request):
        self.send(request)
        return self.receive()

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Soak:
    """One run. Every method in `clients` is a thread that asks until the end."""

    def __init__(self, arguments, directory):
        self.arguments = arguments
        self.directory = directory
        self.path = os.path.join(directory, "enclave")
        self.tally = Tally()
        self.over = threading.Event()
        self.samples, self.rounds, self.events = [], [], []
        self.nsm = Nsm(directory)
        self.options = options_of_server()
        extra = [word for option in self.options.items() for word in option]
        self.server = Process("enclave_app", [
            "--listen", "unix:" + self.path, "--nsm", "unix:" + self.nsm.path,
            "--log-level", "warn", "--request-timeout", "5",
            "--idle-timeout", str(IDLE_TIMEOUT_S), *extra], directory, self.path)
        self.begin = time.monotonic()

    def now(self):
        return time.monotonic() - self.begin

    def pause(self, seconds):
        self.over.wait(seconds * random.uniform(0.5, 1.5))

    def guarded(self, client):
        """A client's thread: whatever it did not expect is a finding."""
        while not self.over.is_set():
            try:
                client()
            except (OSError, ValueError, KeyError, TypeError, subprocess.SubprocessError) as problem:
                if self.over.is_set():
                    return
                self.tally.wrong(f"{client.__name__}: {type(problem).__name__}: {problem}")
                self.over.wait(1)

    # Documents.

    def judge_document(self, source, reply, nonce, since):
        if reply is None:
            self.tally.wrong(f"{source}: the connection ended")
            return False
        if reply["success"]:
            self.tally.add(source, "ok")
            if nonce not in base64.b64decode(reply["attestation_document"]):
                self.tally.wrong(f"{source}: a document with another nonce")
            return True
        code = reply["error_code"]
        self.tally.add(source, code)
        if code not in WITHOUT_NSM or not self.nsm.excuses(since):
            self.tally.wrong(f"{source}: {code}: {reply['error']}")
        return False

    def attest_kept(self):
        with Client(self.path) as client:
            for number in range(200):
                if self.over.is_set():
                    return
                nonce = f"soak-{random.getrandbits(64):x}"
                begin = time.monotonic()
                reply = client.ask({"command": "attest", "nonce": nonce, "id": number,
                                    "generate_key": number % 10 == 0})
                self.judge_document("attest, kept", reply, nonce.encode(), begin)
                self.tally.took("attest, kept", time.monotonic() - begin)
                if reply["id"] != number:
                    self.tally.wrong("attest, kept: the answer to another request")
                self.pause(0.1)

    def attest_one_shot(self):
        nonce = f"soak-{random.getrandbits(64):x}"
        begin = time.monotonic()
        with Client(self.path) as client:
            reply = client.ask({"command": "attest", "nonce": nonce})
        self.judge_document("attest, one-shot", reply, nonce.encode(), begin)
        self.tally.took("attest, one-shot", time.monotonic() - begin)
        self.pause(0.15)

    def attest_without_nonce(self):
        """May come from the cache, but not an old one."""
        begin = time.monotonic()
        with Client(self.path) as client:
            reply = client.ask({"command": "attest", "user_data": "soak"})
        self.judge_document("attest, no nonce", reply, b"soak", begin)
        if reply.get("cached"):
            self.tally.add("attest, no nonce", "cached", 0)
            self.tally.counts["attest, no nonce: cached"] += 1
            if reply["age_ms"] > float(self.options["--cache-ttl"]) * 1000 + 1000:
                self.tally.wrong(f"a document of {reply['age_ms']} ms from the cache")
        self.pause(0.2)

    def verifying(self):
        begin = time.monotonic()
        done = subprocess.run([program("vsock_client"), "--json", "--verify", "--root",
                               self.nsm.root, "--connect", "unix:" + self.path],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=PATIENCE_S, check=False)
        result = json.loads(done.stdout)
        self.tally.add("vsock_client --verify", result.get("error_code", "verified"))
        if done.returncode != 0 and not (result["error_code"] in WITHOUT_NSM
                                         and self.nsm.excuses(begin)):
            self.tally.wrong(f"vsock_client --verify: {done.returncode}: {done.stderr.decode()}")
        self.pause(2)

    def greedy(self):
        """Asks for documents as fast as it can, whatever the answers are."""
        with Client(self.path) as client:
            for _ in range(50):
                begin = time.monotonic()
                client.send(*[{"command": "attest", "nonce": "greedy"}] * 20)
                for _ in range(20):
                    reply = client.receive()
                    if reply and not reply["success"] and reply["error_code"] == "rate_limited":
                        self.tally.add("greedy", "rate_limited")
                        if not 0 < reply["retry_after_ms"] <= 60000:
                            self.tally.wrong(f"greedy: retry_after_ms {reply['retry_after_ms']}")
                    else:
                        self.judge_document("greedy", reply, b"greedy", begin)
                if self.over.is_set():
                    return
                self.pause(0.1)

    # Nuisances.

    def bad_lines(self):
        lines = (
            (b"{\n", "json_invalid"),
            (b"\xff\n", "json_invalid"),
            (b'{"command":"ping","command":"ping"}\n', "duplicate_key"),
            (b'{"command":"ping","a":' + b"[" * 5000 + b"\n", "nesting_too_deep"),
            ({}, "request_invalid"),
            ({"command": 1}, "field_invalid"),
            ({"command": "nope"}, "unknown_command"),
            ({"command": "attest", "nonce": "x" * 1025}, "too_large"),
            ({"command": "attest", "nonce_base64": "*"}, "base64_invalid"),
        )
        with Client(self.path) as client:
            for line, code in lines:
                reply = client.ask(line)
                self.tally.add("bad lines", reply["error_code"])
                if reply["error_code"] != code:
                    self.tally.wrong(f"{reply['error_code']} instead of {code}")
                self.pause(0.02)
            client.send(b"x" * 70000)
            reply = client.receive()
            self.tally.add("bad lines", reply["error_code"])
            if reply["error_code"] != "line_too_long":
                self.tally.wrong(f"{reply['error_code']} instead of line_too_long")

    def vanishing(self):
        # With a nonce: what comes from the cache shall be counted where it is read.
        attest = b'{"command":"attest","nonce":"gone"}\n'
        for words in (b"", b'{"comm', attest, b'{"command":"ping"}\n' * 100,
                      b'{"command":"status"}\n' + attest + b'{"comm'):
            client = Client(self.path)
            client.send(words)
            client.close()
            self.tally.add("vanishing", "gone")
            self.pause(0.05)

    def not_reading(self):
        """Sends until nothing more is taken; then reads it all, in order."""
        with Client(self.path) as client:
            client.socket.settimeout(0.2)
            sent = 0
            lines = b""
            try:
                while sent < 100_000:
                    lines = b"".join(b'{"command":"ping","id":%d}\n' % (sent + i)
                                     for i in range(100))
                    client.socket.sendall(lines)
                    sent += 100
            except TimeoutError:
                pass
            client.socket.settimeout(PATIENCE_S)
            self.pause(0.5)
            for number in range(sent):
                if client.receive()["id"] != number:
                    self.tally.wrong("not reading: replies out of order")
            self.tally.add("not reading", "ok", sent)
        self.pause(2)

    def drop_by_drop(self):
        with Client(self.path) as client:
            for byte in b'{"command":"ping","id":"slow"}\n':
                client.send(bytes([byte]))
                self.pause(0.01)
            if client.receive()["id"] != "slow":
                self.tally.wrong("drop by drop: another answer")
            self.tally.add("drop by drop", "ok")

    def idle(self):
        """Many that say nothing: the server answers so and hangs up."""
        clients = []
        try:
            clients = [Client(self.path) for _ in range(100)]
            for client in clients:
                reply = client.receive()
                if self.over.is_set():
                    return
                self.tally.add("idle", reply["error_code"])
                if reply["error_code"] != "idle_timeout":
                    self.tally.wrong(f"idle: {reply['error_code']}")
        finally:
            for client in clients:
                client.close()

    def watching(self):
        """What the server says of itself."""
        with Client(self.path) as client:
            for _ in range(100):
                reply = client.ask({"command": "status"})
                self.tally.add("status", "ok" if reply["success"] else reply["error_code"])
                if not reply["success"]:
                    self.tally.wrong(f"status: {reply['error_code']}")
                reply = client.ask({"command": "metrics"})
                code = "ok" if reply["success"] else reply["error_code"]
                self.tally.add("metrics", code)
                if code not in ("ok", "unknown_command"):
                    self.tally.wrong(f"metrics: {code}")
                self.pause(1)
                if self.over.is_set():
                    return

    # The run.

    def clients(self):
        return [self.attest_kept, self.attest_kept, self.attest_one_shot,
                self.attest_without_nonce, self.verifying, self.greedy, self.bad_lines,
                self.vanishing, self.not_reading, self.drop_by_drop, self.idle, self.watching]

    def bad_days(self):
        """What happens to the NSM, in turns; often enough for a short run to have each."""
        every = max(4.0, min(20.0, self.arguments.seconds / 9))
        ways = ("killed", "stopped", "restarted")
        while not self.over.wait(every):
            how = ways[len(self.events) % len(ways)]
            self.events.append({"t": self.now(), "what": how})
            self.nsm.disturb(how)

    def sampling(self):
        while not self.over.wait(1):
            pid = self.server.pid
            try:
                self.samples.append({"t": self.now(), "rss_kib": proc_status(pid, "VmRSS"),
                                     "threads": proc_status(pid, "Threads"),
                                     "descriptors": descriptors(pid), "cpu_s": cpu_seconds(pid)})
            except (OSError, StopIteration):
                return  # it ended: the verdict says so

    def volume(self, name, line, connections, mode, into):
        """One round of the load generator."""
        command = [os.path.join(BUILD, "bench", "load"), self.path, line, str(connections),
                   str(ROUND_S), mode]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=ROUND_S + PATIENCE_S, check=False)
            figures = json.loads(done.stdout)
        except (ValueError, subprocess.SubprocessError) as problem:
            self.tally.wrong(f"{name}: no figures: {problem}")
            return
        self.tally.add(name, "ok", figures["requests"] - figures["refused"])
        into[name] = figures
        for kind in ("refused", "failures"):
            if figures[kind]:
                self.tally.add(name, kind, figures[kind])
                self.tally.wrong(f"{name}: {figures[kind]} {kind} in a round")

    def one_round(self):
        series = {}
        before, begin = self.tally.requests, self.now()
        loads = [threading.Thread(target=self.volume, args=(*load, series)) for load in VOLUME]
        for thread in loads:
            thread.start()
        for thread in loads:
            thread.join()
        series.update(self.tally.take_latencies())
        entry = {"t": self.now(), "seconds": self.now() - begin, "series": series}
        self.rounds.append(entry)
        done = self.tally.requests
        print(f"{entry['t']:7.0f} s {done:>12,} requests "
              f"{(done - before) / entry['seconds']:>9,.0f}/s  "
              f"p99 ping {series.get('ping, kept', {}).get('p99_us', 0) / 1000:8.2f} ms  "
              f"attest {series.get('attest, kept', {}).get('p99_us', 0) / 1000:8.1f} ms  "
              f"memory {self.samples[-1]['rss_kib'] if self.samples else 0:>7,} KiB  "
              f"unexpected {len(self.tally.unexpected)}", flush=True)

    def is_done(self):
        if self.server.child.poll() is not None or self.now() > LONGEST_S:
            return True
        if self.arguments.requests:
            return self.tally.requests >= self.arguments.requests
        return self.now() + ROUND_S / 2 >= self.arguments.seconds

    def state(self):
        """Descriptors and memory with one client, which has a document."""
        with Client(self.path) as client:
            deadline = time.monotonic() + PATIENCE_S
            while time.monotonic() < deadline:
                attested = client.ask({"command": "attest", "nonce": "state"})["success"]
                if attested and client.ask({"command": "status"})["connections"] == 1:
                    break
                time.sleep(0.1)
            status = client.ask({"command": "status"})
            return {"descriptors": descriptors(self.server.pid),
                    "rss_kib": proc_status(self.server.pid, "VmRSS"), "status": status}

    def run(self):
        before = self.state()
        others = [threading.Thread(target=self.sampling), threading.Thread(target=self.bad_days)]
        others += [threading.Thread(target=self.guarded, args=(client,))
                   for client in self.clients()]
        for thread in others:
            thread.start()
        try:
            while not self.is_done():
                self.one_round()
        finally:
            self.over.set()
        seconds = self.now()
        for thread in others:
            thread.join(PATIENCE_S + IDLE_TIMEOUT_S)
        after = None
        try:
            after = self.state()
        except (OSError, TypeError, KeyError, ValueError) as problem:
            self.tally.wrong(f"afterwards: {problem}")
        alive = self.server.child.poll() is None
        return self.report(seconds, before, after, self.server.stop() if alive else None)

    def wanted_outcomes(self):
        wanted = ["attest, kept: ok", "attest, kept: nsm_unreachable", "attest, one-shot: ok",
                  "greedy: ok", "vsock_client --verify: verified", "not reading: ok",
                  "drop by drop: ok", "idle: idle_timeout", "vanishing: gone", "status: ok"]
        wanted += [f"bad lines: {code}" for code in (
            "json_invalid", "duplicate_key", "nesting_too_deep", "request_invalid",
            "field_invalid", "unknown_command", "too_large", "base64_invalid", "line_too_long")]
        if "--rate-limit" in self.options:
            wanted.append("greedy: rate_limited")
        if "--cache-ttl" in self.options:
            wanted.append("attest, no nonce: cached")
        return wanted

    def report(self, seconds, before, after, exit_status):
        return {
            "seconds": seconds, "requests": self.tally.requests,
            "wanted_requests": self.arguments.requests,
            "wanted_outcomes": self.wanted_outcomes(),
            "counts": dict(self.tally.counts), "unexpected": self.tally.unexpected,
            "ours": {"rate_limited": self.tally.counts["greedy: rate_limited"],
                     "cached": self.tally.counts["attest, no nonce: cached"]},
            "samples": self.samples, "rounds": self.rounds, "events": self.events,
            "before": before, "after": after, "exit_status": exit_status,
            "sanitized": is_sanitized(),
        }

    def end(self):
        self.over.set()
        self.server.end()
        self.nsm.process.end()


def is_sanitized():
    path = os.path.join(BUILD, "meson-info", "intro-buildoptions.json")
    with open(path, encoding="utf-8") as file:
        return any(o["name"] == "b_sanitize" and o["value"] != "none" for o in json.load(file))


def read_arguments():
    parser = argparse.ArgumentParser(prog="soak", description="Endurance of enclave_app.")
    parser.add_argument("minutes", nargs="?", type=float, default=2, help="how long (2)")
    parser.add_argument("--requests", type=int, default=0,
                        help="until so many requests instead, an hour at most")
    parser.add_argument("--out", default=os.path.join(BUILD, "soak"),
                        help="directory for report.json, report.txt and soak.svg")
    arguments = parser.parse_args()
    arguments.seconds = arguments.minutes * 60
    if not 0 < arguments.seconds <= LONGEST_S or arguments.requests < 0:
        parser.error("MINUTES is above 0 and at most 60")
    return arguments


def write(directory, name, text):
    with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
        file.write(text)


def main():
    arguments = read_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended all the same
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.makedirs(arguments.out, exist_ok=True)
    directory = tempfile.mkdtemp(prefix="vsa-soak-")
    soak = Soak(arguments, directory)
    try:
        run = soak.run()
    finally:
        soak.end()
    series = [load[0] for load in VOLUME] + ["attest, kept", "attest, one-shot"]
    checks = soak_report.verdict(run, series)
    text = soak_report.as_text(run, checks)
    write(arguments.out, "report.json", json.dumps(run))
    write(arguments.out, "report.txt", text + "\n")
    write(arguments.out, "soak.svg", soak_report.as_svg(run))
    print("\n" + text)
    for sentence in run["unexpected"][:20]:
        print("unexpected: " + sentence)
    if all(holds for _, holds, _ in checks):
        shutil.rmtree(directory)
        return 0
    print(f"logs: {directory}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
