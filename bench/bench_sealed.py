#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A sealed ping beside its bare cryptography, in the same rounds: one Diffie-Hellman, two HKDF, two AES-GCM.

    scripts/bench sealed

CPU times are the server's for one request, user and system time of all its threads, medians of the rounds; the
ratios are those of each round's. `bare` is made by the plain calls of libcrypto (sealed_load.c). HPKE and the reply
take eleven HMACs by their specifications where two HKDF are four, and two checks of the point with P-384 where one
is enough.

`whole` is bare beside all that a sealed ping costs. `sealing` is bare beside what it costs more than a ping in clear:
both pay for a line in, a line out, and the JSON of a ping.

Then the server's memory with 10,000 connections of which each has had a sealed ping answered, and pings in clear beside
P-384 requests that come as fast as they are answered: on one core the two share it.
"""
import contextlib
import os
import resource
import socket
import statistics
import subprocess
import tempfile
import time

import bench_server

ROUNDS = 7
MANY = 10000
PING = b'{"command":"ping"}\n'


def main():
    children = []
    with tempfile.TemporaryDirectory(prefix="vsa-bench-") as directory:
        try:
            nsm = directory + "/nsm"
            bench_server.start(
                children,
                [bench_server.program("src/programs", "software_nsm"), "--listen", "unix:" + nsm, "--root",
                 directory + "/root.pem"],
                nsm,
            )
            print("kem     at once  ping     sealed   bare     whole    sealing  rate")
            for kem, times, connections in (("x25519", 400, 16), ("x25519", 400, 1), ("p384", 40, 16)):
                measure(children, directory, nsm, kem, times, connections)
            measure_many(children, directory, nsm)
            measure_beside_flood(children, directory, nsm)
        finally:
            bench_server.stop_all(children)


def start(children, directory, nsm, name, *options):
    path = f"{directory}/{name}"
    return path, bench_server.start(
        children,
        [bench_server.program("src/programs", "enclave_app"), "--listen", "unix:" + path, "--nsm", "unix:" + nsm,
         "--seal-rate-limit", "0", "--log-level", "error", *options],
        path,
    )


def sealed_lines(path, count):
    done = subprocess.run([bench_server.program("bench", "sealed_load"), path, "lines", str(count)], check=True,
                          capture_output=True)
    return done.stdout.splitlines(keepends=True)


def connect(path):
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)  # waits where the backlog is full, which it would not with a timeout
    client.settimeout(60)
    return client


def measure_many(children, directory, nsm):
    """All connections stay; 200 requests at a time, since 256 wait at most for being opened."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    count = min(MANY, limit - 100)
    path, server = start(children, directory, nsm, "many", "--max-connections", str(MANY + 100))
    just_started = bench_server.memory_kib(server.pid)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connect(path)) for _ in range(count)]
        connected = bench_server.memory_kib(server.pid)
        most = connected
        lines = sealed_lines(path, count)
        for first in range(0, count, 200):
            some = list(zip(clients, lines))[first:first + 200]
            for client, line in some:
                client.sendall(line)
            most = max(most, bench_server.memory_kib(server.pid))
            for client, _ in some:
                assert client.recv(65536).startswith(b'{"success":true,"sealed"')
        print(f"{count} connections, each with a sealed ping: {just_started} KiB just started, {connected} KiB connected, "
              f"{most} KiB at most, {bench_server.memory_kib(server.pid)} KiB in the end")


def ping_times(path, count):
    """Returns the median and the 99th percentile of a ping in clear, in us."""
    times = []
    with connect(path) as client:
        for _ in range(count):
            begun = time.monotonic()
            client.sendall(PING)
            assert client.recv(4096).startswith(b'{"success":true')
            times.append((time.monotonic() - begun) * 1e6)
    return statistics.median(times), statistics.quantiles(times, n=100)[98]


def measure_beside_flood(children, directory, nsm):
    path, server = start(children, directory, nsm, "flood", "--seal", "p384")
    alone = ping_times(path, 2000)
    flood = subprocess.Popen([bench_server.program("bench", "sealed_load"), path, str(server.pid), "400", "16"],
                             stdout=subprocess.DEVNULL)
    time.sleep(5)  # it seals its requests first
    beside = ping_times(path, 500)
    running = flood.poll() is None
    flood.kill()
    flood.wait()
    print(f"ping: p50 {alone[0]:.0f} us, p99 {alone[1]:.0f} us alone; {beside[0]:.0f} us, {beside[1]:.0f} us beside a "
          f"P-384 flood, on {os.cpu_count()} CPUs" + ("" if running else " (the flood ended too early)"))


def measure(children, directory, nsm, kem, times, connections):
    path, server = start(children, directory, nsm, f"{kem}-{connections}", "--seal", kem)
    rounds = []
    for _ in range(ROUNDS):
        done = subprocess.run([bench_server.program("bench", "sealed_load"), path, str(server.pid), str(times),
                               str(connections)], check=True, capture_output=True, text=True)
        rounds.append([float(word) for word in done.stdout.split()])
    plain, sealed, bare, rate = (statistics.median(column) for column in zip(*rounds))
    whole = statistics.median(bare / sealed for _, sealed, bare, _ in rounds)
    sealing = statistics.median(bare / (sealed - plain) for plain, sealed, bare, _ in rounds)
    print(f"{kem:7} {connections:7}  {plain:5.1f} us {sealed:6.1f} us {bare:6.1f} us {100 * whole:5.1f} %  "
          f"{100 * sealing:5.1f} %  {rate:,.0f}/s")


if __name__ == "__main__":
    main()
