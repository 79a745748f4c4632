"""Step functions over time, as Serve's autoscaling adds and averages them: points with `timestamp` and `value`."""

import heapq
import math
from typing import Any

# Changes closer than this are one, in digits behind the point of a second.
_DIGITS = 2


def merge_instantaneous_total_cython(replicas_timeseries: list[list[Any]]) -> list[tuple[float, float]]:
    """The sum of step functions: (timestamp rounded to 10 ms, total) wherever it changes. Empty ones count for nothing.

    One function alone comes back with its own points.
    """
    series = [points for points in replicas_timeseries if points]
    if len(series) <= 1:
        return [(point.timestamp, point.value) for points in series for point in points]
    events = heapq.merge(
        *([(point.timestamp, index, point.value) for point in points] for index, points in enumerate(series)),
        key=lambda event: event[:2],
    )
    current = [0.0] * len(series)
    total = 0.0
    merged: list[tuple[float, float]] = []
    for timestamp, index, value in events:
        change = value - current[index]
        if change == 0:
            continue
        current[index] = value
        total += change
        moment = round(timestamp, _DIGITS)
        if merged and merged[-1][0] == moment:
            merged[-1] = (moment, total)
        else:
            merged.append((moment, total))
    return merged


def time_weighted_average_cython(
    timeseries: list[Any], window_start: float, window_end: float, last_window_s: float = 1.0
) -> float | None:
    """The average over [window_start, window_end], where a value holds until the next point and 0 before the first.

    None without points or for an empty window. A start of -infinity is the first point, an end of -infinity lies
    `last_window_s` seconds behind the last one.
    """
    if not timeseries:
        return None
    start = timeseries[0].timestamp if window_start == -math.inf else float(window_start)
    end = timeseries[-1].timestamp + last_window_s if window_end == -math.inf else float(window_end)
    if end <= start:
        return None
    area = value = 0.0
    moment = start
    for point in timeseries:
        if point.timestamp > start:
            if point.timestamp >= end:
                break
            area += value * (point.timestamp - moment)
            moment = point.timestamp
        value = point.value
    return (area + value * (end - moment)) / (end - start)
