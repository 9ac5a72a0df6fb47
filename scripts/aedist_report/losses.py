"""How the losses went: curves, final losses, paired differences."""

import math

import numpy

from . import draw
from .draw import Exhibit
from .intervals import mean_interval
from .study import loss_text, short, value_text

MOST_PANELS = 9
MOST_POINTS = 160  # of a curve: more than a panel has pixels for


def words(metric):
    """val_loss: validation loss"""
    known = {"val": "validation", "train": "training"}
    first, _, rest = metric.partition("_")
    return f"{known.get(first, first)} {rest.replace('_', ' ')}".strip()


def better(metric):
    return "highest" if metric.endswith("accuracy") else "lowest"


# ---- Curves ------------------------------------------------------------------------------------


def _mean_curve(group, metric):
    """Epochs, mean, low and high (one standard deviation) over the seeds that have got there, and
    how many seeds; None if there is nothing yet."""
    if metric not in group.curves:
        group.curves[metric] = _make_curve(group, metric)
    return group.curves[metric]


def _make_curve(group, metric):
    curves = [curve for curve in (trial.curve(metric) for trial in group.trials) if curve[0].size]
    if not curves:
        return None
    epochs = max((curve[0] for curve in curves), key=len)
    if epochs.size > MOST_POINTS:  # evenly along the axis, which is logarithmic
        at = numpy.geomspace(1, epochs.size, MOST_POINTS) - 1
        epochs = epochs[numpy.unique(at.round().astype(int))]
    values = numpy.full((len(curves), epochs.size), numpy.nan)
    for row, (own, value) in zip(values, curves):
        shared, here, there = numpy.intersect1d(epochs, own, return_indices=True)
        row[here] = value[there]
    values[~numpy.isfinite(values)] = numpy.nan
    count = numpy.sum(~numpy.isnan(values), axis=0)
    epochs, values, count = epochs[count > 0], values[:, count > 0], count[count > 0]
    if epochs.size == 0:
        return None
    mean = numpy.nanmean(values, axis=0)
    deviation = numpy.where(count > 1, numpy.nanstd(values, axis=0), 0)
    deviation *= numpy.sqrt(count / numpy.maximum(count - 1, 1))
    # On a logarithmic axis a band that reaches 0 has no lower end: the best seed's value is one.
    low = numpy.where(mean > deviation, mean - deviation, numpy.nanmin(values, axis=0))
    return epochs, mean, low, mean + deviation, len(curves)


def _is_log(metric):
    return not metric.endswith(("accuracy", "dead_units"))


def _draw_curves(study, metric, groups, colours, limits, name, alt, label):
    figure, plot = draw.axes()
    seen = []
    for group in groups:
        curve = _mean_curve(group, metric)
        if curve is None:
            continue
        epochs, mean, low, high, count = curve
        colour = colours[_level(study, group)]
        plot.plot(epochs, mean, color=colour, marker="o" if epochs.size == 1 else "", markersize=4)
        if count > 1:
            plot.fill_between(epochs, low, high, color=colour, alpha=0.18, linewidth=0)
        seen += list(epochs)
    if _is_log(metric):
        draw.log_scale((plot, "y"), limits)
        plot.set_ylim(limits[0] / 1.2, limits[1] * 1.2)
    if seen and max(seen) >= 50:
        draw.log_scale((plot, "x"), [value for value in seen if value > 0])
    else:
        plot.xaxis.set_major_locator(draw.matplotlib.ticker.MaxNLocator(6, integer=True))
    plot.set_xlabel("epoch")
    return draw.panel(figure, name, alt, label)


def _level(study, group):
    values = study.axes.get(study.main)
    return values.index(group.settings[study.main]) if values else 0


def _limits(study, metric):
    """The range of the mean curves, so that all panels can be compared."""
    found = []
    for group in study.groups:
        curve = _mean_curve(group, metric)
        if curve is not None:
            found += [curve[2][curve[2] > 0].min(initial=math.inf), curve[3].max()]
    found = [value for value in found if math.isfinite(value) and value > 0]
    return (min(found), max(found)) if found else (0.1, 1)


def main_colours(study):
    return draw.colours_of(study.axes[study.main]) if study.main else [draw.ACCENT]


def main_legend(study):
    if not study.main:
        return []
    return [
        (f"{short(study.main)} {value_text(value)}" if study.main != "run" else value, colour)
        for value, colour in zip(study.axes[study.main], main_colours(study))
    ]


def curves(study, metric):
    limits = _limits(study, metric)
    colours = main_colours(study)
    exhibit = Exhibit(
        f"curves-{metric}",
        f"{words(metric)} by epoch".capitalize(),
        _curves_finding(study, metric),
        "A line is the mean over the seeds of a setting, the band one standard deviation to each"
        " side. "
        + ("The axes are logarithmic: a straight fall is a power law." if _is_log(metric) else ""),
        legend=main_legend(study),
        head=["setting", "seeds", "first", "last", "best"],
    )
    facets = [
        (label, groups)
        for label, groups in study.facets
        if any(_mean_curve(group, metric) for group in groups)
    ]
    for number, (label, groups) in enumerate(facets[:MOST_PANELS]):
        exhibit.panels.append(
            _draw_curves(
                study,
                metric,
                groups,
                colours,
                limits,
                f"curves-{metric}-{number + 1}",
                f"Lines of the {words(metric)} by epoch{' with ' + label if label else ''}: "
                + "; ".join(_curve_words(group, metric) for group in groups[:12]),
                label,
            )
        )
    for group in study.groups:
        curve = _mean_curve(group, metric)
        if curve is not None:
            mean = curve[1]
            best = mean.max() if metric.endswith("accuracy") else mean.min()
            exhibit.rows.append(
                [
                    group.label or "all",
                    curve[4],
                    loss_text(mean[0]),
                    loss_text(mean[-1]),
                    loss_text(best),
                ]
            )
    return exhibit


def _curve_words(group, metric):
    curve = _mean_curve(group, metric)
    if curve is None:
        return f"{group.label or 'the trials'}: nothing yet"
    return (
        f"{group.label or 'the mean'} from {loss_text(curve[1][0])} to {loss_text(curve[1][-1])} "
        f"at epoch {curve[0][-1]:.0f}"
    )


def _curves_finding(study, metric):
    ends = [
        (curve[1][-1], group)
        for group in study.groups
        if (curve := _mean_curve(group, metric)) is not None
    ]
    if not ends:
        return "No epoch has been recorded yet."
    choose = max if metric.endswith("accuracy") else min
    value, group = choose(ends, key=lambda end: end[0])
    where = f" with {group.label}" if group.label else ""
    return f"The {better(metric)} {words(metric)} at the end is {loss_text(value)}{where}."


# ---- Final losses -------------------------------------------------------------------------------


def finals(study, metric):
    """Final values by setting, with intervals."""
    values = study.axes.get(study.main, ["all"])
    series = study.facets
    colours = draw.colours_of([label for label, _ in series])
    figure, plot = draw.axes(8.6 if len(values) * len(series) > 8 else 6.4, 3.6)
    every, rows = [], []
    for number, (label, groups) in enumerate(series):
        shift = (number - (len(series) - 1) / 2) * min(0.5 / max(len(series), 1), 0.14)
        means = []
        for group in groups:
            found = group.finals(metric)
            mean, half, count = mean_interval(found)
            rows.append(
                [
                    group.label or "all",
                    count,
                    loss_text(mean),
                    loss_text(half),
                    loss_text(min(found, default=math.nan)),
                    loss_text(max(found, default=math.nan)),
                ]
            )
            if not found:
                continue
            x = _level(study, group) + shift
            plot.scatter(
                [x] * len(found), found, s=14, color=colours[number], alpha=0.7, linewidth=0
            )
            if math.isfinite(half):
                low = mean - half if mean > half or not _is_log(metric) else min(found)
                plot.plot(
                    [x, x],
                    [low, mean + half],
                    color=colours[number],
                    linewidth=5,
                    alpha=0.3,
                    solid_capstyle="butt",
                )
                every += [low, mean + half]
            means.append((x, mean))
            every += found
        if means:
            plot.plot(
                *zip(*means),
                color=colours[number],
                marker="o",
                markersize=6,
                linewidth=1.2,
                linestyle="-" if study.main and study.main not in ("run", "variant") else "",
            )
    floors = _draw_floors(study, metric, plot, every)
    if _is_log(metric):
        draw.log_scale((plot, "y"), every)
    plot.set_xticks(range(len(values)), [_fit(value_text(value)) for value in values])
    plot.set_xlim(-0.5, len(values) - 0.5)
    plot.xaxis.grid(False)
    plot.set_xlabel(short(study.main) if study.main else "")
    finding = _finals_finding(study, metric)
    exhibit = Exhibit(
        f"finals-{metric}",
        f"Final {words(metric)}" + (f" against {short(study.main)}" if study.main else ""),
        finding,
        "Small dots are trials, large ones their means, bars the means' 95 % intervals (Student's"
        " t, over seeds)." + (" " + floors if floors else ""),
        panels=[draw.panel(figure, f"finals-{metric}", finding, wide=True)],
        legend=_series_legend(series, colours, metric),
        head=["setting", "seeds", "mean", "± 95 %", "lowest", "highest"],
        rows=rows,
    )
    return exhibit


def _series_legend(series, colours, metric):
    return [
        (label, colour)
        for (label, groups), colour in zip(series, colours)
        if label and any(group.finals(metric) for group in groups)
    ]


def _fit(text):
    return text if len(text) <= 22 else text[:20] + "…"


def _draw_floors(study, metric, plot, every):
    """Lines at what a trivial and the best linear model reach; the words that explain them."""
    told = []
    if metric not in ("val_loss", "train_loss") or not every:
        return ""
    for name, label, text in (
        ("pca_floor", "PCA", "the best linear code of as many numbers (PCA)"),
        ("mean_floor", "mean", "predicting the mean sample"),
    ):
        value = study.floor(name)
        # One far away would squeeze the rest.
        if value is None or value < min(every) / 30 or value > max(every) * 30:
            continue
        plot.axhline(value, color=draw.MUTED, linewidth=1, linestyle=(0, (4, 3)))
        plot.annotate(
            label,
            (1, value),
            xycoords=("axes fraction", "data"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="right",
            fontsize=9,
            color=draw.MUTED,
        )
        told.append(f"{label}: {text}, {loss_text(value)}")
    return "Dashed lines: " + "; ".join(told) + "." if told else ""


def _finals_finding(study, metric):
    groups = [(mean_interval(group.finals(metric)), group) for group in study.groups]
    groups = [(found, group) for found, group in groups if found[2]]
    if not groups:
        waiting = study.of_status("running") + study.of_status("pending")
        return "No trial is done yet." if waiting else "No trial came to its end."
    choose = max if metric.endswith("accuracy") else min
    (mean, half, count), group = choose(groups, key=lambda item: item[0][0])
    text = f"{better(metric).capitalize()} {words(metric)}: {loss_text(mean)}"
    if math.isfinite(half):
        text += f" ± {loss_text(half)}"
    text += f" over {count} seeds" if count > 1 else " of one seed"
    return text + (f", with {group.label}." if group.label else ".")


# ---- Paired differences -------------------------------------------------------------------------


def paired(study, metric):
    """Each setting less the main axis' first one, seed by seed; None if there are no pairs."""
    if not study.main or len(study.axes[study.main]) < 2:
        return None
    values = study.axes[study.main]
    series = study.facets
    colours = draw.colours_of([label for label, _ in series])
    figure, plot = draw.axes(8.6 if len(values) * len(series) > 8 else 6.4, 3.2, left=0.8)
    rows, findings = [], []
    for number, (label, groups) in enumerate(series):
        base = next((group for group in groups if group.settings[study.main] == values[0]), None)
        reference = {trial.seed: trial.final(metric) for trial in base.trials} if base else {}
        shift = (number - (len(series) - 1) / 2) * min(0.5 / len(series), 0.14)
        for group in groups:
            if group is base:
                continue
            pairs = [
                (trial.final(metric), reference.get(trial.seed, math.nan)) for trial in group.trials
            ]
            pairs = [pair for pair in pairs if all(map(math.isfinite, pair))]
            if not pairs:
                continue
            differences = [a - b for a, b in pairs]
            mean, half, count = mean_interval(differences)
            ratio = numpy.mean([a / b if b else math.nan for a, b in pairs])
            x = _level(study, group) + shift
            plot.scatter(
                [x] * count, differences, s=14, color=colours[number], alpha=0.7, linewidth=0
            )
            if math.isfinite(half):
                plot.plot(
                    [x, x],
                    [mean - half, mean + half],
                    color=colours[number],
                    linewidth=5,
                    alpha=0.3,
                    solid_capstyle="butt",
                )
            plot.plot([x], [mean], marker="o", markersize=6, color=colours[number])
            rows.append(
                [
                    group.label,
                    count,
                    f"{mean:+.3g}",
                    loss_text(half),
                    f"{ratio:.3g} ×",
                    _verdict(mean, half, metric),
                ]
            )
            if math.isfinite(half) and abs(mean) > half:
                findings.append(group)
    if not rows:
        return None
    plot.axhline(0, color=draw.MUTED, linewidth=1)
    plot.yaxis.set_major_locator(draw.matplotlib.ticker.MaxNLocator(5))
    plot.yaxis.set_major_formatter(
        draw.matplotlib.ticker.FuncFormatter(
            lambda value, _: draw.tick_text(value) if abs(value) > 1e-12 else "0"
        )
    )
    plot.set_xticks(range(1, len(values)), [_fit(value_text(value)) for value in values[1:]])
    plot.set_xlim(0.5, len(values) - 0.5)
    plot.xaxis.grid(False)
    plot.set_xlabel(short(study.main))
    first = (
        value_text(values[0])
        if study.main in ("run", "variant")
        else f"{short(study.main)} {value_text(values[0])}"
    )
    finding = (
        f"Against {first}, seed by seed: {len(findings)} of {len(rows)} settings differ by more"
        " than chance would (95 %)."
    )
    return Exhibit(
        f"paired-{metric}",
        f"Difference to {first}",
        finding,
        f"Each dot is one seed: its {words(metric)} less that of the same seed with {first}."
        " Pairing takes out what the seeds have in common. A bar (95 %, Student's t) that does not"
        " touch 0 is a difference.",
        panels=[draw.panel(figure, f"paired-{metric}", finding, wide=True)],
        legend=_series_legend(series, colours, metric),
        head=["setting", "pairs", "mean difference", "± 95 %", "ratio", "which"],
        rows=rows,
    )


def _verdict(mean, half, metric):
    if not math.isfinite(half) or abs(mean) <= half:
        return "not to be told apart"
    return "better" if (mean < 0) != metric.endswith("accuracy") else "worse"
