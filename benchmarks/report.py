"""Write results.md and results.svg from results.json, which bench.py measures.

`python benchmarks/report.py` writes both again without measuring, for example after a change of the layout.
"""

import json
import math
from html import escape
from pathlib import Path

HERE = Path(__file__).parent
OURS = "ds-docker"
FLOOR = "floor"

# The measured figures, as rows of the tables. A ratio is our figure divided by that of another way.
FIGURES = {
    "cold": "cold build, s",
    "edit": "build after an edit, s",
    "package": "build with one more package, s",
    "no-op": "build without a change, s",
    "dev": "development image, MB",
    "release": "release image, MB",
    "memory": "memory of a cold build, MB",
    "cold cell": "cold engine to first cell, s",
    "warm cell": "warm start to first cell, s",
    "first import": "first import, s",
    "second import": "second import, s",
}

# The chart's geometry, in pixels. One column for each other way, with a logarithmic axis from LEAST to MOST.
LABEL, COLUMN, GAP, ROW, TOP = 200, 122, 28, 26, 58
LEAST, MOST = 0.01, 10.0


def number(value: float) -> str:
    """Return a figure with about three significant digits."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def title(key: str) -> str:
    """Return the name of a figure without its unit."""
    return FIGURES[key].split(",")[0]


def others(results: dict) -> list[str]:
    """List the ways that ds-docker is compared with. The floor is not one of them: it builds no usable image."""
    return [name for name in results["medians"] if name not in (OURS, FLOOR)]


def ratio(results: dict, key: str, other: str) -> float | None:
    """Return our figure divided by that of another way, or None if the other way has no such figure."""
    value = results["medians"][other].get(key)
    return results["medians"][OURS][key] / value if value else None


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table. All columns except the first are aligned to the right."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def goals(results: dict) -> list[tuple[str, float, float]]:
    """Return the goals that were set beforehand: what is compared, the measured ratio, and the most that it may be."""
    medians, other = results["medians"], results["other"]
    ours = medians[OURS]
    ways = others(results)
    best_cell = min(medians[name]["cold cell"] for name in ways)
    return [
        ("cold build : uv in two stages", ratio(results, "cold", "uv-two-stages"), 0.28),
        ("cold build : pip (tutorial)", ratio(results, "cold", "tutorial"), 0.17),
        ("cold build : floor", ratio(results, "cold", FLOOR), 1.4),
        ("one more package : uv in two stages", ratio(results, "package", "uv-two-stages"), 0.15),
        ("one more package : pip (tutorial)", ratio(results, "package", "tutorial"), 0.09),
        ("build after an edit : build without a change", ours["edit"] / ours["no-op"], 1.0),
        *((f"development image : {name}", ratio(results, "dev", name), 0.85) for name in ways),
        *((f"release image : only image of {name}", ours["release"] / medians[name]["dev"], 0.6) for name in ways),
        ("cold engine to first cell : best of the others", ours["cold cell"] / best_cell, 0.5),
        ("build with 10 GB in data/ : empty data/", other["build full"] / other["build empty"], 1.05),
        ("generation : without hooks", other["generation"] / other["generation without hooks"], 1.5),
        ("generation : ccds", other["generation"] / other["generation by ccds"], 0.5),
        ("package added to a running notebook, seconds until imported", other["added"], 3.0),
    ]


def markdown(results: dict) -> str:
    """Return results.md: the figures, the ratios, and the goals as tables."""
    medians, other = results["medians"], results["other"]
    cells = [
        [text, *(number(figures[key]) if key in figures else "" for figures in medians.values())]
        for key, text in FIGURES.items()
    ]
    spread = [f"{least:.1f}-{most:.1f}" for least, most in results["cold range"].values()]
    compared = [name for name in medians if name != OURS]
    ratios = []
    for key in FIGURES:
        values = [ratio(results, key, name) for name in compared]
        ratios.append([title(key), *("" if value is None else f"{value:.2f}" for value in values)])
    more = [
        ["`make add PKG=seaborn` until the running notebook can import it, s", number(other["added"])],
        ["build context, data/ empty", other["context empty"]],
        ["build context with 10 GB in 100,000 files in data/", other["context full"]],
        ["build without a change, data/ empty, s", number(other["build empty"])],
        ["build without a change, 10 GB in data/, s", number(other["build full"])],
        ["generation, s", number(other["generation"])],
        ["generation without hooks, s", number(other["generation without hooks"])],
        ["generation by ccds, s", number(other["generation by ccds"])],
    ]
    met = [
        [text, f"{value:.2f}", f"{goal:.2f}", "yes" if value <= goal else "**no**"]
        for text, value, goal in goals(results)
    ]
    return f"""<!-- Written by `make bench` from results.json. -->
Measured on {results["date"]} in {results["rounds"]} rounds; the figures are medians. The machine: {results["machine"]}.

{table(["", *medians], [*cells, ["cold build, fastest and slowest round, s", *spread]])}
ds-docker divided by each of the others. Less than 1 means that ds-docker is faster or smaller:

{table(["", *compared], ratios)}
Other figures for ds-docker:

{table(["", ""], more)}
Goals that were set beforehand, as ratios unless a unit is given:

{table(["", "measured", "goal", "met"], met)}"""


def chart(results: dict) -> str:
    """Return results.svg: each ratio as a bar that starts at 1, on a logarithmic axis.

    The text has the color of the surrounding text if the drawing is part of a page. As a picture it follows the
    reader's preference for a light or a dark background.
    """
    ways, keys = others(results), list(FIGURES)
    width, bottom = LABEL + len(ways) * (COLUMN + GAP), TOP + len(keys) * ROW

    def position(value: float) -> float:
        """Return the distance of a ratio from the left end of its column."""
        clipped = min(max(value, LEAST), MOST)
        return COLUMN * math.log(clipped / LEAST) / math.log(MOST / LEAST)

    parts = []
    for row, key in enumerate(keys):
        middle = TOP + row * ROW + ROW / 2
        parts.append(f'<text x="{LABEL - 14}" y="{middle + 4:.1f}" text-anchor="end">{escape(title(key))}</text>')
    for column, way in enumerate(ways):
        left = LABEL + column * (COLUMN + GAP)
        one = left + position(1)
        parts.append(
            f'<text class="head" x="{left + COLUMN / 2:.0f}" y="20" text-anchor="middle">vs. {escape(way)}</text>'
        )
        for value, text in ((0.01, "1/100"), (0.1, "1/10"), (1, "1"), (10, "10")):
            x = left + position(value)
            kind = "one" if value == 1 else "grid"
            parts.append(f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{bottom}"/>')
            parts.append(f'<text class="tick" x="{x:.1f}" y="{TOP - 14}" text-anchor="middle">{text}</text>')
        for row, key in enumerate(keys):
            value = ratio(results, key, way)
            if value is None:
                continue
            middle, end = TOP + row * ROW + ROW / 2, left + position(value)
            start, length = min(one, end), max(abs(end - one), 1)
            less = value < 1
            parts.append(
                f'<rect class="{"less" if less else "more"}" x="{start:.1f}" y="{middle - 7:.1f}" '
                f'width="{length:.1f}" height="14" rx="2"/>'
            )
            # The number stands beyond the bar's end, or beside the axis if there is no room at the column's edge.
            at, anchor = (end - 4, "end") if less else (end + 4, "start")
            if less and end - left < 26:
                at, anchor = one + 4, "start"
            parts.append(
                f'<text class="value" x="{at:.1f}" y="{middle + 4:.1f}" text-anchor="{anchor}">{value:.2f}</text>'
            )
    drawing = "\n".join(parts)
    legend = bottom + 28
    return f"""<svg class="bench-chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {legend + 12}" \
role="img" aria-label="ds-docker compared with other ways to build the same project, as ratios">
<style>
.bench-chart {{ color: #24292f; font: 12.5px system-ui, sans-serif; }}
@media (prefers-color-scheme: dark) {{ .bench-chart {{ color: #d5d9de; }} }}
.bench-chart text {{ fill: currentColor; }}
.bench-chart .head {{ font-weight: 600; }}
.bench-chart .tick {{ font-size: 10px; opacity: 0.7; }}
.bench-chart .value {{ font-size: 11px; font-variant-numeric: tabular-nums; }}
.bench-chart line {{ stroke: currentColor; }}
.bench-chart .grid {{ opacity: 0.15; }}
.bench-chart .one {{ opacity: 0.6; }}
.bench-chart .less {{ fill: #2f81b7; }}
.bench-chart .more {{ fill: #d9822b; }}
</style>
{drawing}
<rect class="less" x="{LABEL}" y="{legend - 10}" width="14" height="12" rx="2"/>
<text x="{LABEL + 20}" y="{legend}">ds-docker is faster or smaller</text>
<rect class="more" x="{LABEL + 230}" y="{legend - 10}" width="14" height="12" rx="2"/>
<text x="{LABEL + 250}" y="{legend}">ds-docker is slower or larger</text>
</svg>
"""


def write() -> None:
    """Write the tables and the chart from results.json."""
    results = json.loads((HERE / "results.json").read_text(encoding="utf-8"))
    (HERE / "results.md").write_text(markdown(results), encoding="utf-8")
    (HERE / "results.svg").write_text(chart(results), encoding="utf-8")


if __name__ == "__main__":
    write()
