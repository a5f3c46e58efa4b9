#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One real document, verified in turns by ours (with OpenSSL and with AWS-LC) and by what others wrote.

Peers are fetched by their own package clients and built here: nitrite by go, attestation-doc-validation
(evervault) and qos_nsm by cargo. CPU time of one core, medians of the rounds; ratios are within a round,
against the fastest peer.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "9"))
SOURCE = os.environ.get("VSA_SOURCE") or os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("VSA_BUILD") or os.path.join(SOURCE, "build-bench")
AWSLC = os.path.join(SOURCE, "build-bench-awslc")
PEERS = os.path.join(BUILD, "peers")
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache"), "vsattest")
DOCUMENT = "production-2025-01.bin"
# Of the fastest peer's rate.
TARGETS = {"ours, OpenSSL, cold": 1.05, "ours, OpenSSL, leaf cached": 5.8,
           "ours, AWS-LC, cold": 3.4, "ours, AWS-LC, leaf cached": 17}


def say(text):
    print(f"bench_peers: {text}", file=sys.stderr, flush=True)


def build(what, *command, cwd=SOURCE, env=None):
    if not shutil.which(command[0]):
        say(f"without {what}: no {command[0]} here")
        return False
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=3600, check=False)
    if done.returncode:
        say(f"without {what}: {' '.join(command)} failed:\n{done.stdout[-2000:]}")
    return done.returncode == 0


def build_awslc():
    done = subprocess.run([os.path.join(SOURCE, "scripts", "deps"), "awslc"], stdout=subprocess.PIPE, text=True,
                          timeout=3600, check=False)
    if done.returncode:
        say("without AWS-LC: scripts/deps awslc failed")
        return False
    if not os.path.exists(os.path.join(AWSLC, "build.ninja")) and not build(
            "AWS-LC", "meson", "setup", AWSLC, "--buildtype=release", "-Dtests=disabled", "-Dbench=true",
            "-Dman=disabled", "-Dpython=disabled", "-Dcrypto=awslc", "-Dpkg_config_path=" + done.stdout.strip()):
        return False
    return build("AWS-LC", "ninja", "-C", AWSLC, "bench/verify_often")


def find_document():
    for directory in (os.path.join(SOURCE, "..", "shared", "testdata", "attestation"), os.path.join(CACHE, "documents")):
        path = os.path.join(directory, DOCUMENT)
        if os.path.exists(path):
            with open(os.path.join(directory, "manifest.json"), encoding="utf-8") as file:
                rows = json.load(file)
            return path, next(row["document_time_unix_s"] for row in rows if row["file"] == DOCUMENT)
    sys.exit(f"bench_peers: no {DOCUMENT}: scripts/deps documents gets it")


def root_of(path):
    """cabundle[0] of a document that is known to be good, in a file of its own."""
    with open(path, "rb") as file:
        document = file.read()
    begin = document.index(b"\x68cabundle") + 10  # behind the array's head
    assert document[begin] == 0x59
    end = begin + 3 + int.from_bytes(document[begin + 1:begin + 3], "big")
    target = os.path.join(PEERS, "root.der")
    with open(target, "wb") as file:
        file.write(document[begin + 3:end])
    return target


def contestants():
    """Name to (command before DOCUMENT, documents in a round)."""
    found = {}
    for name, directory, ours in (("OpenSSL", BUILD, True), ("AWS-LC", AWSLC, build_awslc())):
        program = os.path.join(directory, "bench", "verify_often")
        if ours:
            found[f"ours, {name}, cold"] = ([program, "cold"], 150 if name == "OpenSSL" else 500)
            found[f"ours, {name}, leaf cached"] = ([program, "leaf"], 800 if name == "OpenSSL" else 2500)
    program = os.path.join(PEERS, "nitrite")
    if build("nitrite", "go", "build", "-o", program, ".", cwd=os.path.join(SOURCE, "bench", "peers", "go")):
        found["nitrite (Go)"] = ([program], 150)
    target = os.path.join(PEERS, "rust")
    if build("evervault and qos", "cargo", "build", "--release", "--locked", "--manifest-path",
             os.path.join(SOURCE, "bench", "peers", "rust", "Cargo.toml"), env={"CARGO_TARGET_DIR": target}):
        program = os.path.join(target, "release", "vsattest-peers")
        found["evervault (Rust)"] = ([program, "evervault"], 150)
        found["qos_nsm (Rust)"] = ([program, "qos"], 150)
    return found


def cpu_of(command, seconds):
    """CPU seconds of a run on one core."""
    env = {**os.environ, "GOMAXPROCS": "1", "BENCH_TIME": str(seconds),
           "LD_PRELOAD": os.path.join(BUILD, "bench", "libfixed_time.so")}
    core = max(os.sched_getaffinity(0))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=env, stdin=subprocess.DEVNULL, check=True, timeout=600,
                   preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    os.makedirs(PEERS, exist_ok=True)
    path, seconds = find_document()
    rest = [path, root_of(path), str(seconds)]
    found = contestants()
    rates = {name: [] for name in found}
    for number in range(ROUNDS):
        for name, (command, count) in found.items():
            idle = cpu_of([*command, *rest, "0"], seconds)
            rates[name].append(count / (cpu_of([*command, *rest, str(count)], seconds) - idle))
        say(f"round {number + 1} of {ROUNDS}, load {os.getloadavg()[0]:.1f}")
    peers = [name for name in found if not name.startswith("ours")]
    if not peers:
        sys.exit("bench_peers: no peer could be built")
    fastest = max(peers, key=lambda name: statistics.median(rates[name]))
    print(f"{DOCUMENT}, documents per second of CPU time, medians of {ROUNDS} rounds; the fastest peer is {fastest}")
    for name, values in rates.items():
        ratios = [value / peer for value, peer in zip(values, rates[fastest])]
        target = f"  target {TARGETS[name]}" if name in TARGETS else ""
        print(f"{name:28} {statistics.median(values):8.0f}   best {max(values):8.0f}   "
              f"{statistics.median(ratios):6.2f} times ({min(ratios):.2f} to {max(ratios):.2f}){target}")


if __name__ == "__main__":
    main()
