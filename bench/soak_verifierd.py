#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Endurance: a mixed load on vsattest-verifierd for a while, and a verdict. Run it by scripts/soak --service.

Challenges, documents, documents with a challenge each (once, and again), bodies that are refused, new connections in
each round, reloads by SIGHUP; a Redis is the store. Unix sockets only; ends by itself, and only what it started.

VSA_WRAPPER=COMMAND runs the service under a tool (valgrind); its memory is not judged then.
"""
import argparse
import json
import os
import shlex
import shutil
import signal
import statistics
import sys
import tempfile
import time

import bench_verifierd as bench_service
import soak_report
from bench_server import memory_kib, stop_all

WRAPPER = shlex.split(os.environ.get("VSA_WRAPPER", ""))
# Resident memory may grow by so much between the median of the first part and that of the last one. It takes some
# 500,000 requests until the allocator has all that it keeps.
MAX_GROWTH_KIB = 512
FIRST, LAST = (0.45, 0.65), (0.85, 1)
BROKEN = [{}, {"document": "AAAA", "policy": "any"}, {"document": "%", "policy": "any"}, {"policy": 7, "document": ""},
          {"document": "A" * 60000, "policy": "any"}, {"document": "hEShATgioA==", "policy": "none", "x": [1]}]


class Soak:
    def __init__(self, directory, milliseconds):
        self.bench = bench_service.Bench(directory)
        self.bench.wrapper = WRAPPER
        self.milliseconds = milliseconds
        self.run = {"samples": [], "rounds": [], "requests": 0, "unavailable": 0, "unexpected": []}

    def start(self):
        _, url = self.bench.start_store()
        self.pid, self.path = self.bench.start_service("service", url)
        self.service = self.bench.children[-1]
        self.bodies = {
            "challenges": [{"policy": "once"}],
            "documents": [{"document": self.bench.document(), "policy": "any"}],
            "refused": [dict(body, challenge="x" * n) for n, body in enumerate(BROKEN)] + BROKEN,
        }
        self.begin = time.monotonic()

    def load(self, kind, target, bodies, once=False, refused=False, may_differ=0):
        """
        One load, of which all is refused or nothing, but for `may_differ` answers. 503 is right at any time: on a busy
        machine the store may be slower than its 200 ms.
        """
        file = self.bench.write_bodies("bodies", bodies)
        figures = self.bench.load([self.path], target, file, [self.pid], once=once, refused=None,
                                  milliseconds=self.milliseconds)
        answered = figures["requests"] - figures["unavailable"]
        if abs(figures["refused"] - (answered if refused else 0)) > may_differ:
            self.run["unexpected"].append(f"{kind}: {figures['refused']} of {answered} refused")
        self.run["unavailable"] += figures["unavailable"]
        self.run["requests"] += figures["requests"]
        return figures

    def round(self, number):
        once = self.bench.redeemable(self.path, 60)
        redeemed = self.load("redeemed", "/v1/verify", once, once=True)
        series = {
            "challenges": self.load("challenges", "/v1/challenges", self.bodies["challenges"]),
            "documents": self.load("documents", "/v1/verify", self.bodies["documents"]),
            "redeemed": redeemed,
            # As many as its time was enough for; what was answered with 503 may be redeemed now.
            "replayed": self.load("replayed", "/v1/verify", once[:redeemed["requests"]], once=True, refused=True,
                                  may_differ=redeemed["unavailable"]),
            "refused": self.load("refused", "/v1/verify", self.bodies["refused"], refused=True),
        }
        if number % 5 == 4:
            self.service.send_signal(signal.SIGHUP)
        t = time.monotonic() - self.begin
        self.run["rounds"].append({"t": t, "series": series})
        self.run["samples"].append({"t": t, "rss_kib": memory_kib(self.pid), "descriptors": self.descriptors()})

    def descriptors(self):
        """How many are open; it has a moment to see that clients have gone."""
        least = min([sample["descriptors"] for sample in self.run["samples"]], default=0)
        deadline = time.monotonic() + 5
        while (count := len(os.listdir(f"/proc/{self.pid}/fd"))) > least and time.monotonic() < deadline:
            time.sleep(0.05)
        return count

    def finish(self):
        self.run["seconds"] = time.monotonic() - self.begin
        self.service.send_signal(signal.SIGTERM)
        self.run["exit_status"] = self.service.wait(timeout=60)
        self.bench.children.remove(self.service)


def verdict(run):
    """[(what, whether it holds, words)]."""
    both = [[s["rss_kib"] for s in soak_report.part(run["samples"], *part)] for part in (FIRST, LAST)]
    both = [statistics.median(part) for part in both if len(part) > 1]
    descriptors = [sample["descriptors"] for sample in run["samples"]]
    # Connections to the store that wait, one a thread, come with the first rounds.
    flat = descriptors[-1] <= max(descriptors[:max(1, len(descriptors) // 3)])
    checks = [
        ("the service ended when asked", run["exit_status"] == 0, f"exit status {run['exit_status']}"),
        ("each load got what it should", not run["unexpected"], "; ".join(run["unexpected"][:3]) or "all of them"),
        ("no descriptor is leaked", flat, f"{descriptors[0]} after the first round, {descriptors[-1]} at the end"),
    ]
    if not WRAPPER:
        words = f"{both[0]:.0f} KiB in the middle, {both[1]:.0f} KiB at the end" if len(both) == 2 else "too few samples"
        checks.append(("memory is flat", len(both) == 2 and both[1] - both[0] <= MAX_GROWTH_KIB, words))
    return checks


def as_svg(run):
    def over_time(name, key, scale=1):
        return [(entry["t"], entry["series"][name][key] / scale) for entry in run["rounds"]]

    names = ("challenges", "documents", "redeemed", "replayed", "refused")
    panels = [
        soak_report.Panel(0, "resident memory of the service, KiB", run["seconds"],
                          {"resident": [(s["t"], s["rss_kib"]) for s in run["samples"]]}, []),
        soak_report.Panel(1, "requests a second in each load", run["seconds"],
                          {name: over_time(name, "per_second") for name in names if name != "challenges"}, []),
        soak_report.Panel(2, "challenges a second", run["seconds"], {"challenges": over_time("challenges", "per_second")}, []),
    ]
    return soak_report.svg_of(panels)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("minutes", type=float, nargs="?", default=2)
    parser.add_argument("--round-ms", type=int, default=1000, help="time of each load")
    parser.add_argument("--out", default="build-bench/soak-service")
    arguments = parser.parse_args()
    if not shutil.which("redis-server"):
        sys.exit("soak: no redis-server")
    os.makedirs(arguments.out, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="vsattest-soak-") as directory:
        soak = Soak(directory, arguments.round_ms)
        try:
            soak.start()
            while time.monotonic() - soak.begin < min(arguments.minutes, 60) * 60:
                soak.round(len(soak.run["rounds"]))
            soak.finish()
        finally:
            stop_all(soak.bench.children)
    checks = verdict(soak.run)
    text = "\n".join(
        [f"{soak.run['requests']:,} requests in {soak.run['seconds']:.0f} s, {len(soak.run['rounds'])} rounds, "
         f"{soak.run['unavailable']} answered with 503", ""] +
        [f"{'ok  ' if holds else 'FAIL'} {what}: {words}" for what, holds, words in checks])
    print(text)
    for name, content in (("report.txt", text + "\n"), ("report.json", json.dumps(soak.run)), ("soak.svg", as_svg(soak.run))):
        with open(os.path.join(arguments.out, name), "w") as file:
            file.write(content)
    sys.exit(not all(holds for _, holds, _ in checks))


if __name__ == "__main__":
    main()
