"""Tables of shaded numbers: losses by noise in training and in the test, and others' own."""

import math

import numpy

from . import draw
from .draw import Exhibit
from .study import loss_text, value_text


def robustness(study):
    """Losses by setting and test noise, means over seeds; None if no trial has them."""
    rows, levels = [], None
    for group in study.groups:
        found = []
        for trial in group.done():
            noise, loss = trial.analysis("robustness/noise"), trial.analysis("robustness/loss")
            if noise is None or loss is None or noise.shape != loss.shape or noise.ndim != 1:
                continue
            if levels is None:
                levels = noise
            if noise.shape == levels.shape and numpy.allclose(noise, levels):
                found.append(loss)
        if found:
            rows.append((group, numpy.mean(found, axis=0)))
    if not rows:
        return None
    table = numpy.array([row for _, row in rows])
    best = table.argmin(axis=0)
    finding = (
        "Least loss: "
        + "; ".join(
            f"at test noise {value_text(level)} {rows[best[i]][0].label or 'all'}"
            f" ({loss_text(table[best[i], i])})"
            for i, level in enumerate(levels)
        )
        + "."
    )
    labels = [group.label or "all seeds" for group, _ in rows]
    figure = heat_map(
        table,
        labels,
        [value_text(level) for level in levels],
        "noise in the test",
        log=True,
        marks=[(best[i], i) for i in range(len(levels))],
    )
    return Exhibit(
        "robustness",
        "Loss by noise in training and in the test",
        finding,
        "A row is a setting of the training, a column the noise on the input in the test, a number"
        " the mean loss over seeds. The stronger the colour, the higher; the least of each column"
        " is framed.",
        panels=[draw.panel(figure, "robustness", finding, wide=True)],
        head=["setting"] + [f"noise {value_text(level)}" for level in levels],
        rows=[[label] + [loss_text(value) for value in row] for label, row in zip(labels, table)],
    )


def heat_map(
    table, row_labels, column_labels, title, log=False, marks=(), texts=None, row_title=""
):
    """A figure of shaded numbers that is legible on light and on dark."""
    height, width = table.shape
    room = max(0.8, 0.085 * max(len(label) for label in row_labels) + (0.4 if row_title else 0.2))
    cell = min(0.85, 7.5 / width)
    size = (room + cell * width + 0.1, 0.75 + 0.34 * height)
    figure = draw.matplotlib.figure.Figure(figsize=size)
    plot = figure.add_axes(
        [room / size[0], 0.55 / size[1], cell * width / size[0], 0.34 * height / size[1]]
    )
    scale = numpy.asarray(table, dtype=float)
    if log:
        scale = numpy.log10(numpy.where(scale > 0, scale, numpy.nan))
    low, high = numpy.nanmin(scale, initial=math.inf), numpy.nanmax(scale, initial=-math.inf)
    shade = (scale - low) / ((high - low) or 1) if log else scale / (high or 1)
    for i in range(height):
        for k in range(width):
            alpha = float(numpy.nan_to_num(shade[i, k])) * 0.75
            plot.add_patch(
                draw.matplotlib.patches.Rectangle(
                    (k, i), 1, 1, facecolor=draw.ACCENT, alpha=alpha, linewidth=0
                )
            )
            text = texts[i][k] if texts else loss_text(table[i, k])
            plot.text(k + 0.5, i + 0.5, text, ha="center", va="center", fontsize=9)
    for i, k in marks:
        plot.add_patch(
            draw.matplotlib.patches.Rectangle(
                (k + 0.03, i + 0.05), 0.94, 0.9, fill=False, edgecolor=draw.INK, linewidth=1.2
            )
        )
    plot.set_xlim(0, width)
    plot.set_ylim(height, 0)
    plot.set_xticks(numpy.arange(width) + 0.5, column_labels)
    plot.set_yticks(numpy.arange(height) + 0.5, row_labels)
    plot.tick_params(length=0)
    plot.grid(False)
    plot.spines["bottom"].set_visible(False)
    plot.set_xlabel(title)
    if row_title:
        plot.set_ylabel(row_title)
    return figure
