"""Samples of one trial: what went in, what came out, and how that came about."""

import json

import numpy

from . import draw
from .draw import Cells, Exhibit, Line, Panel
from .study import loss_text

MOST_SAMPLES = 10
MOST_LINES = 8  # cells of samples that are curves
MOST_FRAMES = 60
MOST_ABLATED = 16  # rows of images without a channel
COLOURS = {"clean": draw.INK, "input": draw.MUTED, "output": draw.ACCENT}


# ---- Images or curves ---------------------------------------------------------------------------


def are_images(values):
    """Whether [n][...] are images, [n][C][H][W]: of two dimensions the first is channels."""
    return values.ndim >= 4 and min(values.shape[-2:]) >= 4


def tiles(values, low, high):
    """Images [n][C][H][W] or [n][H][W] as bytes with an alpha channel: grey, or colours."""
    values = values.reshape((len(values), -1) + values.shape[-2:])
    if values.shape[1] == 3:
        grey = draw.grey(numpy.moveaxis(values, 1, -1), low, high)
        return list(numpy.concatenate([grey, numpy.full_like(grey[..., :1], 255)], axis=-1))
    grey = draw.grey(values[:, 0], low, high)
    return list(numpy.stack([grey, numpy.full_like(grey, 255)], axis=-1))


def strip(values, low, high):
    """Images beside each other, with nothing between."""
    return draw.side_by_side(tiles(values, low, high), 1, 0)


def curves(values):
    """[n][...] as [n][channels][points]."""
    return (
        values.reshape((len(values), -1, values.shape[-1])) if values.ndim > 2 else values[:, None]
    )


def strips_panel(rows, name, more="", wide=True):
    """Labelled rows of images, [(label, pixels, alt)], as a panel; one file of all rows."""
    html = "".join(
        f"<span>{draw.escape(label)}</span>{draw.image(draw.png(pixels), alt)}"
        for label, pixels, alt in rows
    )
    gap = numpy.zeros((2,) + rows[0][1].shape[1:], dtype=numpy.uint8)
    stacked = numpy.concatenate(
        [part for _, pixels, _ in rows for part in (gap, pixels)][1:], axis=0
    )
    width = 4 * stacked.shape[1]
    return Panel(
        f'<div class="strips" style="max-width:calc({width}px + 12rem)">{html}{more}</div>',
        file=f"{name}.png",
        content=draw.png(stacked),
        wide=wide,
    )


def value_range(*arrays):
    """The smallest and the largest finite number of all."""
    finite = [array[numpy.isfinite(array)] for array in arrays if array is not None]
    finite = [array for array in finite if array.size]
    if not finite:
        return 0.0, 1.0
    return float(min(array.min() for array in finite)), float(max(array.max() for array in finite))


# ---- Reconstructions ----------------------------------------------------------------------------


def reconstructions(trial):
    """{clean, input, output, sample, code, ablated}: the analysis', else the last snapshot's; or None."""
    names = ("sample", "clean", "input", "output", "code", "ablated")
    found = {name: trial.analysis(f"reconstruct/{name}") for name in names}
    if found["clean"] is None or found["output"] is None:
        found = {name: trial.snapshot(name) for name in names}
        for name in ("output", "code"):
            found[name] = found[name][-1] if found[name] is not None and len(found[name]) else None
    return found if _fits(found) else None


def _fits(found):
    clean, output = found["clean"], found["output"]
    if (
        clean is None
        or output is None
        or clean.ndim < 2
        or clean.shape != output.shape
        or not clean.size
    ):
        return False
    if found["input"] is None or found["input"].shape != clean.shape:
        found["input"] = clean
    if found["ablated"] is not None and found["ablated"].shape[1:] != clean.shape:
        found["ablated"] = None
    if found["sample"] is None or len(found["sample"]) != len(clean):
        found["sample"] = numpy.arange(len(clean))
    return True


def grid(trial, found, name, title, how, captions=None):
    """Clean, input and output of samples as an exhibit."""
    clean, given, output = (found[part][:MOST_SAMPLES] for part in ("clean", "input", "output"))
    error = ((output - clean) ** 2).reshape(len(clean), -1).mean(axis=1)
    noisy = not numpy.array_equal(clean, given)
    finding = (
        f"The {len(clean)} samples come back with mean squared errors of {loss_text(error.min())}"
        f" to {loss_text(error.max())}."
    )
    exhibit = Exhibit(
        f"{name}-{trial.id}",
        title,
        finding,
        how,
        head=["sample", "mean squared error"],
        rows=[[int(found["sample"][i]), loss_text(value)] for i, value in enumerate(error)],
    )
    low, high = value_range(clean)
    if are_images(clean):
        rows = [("clean", clean)] + ([("input", given)] if noisy else []) + [("output", output)]
        exhibit.panels = [
            strips_panel(
                [
                    (label, strip(values, low, high), f"{label}: {len(values)} images in a row")
                    for label, values in rows
                ],
                exhibit.name,
            )
        ]
        return exhibit
    exhibit.legend = (
        [("clean", "var(--ink)")]
        + ([("input", "var(--muted)")] if noisy else [])
        + [("output", draw.ACCENT)]
    )
    if clean[0].size == 2:
        exhibit.how += " A line leads from each sample to what became of it."
        exhibit.panels = [_plane(clean, output, exhibit.name, finding)]
        return exhibit
    exhibit.panels = [
        draw.panel(line_cells(found, noisy, captions).figure(), exhibit.name, finding, wide=True)
    ]
    return exhibit


def _plane(clean, output, name, alt):
    """Samples of two numbers as points, and their outputs."""
    figure, plot = draw.axes(4.6, 4.2)
    clean, output = clean.reshape(-1, 2), output.reshape(-1, 2)
    plot.add_collection(
        draw.LineCollection(numpy.stack([clean, output], axis=1), colors=draw.MUTED, linewidths=1)
    )
    plot.plot(*clean.T, linestyle="", marker="o", markersize=5, color=draw.INK)
    plot.plot(*output.T, linestyle="", marker="o", markersize=5, color=draw.ACCENT)
    plot.set_aspect("equal", adjustable="datalim")
    return draw.panel(figure, name, alt, wide=True)


def line_cells(found, noisy, captions=None, output_part=""):
    """Cells of clean, input and output curves: a row a sample if there are several channels."""
    clean, given = curves(found["clean"]), curves(found["input"])
    output = curves(found["output"])
    channels = min(clean.shape[1], 4)
    count = min(len(clean), max(1, MOST_LINES // channels))
    low, high = value_range(clean[:count], given[:count] if noisy else None)
    cells = Cells(count * channels, low, high, columns=4 if channels == 1 else channels)
    for i in range(count):
        for channel in range(channels):
            title = captions[i] if captions else f"sample {int(found['sample'][i])}"
            title += f", channel {channel + 1}" if channels > 1 else ""
            lines = [Line(given[i, channel], draw.MUTED, 1.2, dashed=True)] if noisy else []
            lines += [
                Line(clean[i, channel], draw.INK, 2.6, alpha=0.55),
                Line(output[i, channel], draw.ACCENT, 1.8, part=output_part),
            ]
            cells.add(i * channels + channel, title, lines)
    return cells


def reconstruct(trial):
    found = reconstructions(trial)
    if found is None:
        return None
    return grid(
        trial,
        found,
        "reconstruct",
        "Samples and what became of them",
        "Clean is the sample, input what the model was given, output what it made of it, without"
        " noise on the code.",
    )


def ablated(trial):
    """Outputs with each channel of the code zeroed."""
    found = reconstructions(trial)
    if found is None or found["ablated"] is None:
        return None
    clean, output, without = found["clean"], found["output"], found["ablated"]
    change = ((without - output[None]) ** 2).reshape(len(without), -1).mean(axis=1)
    strongest = numpy.argsort(-change, kind="stable")
    finding = f"Channel {strongest[0] + 1} changes the outputs most when it is set to 0."
    exhibit = Exhibit(
        f"ablated-{trial.id}",
        "Without one channel of the code",
        finding,
        "",
        head=["channel", "mean squared change of the output"],
        rows=[[i + 1, loss_text(value)] for i, value in enumerate(change[:40])],
    )
    if are_images(clean):
        shown = numpy.sort(strongest[:MOST_ABLATED])
        low, high = value_range(clean)
        rows = [("output", strip(output[:MOST_SAMPLES], low, high), "outputs with all channels")]
        rows += [
            (
                f"without channel {i + 1}",
                strip(without[i, :MOST_SAMPLES], low, high),
                f"outputs without channel {i + 1}",
            )
            for i in shown
        ]
        exhibit.how = (
            "Each row but the first is the output with one channel of the code set to 0: what is "
            "missing there is what the channel stands for."
        )
        exhibit.panels = [strips_panel(rows, exhibit.name)]
        return exhibit
    shown = numpy.sort(strongest[:6])
    colours = dict(zip(shown, draw.CATEGORIES))
    exhibit.legend = [("output", "var(--ink)")] + [
        (f"without channel {i + 1}", colours[i]) for i in shown
    ]
    exhibit.how = (
        "The further a coloured line is from the output, the more its channel matters to that"
        " sample."
    )
    output, without = curves(output), numpy.stack([curves(values) for values in without])
    channels = min(output.shape[1], 4)
    count = min(len(output), max(1, MOST_LINES // channels))
    low, high = value_range(output[:count], without[shown][:, :count])
    cells = Cells(count * channels, low, high, columns=4 if channels == 1 else channels)
    for i in range(count):
        for channel in range(channels):
            title = f"sample {int(found['sample'][i])}" + (
                f", channel {channel + 1}" if channels > 1 else ""
            )
            cells.add(
                i * channels + channel,
                title,
                [Line(output[i, channel], draw.INK, 2.6, alpha=0.55)]
                + [Line(without[k, i, channel], colours[k], 1.4) for k in shown],
            )
    exhibit.panels = [draw.panel(cells.figure(), exhibit.name, finding, wide=True)]
    return exhibit


def _chosen(trial, group):
    """clean, input, output and sample of an analysis that chooses samples; None if not there."""
    found = {
        name: trial.analysis(f"{group}/{name}") for name in ("sample", "clean", "input", "output")
    }
    found["ablated"] = None
    return found if _fits(found) else None


def worst(trial):
    found, loss = _chosen(trial, "worst"), trial.analysis("worst/loss")
    if found is None or loss is None or loss.shape != found["sample"].shape:
        return None
    captions = [
        f"sample {int(sample)}: {loss_text(value)}" for sample, value in zip(found["sample"], loss)
    ]
    exhibit = grid(
        trial,
        found,
        "worst",
        "The worst samples",
        "The samples with the highest losses, the worst first: what the model finds hard, or what is"
        " wrong with the data.",
        captions,
    )
    sample = int(found["sample"][0])
    exhibit.finding = f"The worst is sample {sample}, with a loss of {loss_text(loss[0])}."
    return exhibit


def shared_point(trial):
    found = _chosen(trial, "shared_point")
    if found is None:
        return None
    return grid(
        trial,
        found,
        "shared",
        "Samples that share one value",
        "All of them have nearly the same value in one place; where the outputs differ there, the"
        " model makes it from what is around.",
    )


# ---- Over epochs --------------------------------------------------------------------------------


def over_epochs(trial, animate=False):
    """The snapshots with a slider; with `animate` as an animated image, too. Or None."""
    found = {name: trial.snapshot(name) for name in ("sample", "clean", "input", "output", "epoch")}
    found["ablated"] = None
    outputs, epochs = found["output"], found["epoch"]
    if outputs is None or epochs is None or len(outputs) < 2 or len(outputs) != len(epochs):
        return None
    found["output"] = outputs[-1]
    if not _fits(found):
        return None
    if len(epochs) > MOST_FRAMES:
        at = numpy.unique(numpy.linspace(0, len(epochs) - 1, MOST_FRAMES).round().astype(int))
        outputs, epochs = outputs[at], epochs[at]
    errors = ((outputs - found["clean"][None]) ** 2).reshape(len(outputs), -1).mean(axis=1)
    captions = [
        f"epoch {int(epoch)}, error {loss_text(error)}" for epoch, error in zip(epochs, errors)
    ]
    exhibit = Exhibit(
        f"epochs-{trial.id}",
        "How the outputs came about",
        f"From a mean squared error of {loss_text(errors[0])} before training to"
        f" {loss_text(errors[-1])} at epoch {int(epochs[-1])}.",
        "Move the slider, or play it. Epoch 0 is the untrained model.",
        head=["epoch", "mean squared error"],
        rows=[[int(epoch), loss_text(error)] for epoch, error in zip(epochs, errors)],
    )
    noisy = not numpy.array_equal(found["clean"], found["input"])
    if are_images(found["clean"]):
        _film(exhibit, trial, found, outputs, captions, noisy, animate)
    else:
        _moving_lines(exhibit, trial, found, outputs, captions, noisy, animate)
    return exhibit


def _player(name, captions, data):
    content = json.dumps({"captions": captions, **data}, separators=(",", ":")).replace(
        "<", "\\u003c"
    )
    last, told = len(captions) - 1, draw.escape(captions[-1])
    return (
        f'<div class="player" data-film="{name}">'
        '<button type="button" aria-pressed="false">Play</button>'
        f'<input type="range" min="0" max="{last}" value="{last}" step="1" aria-label="Epoch"'
        f' aria-valuetext="{told}"><output>{told}</output></div>'
        f'<script type="application/json" id="{name}-data">{content}</script>'
    )


def _film(exhibit, trial, found, outputs, captions, noisy, animate):
    low, high = value_range(found["clean"])
    frames = [strip(output[:MOST_SAMPLES], low, high) for output in outputs]
    height, width = frames[0].shape[:2]
    rows = [("clean", strip(found["clean"][:MOST_SAMPLES], low, high), "the samples")]
    if noisy:
        rows.append(
            ("input", strip(found["input"][:MOST_SAMPLES], low, high), "the model's inputs")
        )
    name = f"film-{trial.id}"
    sheet = draw.image(
        draw.png(numpy.concatenate(frames, axis=0)), "outputs at the epoch of the slider"
    )
    more = (
        f'<span>output</span><div class="film" id="{name}" style="aspect-ratio:{width}/{height}">'
        f"{sheet}</div>"
    )
    panel = strips_panel(rows + [("output", frames[-1], "outputs")], exhibit.name)
    panel.html = strips_panel(rows, exhibit.name, more).html + _player(name, captions, {})
    exhibit.panels = [panel]
    if animate:
        _add_animation(exhibit, [frame.repeat(3, axis=0).repeat(3, axis=1) for frame in frames])


def _moving_lines(exhibit, trial, found, outputs, captions, noisy, animate):
    cells = line_cells(found, noisy, output_part="output")
    name = f"film-{trial.id}"
    panel = draw.panel(cells.figure(), exhibit.name, exhibit.finding, wide=True)
    moving = [line for line in cells.lines if line[1].part]
    x = [cells.points(cell, line.y)[:, 0].tolist() for cell, line in moving]
    y = []
    for output in outputs:
        # In the order of the cells: samples, then channels.
        frame = curves(output)[:, : min(curves(output).shape[1], 4)]
        frame = frame.reshape(-1, frame.shape[-1])
        y.append([cells.points(cell, frame[cell])[:, 1].tolist() for cell, _ in moving])
    panel.html = f'<div id="{name}">{panel.html}</div>' + _player(name, captions, {"x": x, "y": y})
    exhibit.panels = [panel]
    exhibit.legend = (
        [("clean", "var(--ink)")]
        + ([("input", "var(--muted)")] if noisy else [])
        + [("output", draw.ACCENT)]
    )
    if animate:
        _add_animation(exhibit, draw.raster_frames(cells, y, [x] * len(y), captions))


def _add_animation(exhibit, frames):
    content = draw.animation(frames)
    exhibit.panels.append(
        Panel(
            "<details><summary>As an animated image</summary>"
            f"{draw.image(content, 'The outputs by epoch, animated', frames[0].shape[1], 'moving')}</details>",
            file=f"{exhibit.name}.apng",
            content=content,
            wide=True,
        )
    )
