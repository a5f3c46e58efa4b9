#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The server beside a bare epoll echo server, in the same rounds, on Unix sockets.

    scripts/bench server

Rates are the median of the rounds. `CPU` is the server's own CPU time per request, from
/proc/PID/stat: it shows what the load generator hides when that is the slower side.
"""
import json
import os
import resource
import signal
import socket
import statistics
import subprocess
import tempfile
import time

BUILD = os.environ["VSA_BUILD"]
SECONDS = 3
ROUNDS = 5
IDLE_CONNECTIONS = 5000
PING = '{"command":"ping"}'
ATTEST = '{"command":"attest","nonce":"bench"}'
TICK = os.sysconf("SC_CLK_TCK")


def program(directory, name):
    return os.path.join(BUILD, directory, name)


def wait_for(path):
    deadline = time.monotonic() + 10
    while not os.path.exists(path):
        if time.monotonic() > deadline:
            raise TimeoutError(path)
        time.sleep(0.02)


def start(children, command, path):
    """Starts a server and waits for its socket; `children` is what stop_all() ends."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    children.append(child)
    wait_for(path)
    return child


def stop_all(children):
    for child in reversed(children):
        child.send_signal(signal.SIGTERM)
        child.wait(timeout=20)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory_kib(pid, kind="VmRSS"):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(kind + ":"))


def memory(pid):
    """What is resident, and what of it is the process's own: the rest is pages of files."""
    return f"{memory_kib(pid)} KiB, {memory_kib(pid, 'RssAnon')} of them anonymous"


def load(pid, path, line, connections, mode):
    before = cpu_seconds(pid)
    output = subprocess.run([program("bench", "load"), path, line, str(connections), str(SECONDS),
                             mode], check=True, stdout=subprocess.PIPE, timeout=SECONDS + 60).stdout
    figures = json.loads(output)
    figures["cpu_us"] = (cpu_seconds(pid) - before) * 1e6 / figures["requests"]
    return figures


def median(rounds, key):
    return statistics.median(figures[key] for figures in rounds)


def row(name, rounds, yardstick=None):
    rate = median(rounds, "per_second")
    text = (f"{name:<30} {rate:>9.0f}/s  p50 {median(rounds, 'p50_us'):>8.1f} us  "
            f"p99 {median(rounds, 'p99_us'):>8.1f} us  CPU {median(rounds, 'cpu_us'):>6.1f} us")
    if yardstick:
        ratios = [a["per_second"] / b["per_second"] for a, b in zip(rounds, yardstick)]
        text += f"  {statistics.median(ratios) * 100:5.1f} % of echo"
    failures = sum(figures["failures"] for figures in rounds)
    print(text + (f"  FAILURES {failures}" if failures else ""), flush=True)


def measure(echo, echo_path, app, app_path, mode, connections):
    """Echo and ping take turns, so that both see the same machine."""
    echoes, pings = [], []
    for _ in range(ROUNDS):
        echoes.append(load(echo.pid, echo_path, PING, connections, mode))
        pings.append(load(app.pid, app_path, PING, connections, mode))
    label = f"{mode}, {connections} connections"
    row(f"echo  {label}", echoes)
    row(f"ping  {label}", pings, echoes)


def measure_attest(app, app_path, nsm, mode, connections):
    rounds = []
    for _ in range(max(2, ROUNDS // 2)):
        before = cpu_seconds(nsm.pid)
        figures = load(app.pid, app_path, ATTEST, connections, mode)
        figures["nsm_us"] = (cpu_seconds(nsm.pid) - before) * 1e6 / figures["requests"]
        rounds.append(figures)
    row(f"attest {mode}, {connections} connections", rounds)
    print(f"    of it in software_nsm: {median(rounds, 'nsm_us'):.0f} us of CPU a document")


def measure_memory(app, app_path):
    print(f"resident memory, after the loads above: {memory(app.pid)}")
    sockets = []
    for _ in range(IDLE_CONNECTIONS):
        client = socket.socket(socket.AF_UNIX)
        client.connect(app_path)
        sockets.append(client)
    # Every one has been accepted and served once.
    for client in sockets:
        client.sendall(PING.encode() + b"\n")
    for client in sockets:
        client.recv(4096)
    print(f"resident memory, {IDLE_CONNECTIONS} connections: {memory(app.pid)}")
    for client in sockets:
        client.close()


def main():
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    children = []
    with tempfile.TemporaryDirectory(prefix="vsattest-bench-") as directory:
        nsm_path, app_path, echo_path = (os.path.join(directory, name)
                                         for name in ("nsm.sock", "app.sock", "echo.sock"))
        try:
            nsm = start(children, [program("src/programs", "software_nsm"),
                                   "--listen", "unix:" + nsm_path,
                                   "--state", os.path.join(directory, "state")], nsm_path)
            app = start(children, [program("src/programs", "enclave_app"),
                                   "--listen", "unix:" + app_path, "--nsm", "unix:" + nsm_path,
                                   "--rate-limit", "0",
                                   "--log-level", "error"], app_path)
            echo = start(children, [program("bench", "echo_server"), echo_path], echo_path)
            print(f"resident memory, just started: {memory(app.pid)}")
            for mode, connections in (("kept", 1), ("kept", 64), ("oneshot", 16)):
                measure(echo, echo_path, app, app_path, mode, connections)
            for mode, connections in (("kept", 1), ("kept", 16), ("oneshot", 16)):
                measure_attest(app, app_path, nsm, mode, connections)
            measure_memory(app, app_path)
        finally:
            stop_all(children)


if __name__ == "__main__":
    main()
