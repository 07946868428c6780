"""SVG as text: boxes, lines and text that is known to fit."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

FONT = "Inter, 'Segoe UI', 'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif"

INK = "#1f2328"
MUTED = "#59636e"
LINE = "#d1d9e0"
PAPER = "#ffffff"


class Drawing:
    """Collects elements; what is added later lies above."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def add(self, element: str) -> None:
        self._parts.append(element)

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: str = PAPER,
        stroke: str = LINE,
        radius: float = 8,
        dashed: bool = False,
        stroke_width: float = 1.2,
    ) -> None:
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.add(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" rx="{_n(radius)}" '
            f'fill="{fill}" stroke="{stroke}" stroke-width="{stroke_width}"{dash}/>'
        )

    def text(
        self,
        x: float,
        y: float,
        content: str,
        *,
        size: float = 11,
        width: float | None = None,
        color: str = INK,
        bold: bool = False,
        anchor: str = "start",
        halo: bool = False,
        smallest: float | None = None,
    ) -> None:
        """Text on the baseline `y`, cut with an ellipsis to `width`; what was cut off is shown on hovering.

        halo: a white rim, for text that a line may pass behind
        smallest: the size down to which it is made smaller before it is cut
        """
        while smallest and width and size > smallest and text_width(content, size, bold=bold) > width:
            size -= 0.5
        shown = fit(content, size, width, bold=bold) if width is not None else content
        title = f"<title>{escape(content)}</title>" if shown != content else ""
        weight = ' font-weight="600"' if bold else ""
        placed = f' text-anchor="{anchor}"' if anchor != "start" else ""
        rim = ' paint-order="stroke" stroke="#ffffff" stroke-width="3" stroke-linejoin="round"' if halo else ""
        self.add(
            f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}" fill="{color}"{weight}{placed}{rim}>'
            f"{title}{escape(shown)}</text>"
        )

    def path(
        self,
        points: Sequence[tuple[float, float]],
        *,
        color: str,
        width: float = 1.6,
        arrow: bool = True,
        dashed: bool = False,
        title: str = "",
    ) -> None:
        """A line with rounded corners through the points; a rim keeps it apart from the lines it crosses."""
        line = _rounded(points)
        dash = ' stroke-dasharray="5 3"' if dashed else ""
        hover = f"<title>{escape(title)}</title>" if title else ""
        self.add(f'<path d="{line}" fill="none" stroke="#ffffff" stroke-width="{_n(width + 3)}"/>')
        self.add(f'<path d="{line}" fill="none" stroke="{color}" stroke-width="{width}"{dash}>{hover}</path>')
        if arrow:
            self._head(points[-2], points[-1], color)

    def badge(self, x: float, y: float, text: str, color: str) -> None:
        """A numbered disc, as the legend has it."""
        self.add(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="9" fill="{color}" stroke="#ffffff" stroke-width="2"/>')
        self.text(x, y + 4, text, size=11, color="#ffffff", bold=True, anchor="middle")

    def pill(self, right: float, y: float, text: str, color: str) -> None:
        """A small label whose right end is at `right`, centred on `y`."""
        width = text_width(text, 10, bold=True) + 14
        self.add(
            f'<rect x="{_n(right - width)}" y="{_n(y - 8)}" width="{_n(width)}" height="16" rx="8" fill="{color}"/>'
        )
        self.text(right - width / 2, y + 3.5, text, size=10, color="#ffffff", bold=True, anchor="middle")

    def dot(self, x: float, y: float, color: str) -> None:
        self.add(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="3" fill="{color}"/>')

    def _head(self, before: tuple[float, float], tip: tuple[float, float], color: str) -> None:
        dx = (tip[0] > before[0]) - (tip[0] < before[0])
        dy = (tip[1] > before[1]) - (tip[1] < before[1])
        x, y = tip
        left, right = (x - 7 * dx - 4 * dy, y - 7 * dy - 4 * dx), (x - 7 * dx + 4 * dy, y - 7 * dy + 4 * dx)
        points = " ".join(f"{_n(a)},{_n(b)}" for a, b in ((x, y), left, right))
        self.add(f'<polygon points="{points}" fill="{color}"/>')

    def render(self, width: float, height: float, *, title: str) -> str:
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(width)} {_n(height)}" width="{_n(width)}" '
            f'height="{_n(height)}" font-family="{escape(FONT)}" role="img">\n<title>{escape(title)}</title>\n'
            f'<rect width="{_n(width)}" height="{_n(height)}" fill="#f6f8fa"/>\n'
        )
        return head + "\n".join(self._parts) + "\n</svg>\n"


# Widths in em, on the wide side of the usual sans-serif fonts: nobody knows which one the reader has.
_NARROW = frozenset("ijlI.,:;'|!()[]/ -")
_WIDE = frozenset("mwMW@%…→×")  # noqa: RUF001


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """An upper estimate of a text's width, in the unit of `size`."""
    ems = sum(0.37 if c in _NARROW else 0.93 if c in _WIDE else 0.7 if c.isupper() else 0.6 for c in text)
    return ems * size * (1.07 if bold else 1)


def fit(text: str, size: float, width: float, *, bold: bool = False) -> str:
    """The text, cut with an ellipsis if it is wider than `width`."""
    if text_width(text, size, bold=bold) <= width:
        return text
    cut = text
    while cut and text_width(f"{cut}…", size, bold=bold) > width:
        cut = cut[:-1]
    return f"{cut.rstrip(' ,')}…"


def _rounded(points: Sequence[tuple[float, float]], radius: float = 6) -> str:
    """Path data through points that are joined by horizontal and vertical lines."""
    start = points[0]
    data = [f"M{_n(start[0])} {_n(start[1])}"]
    for (ax, ay), (bx, by), (cx, cy) in zip(points, points[1:], points[2:], strict=False):
        r = min(radius, _length(ax, ay, bx, by) / 2, _length(bx, by, cx, cy) / 2)
        before = (bx - r * _sign(bx - ax), by - r * _sign(by - ay))
        after = (bx + r * _sign(cx - bx), by + r * _sign(cy - by))
        data.append(f"L{_n(before[0])} {_n(before[1])}")
        data.append(f"Q{_n(bx)} {_n(by)} {_n(after[0])} {_n(after[1])}")
    data.append(f"L{_n(points[-1][0])} {_n(points[-1][1])}")
    return " ".join(data)


def _length(ax: float, ay: float, bx: float, by: float) -> float:
    return abs(bx - ax) + abs(by - ay)


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _n(value: float) -> str:
    """A number with at most one decimal, so that the same picture has the same bytes everywhere."""
    return f"{value:.1f}".removesuffix(".0")
