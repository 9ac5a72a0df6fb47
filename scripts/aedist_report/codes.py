"""Codes of one trial: where samples lie, what a code decodes to, which class is taken for which."""

import numpy

from . import draw, samples
from .draw import Cells, Exhibit, Line
from .heat import heat_map
from .study import loss_text, value_text

MOST_POINTS = 3000
MOST_CHANNELS = 16
MOST_STEPS = 15


# ---- Where samples lie --------------------------------------------------------------------------


def _plane(code):
    """[n][2], the names of both directions, and the share of the variance that they have."""
    if code.shape[1] == 2:
        return code, ("channel 1", "channel 2"), 1.0
    centred = code - code.mean(axis=0)
    values, directions = numpy.linalg.eigh(centred.T @ centred)
    order = values.argsort()[::-1][:2]
    share = values[order].sum() / values.sum() if values.sum() > 0 else 1.0
    directions = directions[:, order]
    directions *= numpy.sign(directions[numpy.abs(directions).argmax(axis=0), [0, 1]])
    return centred @ directions, ("first main direction", "second main direction"), share


def scatter(trial):
    code, label = trial.analysis("encode/code"), trial.analysis("encode/label")
    if code is None or code.ndim < 2 or len(code) < 2 or not numpy.isfinite(code).all():
        return None
    if label is not None and label.shape != code.shape[:1]:
        label = None
    count = len(code)
    step = -(-count // MOST_POINTS)
    code = code[::step].reshape(len(code[::step]), -1).astype(float)
    label = label[::step] if label is not None else None
    if code.shape[1] == 1:
        return _histogram(trial, code[:, 0], label)
    if code.shape[1] > 2048:
        return None
    points, names, share = _plane(code)
    finding = f"The codes of {count} samples" + (
        f" in the two directions in which they vary most, {100 * share:.0f} % of the variance."
        if code.shape[1] > 2
        else "."
    )
    exhibit = Exhibit(
        f"codes-{trial.id}",
        "Where samples lie in the code",
        finding,
        (
            "A dot is a sample. Clusters of one colour mean that the code knows the classes."
            if label is not None
            else "A dot is a sample."
        ),
    )
    figure, plot = draw.axes(5.6, 4.6)
    _each_class(
        exhibit,
        label,
        lambda chosen, colour: plot.scatter(
            points[chosen, 0],
            points[chosen, 1],
            s=9 if len(points) < 1500 else 4,
            color=colour,
            alpha=0.6,
            linewidth=0,
            rasterized=True,
        ),
        len(points),
    )
    plot.set_xlabel(names[0])
    plot.set_ylabel(names[1])
    exhibit.panels = [draw.panel(figure, exhibit.name, finding, wide=True)]
    return exhibit


def _each_class(exhibit, label, show, count):
    """Calls show(which, colour) for each class, and writes the legend."""
    if label is None:
        show(numpy.full(count, True), draw.ACCENT)
        return
    classes = numpy.unique(label)[:20]
    for number, value in enumerate(classes):
        colour = draw.CATEGORIES[number % len(draw.CATEGORIES)]
        show(label == value, colour)
        exhibit.legend.append((str(int(value)), colour))


def _histogram(trial, code, label):
    finding = (
        f"The code of {len(code)} samples lies between {loss_text(code.min())} and "
        f"{loss_text(code.max())}."
    )
    exhibit = Exhibit(
        f"codes-{trial.id}",
        "Where samples lie in the code",
        finding,
        "How many samples have a code of that value.",
    )
    figure, plot = draw.axes(5.6, 3.0)
    edges = numpy.histogram_bin_edges(code, 40)
    _each_class(
        exhibit,
        label,
        lambda chosen, colour: plot.hist(code[chosen], edges, color=colour, alpha=0.5),
        len(code),
    )
    plot.set_xlabel("code")
    exhibit.panels = [draw.panel(figure, exhibit.name, finding, wide=True)]
    return exhibit


# ---- Classes ------------------------------------------------------------------------------------


def confusion(trial):
    """Of a model that was told the labels."""
    table = trial.analysis("confusion")
    return _matrix(trial, "confusion", "Which class is taken for which", table, "largest output")


def code_confusion(trial):
    """Of a code that was not told the labels: which of its numbers stands for which class."""
    for place in "code_confusion", "confusion":
        counts, order = trial.analysis(place + "/counts"), trial.analysis(place + "/order")
        if counts is None or order is None or counts.ndim != 2:
            continue
        if sorted(order.ravel().tolist()) == list(range(counts.shape[1])):
            columns = order.ravel().astype(int)[: len(counts)]
            title = "Which number of the code stands for which class"
            return _matrix(
                trial, "code-confusion", title, counts, "largest number of the code", columns
            )
    return None


def probe_confusion(trial):
    tables = trial.analysis("probe/confusion")
    if tables is None or tables.ndim != 3 or not len(tables):
        return None
    title = "What a linear probe on the codes takes for what"
    return _matrix(trial, "probe-confusion", title, tables[-1], "found by the probe")


def _matrix(trial, name, title, table, axis, columns=None):
    """Counts [classes][outputs] as shaded numbers; the columns in another order, if it is given."""
    if table is None or table.ndim != 2 or not table.size or table.min() < 0 or len(table) > 40:
        return None
    total = max(int(table.sum()), 1)
    matched = columns is not None
    columns = numpy.arange(table.shape[1])[:40] if columns is None else columns
    whole, table = numpy.maximum(table.sum(axis=1, keepdims=True), 1), table[:, columns]
    finding = f"{100 * numpy.trace(table) / total:.1f} % of {total} samples are on the diagonal"
    off = table * (numpy.arange(len(table))[:, None] != numpy.arange(len(columns))[None])
    row, column = numpy.unravel_index(off.argmax(), off.shape)
    if off[row, column] > 0:
        finding += f"; the most beside it are {off[row, column]} of class {row} in column {columns[column]}"
    labels = [str(i) for i in columns]
    figure = heat_map(
        table / whole,
        [str(i) for i in range(len(table))],
        labels,
        axis,
        texts=[[str(int(value)) for value in line] for line in table],
        row_title="class",
    )
    exhibit = Exhibit(
        f"{name}-{trial.id}",
        title,
        finding + ".",
        "A number is how many samples of the row's class are in the column; the shade is their share"
        " of the class."
        + (" The columns stand in the order that fits the classes best." if matched else ""),
        head=["class", *labels],
        rows=[[i] + [int(value) for value in line] for i, line in enumerate(table)],
    )
    exhibit.panels = [draw.panel(figure, exhibit.name, finding, wide=True)]
    return exhibit


# ---- Decoding -----------------------------------------------------------------------------------


def decode_axes(trial):
    values, outputs = trial.analysis("decode/axes_values"), trial.analysis("decode/axes_output")
    if (
        values is None
        or outputs is None
        or outputs.ndim < 3
        or outputs.shape[1] != len(values)
        or not len(values)
    ):
        return None
    outputs = outputs[:MOST_CHANNELS]
    at = numpy.unique(
        numpy.linspace(0, len(values) - 1, min(len(values), MOST_STEPS)).round().astype(int)
    )
    values, outputs = values[at], outputs[:, at]
    reach = (outputs[:, -1] - outputs[:, 0]).reshape(len(outputs), -1)
    change = (reach**2).mean(axis=1)
    finding = (
        f"Moving channel {int(change.argmax()) + 1} from {value_text(values[0])} to "
        f"{value_text(values[-1])} changes the output most."
    )
    exhibit = Exhibit(
        f"axes-{trial.id}",
        "Along each channel of the code",
        finding,
        "",
        head=["channel", "mean squared change from end to end"],
        rows=[[i + 1, loss_text(value)] for i, value in enumerate(change)],
    )
    low, high = samples.value_range(outputs)
    if samples.are_images(outputs[0]):
        exhibit.how = (
            f"A row is a channel, which goes from {value_text(values[0])} on the left to "
            f"{value_text(values[-1])} on the right, the others being 0."
        )
        exhibit.panels = [
            samples.strips_panel(
                [
                    (
                        f"channel {i + 1}",
                        samples.strip(row, low, high),
                        f"outputs along channel {i + 1}",
                    )
                    for i, row in enumerate(outputs)
                ],
                exhibit.name,
            )
        ]
        return exhibit
    colours = draw.level_colours(len(values))
    exhibit.how = (
        "Each line is what the decoder makes of one value of the channel, the others being 0."
    )
    chosen = numpy.unique(numpy.linspace(0, len(values) - 1, 5).round().astype(int))
    exhibit.legend = [(value_text(values[i]), colours[i]) for i in chosen]
    rows = numpy.stack([samples.curves(row) for row in outputs])  # [channels][steps][c][points]
    shown = min(rows.shape[2], 4)
    rows = rows[: max(1, MOST_CHANNELS // shown)]
    cells = Cells(len(rows) * shown, low, high, columns=4 if shown == 1 else shown)
    for i, row in enumerate(rows):
        for c in range(shown):
            cells.add(
                i * shown + c,
                f"channel {i + 1}" + (f", output {c + 1}" if shown > 1 else ""),
                [Line(line[c], colour, 1.3) for line, colour in zip(row, colours)],
            )
    exhibit.panels = [draw.panel(cells.figure(), exhibit.name, finding, wide=True)]
    return exhibit


def decode_vectors(trial):
    vectors, outputs = trial.analysis("decode/vectors"), trial.analysis("decode/vectors_output")
    if vectors is None or outputs is None or len(vectors) != len(outputs) or not len(outputs):
        return None
    labels = []
    for vector in vectors[:12]:
        text = ", ".join(value_text(float(value)) for value in vector.ravel()[:8])
        labels.append(f"[{text}{', …' if vector.size > 8 else ''}]")
    return _outputs(trial, "vectors", "What chosen codes decode to", labels, outputs[:12])


def decode_one_hot(trial):
    outputs = trial.analysis("decode/one_hot_output")
    if outputs is None or outputs.ndim < 2 or not len(outputs):
        return None
    return _outputs(
        trial,
        "one-hot",
        "What each channel alone decodes to",
        [f"channel {i + 1}" for i in range(len(outputs))][:20],
        outputs[:20],
    )


def _tiles(name, labels, outputs):
    """Images with a caption each."""
    low, high = samples.value_range(outputs)
    each = "".join(
        f"<figure>{draw.image(draw.png(tile), 'output of ' + label)}<figcaption>{draw.escape(label)}"
        "</figcaption></figure>"
        for label, tile in zip(labels, samples.tiles(outputs, low, high))
    )
    return draw.Panel(
        f'<div class="tiles">{each}</div>',
        file=f"{name}.png",
        content=draw.png(samples.strip(outputs, low, high)),
        wide=True,
    )


def _outputs(trial, name, title, labels, outputs):
    exhibit = Exhibit(
        f"{name}-{trial.id}",
        title,
        f"Outputs of {len(outputs)} codes.",
        "The decoder's output for a code that was not made by the encoder.",
    )
    if samples.are_images(outputs):
        exhibit.panels = [_tiles(exhibit.name, labels, outputs)]
        return exhibit
    low, high = samples.value_range(outputs)
    lines = samples.curves(outputs)
    shown = min(lines.shape[1], 4)
    cells = Cells(len(lines) * shown, low, high, columns=4 if shown == 1 else shown)
    for i, line in enumerate(lines):
        for c in range(shown):
            cells.add(
                i * shown + c,
                labels[i] if c == 0 else f"output {c + 1}",
                [Line(line[c], draw.ACCENT)],
            )
    exhibit.panels = [draw.panel(cells.figure(), exhibit.name, exhibit.finding, wide=True)]
    return exhibit


def products(trial):
    """What each channel adds to one sample's output; with the rest, its sum is that of the decoder."""
    parts, rest = trial.analysis("products/scaled"), trial.analysis("products/rest")
    if parts is None or parts.ndim < 2 or not 1 <= len(parts) <= 512:
        return None
    power = (parts**2).reshape(len(parts), -1).mean(axis=1)
    shown = numpy.sort(power.argsort()[::-1][:10])
    labels = [f"channel {i + 1}" for i in shown]
    whole = trial.analysis("products/sum")
    parts = parts[shown]
    for label, values in (("rest", rest), ("sum", whole)):
        if values is not None and values.shape == parts.shape[1:]:
            labels.append(label)
            parts = numpy.concatenate([parts, values[None]])
    exhibit = Exhibit(
        f"products-{trial.id}",
        "What each channel adds",
        f"Channel {int(power.argmax()) + 1} adds most to this sample's output.",
        "One sample taken apart: the output that each channel alone gives, less the rest, which is the"
        " output of an empty code. Of a linear decoder their sum is the output.",
    )
    if samples.are_images(parts):
        exhibit.panels = [_tiles(exhibit.name, labels, parts)]
        return exhibit
    lines = samples.curves(parts)
    shown = min(lines.shape[1], 4)
    cells = Cells(shown, *samples.value_range(lines), columns=shown, width=3.2, height=2.0)
    looks = {"sum": (draw.INK, 2.8), "rest": (draw.MUTED, 1.4)}
    colours = dict(zip(labels, draw.CATEGORIES))
    for c in range(shown):
        drawn = [
            Line(line[c], *looks.get(label, (colours.get(label), 1.6)))
            for label, line in zip(labels, lines)
        ]
        cells.add(c, f"output {c + 1}" if shown > 1 else "", drawn)
    exhibit.legend = [
        (label, {"sum": "var(--ink)", "rest": "var(--muted)"}.get(label, colours.get(label)))
        for label in labels
    ]
    exhibit.panels = [draw.panel(cells.figure(), exhibit.name, exhibit.finding, wide=True)]
    return exhibit
