#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ways to ask one enclave from a program: a connection for each request, kept ones, a pool.

    scripts/bench pool

In turns, in every round; rates are medians over the rounds, and each ratio is the median of the
rounds' ratios to one kept connection. ROUNDS and MILLISECONDS of the environment change both.
"""
import json
import os
import statistics
import subprocess
import tempfile

from bench_server import program, start, stop_all

ROUNDS = int(os.environ.get("ROUNDS", "5"))
MILLISECONDS = os.environ.get("MILLISECONDS", "2000")
# mode, threads
YARDSTICK = ("kept", 1)
CASES = [("oneshot", 1), YARDSTICK, ("pool", 1), ("oneshot", 8), ("kept", 8), ("pool", 8),
         ("oneshot", 64), ("kept", 64), ("pool", 64)]


def measure(address, command):
    rounds = {case: [] for case in CASES}
    for _ in range(ROUNDS):
        for case in CASES:
            mode, threads = case
            output = subprocess.run(
                [program("bench", "pool_load"), address, command, mode, str(threads), MILLISECONDS],
                check=True, stdout=subprocess.PIPE, timeout=120).stdout
            rounds[case].append(json.loads(output))
    for mode, threads in CASES:
        figures = rounds[mode, threads]
        rate, p50, p99 = (statistics.median(one[key] for one in figures)
                          for key in ("per_second", "p50_us", "p99_us"))
        ratio = statistics.median(one["per_second"] / yardstick["per_second"]
                                  for one, yardstick in zip(figures, rounds[YARDSTICK]))
        failures = sum(one["failures"] for one in figures)
        connections = max(one["made"] for one in figures)
        print(f"{command:<7} {mode:<8} {threads:>2} threads {rate:>8.0f}/s  {100 * ratio:>6.1f} %  "
              f"p50 {p50:>8.1f} us  p99 {p99:>9.1f} us"
              + (f"  {connections} connections" if mode == "pool" else "")
              + (f"  FAILURES {failures}" if failures else ""), flush=True)


def main():
    children = []
    with tempfile.TemporaryDirectory(prefix="vsattest-bench-") as directory:
        nsm, app = (os.path.join(directory, name) for name in ("nsm", "app"))
        try:
            start(children, [program("src/programs", "software_nsm"), "--listen", "unix:" + nsm,
                             "--state", os.path.join(directory, "state")], nsm)
            start(children, [program("src/programs", "enclave_app"), "--listen", "unix:" + app,
                             "--nsm", "unix:" + nsm, "--rate-limit", "0",
                             "--log-level", "error"], app)
            for command in ("ping", "attest"):
                measure("unix:" + app, command)
        finally:
            stop_all(children)


if __name__ == "__main__":
    main()
