"""Means over a few seeds, with intervals of Student's t."""

import math

import numpy


def t_tail(t, freedom):
    """P(|T| > t) for whole degrees of freedom, by Abramowitz and Stegun 26.7.3 and 4."""
    angle = math.atan2(t, math.sqrt(freedom))
    sine, square = math.sin(angle), math.cos(angle) ** 2
    if freedom % 2:
        term, total = math.cos(angle), 0.0
        for k in range(1, (freedom - 1) // 2 + 1):
            total += term
            term *= square * 2 * k / (2 * k + 1)
        return 1 - 2 / math.pi * (angle + sine * total)
    term, total = 1.0, 0.0
    for k in range(1, freedom // 2 + 1):
        total += term
        term *= square * (2 * k - 1) / (2 * k)
    return 1 - sine * total


def t_quantile(freedom, confidence=0.95):
    """The t with P(|T| < t) = confidence."""
    low, high = 0.0, 1.0
    while t_tail(high, freedom) > 1 - confidence:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if t_tail(middle, freedom) > 1 - confidence else (low, middle)
    return high


def mean_interval(values, confidence=0.95):
    """Mean, half the width of its interval (NaN for fewer than two values), how many values."""
    values = numpy.asarray([value for value in values if math.isfinite(value)], dtype=float)
    if values.size == 0:
        return math.nan, math.nan, 0
    if values.size == 1:
        return float(values[0]), math.nan, 1
    half = t_quantile(values.size - 1, confidence) * values.std(ddof=1) / math.sqrt(values.size)
    return float(values.mean()), float(half), int(values.size)


def spread(values):
    """Largest over smallest, less one: 0.03 if all lie within 3 %. NaN if that means nothing."""
    values = numpy.asarray(values, dtype=float)
    if values.size < 2 or not numpy.isfinite(values).all() or values.min() <= 0:
        return math.nan
    return float(values.max() / values.min() - 1)
