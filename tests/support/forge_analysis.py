"""Adds to the results.h5 of a bezier or image run what `aedist analyze` leaves, made up but of the
right names and shapes: forge_analysis.py RUN. The page is tested with it, not the numbers."""

import itertools
import sys

import h5py
import numpy


def put(group, name, values, kind="f8"):
    if name in group:
        del group[name]
    group[name] = numpy.asarray(values, dtype=kind)


def ablation(trial, analysis, channels, number):
    order = numpy.arange(channels) if number % 2 else numpy.random.permutation(channels)
    put(
        analysis,
        "ablation/loss",
        5e-4 * 10.0 ** (order % 3) * numpy.random.uniform(0.99, 1.01, channels),
    )
    put(analysis, "ablation/base", [trial["metrics/val_loss"][-1]])


def samples(trial, analysis, channels):
    shots = trial["snapshots"]
    clean, output, code = shots["clean"][:], shots["output"][-1], shots["code"][-1]
    noise = numpy.random.normal(0, 0.1 * clean.std(), clean.shape)
    for name, values in (
        ("clean", clean),
        ("input", clean + noise),
        ("output", output),
        ("code", code),
    ):
        put(analysis, "reconstruct/" + name, values, "f4")
        if name != "code":
            put(analysis, "worst/" + name, values[:4], "f4")
    put(analysis, "reconstruct/sample", shots["sample"][:], "i8")
    put(analysis, "worst/sample", shots["sample"][:4], "i8")
    put(analysis, "worst/loss", [4e-3, 3e-3, 2e-3, 1e-3])
    put(
        analysis,
        "reconstruct/ablated",
        [output * (0.3 + 0.6 * i / channels) for i in range(channels)],
        "f4",
    )
    put(analysis, "products/scaled", [output[0] * weight for weight in (0.5, 0.3, 0.1)], "f4")
    put(analysis, "products/rest", output[0] * 0.1, "f4")
    put(analysis, "products/sum", output[0], "f4")


def decode(trial, analysis, channels):
    output = trial["snapshots/output"][-1, 0]
    code = trial["snapshots/code"][-1, 0]
    steps = numpy.linspace(-1, 1, 9)
    put(analysis, "decode/axes_values", steps)
    put(
        analysis,
        "decode/axes_output",
        [[output * (1 + (channel + 1) * step) for step in steps] for channel in range(channels)],
        "f4",
    )
    put(analysis, "decode/vectors", [numpy.full(code.shape, 0.1 * i) for i in range(2)], "f4")
    put(analysis, "decode/vectors_output", [output, -output], "f4")
    put(analysis, "decode/one_hot_output", [output * i / channels for i in range(channels)], "f4")


def codes(trial, analysis, channels, labels):
    shape = trial["snapshots/code"].shape[2:]
    label = numpy.arange(600) % 10
    code = numpy.random.normal(0, 0.3, (600,) + shape)
    code.reshape(600, -1)[numpy.arange(600), label % code[0].size] += 2
    put(analysis, "encode/code", code, "f4")
    put(analysis, "encode/sample", numpy.arange(600), "i8")
    if labels:
        put(analysis, "encode/label", label, "i8")
        put(analysis, "code_confusion/counts", numpy.roll(numpy.eye(10) * 9 + 1, 3, axis=1), "i8")
        put(analysis, "code_confusion/order", numpy.roll(numpy.arange(10), -3), "i8")
        put(analysis, "probe/accuracy", [0.97, 0.95])
        put(analysis, "probe/confusion", [numpy.eye(10) * 40 + 2] * 2, "i8")


def curves(analysis):
    target = numpy.sin(numpy.linspace(0, 3, 15))[None].repeat(2, 0)
    put(analysis, "assemble/target", target, "f4")
    put(analysis, "assemble/curve", [target * (1 + off) for off in (0.3, 0.05, 0.01)], "f4")
    put(analysis, "assemble/loss", [0.030, 0.0010, 3.8e-5])
    put(analysis, "assemble/interior", [0.031, 2.8e-5, 2.7e-5])
    put(analysis, "assemble/outer", [0.02, 0.0024, 9e-5])


def numbers(trial, analysis, number):
    put(analysis, "robustness/noise", [0, 0.01, 0.05, 0.1])
    put(analysis, "robustness/loss", [1e-5 * (1 + number % 3), 3e-5, 2e-4 / (1 + number % 3), 1e-3])
    put(analysis, "pca/floor", [1.5e-5])
    put(analysis, "pca/mean_floor", [0.066])
    put(analysis, "epochs_to/level", [1e-2, 1e-3, 1e-9])
    put(analysis, "epochs_to/epoch", [20, 60, numpy.nan])
    put(analysis, "stride_power/period", [4, 2])
    put(analysis, "stride_power/output", [0.02, 0.001])
    put(analysis, "stride_power/target", [0.015, 0.001])


def best_match(reference, filters):
    """Order, signs and scores that bring filters [count][taps] closest to the reference."""
    count = len(reference)
    unit = [
        values / (numpy.linalg.norm(values, axis=1, keepdims=True) + 1e-30)
        for values in (reference, filters)
    ]
    cosines = unit[0] @ unit[1].T
    orders = itertools.permutations(range(count)) if count <= 6 else [range(count)]
    order = list(
        max(orders, key=lambda order: sum(abs(cosines[i, k]) for i, k in enumerate(order)))
    )
    found = cosines[range(count), order]
    return order, numpy.sign(found), abs(found)


def filters(file, ids, rows, group):
    put(file, "analysis/filters/group", group, "i8")
    put(file, "analysis/filters/trial", [rows[id_] for id_ in ids], "i8")
    first = file["trials"][ids[0]]["parameters"]
    for name in [name for name in first if first[name].ndim > 2]:
        matched, reference = [], {}
        for number, id_ in enumerate(ids):
            trial = file["trials"][id_]
            weight = trial["parameters"][name][:]
            flat = weight.reshape(len(weight), -1)
            reference.setdefault(group[number], flat)
            matched.append(best_match(reference[group[number]], flat))
            put(trial["analysis"], f"filters/{name[:-7]}_smoothness", numpy.full(len(flat), 0.02))
        for number, part in enumerate(("order", "sign", "score")):
            kind = "f8" if number else "i8"
            put(
                file,
                f"analysis/filters/{name[:-7]}_{part}",
                [found[number] for found in matched],
                kind,
            )


def main(path):
    numpy.random.seed(1)
    with h5py.File(path + "/results.h5", "r+") as file:
        ids = [
            id_
            for id_ in file["summary/trial"].asstr()[:]
            if id_ in file["trials"] and file["trials"][id_].attrs["status"] == "done"
        ]
        rows = {id_: row for row, id_ in enumerate(file["summary/trial"].asstr()[:])}
        axes = [axis for axis in file["sweep"] if axis != "seed"] if "sweep" in file else []
        keys = [tuple(str(file["summary"][axis][rows[id_]]) for axis in axes) for id_ in ids]
        group = numpy.array([sorted(set(keys)).index(key) for key in keys])
        for number, id_ in enumerate(ids):
            trial = file["trials"][id_]
            if "snapshots" not in trial:
                continue
            analysis = trial["analysis"]
            channels = trial["snapshots/code"].shape[2]
            ablation(trial, analysis, channels, number)
            samples(trial, analysis, channels)
            decode(trial, analysis, channels)
            codes(trial, analysis, channels, "confusion" in analysis)
            if trial["snapshots/output"].ndim == 4:
                curves(analysis)
            numbers(trial, analysis, group[number])
        filters(file, ids, rows, group)


if __name__ == "__main__":
    main(sys.argv[1])
