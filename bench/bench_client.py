#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whole processes: `vsock_client --ping` and `--verify --generate-key` against a running server.

    scripts/bench client

Wall and CPU time are medians over the runs, peak memory is the largest. `--version` stands for
starting a process at all.
"""
import json
import os
import subprocess
import tempfile

from bench_server import program, start, stop_all

RUNS = 100


def measure(name, command):
    output = subprocess.run([program("bench", "run_process"), str(RUNS), *command], check=True,
                            stdout=subprocess.PIPE, timeout=300).stdout
    figures = json.loads(output)
    print(f"{name:<24} wall {figures['wall_ms']:6.2f} ms  CPU {figures['cpu_ms']:6.2f} ms  "
          f"peak memory {figures['peak_kib']} KiB", flush=True)


def main():
    children = []
    with tempfile.TemporaryDirectory(prefix="vsattest-bench-") as directory:
        nsm, app, root = (os.path.join(directory, name) for name in ("nsm", "app", "root.pem"))
        client = [program("src/programs", "vsock_client"), "--connect", "unix:" + app]
        try:
            start(children, [program("src/programs", "software_nsm"), "--listen", "unix:" + nsm,
                             "--state", os.path.join(directory, "state"), "--root-out", root], nsm)
            start(children, [program("src/programs", "enclave_app"), "--listen", "unix:" + app,
                             "--nsm", "unix:" + nsm, "--log-level", "error"], app)
            measure("--version", [client[0], "--version"])
            measure("--ping", client + ["--ping"])
            measure("--verify --generate-key", client + ["--verify", "--generate-key",
                                                         "--root", root, "--json"])
        finally:
            stop_all(children)


if __name__ == "__main__":
    main()
