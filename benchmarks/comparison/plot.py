"""A comparison as one SVG: CPU time per request over connections, a panel for each size of bodies and each depth."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from benchmarks.comparison.figures import Figure
from benchmarks.comparison.plan import Cell
from benchmarks.comparison.rounds import Series, cpu_us

COLOURS = ("#0b6e4f", "#52b788", "#b5179e", "#f77f00", "#7f7f7f")
"""Of the proxies, in order: ours are green."""
_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP = 300, 200, 60, 76, 56


def plot(closed: Mapping[Cell, Series], names: Sequence[str], title: str) -> str:
    """The SVG of one protocol's loads.

    Args:
        closed: Results by load and proxy, of one protocol.
        names: The proxies, in order.
        title: What stands above it.
    """
    bodies = sorted({cell.body for cell in closed})
    depths = sorted({cell.depth for cell in closed})
    width = _LEFT + len(bodies) * (_WIDTH + _GAP)
    height = _TOP + len(depths) * (_HEIGHT + _GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _text(_LEFT, 22, title, size=16),
        *_legend(names),
    ]
    for row, depth in enumerate(depths):
        for column, body in enumerate(bodies):
            cells = sorted(cell for cell in closed if (cell.depth, cell.body) == (depth, body))
            x, y = _LEFT + column * (_WIDTH + _GAP), _TOP + row * (_HEIGHT + _GAP)
            parts.append(f'<g transform="translate({x},{y})">')
            parts += _panel(f"bodies of {body:,} B, depth {depth}", cells, closed, names)
            parts.append("</g>")
    return "\n".join([*parts, "</svg>", ""])


def _legend(names: Sequence[str]) -> Iterator[str]:
    for number, (name, colour) in enumerate(zip(names, COLOURS, strict=False)):
        x = _LEFT + number * 150
        yield f'<line x1="{x}" y1="40" x2="{x + 22}" y2="40" stroke="{colour}" stroke-width="3"/>'
        yield _text(x + 28, 44, name)


def _panel(title: str, cells: Sequence[Cell], closed: Mapping[Cell, Series], names: Sequence[str]) -> Iterator[str]:
    figures = {(cell, name): Figure.of(cpu_us(closed[cell][name])) for cell in cells for name in names}
    top = nice_top(max(figure.high for figure in figures.values()))
    yield _text(_WIDTH / 2, -8, title, anchor="middle")
    for step in range(5):
        value, y = top * step / 4, _HEIGHT - _HEIGHT * step / 4
        yield f'<line x1="0" y1="{y:.1f}" x2="{_WIDTH}" y2="{y:.1f}" stroke="#dddddd"/>'
        yield _text(-6, y + 4, f"{value:g}", anchor="end")
    yield _text(-6, -14, "µs", anchor="end")
    places = [_WIDTH * (position + 0.5) / len(cells) for position in range(len(cells))]
    for cell, x in zip(cells, places, strict=True):
        yield _text(x, _HEIGHT + 16, f"{cell.connections}", anchor="middle")
    yield _text(_WIDTH / 2, _HEIGHT + 32, "connections", anchor="middle")
    for name, colour in zip(names, COLOURS, strict=False):
        yield from _line([(x, figures[cell, name]) for x, cell in zip(places, cells, strict=True)], top, colour)


def _line(points: Sequence[tuple[float, Figure]], top: float, colour: str) -> Iterator[str]:
    def height(value: float) -> float:
        return _HEIGHT - _HEIGHT * value / top

    path = " ".join(f"{x:.1f},{height(figure.middle):.1f}" for x, figure in points)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for x, figure in points:
        yield f'<circle cx="{x:.1f}" cy="{height(figure.middle):.1f}" r="3" fill="{colour}"/>'
        yield (
            f'<line x1="{x:.1f}" y1="{height(figure.low):.1f}" x2="{x:.1f}" y2="{height(figure.high):.1f}" '
            f'stroke="{colour}" stroke-opacity="0.5"/>'
        )


def nice_top(highest: float) -> float:
    """The end of an axis: the first round number that is not below ``highest``."""
    unit = 10.0 ** math.floor(math.log10(highest))
    return float(next(step * unit for step in (1, 1.2, 1.6, 2, 3, 4, 6, 8, 10) if step * unit >= highest))


def _text(x: float, y: float, text: str, *, size: int = 12, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="#222222">{escape(text)}</text>'
    )
