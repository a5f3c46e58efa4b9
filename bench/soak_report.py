# SPDX-License-Identifier: Apache-2.0
"""What a soak run measured: the verdict on it, as text and as a plot. scripts/soak runs it.

A run is a dict, as soak.py writes it to report.json:
  seconds        how long
  requests       how many in all, by everybody
  counts         {"source: outcome": how many}
  unexpected     sentences, each about something that must not happen
  samples        [{t, rss_kib, descriptors, connections, cpu_s}], one an interval
  rounds         [{t, series: {name: {requests, p50_us, p99_us}}}]
  events         [{t, what}], what was done to the NSM
  before, after  {descriptors, rss_kib, status} with no client but one, at the begin and at the
                 end; status: the server's own reply to `status`
  ours           {member of status: what we count}
  exit_status    of the server after SIGTERM; None: it had ended before
  sanitized      whether memory means anything
"""
import statistics

# Resident memory may grow by so much between the first part after the warm-up and the last part.
MAX_GROWTH_KIB = 1024
# Parts of a run: what is before WARM is start, [WARM, BASE] is the yardstick, [LAST, 1] is judged.
WARM, BASE, LAST = 0.2, 0.4, 0.85
# The 99th percentile of a ping may be so slow in the median round: a hung server, not a busy one.
MAX_P99_US = 1_000_000
# Outcomes that are no answers to a request.
NO_ANSWERS = ("vanishing: gone", "attest, no nonce: cached", "idle: idle_timeout")


def part(samples, begin, end):
    if not samples:
        return []
    first, last = samples[0]["t"], samples[-1]["t"]
    span = last - first
    return [s for s in samples if first + begin * span <= s["t"] <= first + end * span]


def growth_kib(run):
    """(median of the yardstick, median of the end), or None when there is too little."""
    base = [s["rss_kib"] for s in part(run["samples"], WARM, BASE)]
    last = [s["rss_kib"] for s in part(run["samples"], LAST, 1)]
    if len(base) < 2 or len(last) < 2:
        return None
    return statistics.median(base), statistics.median(last)


def series_names(run):
    return sorted({name for entry in run["rounds"] for name in entry["series"]})


def p99s(run, name):
    figures = [entry["series"].get(name) or {} for entry in run["rounds"]]
    return [f["p99_us"] for f in figures if f.get("requests") and f.get("p99_us")]


def judge_memory(run):
    if run["sanitized"]:
        return True, "not judged: sanitizers keep freed memory"
    both = growth_kib(run)
    if both is None:
        return False, "too few samples"
    text = f"{both[0]:.0f} KiB after the warm-up, {both[1]:.0f} KiB at the end"
    return both[1] - both[0] <= MAX_GROWTH_KIB, text


def judge_latency(run, expected):
    for name in expected:
        found = p99s(run, name)
        if len(found) < max(1, 0.8 * len(run["rounds"])):
            return False, f"{name}: a p99 in {len(found)} of {len(run['rounds'])} rounds only"
        if name.startswith("ping") and statistics.median(found) > MAX_P99_US:
            return False, f"{name}: p99 of {statistics.median(found) / 1000:.0f} ms"
    return True, f"{len(expected)} series in {len(run['rounds'])} rounds"


def judge_counts(run):
    """What the server says of itself is what its clients saw."""
    status = (run["after"] or {}).get("status") or {}
    differ = [f"{name}: {status.get(name)} there, {count} here"
              for name, count in run["ours"].items() if status.get(name) != count]
    # It may count more: those who vanished asked too.
    if status.get("requests", 0) < sum(n for kind, n in run["counts"].items()
                                       if kind not in NO_ANSWERS):
        differ.append(f"requests: {status.get('requests')} there")
    return not differ, "; ".join(differ) or f"{status['requests']:,} requests by its own count"


def verdict(run, expected):
    """[(what, whether it holds, words)]. `expected`: series that must be there."""
    before, after = run["before"], run["after"]
    wanted = run.get("wanted_requests") or 1
    counts, counts_words = judge_counts(run)
    latency, latency_words = judge_latency(run, expected)
    memory, memory_words = judge_memory(run)
    missing = [kind for kind in run.get("wanted_outcomes", []) if not run["counts"].get(kind)]
    return [
        ("the server lived, and ended when asked", run["exit_status"] == 0,
         f"exit status {run['exit_status']}"),
        ("only expected outcomes", not run["unexpected"],
         "; ".join(run["unexpected"][:5]) or "none was unexpected"),
        ("every outcome that was provoked came", not missing,
         "missing: " + ", ".join(missing) if missing else "none is missing"),
        ("enough requests", run["requests"] >= wanted, f"{run['requests']:,} of {wanted:,}"),
        ("the server counts as its clients do", counts, counts_words),
        ("memory is flat", memory, memory_words),
        ("no descriptor is leaked", bool(after) and after["descriptors"] == before["descriptors"],
         f"{before['descriptors']} before, {after['descriptors'] if after else '?'} after"),
        ("latencies are known", latency, latency_words),
    ]


# --- text -------------------------------------------------------------------------------------


def latency_rows(run):
    rows = []
    for name in series_names(run):
        figures = [entry["series"][name] for entry in run["rounds"] if name in entry["series"]]
        figures = [f for f in figures if f.get("requests") and f.get("p99_us")]
        if not figures:
            continue
        tenth = max(1, len(figures) // 10)
        first, last = figures[:tenth], figures[-tenth:]

        def middle(some, key):
            return statistics.median(f[key] for f in some) / 1000

        rows.append((name, sum(f["requests"] for f in figures), middle(figures, "p50_us"),
                     middle(figures, "p99_us"), max(f["p99_us"] for f in figures) / 1000,
                     middle(first, "p99_us"), middle(last, "p99_us")))
    return rows


def as_text(run, checks):
    lines = [f"{run['requests']:,} requests in {run['seconds']:.0f} s "
             f"({run['requests'] / run['seconds']:,.0f}/s), {len(run['events'])} events of the NSM",
             "", "outcomes:"]
    lines += [f"  {count:>12,}  {kind}" for kind, count in sorted(run["counts"].items())]
    lines += ["", "latency in ms, medians of the rounds:",
              f"  {'':<22} {'requests':>12} {'p50':>9} {'p99':>9} {'worst p99':>10} "
              f"{'p99 first':>10} {'p99 last':>10}"]
    lines += [f"  {name:<22} {count:>12,} {p50:>9.3f} {p99:>9.3f} {worst:>10.3f} {first:>10.3f} "
              f"{last:>10.3f}"
              for name, count, p50, p99, worst, first, last in latency_rows(run)]
    rss = [s["rss_kib"] for s in run["samples"]]
    if rss:
        lines += ["", f"resident memory: {run['before']['rss_kib']:,} KiB just started, "
                      f"{min(rss):,} to {max(rss):,} KiB under load, "
                      f"{(run['after'] or {}).get('rss_kib', 0):,} KiB afterwards"]
    status = (run["after"] or {}).get("status") or {}
    if status.get("nsm_latency_us"):
        nsm, cpu = status["nsm_latency_us"], status["cpu_ms"]
        lines += [f"the server's own figures: {nsm['count']:,} exchanges with the NSM, p50 "
                  f"{nsm['p50'] / 1000:.1f} ms, p99 {nsm['p99'] / 1000:.1f} ms, longest "
                  f"{nsm['max'] / 1000:.0f} ms; {cpu['user'] + cpu['system']:,} ms of CPU; "
                  f"{status['connections_opened']:,} connections; {status['coalesced']:,} requests "
                  "shared an answer"]
    lines += [""] + [f"{'ok  ' if holds else 'FAIL'} {what}: {words}"
                     for what, holds, words in checks]
    return "\n".join(lines)


# --- plot -------------------------------------------------------------------------------------

WIDTH, PANEL, LEFT, RIGHT, TOP, GAP = 900, 190, 80, 150, 30, 50
COLOURS = ("#1b6ca8", "#c0392b", "#2e8b57", "#8e5ea2", "#d68910", "#555555")


def escape(text):
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def text_at(x, y, text, anchor="start", size=12):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">'
            f"{escape(text)}</text>")


def round_up(value):
    """The next of 1, 2, 5, 10, 20, ... times a power of ten."""
    step = 1.0
    while step < value:
        for factor in (2, 2.5, 2):
            step *= factor
            if step >= value:
                break
    return step


class Panel:
    """Lines over time, from 0 up to a round number."""

    def __init__(self, number, title, seconds, lines, events):
        self.top = TOP + number * (PANEL + GAP)
        self.title, self.seconds, self.lines, self.events = title, max(seconds, 1), lines, events
        values = [value for points in lines.values() for _, value in points]
        self.ceiling = round_up(max(values + [1]))

    def x(self, t):
        return LEFT + (WIDTH - LEFT - RIGHT) * min(t / self.seconds, 1)

    def y(self, value):
        return self.top + PANEL * (1 - value / self.ceiling)

    def axes(self):
        right = WIDTH - RIGHT
        yield text_at(LEFT, self.top - 8, self.title, size=13)
        for i in range(5):
            value = self.ceiling * i / 4
            yield (f'<line x1="{LEFT}" x2="{right}" y1="{self.y(value):.1f}" '
                   f'y2="{self.y(value):.1f}" stroke="#ddd"/>')
            words = f"{value:,.0f}" if self.ceiling >= 100 else f"{value:g}"
            yield text_at(LEFT - 6, self.y(value) + 4, words, "end")
        for i in range(7):
            t = self.seconds * i / 6
            yield text_at(self.x(t), self.top + PANEL + 16, f"{t:.0f} s", "middle")
        for t in self.events:
            yield (f'<line x1="{self.x(t):.1f}" x2="{self.x(t):.1f}" y1="{self.top + PANEL}" '
                   f'y2="{self.top + PANEL - 6}" stroke="#999"/>')

    def draw(self):
        yield from self.axes()
        for i, (name, points) in enumerate(self.lines.items()):
            colour = COLOURS[i % len(COLOURS)]
            path = " ".join(f"{self.x(t):.1f},{self.y(value):.1f}" for t, value in points)
            yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
            y = self.top + 14 + 16 * i
            yield f'<rect x="{WIDTH - RIGHT + 10}" y="{y - 9}" width="10" height="10" fill="{colour}"/>'
            yield text_at(WIDTH - RIGHT + 26, y, name)


def as_svg(run):
    def over_time(name, key, scale=1):
        return [(entry["t"], entry["series"][name][key] / scale) for entry in run["rounds"]
                if entry["series"].get(name, {}).get(key)]

    names = [name for name in series_names(run) if p99s(run, name)]
    events = [event["t"] for event in run["events"]]
    rates = [(entry["t"], sum(f.get("requests", 0) for f in entry["series"].values())
              / entry["seconds"]) for entry in run["rounds"]]
    pings = [name for name in names if not name.startswith("attest")]
    rest = [name for name in names if name.startswith("attest")]
    memory = {"resident": [(s["t"], s["rss_kib"]) for s in run["samples"]]}
    panels = [
        Panel(0, "resident memory of the server, KiB (ticks: NSM killed, stopped or restarted)",
              run["seconds"], memory, events),
        Panel(1, "requests a second", run["seconds"], {"all": rates}, events),
        Panel(2, "p99 of each round, ms: answered by the server alone", run["seconds"],
              {name: over_time(name, "p99_us", 1000) for name in pings}, events),
        Panel(3, "p99 of each round, ms: needs the NSM", run["seconds"],
              {name: over_time(name, "p99_us", 1000) for name in rest}, events),
    ]
    return svg_of(panels)


def svg_of(panels):
    height = TOP + len(panels) * (PANEL + GAP)
    body = [line for panel in panels for line in panel.draw()]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>', *body, "</svg>", ""])
