"""Further measures, as means over the seeds of a setting: curves put together of patches, epochs to a
loss, probes, power at the stride's period."""

import math

import numpy

from . import draw
from .draw import Cells, Exhibit, Line
from .intervals import mean_interval
from .study import loss_text, value_text

OVERLAPS = ("sum", "halve", "average")


def _by_group(study, name):
    """[(group, [trials][...])] of the trials that have the array, all of one shape."""
    found = []
    for group in study.groups:
        values = [value for trial in group.done() if (value := trial.analysis(name)) is not None]
        values = [value for value in values if value.shape == values[0].shape]
        if values:
            found.append((group, numpy.array(values)))
    return found


def assemble(study):
    """Losses of whole curves by overlap, and the curves of the best trial."""
    found = _by_group(study, "assemble/loss")
    if not found:
        return None
    count = found[0][1].shape[1]
    overlaps = OVERLAPS if count == len(OVERLAPS) else [f"overlap {i + 1}" for i in range(count)]
    parts = {part: dict(_by_group(study, f"assemble/{part}")) for part in ("interior", "outer")}
    rows, means = [], {}
    for group, values in found:
        if values.shape[1] != count:
            continue
        for i, overlap in enumerate(overlaps):
            mean, half, seeds = mean_interval(values[:, i])
            means.setdefault(overlap, []).append(mean)
            rows.append(
                [group.label or "all seeds", overlap, seeds, loss_text(mean), loss_text(half)]
                + [
                    (
                        loss_text(float(parts[part][group][:, i].mean()))
                        if group in parts[part] and parts[part][group].shape[1] == count
                        else "–"
                    )
                    for part in ("interior", "outer")
                ]
            )
    best = min(means, key=lambda overlap: min(means[overlap]))
    finding = (
        f"Overlaps by {best} come closest to the whole curves: "
        + ", ".join(f"{overlap} {loss_text(min(values))}" for overlap, values in means.items())
        + "."
    )
    exhibit = Exhibit(
        "assemble",
        "Whole curves put together of patches",
        finding,
        "The patch model is applied at every place of a curve. Where patches overlap their "
        "outputs are summed, the overlapping taps halved, or averaged by how many there are. "
        "Interior and outer are the losses without and of the border.",
        head=["setting", "overlap", "seeds", "loss", "± 95 %", "interior", "outer"],
        rows=rows,
    )
    trial = study.best("val_loss")
    curve, target = trial.analysis("assemble/curve"), trial.analysis("assemble/target")
    if (
        curve is not None
        and target is not None
        and curve.ndim >= 3
        and curve.shape[1:] == target.shape
        and len(curve) == count
    ):
        _draw_curves(
            exhibit,
            curve.reshape(count, len(target), -1),
            target.reshape(len(target), -1),
            overlaps,
            trial,
        )
    return exhibit


def _draw_curves(exhibit, curve, target, overlaps, trial):
    shown = min(len(target), 4)
    low, high = float(target[:shown].min()), float(target[:shown].max())
    room = 0.15 * (high - low)
    cells = Cells(shown, low - room, high + room, columns=2, width=3.6, height=1.8)
    for i in range(shown):
        cells.add(
            i,
            f"curve {i + 1}",
            [Line(target[i], draw.INK, 3, alpha=0.5)]
            + [Line(curve[k, i], draw.CATEGORIES[k], 1.6) for k in range(len(overlaps))],
        )
    exhibit.legend = [("target", "var(--ink)")] + list(zip(overlaps, draw.CATEGORIES))
    exhibit.panels = [
        draw.panel(
            cells.figure(), "assemble", exhibit.finding, f"Curves of {trial.label}", wide=True
        )
    ]


def epochs_to(study):
    """Epochs until a loss was first reached."""
    found = _by_group(study, "epochs_to/epoch")
    if not found:
        return None
    levels = next(
        (
            value
            for group in study.groups
            for trial in group.done()
            if (value := trial.analysis("epochs_to/level")) is not None
        ),
        None,
    )
    if levels is None:
        return None
    rows = []
    for group, values in found:
        row = [group.label or "all seeds", len(values)]
        for column in values.T[: len(levels)]:
            reached = column[numpy.isfinite(column)]
            row.append(
                "never"
                if not reached.size
                else f"{reached.mean():.4g}"
                + (f" ({reached.size} of {column.size})" if reached.size < column.size else "")
            )
        rows.append(row)
    return Exhibit(
        "epochs-to",
        "Epochs until a loss was reached",
        f"Of {len(rows)} setting{'s' * (len(rows) != 1)}, {sum(row[-1] != 'never' for row in rows)}"
        f" came down to {loss_text(levels[-1])}.",
        "Means over the seeds that got there; in brackets how many, where not all did.",
        head=["setting", "seeds"] + [f"to {loss_text(level)}" for level in levels],
        rows=rows,
    )


def probe(study):
    found = _by_group(study, "probe/accuracy")
    if not found:
        return None
    rows = [
        [group.label or "all seeds", len(values)]
        + [f"{100 * value:.2f} %" for value in values.mean(axis=0)[:2]]
        for group, values in found
    ]
    best = max(found, key=lambda item: item[1].mean(axis=0)[-1])
    return Exhibit(
        "probe",
        "A linear probe on the codes",
        "A linear classifier finds the class from the code alone in "
        f"{100 * best[1].mean(axis=0)[-1]:.1f} % of the samples that it was not fitted to"
        + (f", with {best[0].label}." if best[0].label else "."),
        "Multinomial logistic regression on the codes: what it finds is in the code and needs no "
        "further layers.",
        head=["setting", "seeds", "accuracy, fitted", "accuracy, others"],
        rows=rows,
    )


def pca(study):
    found = _by_group(study, "pca/floor")
    rows = []
    for group, values in found:
        floor = float(values.mean())
        losses = group.finals("val_loss")
        if floor > 0 and losses:
            rows.append(
                [
                    group.label or "all seeds",
                    loss_text(floor),
                    loss_text(float(numpy.mean(losses))),
                    f"{numpy.mean(losses) / floor:.4g}",
                ]
            )
    if not rows:
        return None
    best = min(rows, key=lambda row: float(row[3]))
    return Exhibit(
        "pca",
        "Against principal component analysis",
        f"The best setting ends at {best[3]} times the least loss of any linear code as wide.",
        "The floor is what the principal components of the same data leave. A linear model cannot "
        "get below it; one that is not linear can.",
        head=["setting", "floor", "validation loss", "ratio"],
        rows=rows,
    )


def stride_power(study):
    found = _by_group(study, "stride_power/output")
    target = dict(_by_group(study, "stride_power/target"))
    period = dict(_by_group(study, "stride_power/period"))
    rows = []
    for group, values in found:
        if group not in target or group not in period:
            continue
        for i, (out, wanted) in enumerate(
            zip(values.mean(axis=0).ravel(), target[group].mean(axis=0).ravel())
        ):
            rows.append(
                [
                    group.label or "all seeds",
                    value_text(period[group].mean(axis=0).ravel()[i]),
                    loss_text(out),
                    loss_text(wanted),
                    f"{out / wanted:.3g}" if wanted else "–",
                ]
            )
    if not rows:
        return None
    ratios = [float(row[4]) for row in rows if row[4] != "–" and math.isfinite(float(row[4]))]
    finding = (
        f"The outputs have {min(ratios):.3g} to {max(ratios):.3g} times the targets' power there."
        if ratios
        else "The targets have no power there."
    )
    return Exhibit(
        "stride-power",
        "Power at the stride's period",
        finding,
        "A transposed convolution can leave a pattern that repeats with its stride; much more power"
        " than the target has at that period is such a pattern.",
        head=["setting", "period", "output", "target", "ratio"],
        rows=rows,
    )
