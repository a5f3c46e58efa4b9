#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The verification service beside a bare libmicrohttpd and the bare signatures of its answers.

    scripts/bench verifierd

Rates, CPU time, latency at half load, what a store costs; then 1, 2 and 4 replicas, each with a quarter of a
processor, which takes root and cgroup v1. In turns, in every round; figures are medians over the rounds, ratios the medians of the rounds' ratios. CPU times
matter most: the load generator, and others on the machine, have the same processors. ROUNDS and MILLISECONDS of the
environment change both,
PARTS chooses one part. Unix sockets only; it stops by itself.
"""
import base64
import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import tempfile

from bench_server import cpu_seconds, program, start, stop_all

ROUNDS = int(os.environ.get("ROUNDS", "5"))
MILLISECONDS = int(os.environ.get("MILLISECONDS", "2000"))
THREADS = os.cpu_count()
CONNECTIONS = 16
# Documents with a challenge each for one round: what a round can use.
CHALLENGES = int(os.environ.get("CHALLENGES", "1500"))
QUOTA = 0.25
PARTS = os.environ.get("PARTS", "measure_service measure_scale")
CGROUPS = "/sys/fs/cgroup/cpu"


def exchange(path, line):
    """A request of the enclave's own protocol, on a connection of its own."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(path)
        connection.sendall(json.dumps(line).encode() + b"\n")
        return json.loads(connection.makefile("rb").readline())


class Bench:
    def __init__(self, directory):
        self.directory = directory
        self.children = []
        self.wrapper = []  # what the service runs under
        nsm, self.enclave = self.path("nsm"), self.path("app")
        start(self.children, [program("src/programs", "software_nsm"), "--listen", "unix:" + nsm, "--state",
                              self.path("state"), "--root-out", self.path("root.pem")], nsm)
        start(self.children, [program("src/programs", "enclave_app"), "--listen", "unix:" + self.enclave, "--nsm",
                              "unix:" + nsm, "--rate-limit", "0", "--log-level", "error"], self.enclave)
        os.mkdir(self.path("policies"))
        shutil.copy(self.path("root.pem"), self.path("policies/root.pem"))
        for name, members in (("once", {}), ("any", {"challenge": "optional", "max_age_ms": 86400000})):
            with open(self.path(f"policies/{name}.json"), "w") as file:
                json.dump({"roots": "root.pem", **members}, file)
        os.mkdir(self.path("keys"))
        subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
                        self.path("keys/20260101T0000Z.pem")], check=True, stderr=subprocess.DEVNULL)
        with open(self.path("challenge-key"), "w") as file:
            file.write(base64.b64encode(os.urandom(48)).decode())

    def path(self, name):
        return os.path.join(self.directory, name)

    def start_service(self, name, store="memory", threads=THREADS):
        path = self.path(name)
        child = start(self.children, [
            *self.wrapper, program("src/programs", "vsattest-verifierd"), "--listen", "unix:" + path, "--policies",
            self.path("policies"), "--keys", self.path("keys"), "--challenge-key", self.path("challenge-key"),
            "--store", store, "--clock-skew", "0", "--rate", "1000000", "--burst", "1000000", "--threads",
            str(threads)], path)
        return child.pid, path

    def start_store(self):
        path = self.path("redis")
        child = start(self.children, ["redis-server", "--port", "0", "--unixsocket", path, "--save", "",
                                      "--appendonly", "no", "--dir", self.directory, "--logfile", "/dev/null"], path)
        return child.pid, "unix:" + path

    def write_bodies(self, name, bodies):
        with open(self.path(name), "w") as file:
            for body in bodies:
                file.write(json.dumps(body) + "\n")
        return self.path(name)

    def document(self, nonce=None):
        reply = exchange(self.enclave, {"command": "attest", **({"nonce": nonce} if nonce else {})})
        return reply["attestation_document"]

    def redeemable(self, service, count):
        """Bodies with a challenge and its document each."""
        bodies = []
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as enclave:
            enclave.connect(self.enclave)
            lines = enclave.makefile("rwb")
            for challenge in self.challenges(service, count):
                lines.write(json.dumps({"command": "attest", "nonce": challenge}).encode() + b"\n")
                lines.flush()
                document = json.loads(lines.readline())["attestation_document"]
                bodies.append({"document": document, "policy": "once", "challenge": challenge})
        return bodies

    def challenges(self, service, count):
        request = b'{"policy":"once"}'
        head = (f"POST /v1/challenges HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(request)}\r\n\r\n").encode()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(service)
            answers = connection.makefile("rb")
            for _ in range(count):
                connection.sendall(head + request)
                size = 0
                while (line := answers.readline()) != b"\r\n":
                    if line.lower().startswith(b"content-length:"):
                        size = int(line.split(b":")[1])
                yield json.loads(answers.read(size))["challenge"]

    def load(self, paths, target, bodies, pids, rate=0, once=False, refused=0, milliseconds=MILLISECONDS):
        """One load; another number of answers that are not 200 than `refused` is an error (None: any number)."""
        before = [cpu_seconds(pid) for pid in pids]
        output = subprocess.run(
            [program("bench", "http_load"), ",".join(paths), target, bodies, str(CONNECTIONS), str(rate),
             str(milliseconds), "once" if once else "again"], check=True, stdout=subprocess.PIPE, timeout=200).stdout
        figures = json.loads(output)
        if refused is not None and figures["refused"] + figures["unavailable"] != refused:
            raise RuntimeError(f"{figures['refused']} of {figures['requests']} refused")
        # Of the service in all its replicas, and of the store, where there is one.
        cpu_us = [(cpu_seconds(pid) - was) * 1e6 / figures["requests"] for pid, was in zip(pids, before)]
        figures["cpu_us"], figures["store_us"] = sum(cpu_us[:len(paths)]), sum(cpu_us[len(paths):])
        return figures


def bare_answers():
    output = subprocess.run([program("bench", "bare_answers"), str(THREADS), str(MILLISECONDS)], check=True,
                            stdout=subprocess.PIPE, timeout=60).stdout
    return json.loads(output)


def show(name, rounds, words=""):
    rate, p50, p99 = (statistics.median(figures[key] for figures in rounds) for key in ("per_second", "p50_us", "p99_us"))
    cpu = statistics.median(figures["cpu_us"] for figures in rounds)
    print(f"{name:<34} {rate:>7.0f}/s  {cpu:>7.1f} us of CPU  p50 {p50 / 1000:>6.2f} ms  p99 {p99 / 1000:>6.2f} ms  {words}",
          flush=True)


def ratio_of(above, below):
    """Median of the rounds' ratios, with the least and the most, in percent."""
    ratios = sorted(100 * a / b for a, b in zip(above, below))
    return f"{statistics.median(ratios):.1f} % ({ratios[0]:.1f} to {ratios[-1]:.1f})"


def measure_service(bench):
    service, path = bench.start_service("service")
    store, url = bench.start_store()
    shared, shared_path = bench.start_service("shared", url)
    hello = start(bench.children, [program("bench", "http_hello"), bench.path("hello"), str(THREADS)],
                  bench.path("hello")).pid
    again = bench.write_bodies("again", [{"document": bench.document(), "policy": "any"}])
    ask = bench.write_bodies("ask", [{"policy": "once"}])
    rounds = {name: [] for name in ("bare", "hello", "verify", "half", "issue", "redeem", "shared")}
    for _ in range(ROUNDS):
        once = [bench.write_bodies(name, bench.redeemable(path, CHALLENGES)) for name in ("once", "shared-once")]
        rounds["bare"].append(bare_answers())
        rounds["hello"].append(bench.load([bench.path("hello")], "/v1/verify", again, [hello]))
        rounds["verify"].append(bench.load([path], "/v1/verify", again, [service]))
        half = int(rounds["verify"][-1]["per_second"] / 2)
        rounds["half"].append(bench.load([path], "/v1/verify", again, [service], rate=half))
        rounds["issue"].append(bench.load([path], "/v1/challenges", ask, [service]))
        rounds["redeem"].append(bench.load([path], "/v1/verify", once[0], [service], once=True))
        rounds["shared"].append(bench.load([shared_path], "/v1/verify", once[1], [shared, store], once=True))
    bare = [figures["cpu_us"] for figures in rounds["bare"]]
    print(f"{'bare: P-384 check, P-256 signature':<34} {statistics.median(f['per_second'] for f in rounds['bare']):>7.0f}/s  "
          f"{statistics.median(bare):>7.1f} us of CPU  {THREADS} threads")
    show("hello: libmicrohttpd alone", rounds["hello"])
    cpu = [figures["cpu_us"] for figures in rounds["verify"]]
    show("verify", rounds["verify"], f"signatures are {ratio_of(bare, cpu)} of its CPU")
    show("verify, half of that rate", rounds["half"])
    show("challenges", rounds["issue"])
    show("verify with a challenge, memory", rounds["redeem"])
    show("verify with a challenge, Redis", rounds["shared"],
         f"Redis {statistics.median(figures['store_us'] for figures in rounds['shared']):.1f} us")
    rates = [figures["per_second"] for figures in rounds["verify"]]
    allowed = [figures["per_second"] for figures in rounds["bare"]]
    print(f"rate beside the bare signatures', generator included: {ratio_of(rates, allowed)}")


@contextlib.contextmanager
def quota(pid, name):
    """A quarter of a processor for this process, by a control group that ends with it."""
    group = os.path.join(CGROUPS, f"vsattest-bench-{os.getpid()}-{name}")
    os.mkdir(group)
    try:
        for file, value in (("cpu.cfs_period_us", 10000), ("cpu.cfs_quota_us", int(10000 * QUOTA))):
            with open(os.path.join(group, file), "w") as out:
                out.write(str(value))
        with open(os.path.join(group, "cgroup.procs"), "w") as out:
            out.write(str(pid))
        yield
    finally:
        with open(os.path.join(CGROUPS, "cgroup.procs"), "w") as out:
            out.write(str(pid))
        os.rmdir(group)


def measure_scale(bench):
    if not os.access(os.path.join(CGROUPS, "cpu.cfs_quota_us"), os.W_OK) and not os.access(CGROUPS, os.W_OK):
        print("skipped: replicas with a quota: no cgroup v1 that may be written")
        return
    store, url = bench.start_store()
    replicas = [bench.start_service(f"replica{n}", url, threads=1) for n in range(4)]
    again = bench.write_bodies("again", [{"document": bench.document(), "policy": "any"}])
    ask = bench.write_bodies("ask", [{"policy": "once"}])
    rounds = {(count, kind): [] for count in (1, 2, 4) for kind in ("issue", "verify", "redeem")}
    with contextlib.ExitStack() as stack:
        for number, (pid, _) in enumerate(replicas):
            stack.enter_context(quota(pid, number))
        for _ in range(ROUNDS):
            for count in (1, 2, 4):
                pids, paths = zip(*replicas[:count])
                pids = (*pids, store)
                once = bench.write_bodies("once", bench.redeemable(replicas[0][1], CHALLENGES * count // 4))
                rounds[count, "issue"].append(bench.load(paths, "/v1/challenges", ask, pids))
                rounds[count, "verify"].append(bench.load(paths, "/v1/verify", again, pids))
                rounds[count, "redeem"].append(bench.load(paths, "/v1/verify", once, pids, once=True))
    for kind in ("issue", "verify", "redeem"):
        single = [figures["per_second"] for figures in rounds[1, kind]]
        for count in (1, 2, 4):
            figures = rounds[count, kind]
            words = f"{ratio_of([f['per_second'] for f in figures], single)} of one"
            if kind == "redeem":
                words += f"; Redis {statistics.median(f['store_us'] for f in figures):.1f} us"
            show(f"{kind}, {count} of {QUOTA:.0%} of a processor", figures, words)


def main():
    if not os.path.exists(program("src/programs", "vsattest-verifierd")) or not shutil.which("redis-server"):
        print("skipped: built without the service, or no redis-server")
        return
    with tempfile.TemporaryDirectory(prefix="vsattest-bench-") as directory:
        bench = Bench(directory)
        try:
            for measure in (measure_service, measure_scale):
                if measure.__name__ in PARTS:
                    measure(bench)
        finally:
            stop_all(bench.children)


if __name__ == "__main__":
    main()
