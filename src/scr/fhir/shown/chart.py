"""A series of results drawn as SVG: axes, the usual range as a band, a line, and a title for each point.

It has no script and no style of its own: what can be drawn is attributes, so that it prints, and shows under
a policy that allows no inline style. Whoever cannot see it has the same numbers in a table beside it.
https://www.w3.org/TR/SVG2/
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from scr.fhir.shown.series import Series, Trace

WIDTH, HEIGHT = 480, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 14, 30
_COLOURS = ("#005eb8", "#7c2855", "#006747", "#212b32")
_STEPS = 4
_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where a time and a number stand on the paper."""

    first: float
    last: float
    low: float
    high: float

    def x(self, at: float) -> float:
        width = WIDTH - _LEFT - _RIGHT
        return round(_LEFT + width * (at - self.first) / (self.last - self.first), 1)

    def y(self, number: float) -> float:
        height = HEIGHT - _TOP - _BOTTOM
        return round(_TOP + height * (1 - (number - self.low) / (self.high - self.low)), 1)


def chart_svg(series: Series, label: str, *, start: str = "", end: str = "") -> str:
    """The drawing, named ``label``. ``start`` and ``end`` stand under the first and the last point.

    Every text in it is escaped.
    """
    scale = _scale(series.traces)
    parts = [
        f'<svg class="chart" role="img" aria-label="{escape(label)}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" xmlns="http://www.w3.org/2000/svg">',
        *_bands(series.traces, scale),
        *_axes(scale),
    ]
    for number, trace in enumerate(series.traces):
        parts.extend(_trace(trace, scale, _COLOURS[number % len(_COLOURS)], series.unit, number))
    parts.append(_text(_LEFT, HEIGHT - 8, "start", start))
    parts.append(_text(WIDTH - _RIGHT, HEIGHT - 8, "end", end))
    return "".join([*parts, "</svg>"])


def _scale(traces: Sequence[Trace]) -> _Scale:
    points = [point for trace in traces for point in trace.points]
    times = [point.at for point in points]
    numbers = [point.number for point in points]
    numbers += [bound for trace in traces for bound in (trace.low, trace.high) if bound is not None]
    low, high = min(numbers), max(numbers)
    margin = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
    first, last = min(times), max(times)
    if first == last:
        first, last = first - _DAY, last + _DAY
    low, high = low - margin, high + margin
    if not (math.isfinite(low) and math.isfinite(high) and high > low):
        low, high = 0.0, 1.0
    return _Scale(first, last, low, high)


def _bands(traces: Sequence[Trace], scale: _Scale) -> Iterator[str]:
    """The usual range, where there is one trace and so no doubt whose it is."""
    if len(traces) != 1:
        return
    trace = traces[0]
    if trace.low is None and trace.high is None:
        return
    top = scale.y(scale.high if trace.high is None else trace.high)
    bottom = scale.y(scale.low if trace.low is None else trace.low)
    width, height = WIDTH - _LEFT - _RIGHT, max(round(bottom - top, 1), 0)
    yield f'<rect x="{_LEFT}" y="{top}" width="{width}" height="{height}" fill="#d9ebe1"/>'


def _axes(scale: _Scale) -> Iterator[str]:
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM
    for step in range(_STEPS + 1):
        number = scale.low + (scale.high - scale.low) * step / _STEPS
        y = scale.y(number)
        yield f'<line x1="{_LEFT}" y1="{y}" x2="{right}" y2="{y}" stroke="#d8dde0"/>'
        yield _text(_LEFT - 6, y + 4, "end", _short(number, scale.high - scale.low))
    yield f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="#4c6272"/>'


def _trace(trace: Trace, scale: _Scale, colour: str, unit: str, number: int) -> Iterator[str]:
    places = [(scale.x(point.at), scale.y(point.number)) for point in trace.points]
    dashes = ' stroke-dasharray="6 3"' if number % 2 else ""
    path = " ".join(f"{x},{y}" for x, y in places)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>'
    for (x, y), point in zip(places, trace.points, strict=True):
        told = f"{trace.name + ', ' if trace.name else ''}{point.when}: {point.text} {unit}".strip()
        title = f"<title>{escape(told)}</title>"
        if number % 2:
            yield f'<rect x="{x - 4:g}" y="{y - 4:g}" width="8" height="8" fill="{colour}">{title}</rect>'
        else:
            yield f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}">{title}</circle>'


def _text(x: float, y: float, anchor: str, text: str) -> str:
    if not text:
        return ""
    place = f'x="{x:g}" y="{y:g}" text-anchor="{anchor}"'
    return f'<text {place} font-size="12" fill="#4c6272">{escape(text)}</text>'


def _short(number: float, span: float) -> str:
    """A number of an axis: no finer than a hundredth of what the axis spans."""
    digits = min(max(0, 1 - math.floor(math.log10(span))) if span > 0 else 0, 6)
    return f"{number:.{digits}f}" if abs(number) < 1e7 else f"{number:.3g}"
