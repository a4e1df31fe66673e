"""Prometheus' text format 0.0.4, written by hand: three kinds of samples need no library.

Format: prometheus.io/docs/instrumenting/exposition_formats, "Text-based format".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import accumulate

from offhook.actions.measures import Histogram

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})


class Exposition:
    """Gathers samples; each family of them once, with its kind and what it means."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def counter(self, name: str, meaning: str, value: float) -> None:
        """Write a count that only grows."""
        self._head(name, "counter", meaning)
        self._lines.append(f"{name} {_number(value)}")

    def gauge(self, name: str, meaning: str, value: float) -> None:
        """Write a level of now."""
        self._head(name, "gauge", meaning)
        self._lines.append(f"{name} {_number(value)}")

    def counters(
        self,
        name: str,
        meaning: str,
        labels: tuple[str, ...],
        values: Mapping[tuple[str, ...], int],
    ) -> None:
        """Write counts by labels, in a fixed order."""
        self._head(name, "counter", meaning)
        self._labelled(name, labels, values)

    def gauges(
        self,
        name: str,
        meaning: str,
        labels: tuple[str, ...],
        values: Mapping[tuple[str, ...], float],
    ) -> None:
        """Write levels by labels, in a fixed order."""
        self._head(name, "gauge", meaning)
        self._labelled(name, labels, values)

    def histogram(self, name: str, meaning: str, measured: Histogram) -> None:
        """Write cumulative buckets, sum and count."""
        self._head(name, "histogram", meaning)
        bounds = (*measured.bounds, math.inf)
        running = list(accumulate(measured.counts))
        for bound, count in zip(bounds, running, strict=True):
            self._lines.append(f'{name}_bucket{{le="{_number(bound)}"}} {count}')
        self._lines.append(f"{name}_sum {_number(measured.total)}")
        self._lines.append(f"{name}_count {running[-1]}")

    def text(self) -> str:
        """Give all of it; the last line ends too."""
        return "\n".join(self._lines) + "\n"

    def _head(self, name: str, kind: str, meaning: str) -> None:
        self._lines.append(f"# HELP {name} {meaning}")
        self._lines.append(f"# TYPE {name} {kind}")

    def _labelled(
        self, name: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], float]
    ) -> None:
        for key in sorted(values):
            pairs = zip(labels, key, strict=True)
            shown = ",".join(f'{label}="{value.translate(_ESCAPES)}"' for label, value in pairs)
            self._lines.append(f"{name}{{{shown}}} {_number(values[key])}")


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf"
    return str(int(value)) if value == int(value) else repr(float(value))
