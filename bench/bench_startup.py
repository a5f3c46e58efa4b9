#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What starting a program costs, beside /bin/true in the same rounds.

    scripts/bench startup

CPU time is the median over the rounds of the median of RUNS processes, less that of /bin/true in the same
round. `verifier` may take the five signature checks of its document besides, timed in each round, too: of a document
of AWS's where one is there, whose root is built in, else of the software NSM's, whose root's own signature is a sixth.
"libcrypto alone" is a program that makes five checks with plain calls of libcrypto: what its start costs any program.
"""
import json
import os
import statistics
import subprocess
import tempfile

from bench_server import program, start, stop_all

ROUNDS = 7
RUNS = 40
TARGET_MS = 2.0
CHECKING = ("libcrypto alone", "verifier FILE")


def cpu_ms(command):
    output = subprocess.run([program("bench", "run_process"), str(RUNS), *command], check=True,
                            stdout=subprocess.PIPE, timeout=300).stdout
    return json.loads(output)["cpu_ms"]


def find_document():
    """A document of AWS's, or None."""
    source = os.environ.get("VSA_SOURCE") or os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    for directory in (os.path.join(source, "..", "shared", "testdata", "attestation"),
                   os.path.join(cache, "vsattest", "documents")):
        if os.path.exists(os.path.join(directory, "production-2025-01.bin")):
            return os.path.join(directory, "production-2025-01.bin")
    return None


def checks_ms():
    output = subprocess.run([program("bench", "bare_checks")], check=True, stdout=subprocess.PIPE, timeout=60).stdout
    return float(output)


def measure(cases):
    """What each case takes beyond its yardstick in ms, a list of the rounds' differences."""
    beyond = {name: [] for name, _, _ in cases}
    yardsticks = {"true": [], "five checks": []}
    for _ in range(ROUNDS):
        true, checks = cpu_ms(["/bin/true"]), checks_ms()
        yardsticks["true"].append(true)
        yardsticks["five checks"].append(checks)
        for name, command, verifies in cases:
            beyond[name].append(cpu_ms(command) - true - (checks if verifies else 0))
    return yardsticks, beyond


def main():
    children = []
    with tempfile.TemporaryDirectory(prefix="vsattest-bench-") as directory:
        nsm, app, root, made, sample = (os.path.join(directory, name)
                                        for name in ("nsm", "app", "root.pem", "document", "sample"))
        client, verifier = program("src/programs", "vsock_client"), program("src/programs", "verifier")
        try:
            start(children, [program("src/programs", "software_nsm"), "--listen", "unix:" + nsm,
                             "--state", os.path.join(directory, "state"), "--root-out", root], nsm)
            start(children, [program("src/programs", "enclave_app"), "--listen", "unix:" + app,
                             "--nsm", "unix:" + nsm, "--log-level", "error"], app)
            subprocess.run([client, "--connect", "unix:" + app, "--attest", "--save", made], check=True,
                           stderr=subprocess.DEVNULL, timeout=20)
            bare = program("bench", "bare_start")
            subprocess.run([bare, "--make", sample], check=True, timeout=20)
            document = find_document()
            of = [document] if document else ["--root", root, made]
            yardsticks, beyond = measure([
                ("vsock_client --version", [client, "--version"], False),
                ("vsock_client --ping", [client, "--connect", "unix:" + app, "--ping"], False),
                ("verifier --version", [verifier, "--version"], False),
                ("libcrypto alone", [bare, sample], True),
                ("verifier FILE", [verifier, "--at", "document", *of], True),
            ])
        finally:
            stop_all(children)
    for name, values in yardsticks.items():
        print(f"{name:<24} {statistics.median(values):6.2f} ms of CPU time")
    for name, values in beyond.items():
        median = statistics.median(values)
        verdict = f"  (target {TARGET_MS:.1f}: {'met' if median <= TARGET_MS else 'MISSED'})"
        print(f"{name:<24} {median:+6.2f} ms beyond /bin/true{' and five checks' if name in CHECKING else ''}"
              f"{verdict if name.startswith('v') else ''}")


if __name__ == "__main__":
    main()
