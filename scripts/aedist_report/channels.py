"""What the seeds agree upon: filters before and after matching, and losses without a channel."""

import math

import numpy

from . import draw
from .draw import Cells, Exhibit, Line
from .intervals import spread
from .study import loss_text

MOST_FILTERS = 12
MOST_GROUPS = 12
MOST_TENSORS = 6
MOST_CHANNELS = 40


# ---- Filters ------------------------------------------------------------------------------------


class Matching:
    """How the filters of a tensor belong together across trials: see the run's analysis."""

    def __init__(self, run, tensor):
        layer = tensor.rsplit(".", 1)[0]
        rows = run.read("analysis", "filters/trial")
        self.trials = (
            [] if rows is None else [run.trials[row] for row in rows if row < len(run.trials)]
        )
        self.order, self.sign, self.score = (
            run.read("analysis", f"filters/{layer}_{name}") for name in ("order", "sign", "score")
        )

    def row(self, trial):
        """The trial's row, None if it was not matched."""
        if (
            self.order is None
            or self.sign is None
            or self.order.shape != self.sign.shape
            or self.order.ndim != 2
            or trial.id not in self.trials
        ):
            return None
        row = self.trials.index(trial.id)
        return row if row < len(self.order) else None

    def apply(self, trial, weight):
        """The trial's filters, the first dimension of `weight`, as its group has them; or None."""
        row = self.row(trial)
        if row is None or len(self.order[row]) != len(weight):
            return None
        order = numpy.clip(self.order[row].astype(int), 0, len(weight) - 1)
        return weight[order] * self.sign[row].reshape((-1,) + (1,) * (weight.ndim - 1))

    def scores(self, group):
        """[trials][filters] of the group's trials but the first, to which the others are compared."""
        rows = [self.row(trial) for trial in group.done()]
        rows = sorted(row for row in rows if row is not None and self.score is not None)
        return self.score[rows[1:]] if len(rows) > 1 else numpy.empty((0, 0))


def tensors(study):
    """Names of the convolutions' weights, decoders first: their filters are what is drawn."""
    for trial in study.trials:
        names = trial.run.names("trials", trial.id, "parameters")
        if names:
            found = [
                name
                for name in names
                if name.endswith("weight")
                and (value := trial.run.array(trial.id, "parameters", name)) is not None
                and value.ndim in (3, 4)
                and value[0, 0].size > 1
            ]
            return sorted(found, key=lambda name: (not name.startswith("decoder"), name))[
                :MOST_TENSORS
            ]
    return []


def filters(study, tensor):
    """Filters of a tensor by setting, as trained and matched; None if there are none."""
    matchings = {run: Matching(run, tensor) for run in study.runs}
    exhibit = Exhibit(
        f"filters-{tensor.replace('.', '-')}",
        f"Filters of {tensor}",
        "",
        "Each column is a filter, each colour a seed (of images, each row). As trained, a filter"
        " may sit in any channel and with either sign. Matched, every seed's filters are put in the"
        " order and given the signs that bring them closest to those of the setting's first seed."
        " The score is the cosine between matched filters: 1 if the seeds found the same.",
        pairs=True,
        head=["setting", "seeds", "mean score", "worst seed", "worst filter", "smoothness"],
    )
    seeds = sorted({trial.seed for trial in study.trials})
    colours = dict(zip(seeds, draw.colours_of([str(seed) for seed in seeds])))
    shown = set()
    for group in study.groups[:MOST_GROUPS]:
        matching = matchings[group.trials[0].run]
        weights = [
            (trial, trial.run.array(trial.id, "parameters", tensor)) for trial in group.done()
        ]
        weights = [
            (trial, weight) for trial, weight in weights if weight is not None and weight.ndim > 2
        ]
        weights = [item for item in weights if item[1].shape == weights[0][1].shape]
        if not weights:
            continue
        shown.update(trial.seed for trial, _ in weights)
        label, name = group.label or "all seeds", f"{exhibit.name}-{group.number + 1}"
        exhibit.panels.append(_draw_filters(weights, colours, name, f"{label}, as trained"))
        matched = [(trial, matching.apply(trial, weight)) for trial, weight in weights]
        if all(weight is not None for _, weight in matched):
            scores = matching.scores(group)
            told = ""
            if scores.size:
                told = f": score {scores.mean():.3f}, worst {scores.mean(axis=1).min():.3f}"
            exhibit.panels.append(
                _draw_filters(
                    matched,
                    colours,
                    name + "-matched",
                    f"{label}, matched{told if len(weights) > 1 else ''}",
                    f"matched{told if len(weights) > 1 else ''}",
                )
            )
            smooth = _smoothness(group, tensor)
            exhibit.rows.append(
                [
                    label,
                    len(weights),
                    f"{scores.mean():.4f}" if scores.size else "–",
                    f"{scores.mean(axis=1).min():.4f}" if scores.size else "–",
                    f"{scores.min():.4f}" if scores.size else "–",
                    loss_text(smooth.mean()) if smooth.size else "–",
                ]
            )
    if not exhibit.panels:
        return None
    if weights_are_lines(study, tensor):
        exhibit.legend = [(f"seed {seed}", colours[seed]) for seed in seeds if seed in shown][:12]
    exhibit.finding = _filters_finding(exhibit.rows)
    return exhibit


def _smoothness(group, tensor):
    """[trials][filters]: mean squared second differences."""
    found = [
        trial.analysis(f"filters/{tensor.rsplit('.', 1)[0]}_smoothness") for trial in group.done()
    ]
    return numpy.array([values for values in found if values is not None])


def weights_are_lines(study, tensor):
    for trial in study.trials:
        weight = trial.run.array(trial.id, "parameters", tensor)
        if weight is not None:
            return weight.ndim == 3
    return False


def _filters_finding(rows):
    rows = [row for row in rows if row[2] != "–"]
    if not rows:
        return (
            "They are shown as trained; of several seeds, aedist analyze RUN analysis.filters=true"
            " matches them."
        )
    best, worst = max(rows, key=lambda row: float(row[2])), min(rows, key=lambda row: float(row[2]))
    if len(rows) == 1:
        return (
            f"After matching, the seeds' filters agree with a mean score of {best[2]} (worst"
            f" seed {best[3]})."
        )
    return (
        f"The seeds agree most with {best[0]} (mean score {best[2]}, worst seed {best[3]}) and least"
        f" with {worst[0]} (mean {worst[2]}, worst seed {worst[3]})."
    )


def _draw_filters(weights, colours, name, what, label=""):
    count = min(len(weights[0][1]), MOST_FILTERS)
    alt, label = f"Filters of {len(weights)} seeds, {what}", label or what
    if weights[0][1].ndim == 3:
        # Of several input channels the taps stand one behind the other.
        most = max(numpy.abs(weight[:count]).max() for _, weight in weights)
        cells = Cells(count, -most, most, columns=min(count, 6), width=1.2, height=1.25)
        for i in range(count):
            cells.add(
                i,
                f"{i + 1}",
                [
                    Line(weight[i].ravel(), colours[trial.seed], alpha=0.85)
                    for trial, weight in weights
                ],
            )
        return draw.panel(cells.figure(), name, alt, label)
    most = max(numpy.abs(weight[:count]).max() for _, weight in weights)
    rows = [
        draw.side_by_side(
            [
                draw.signed(numpy.concatenate(list(weight[i][:3]), axis=1), most)
                for i in range(count)
            ],
            1,
            0,
        )
        for _, weight in weights
    ]
    gap = numpy.zeros((1,) + rows[0].shape[1:], dtype=numpy.uint8)
    pixels = numpy.concatenate([part for row in rows for part in (gap, row)][1:], axis=0)
    content = draw.png(pixels)
    return draw.Panel(draw.image(content, alt, 14 * pixels.shape[1]), label, f"{name}.png", content)


# ---- Ablation -----------------------------------------------------------------------------------


def ablation(study):
    """Losses with each code channel zeroed, by setting; None if no trial has them."""
    groups = []
    for group in study.groups:
        found = [(trial, trial.analysis("ablation/loss")) for trial in group.done()]
        found = [
            (trial, loss)
            for trial, loss in found
            if loss is not None and loss.ndim == 1 and loss.size
        ]
        found = [item for item in found if item[1].shape == found[0][1].shape]
        if found:
            groups.append((group, found))
    if not groups:
        return None
    every = numpy.concatenate([loss for _, found in groups for _, loss in found])
    bases = [
        base[0]
        for _, found in groups
        for trial, _ in found
        if (base := trial.analysis("ablation/base")) is not None and base.size
    ]
    limits = [value for value in [*every, *bases] if math.isfinite(value) and value > 0] or [1.0]
    wide = any(found[0][1].size > MOST_CHANNELS for _, found in groups)
    exhibit = Exhibit(
        "ablation",
        "Loss without one channel of the code",
        _ablation_finding(groups),
        "A bar is the mean loss with that channel set to 0, a dot a seed; the dashed line is the"
        " loss with all channels. The higher the bar, the more the channel carries. Dots that lie"
        " together mean that every seed put the same into that channel."
        + (f" Shown are the {MOST_CHANNELS} that matter most." if wide else ""),
        head=["setting", "channel", "mean", "lowest", "highest"],
    )
    for group, found in groups[:MOST_GROUPS]:
        exhibit.panels.append(_draw_ablation(group, found, limits))
        table = numpy.array([loss for _, loss in found])
        exhibit.rows += [
            [
                group.label or "all seeds",
                channel + 1,
                loss_text(column.mean()),
                loss_text(column.min()),
                loss_text(column.max()),
            ]
            for channel, column in zip(_strongest(table), table.T[_strongest(table)])
        ]
    return exhibit


def _strongest(table):
    """The channels that matter most, in their order, where there are too many for all."""
    return numpy.sort(numpy.argsort(-table.mean(axis=0), kind="stable")[:MOST_CHANNELS])


def _draw_ablation(group, found, limits):
    table = numpy.array([loss for _, loss in found])
    shown = _strongest(table)
    table, count = table[:, shown], len(shown)
    figure, plot = draw.axes(4.0, 2.5)
    floor = min(limits) / 1.6
    mean = table.mean(axis=0)
    plot.bar(range(count), mean - floor, bottom=floor, width=0.62, color=draw.ACCENT, alpha=0.45)
    shift = numpy.linspace(-0.16, 0.16, len(table)) if len(table) > 1 else [0]
    for row, x in zip(table, shift):
        plot.plot(
            numpy.arange(count) + x,
            row,
            linestyle="",
            marker="o",
            markersize=4 if count < 20 else 2,
            color=draw.ACCENT,
        )
    base = [
        value[0]
        for trial, _ in found
        if (value := trial.analysis("ablation/base")) is not None and value.size
    ]
    if base:
        plot.axhline(float(numpy.mean(base)), color=draw.MUTED, linewidth=1, linestyle=(0, (4, 3)))
    draw.log_scale((plot, "y"), limits)
    plot.set_ylim(floor, max(limits) * 1.3)
    step = max(1, count // 10)
    plot.set_xticks(range(0, count, step), [str(channel + 1) for channel in shown[::step]])
    plot.xaxis.grid(False)
    plot.set_xlabel("channel set to 0")
    label = group.label or ""
    alt = f"Loss without a channel{', ' + label if label else ''}: " + ", ".join(
        f"channel {i + 1} {loss_text(value)}" for i, value in list(zip(shown, mean))[:12]
    )
    return draw.panel(figure, f"ablation-{group.number + 1}", alt, label)


def _ablation_finding(groups):
    told = []
    for group, found in groups:
        table = numpy.array([loss for _, loss in found])
        # Where no channel makes a difference there is no order to agree upon.
        if len(table) < 2 or not spread(table.mean(axis=0)) > 0.01:
            continue
        most = max(spread(column) for column in table.T)
        one_order = len({tuple(row.argsort()) for row in table}) == 1
        told.append((most, group.label or "these settings", table, one_order))
    if not told:
        group, found = groups[0]
        loss = found[0][1]
        channel, value = int(loss.argmax()) + 1, loss_text(loss.max())
        where = f" with {group.label}" if group.label else ""
        return f"Channel {channel} carries most{where}: without it the loss is {value}."
    told.sort(key=lambda item: (not item[3], item[0] if math.isfinite(item[0]) else math.inf))
    most, label, table, _ = told[0]
    text = ""
    if told[0][3]:
        values = ", ".join(loss_text(value) for value in table.mean(axis=0)[:6])
        values += " …" if table.shape[1] > 6 else ""
        text = (
            f"With {label} every seed gives the channels the same order: {values}, each within "
            f"{100 * most:.2g} % over the seeds. "
        )
    apart = [item for item in told if not item[3]]
    if apart:
        _, label, table, _ = apart[-1]
        text += (
            f"With {label} the seeds do not agree: {loss_text(table.min())} to"
            f" {loss_text(table.max())}, in another order from seed to seed."
        )
    return text.strip()
