"""Draws streams and jobs as bars."""

from html import escape
from statistics import median

from page import number, ratios
from rows import FLOOR, NBDCOPY, OURS, SMALL

# Readable on white and on black. Not chosen by media query: a page may be dark where the system
# is light.
TEXT = "#6e7781"
COLOURS = {OURS: "#2f81f7", SMALL: "#8ab4e8", NBDCOPY: "#c4722e", FLOOR: "#57ab5a"}
LEFT, WIDTH, RIGHT = 210, 420, 130
BAR, GAP, TOP = 13, 12, 62
# Where the bars of jobs begin: what they are compared with has long names.
JOB_LEFT = 400

STYLE = f"text {{ font: 12px system-ui, sans-serif; fill: {TEXT} }} line {{ stroke: {TEXT} }}"


def bar(y: int, column: str, times: dict, scale: float) -> list[str]:
    """With a thin line from the least to the most, and the ratio and the seconds behind."""
    shares = ratios(times, column, NBDCOPY)
    middle, least, most = (LEFT + f(shares) * scale for f in (median, min, max))
    label = f"{number(median(shares))} · {number(median(times[column]))} s"
    return [
        f'<rect x="{LEFT}" y="{y}" width="{max(middle - LEFT, 1):.1f}" height="{BAR - 2}"'
        f' fill="{COLOURS[column]}"/>',
        f'<line x1="{least:.1f}" x2="{most:.1f}" y1="{y + 5}" y2="{y + 5}"/>',
        f'<text x="{max(middle, most) + 6:.1f}" y="{y + 10}">{label}</text>',
    ]


def draw(rows: list[dict]) -> str:
    """Each time as a share of nbdcopy's in the same round."""
    scale = WIDTH / max(max(ratios(row["times"], c, NBDCOPY)) for row in rows for c in row["times"])
    parts, x, y = [], LEFT, TOP
    for column, colour in COLOURS.items():
        parts += [
            f'<rect x="{x}" y="10" width="11" height="11" fill="{colour}"/>',
            f'<text x="{x + 16}" y="20">{column}</text>',
        ]
        x += 40 + 7 * len(column)
    caption = "time as a share of nbdcopy's (line: least to most of all rounds) · seconds"
    parts.append(f'<text x="{LEFT}" y="42">{caption}</text>')
    for row in rows:
        parts.append(f'<text x="{LEFT - 8}" y="{y + 10}" text-anchor="end">{row["title"]}</text>')
        for column in COLOURS:
            if column in row["times"]:
                parts += bar(y, column, row["times"], scale)
                y += BAR
        y += GAP
    return picture("Time of each stream as a share of nbdcopy's", parts, LEFT + WIDTH + RIGHT, y)


def draw_jobs(rows: list[dict]) -> str:
    """A block of bars for each job, the longest of them as wide as there is room."""
    parts, y = ['<text x="0" y="20">time as a share of the longest of its job · seconds</text>'], 40
    for row in rows:
        times = {column: median(seconds) for column, seconds in row["times"].items()}
        parts.append(f'<text x="0" y="{y + 10}" font-weight="bold">{row["title"]}</text>')
        y += BAR + 4
        for column, seconds in times.items():
            width = WIDTH * seconds / max(times.values())
            colour = COLOURS[OURS if column == OURS else NBDCOPY]
            label = escape(column.replace("`", ""))
            parts += [
                f'<rect x="{JOB_LEFT}" y="{y}" width="{max(width, 1):.1f}" height="{BAR - 2}"'
                f' fill="{colour}"/>',
                f'<text x="{JOB_LEFT - 8}" y="{y + 10}" text-anchor="end">{label}</text>',
                f'<text x="{JOB_LEFT + width + 6:.1f}" y="{y + 10}">{number(seconds)} s</text>',
            ]
            y += BAR
        y += GAP
    return picture("Time of each job", parts, JOB_LEFT + WIDTH + RIGHT, y)


def picture(title: str, parts: list[str], width: int, height: int) -> str:
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        f"<title>{title}</title>", f"<style>{STYLE}</style>", *parts, "</svg>", "",
    ])
