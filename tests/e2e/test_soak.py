# SPDX-License-Identifier: Apache-2.0
"""scripts/soak's verdict can fail: each thing that it is there to notice, in figures made up here."""

import copy
import os
import sys
import unittest
import xml.etree.ElementTree

import harness

sys.path.insert(0, os.path.join(harness.SOURCE, "bench"))
import soak_report  # noqa: E402
import soak_verifierd  # noqa: E402

SERIES = ["ping, kept", "attest, kept"]


def good_run():
    """A hundred seconds in which nothing went wrong."""
    figures = {"requests": 1000, "p50_us": 50.0, "p99_us": 900.0}
    return {
        "seconds": 100.0,
        "requests": 50_000,
        "wanted_requests": 40_000,
        "wanted_outcomes": ["ping, kept: ok"],
        "counts": {"ping, kept: ok": 49_000, "attest, kept: ok": 1_000},
        "unexpected": [],
        # It grows until it is warm, and then by what does not matter.
        "samples": [{"t": float(t), "rss_kib": 6000 + min(t, 20) * 100 + t, "descriptors": 40}
                    for t in range(100)],
        "rounds": [{"t": float(t), "seconds": 5.0, "series": {name: dict(figures) for name in SERIES}}
                   for t in range(5, 101, 5)],
        "events": [{"t": 20.0, "what": "killed"}],
        "before": {"descriptors": 9, "rss_kib": 4000},
        "after": {
            "descriptors": 9, "rss_kib": 8100,
            "status": {
                "requests": 50_010, "rate_limited": 7, "cached": 3, "coalesced": 1,
                "connections_opened": 99, "cpu_ms": {"user": 1000, "system": 2000},
                "nsm_latency_us": {"count": 900, "p50": 1200, "p99": 9000, "max": 20000},
            },
        },
        "ours": {"rate_limited": 7, "cached": 3},
        "exit_status": 0,
        "sanitized": False,
    }


class Verdict(unittest.TestCase):
    def failing(self, run):
        """What does not hold."""
        checks = soak_report.verdict(run, SERIES)
        # It can be reported and drawn, whatever it is.
        soak_report.as_text(run, checks)
        xml.etree.ElementTree.fromstring(soak_report.as_svg(run))
        return [what for what, holds, _ in checks if not holds]

    def test_good(self):
        self.assertEqual(self.failing(good_run()), [])

    def test_server_ended(self):
        for status in (None, 1, -6):
            run = good_run()
            run["exit_status"] = status
            self.assertEqual(self.failing(run), ["the server lived, and ended when asked"])

    def test_unexpected(self):
        run = good_run()
        run["unexpected"] = ["ping, kept: 1 failures in a round"]
        self.assertEqual(self.failing(run), ["only expected outcomes"])

    def test_provoked_and_not_seen(self):
        run = good_run()
        run["wanted_outcomes"] = ["greedy: rate_limited"]
        self.assertEqual(self.failing(run), ["every outcome that was provoked came"])

    def test_too_few(self):
        run = good_run()
        run["wanted_requests"] = 50_001
        self.assertEqual(self.failing(run), ["enough requests"])

    def test_growth(self):
        run = good_run()
        for sample in run["samples"]:
            sample["rss_kib"] = 6000 + 20 * sample["t"]
        self.assertEqual(self.failing(run), ["memory is flat"])
        run["sanitized"] = True
        self.assertEqual(self.failing(run), [])

    def test_growth_within_bounds(self):
        run = good_run()
        for sample in run["samples"]:
            sample["rss_kib"] = 6000 + 10 * sample["t"]
        self.assertEqual(self.failing(run), [])

    def test_no_samples(self):
        run = good_run()
        run["samples"] = run["samples"][:3]
        self.assertEqual(self.failing(run), ["memory is flat"])
        run["samples"] = []
        self.assertEqual(self.failing(run), ["memory is flat"])

    def test_leaked_descriptor(self):
        run = good_run()
        run["after"]["descriptors"] = 10
        self.assertEqual(self.failing(run), ["no descriptor is leaked"])
        run["after"] = None
        self.assertEqual(self.failing(run), ["the server counts as its clients do",
                                             "no descriptor is leaked"])

    def test_other_counts(self):
        for name, value in (("requests", 49_999), ("rate_limited", 8), ("cached", 0)):
            run = good_run()
            run["after"]["status"][name] = value
            self.assertEqual(self.failing(run), ["the server counts as its clients do"])

    def test_missing_latency(self):
        for change in (
            lambda series: series.pop("attest, kept"),
            lambda series: series["attest, kept"].pop("p99_us"),
            lambda series: series["ping, kept"].update(p99_us=0.0),
            lambda series: series["ping, kept"].update(p99_us=2e6),
        ):
            run = good_run()
            for entry in run["rounds"]:
                change(entry["series"])
            self.assertEqual(self.failing(run), ["latencies are known"])

    def test_no_round(self):
        run = good_run()
        run["rounds"] = []
        self.assertEqual(self.failing(run), ["latencies are known"])

    def test_nothing_is_changed(self):
        run = good_run()
        before = copy.deepcopy(run)
        soak_report.as_text(run, soak_report.verdict(run, SERIES))
        soak_report.as_svg(run)
        self.assertEqual(run, before)


class Plot(unittest.TestCase):
    def test_lines_are_in_their_panels(self):
        root = xml.etree.ElementTree.fromstring(soak_report.as_svg(good_run()))
        width, height = float(root.get("width")), float(root.get("height"))
        lines = list(root.iter("{http://www.w3.org/2000/svg}polyline"))
        self.assertEqual(len(lines), 4)
        for line in lines:
            for point in line.get("points").split():
                x, y = map(float, point.split(","))
                self.assertTrue(0 <= x <= width and 0 <= y <= height, point)

    def test_ceilings(self):
        for value, ceiling in ((0.5, 1), (1, 1), (1.5, 2), (3, 5), (9, 10), (11, 20), (4321, 5000)):
            self.assertEqual(soak_report.round_up(value), ceiling)


if __name__ == "__main__":
    unittest.main()


class ServiceVerdict(unittest.TestCase):
    """The verdict of scripts/soak --service."""

    def good_run(self):
        figures = {"per_second": 100.0}
        names = ("challenges", "documents", "redeemed", "replayed", "refused")
        return {"seconds": 100.0, "requests": 1000, "unexpected": [], "exit_status": 0,
                # It grows for the first half, and then by what does not matter.
                "samples": [{"t": float(t), "rss_kib": 9000 + min(t, 45) * 100 + 4 * t, "descriptors": 11}
                            for t in range(100)],
                "rounds": [{"t": float(t), "series": {name: figures for name in names}} for t in range(100)]}

    def failures(self, run):
        return [what for what, holds, _ in soak_verifierd.verdict(run) if not holds]

    def test_good(self):
        self.assertEqual(self.failures(self.good_run()), [])
        xml.etree.ElementTree.fromstring(soak_verifierd.as_svg(self.good_run()))

    def test_each_failure(self):
        def grow(run):
            for sample in run["samples"]:
                sample["rss_kib"] += 30 * int(sample["t"])

        def leak(run):
            run["samples"][-1]["descriptors"] += 1

        for change, failure in (
            (lambda run: run.update(exit_status=99), "the service ended when asked"),
            (lambda run: run["unexpected"].append("a token"), "each load got what it should"),
            (leak, "no descriptor is leaked"),
            (grow, "memory is flat"),
            (lambda run: run.update(samples=run["samples"][:5]), "memory is flat"),
        ):
            run = self.good_run()
            change(run)
            self.assertEqual(self.failures(run), [failure])
