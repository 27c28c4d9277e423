"""The comfort report as one page of HTML that needs nothing else: charts, a table of shots, the worst pictures.

It follows the reader's light or dark theme, asks nothing of any network, and carries its numbers as JSON.
"""

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from vergence.stereo.comfort import MOST_DEGREES, Comfort, Worst, limits

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 1000, 54, 58, 12, 24  # of a chart, its margins, in its own units
POINTS = 500  # a chart shows at most so many; more frames are summed up by their extremes
ROWS = 400  # shots in the table; a film has more
UNITS = "Disparity is in % of the picture's width, positive in front of the screen."

Floats = NDArray[np.float64]

STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --soft: #5d6b7a; --line: #d8dee6; --page: #f6f7f9; --card: #fff;
  --band: #2f6fde; --subject: #c2570c; --limit: #c02626; --mild: #8fa3b8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9f0; --soft: #94a3b5; --line: #333d4a; --page: #12161c;
  --card: #1a2028; --band: #6ea3ff; --subject: #f59a4c; --limit: #ff7070; --mild: #5f7288; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1080px; padding: 28px 20px 60px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 24px; margin: 0; overflow-wrap: anywhere; } h2 { font-size: 16px; margin: 0 0 4px; }
p { margin: 0 0 8px; color: var(--soft); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px 18px;
  margin-top: 16px; overflow-x: auto; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin-top: 16px; }
.tiles div { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 10px 14px; }
.tiles b { display: block; font-size: 21px; font-variant-numeric: tabular-nums; } .tiles .bad b { color: var(--limit); }
.tiles span, figcaption { color: var(--soft); font-size: 13px; }
svg { display: block; width: 100%; min-width: 560px; } svg text { fill: var(--soft); stroke: none; font-size: 12px; }
.axis { stroke: var(--line); } .zero { stroke: var(--soft); } .cut { stroke: var(--line); stroke-dasharray: 2 3; }
.band { fill: var(--band); opacity: .22; } .edge { fill: none; stroke: var(--band); opacity: .55; }
.middle { fill: none; stroke: var(--band); stroke-width: 1.6; }
.subject { fill: none; stroke: var(--subject); stroke-width: 1.8; }
.limit { stroke: var(--limit); stroke-dasharray: 6 4; } svg text.limit { fill: var(--limit); }
.mild { fill: var(--mild); opacity: .55; } .strong { fill: var(--limit); } .now { stroke: var(--ink); opacity: .5; }
.key i { display: inline-block; width: 16px; height: 9px; border-radius: 2px; margin: 0 5px 0 12px; }
output { display: block; min-height: 1.5em; font-variant-numeric: tabular-nums; color: var(--ink); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { text-align: right; padding: 4px 8px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 500; } td.bad { color: var(--limit); font-weight: 600; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 14px; }
figure { margin: 0; } img { width: 100%; border-radius: 6px; display: block; }
"""

SCRIPT = """
const { frames } = JSON.parse(document.getElementById("data").textContent);
const charts = [...document.querySelectorAll("svg[data-start]")];
const out = document.querySelector("output");
const percent = (value) => value.toFixed(2) + " %";

/** The last frame at or before `time`, seconds. */
function frameAt(time) {
  let low = 0, high = frames.time.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (frames.time[middle] <= time) low = middle; else high = middle - 1;
  }
  return low;
}

for (const chart of charts) {
  chart.addEventListener("pointermove", (event) => {
    const box = chart.getBoundingClientRect();
    const { start, end, left, right } = chart.dataset;
    const share = ((event.clientX - box.left) / box.width * 1000 - left) / (1000 - left - right);
    const i = frameAt(+start + Math.min(Math.max(share, 0), 1) * (end - start));
    const x = +left + (frames.time[i] - start) / (end - start) * (1000 - left - right);
    for (const line of document.querySelectorAll(".now")) { line.setAttribute("x1", x); line.setAttribute("x2", x); }
    out.textContent = `frame ${frames.index[i]}, ${frames.time[i].toFixed(2)} s, shot ${frames.shot[i]}: ` +
      `far ${percent(frames.far[i])}, middle ${percent(frames.middle[i])}, near ${percent(frames.near[i])}, ` +
      `subject ${percent(frames.subject[i])}`;
  });
}
"""


def page(comfort: Comfort, *, title: str) -> str:
    """The report of a film called `title`, as a whole HTML file."""
    data = json.dumps(comfort.as_json(), separators=(",", ":")).replace("</", "<\\/")
    screen = comfort.screen
    where = f"{screen.width:g} m wide, seen from {screen.distance:g} m ({screen.fov:.0f} degrees)"
    if comfort.is_assumed:
        where += ", assumed: state yours with --for or --screen-width-m"
    parts = [
        f"<h1>Comfort of {escape(title)}</h1>",
        f"<p>Screen: {where}, eyes {screen.ipd * 1000:g} mm apart. {UNITS}</p>",
        _tiles(comfort),
    ]
    if len(comfort.columns["time"]) > 1:
        parts += [_depth_section(comfort), _window_section(comfort), _change_section(comfort), _table(comfort)]
    parts.append(_pictures(comfort.worst))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Comfort of {escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + f'\n<script type="application/json" id="data">{data}</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n'
    )


def _tiles(comfort: Comfort) -> str:
    c, screen = comfort.columns, comfort.screen
    far, near = float(c["far"].min()), float(c["near"].max())
    degrees = f"{screen.vergence(far / 100):+.2f} to {screen.vergence(near / 100):+.2f} degrees"
    over, diverging = float(c["over"].mean()), float(c["diverging"].max())
    jump = float(np.abs(c["jump"]).max())
    frames, shots = len(c["time"]), len(comfort.shots)
    settings = comfort.settings
    budget = f"{settings.strength:g} %" if settings.max_disparity is None else f"{settings.max_disparity:g} px"
    tiles = [
        (f"{far:+.2f} to {near:+.2f} %", f"farthest to nearest, {degrees}", over > 0),
        (
            f"{over:.1%}",
            f"of all pixels over {MOST_DEGREES:g} degree, {c['over_budget'].mean():.1%} over the budget of {budget}",
            over > 0,
        ),
        (f"{diverging:.1%}", "of the worst picture makes eyes diverge", diverging > 0.001),
        (
            f"{c['cut_after'].mean():.1%}",
            f"of border rows cut what is in front ({c['cut'].mean():.1%} without the floating window)",
            c["cut_after"].mean() > 0.01,
        ),
        (f"{jump:.2f} %", "largest jump of the subject at a cut", jump > comfort.settings.max_jump * 1.05),
        (f"{frames}", f"frame{'s' * (frames != 1)} in {shots} shot{'s' * (shots != 1)}", False),
    ]
    cells = (f"<div{' class=bad' * bool(bad)}><b>{head}</b><span>{text}</span></div>" for head, text, bad in tiles)
    return f'<div class="tiles">{"".join(cells)}</div>'


def _depth_section(comfort: Comfort) -> str:
    c, screen = comfort.columns, comfort.screen
    low, high = limits(screen)
    widest = -100 * screen.ipd / screen.width
    most = 1.12 * max(float(c["near"].max()), -float(c["far"].min()), 0.2)
    lines = [(0.0, "screen", "zero"), (high, f"{MOST_DEGREES:g} degree", "limit")]
    lines += [(widest, "eyes diverge", "limit")] if widest >= low else [(low, f"{MOST_DEGREES:g} degree", "limit")]
    most = max([most, *(1.12 * abs(at) for at, _, _ in lines if abs(at) < 2.5 * most)])
    chart = _Chart(comfort, -most, most, 260)
    body = [
        f'<path class="band" d="{chart.band(c["far"], c["near"])}"/>',
        f'<path class="edge" d="{chart.line(c["far"], np.min)}"/>',
        f'<path class="edge" d="{chart.line(c["near"], np.max)}"/>',
        f'<path class="middle" d="{chart.line(c["middle"], np.mean)}"/>',
        f'<path class="subject" d="{chart.line(c["subject"], np.mean)}"/>',
        *(chart.level(at, name, kind) for at, name, kind in lines if abs(at) <= most),
    ]
    ticks = chart.ticks(lambda at: f"{screen.vergence(at / 100):+.2f}°")
    return (
        "<section><h2>Depth over time</h2>"
        '<p class="key"><i style="background:var(--band);opacity:.3"></i>all but the outer hundredth of the pixels'
        '<i style="background:var(--band)"></i>median<i style="background:var(--subject)"></i>subject: where the '
        "eyes converge. Left: % of the width; right: degrees of vergence.</p>"
        f"{chart.svg(ticks, body)}<output></output></section>"
    )


def _window_section(comfort: Comfort) -> str:
    c = comfort.columns
    most = max(0.05, 1.1 * float(c["cut"].max()))
    chart = _Chart(comfort, 0, 100 * most, 120)
    zero = np.zeros_like(c["cut"])
    body = [
        f'<path class="mild" d="{chart.band(zero, 100 * c["cut"])}"/>',
        f'<path class="strong" d="{chart.band(zero, 100 * c["cut_after"])}"/>',
    ]
    return (
        "<section><h2>Window violations</h2>"
        '<p class="key">% of border rows where the frame cuts what stands in front of the screen'
        '<i style="background:var(--mild)"></i>of the picture<i style="background:var(--limit)"></i>'
        f"left with the floating window</p>{chart.svg(chart.ticks(), body)}</section>"
    )


def _change_section(comfort: Comfort) -> str:
    c = comfort.columns
    most = 1.12 * max(1.0, float(np.abs(c["change"]).max()))
    chart = _Chart(comfort, -most, most, 120)
    jumps = np.flatnonzero(c["jump"])
    body = [
        f'<path class="middle" d="{chart.line(c["change"], _extreme)}"/>',
        chart.level(0.0, "", "zero"),
        *(
            f'<line class="subject" x1="{chart.x(c["time"][i]):.1f}" x2="{chart.x(c["time"][i]):.1f}" '
            f'y1="{chart.y(0):.1f}" y2="{chart.y(float(np.clip(c["jump"][i], -most, most))):.1f}"/>'
            for i in jumps.tolist()
        ),
    ]
    return (
        "<section><h2>Change</h2>"
        '<p class="key"><i style="background:var(--band)"></i>how fast depth changes, % of the width per second'
        '<i style="background:var(--subject)"></i>jump of the subject at a cut, % of the width</p>'
        f"{chart.svg(chart.ticks(), body)}</section>"
    )


def _table(comfort: Comfort) -> str:
    heads = (
        "shot", "from", "to", "frames", "far %", "near %", "subject %", "over 1°", "over budget", "diverging", "cut",
        "with window", "change %/s", "jump %",
    )  # fmt: skip
    rows = "".join(_row(row, comfort.settings.max_jump) for row in comfort.shots[:ROWS])
    more = len(comfort.shots) - ROWS
    note = f"<p>{more} more shots are in the numbers of this page and in --report FILE.json.</p>" if more > 0 else ""
    return (
        "<section><h2>Shots</h2><table><thead><tr>"
        + "".join(f"<th>{head}</th>" for head in heads)
        + f"</tr></thead><tbody>{rows}</tbody></table>{note}</section>"
    )


def _row(row: dict[str, float], max_jump: float) -> str:
    cells = [
        (f"{row['shot']}", False),
        (clock(row["start"]), False),
        (clock(row["end"]), False),
        (f"{row['frames']}", False),
        (f"{row['far']:+.2f}", False),
        (f"{row['near']:+.2f}", False),
        (f"{row['subject']:+.2f}", False),
        (f"{row['over']:.1%}", row["over"] > 0.001),
        (f"{row['over_budget']:.1%}", row["over_budget"] > 0.001),
        (f"{row['diverging']:.1%}", row["diverging"] > 0.001),
        (f"{row['cut']:.1%}", False),
        (f"{row['cut_after']:.1%}", row["cut_after"] > 0.01),
        (f"{row['change']:.1f}", False),
        (f"{row['jump']:+.2f}", abs(row["jump"]) > 1.05 * max_jump),
    ]
    return "<tr>" + "".join(f"<td{' class=bad' * bad}>{text}</td>" for text, bad in cells) + "</tr>"


def _pictures(worst: Sequence[Worst]) -> str:
    figures = "".join(
        f'<figure><img alt="frame {w.moment.index} for red-cyan glasses" '
        f'src="data:image/jpeg;base64,{base64.b64encode(w.jpeg).decode()}">'
        f"<figcaption>frame {w.moment.index}, {clock(w.moment.time)}, shot {w.moment.shot}: {escape(w.why)}"
        "</figcaption></figure>"
        for w in worst
    )
    return (
        "<section><h2>Least comfortable pictures</h2><p>For red-cyan glasses, worst first; "
        f'none need be uncomfortable.</p><div class="pictures">{figures}</div></section>'
    )


def clock(seconds: float) -> str:
    """A moment as people write it: 1:02:03.4."""
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def _extreme(values: Floats) -> float:
    return float(values[np.argmax(np.abs(values))])


class _Chart:
    """A chart of the film's time against values from `low` to `high`, `height` units high."""

    def __init__(self, comfort: Comfort, low: float, high: float, height: int) -> None:
        time = comfort.columns["time"]
        self._low, self._high, self._height = low, high, height
        self._start, self._end = float(time[0]), float(max(time[-1], time[0] + 1e-3))
        self._cuts = [row["start"] for row in comfort.shots[1:]]
        self._groups = np.array_split(np.arange(len(time)), min(POINTS, len(time)))
        self._times = [float(time[group].mean()) for group in self._groups]

    def x(self, time: float) -> float:
        return LEFT + (time - self._start) / (self._end - self._start) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        share = (value - self._low) / (self._high - self._low)
        return self._height - BOTTOM - share * (self._height - TOP - BOTTOM)

    def line(self, values: Floats, summed: Callable[[Floats], object]) -> str:
        return "M" + "L".join(self._points(values, summed))

    def band(self, low: Floats, high: Floats) -> str:
        return "M" + "L".join([*self._points(low, np.min), *reversed(self._points(high, np.max))]) + "Z"

    def _points(self, values: Floats, summed: Callable[[Floats], object]) -> list[str]:
        pairs = zip(self._times, self._groups, strict=True)
        return [f"{self.x(time):.1f},{self.y(float(summed(values[group]))):.1f}" for time, group in pairs]  # type: ignore[arg-type]

    def level(self, value: float, name: str, kind: str) -> str:
        y = self.y(value)
        label = f'<text class="{kind}" x="{LEFT + 6}" y="{y - 4:.1f}">{name}</text>' if name else ""
        return f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>{label}'

    def ticks(self, right: Callable[[float], str] | None = None) -> Iterable[str]:
        step = _round_step((self._high - self._low) / (5 if self._height > 200 else 3))
        first = int(np.ceil(self._low / step))
        for k in range(first, int(np.floor(self._high / step)) + 1):
            at, y = k * step, self.y(k * step)
            yield f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{at:g} %</text>'
            if right is not None:
                yield f'<text x="{WIDTH - RIGHT + 6}" y="{y + 4:.1f}">{right(at)}</text>'
        step = _round_step((self._end - self._start) / 8)
        for k in range(int(np.ceil(self._start / step)), int(np.floor(self._end / step)) + 1):
            x = self.x(k * step)
            yield f'<text x="{x:.1f}" y="{self._height - 6}" text-anchor="middle">{clock(k * step)}</text>'

    def svg(self, ticks: Iterable[str], body: Iterable[str]) -> str:
        bottom = self._height - BOTTOM
        shown = self._cuts if len(self._cuts) <= POINTS else []  # more would only make the chart grey
        cuts = (
            f'<line class="cut" x1="{self.x(t):.1f}" x2="{self.x(t):.1f}" y1="{TOP}" y2="{bottom}"/>' for t in shown
        )
        now = f'<line class="now" x1="-9" x2="-9" y1="{TOP}" y2="{bottom}"/>'
        return (
            f'<svg viewBox="0 0 {WIDTH} {self._height}" data-start="{self._start}" data-end="{self._end}" '
            f'data-left="{LEFT}" data-right="{RIGHT}">{"".join([*ticks, *cuts, *body, now])}</svg>'
        )


def _round_step(rough: float) -> float:
    """The next 1, 2 or 5 times a power of ten."""
    power = 10 ** np.floor(np.log10(rough))
    return float(power * next(m for m in (1, 2, 5, 10) if m * power >= rough * 0.999))
