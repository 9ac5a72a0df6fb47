#!/usr/bin/env python3
"""Does analyses over again with NumPy in float64, from the weights and samples that a run left.

usage: check_analysis.py BEZIER_RUN GLYPHS_RUN TAP_RUN

The first is of the window model with ablation, assemble, decode, pca, products, reconstruct (of all
training samples), shared_point, stride_power and worst; the second of an image model with confusion,
encode (of all test samples), probe, ablation, worst; the third with one-hot codes and axes from 0 to 1
at a tap that is not the first layer's. Prints what differs and exits 1 then.
"""
import itertools
import sys

import h5py
import numpy as np

bad = 0


def check(name, have, want, tolerance=1e-5):
    global bad
    have, want = np.asarray(have, dtype=np.float64), np.asarray(want, dtype=np.float64)
    if have.shape != want.shape or not np.allclose(have, want, rtol=tolerance, atol=tolerance * 1e-2,
                                                   equal_nan=True):
        print(f"{name}: {have.ravel()[:8]} instead of {want.ravel()[:8]}")
        bad += 1


def expect(name, holds):
    global bad
    if not holds:
        print(f"{name}: is not so")
        bad += 1


class Windows:
    """conv1d 1 -> 3 of 7, tanh, conv_transpose1d 3 -> 1 of 7."""

    def __init__(self, parameters):
        p = {name: values[()].astype(np.float64) for name, values in parameters.items()}
        self.encoder, self.encoder_bias = p["encoder.0.weight"][:, 0], p["encoder.0.bias"]
        self.decoder, self.bias = p["decoder.0.weight"][:, 0], p["decoder.0.bias"][0]

    def encode(self, x):
        return np.tanh(x @ self.encoder.T + self.encoder_bias)

    def decode(self, code):
        return code @ self.decoder + self.bias


def assemble(model, curves, stride, border):
    windows = (curves.shape[1] - 7) // stride + 1
    laid = np.zeros((3,) + curves.shape)
    share = np.where((np.arange(7) < 7 - stride) | (np.arange(7) >= stride), 0.5, 1)
    covered = np.zeros(curves.shape[1])
    for w in range(windows):
        covered[w * stride:w * stride + 7] += 1
    for w in range(windows):
        at = slice(w * stride, w * stride + 7)
        out = model.decode(model.encode(curves[:, at])) - model.bias
        laid[0, :, at] += out
        laid[1, :, at] += out * share
        laid[2, :, at] += out / covered[at]
    errors = (laid + model.bias - curves) ** 2
    inside = np.zeros(curves.shape[1], bool)
    inside[border:-border] = True
    return (laid + model.bias, errors.mean((1, 2)), errors[:, :, inside].mean((1, 2)),
            errors[:, :, ~inside].mean((1, 2)))


def power(x, period):
    x = x - x.mean(-1, keepdims=True)
    wave = np.exp(-2j * np.pi * np.arange(x.shape[-1]) / period)
    return (abs((x * wave).sum(-1)) ** 2 / x.shape[-1]).mean()


def check_windows(trial):
    a = trial["analysis"]
    model = Windows(trial["parameters"])
    x = a["reconstruct/clean"][:, 0].astype(np.float64)
    code, out = model.encode(x), model.decode(model.encode(x))
    errors = ((out - x) ** 2).mean(1)
    check("reconstruct/output", a["reconstruct/output"][:, 0], out, 1e-3)
    check("reconstruct/code", a["reconstruct/code"][:, :, 0], code, 1e-3)
    check("ablation/base", a["ablation/base"], [errors.mean()])
    for c in range(3):
        less = code * (np.arange(3) != c)
        check("ablation/loss", a["ablation/loss"][c], ((model.decode(less) - x) ** 2).mean())
        check("reconstruct/ablated", a["reconstruct/ablated"][c, :, 0], model.decode(less), 1e-3)
    check("decode/vectors_output", a["decode/vectors_output"][:, 0],
          model.decode(a["decode/vectors"][()]), 1e-4)
    check("decode/one_hot_output", a["decode/one_hot_output"][:, 0], model.decode(np.eye(3)), 1e-4)
    check("decode/axes_values", a["decode/axes_values"], np.linspace(-1, 1, 5))
    for c in range(3):
        along = np.linspace(-1, 1, 5)[:, None] * np.eye(3)[c]
        check("decode/axes_output", a["decode/axes_output"][c, :, 0], model.decode(along), 1e-4)

    check("products/scaled", a["products/scaled"][:, 0], code[3][:, None] * model.decoder, 1e-3)
    check("products/rest", a["products/rest"][0], np.full(7, model.bias), 1e-4)
    check("products/sum", a["products/sum"][0], out[3], 1e-3)
    check("products/first", a["products/first"][0, :, 0], x[3] * model.encoder, 1e-4)

    worst = np.argsort(-errors, kind="stable")[:5]
    check("worst/sample", a["worst/sample"], worst)
    check("worst/loss", a["worst/loss"], errors[worst], 1e-4)
    nearest = np.argsort(abs(x[:, 3] - x[0, 3]), kind="stable")[:10]
    check("shared_point/clean", a["shared_point/clean"][:, 0], x[nearest])
    check("stride_power/output", a["stride_power/output"], [power(out, 4)], 1e-4)
    check("stride_power/target", a["stride_power/target"], [power(x, 4)], 1e-4)

    values = np.linalg.eigvalsh(np.cov(x.T, bias=True))
    check("pca/variance", a["pca/variance"], values[::-1][:5])
    check("pca/floor", a["pca/floor"], [values[:4].sum() / 7])
    check("pca/mean_floor", a["pca/mean_floor"], [values.sum() / 7])
    components = a["pca/components"][:, 0].astype(np.float64)
    check("pca/components", components @ components.T, np.eye(5), 1e-4)
    check("pca/components", np.diag(components @ np.cov(x.T, bias=True) @ components.T),
          values[::-1][:5], 1e-4)

    curves = a["assemble/target"][:, 0].astype(np.float64)
    laid, loss, interior, outer = assemble(model, curves, 4, 3)
    check("assemble/curve", a["assemble/curve"][:, :, 0], laid, 1e-3)
    check("assemble/loss", a["assemble/loss"], loss, 1e-4)
    check("assemble/interior", a["assemble/interior"], interior, 1e-4)
    check("assemble/outer", a["assemble/outer"], outer, 1e-4)

    check("robustness/loss", a["robustness/loss"][0], errors.mean())
    expect("much noise, more loss", a["robustness/loss"][2] > a["robustness/loss"][0])
    epochs, losses = trial["metrics/epoch"][()], trial["metrics/val_loss"][()]
    below = epochs[losses <= 0.08]
    check("epochs_to", a["epochs_to/epoch"], [below[0] if below.size else np.nan, np.nan])
    weight = trial["parameters/encoder.0.weight"][:, 0].astype(np.float64)
    check("filters", a["filters/encoder.0_smoothness"], (np.diff(weight, 2) ** 2).mean(1))


def check_matches(file, trials):
    a = file["analysis/filters"]
    check("filters/trial", a["trial"], range(len(trials)))
    weights = [t["parameters/decoder.0.weight"][:, 0].astype(np.float64) for t in trials]
    units = [w / np.linalg.norm(w, axis=1, keepdims=True) for w in weights]
    likeness = abs(units[0] @ units[1].T)
    best = max(itertools.permutations(range(3)), key=lambda o: sum(likeness[range(3), list(o)]))
    check("filters/order", a["decoder.0_order"][1], best)
    check("filters/score", a["decoder.0_score"][1], likeness[range(3), list(best)])
    check("filters/sign", a["decoder.0_sign"][1],
          [np.sign(units[0][i] @ units[1][k]) for i, k in enumerate(best)])
    check("filters/consistency", a["decoder.0_consistency"], [likeness[range(3), list(best)].mean()])


def check_probe(a):
    """That the probe's regression is at least as good on its codes as gradient descent's."""
    right = a["probe/confusion"][()]
    check("probe/accuracy", a["probe/accuracy"],
          [np.trace(right[i]) / right[i].sum() for i in range(2)])
    check("probe/confusion", right.sum((1, 2)), [600, 150])
    labels = a["encode/label"][()]
    check("probe/confusion", right[1].sum(1), np.bincount(labels, minlength=10))
    codes = a["encode/code"][()].reshape(len(labels), -1).astype(np.float64)
    means = np.stack([codes[labels == c].mean(0) for c in range(10)])
    nearest = ((codes[:, None] - means) ** 2).sum(2).argmin(1)
    expect("the probe knows more than chance", a["probe/accuracy"][1] > 0.2)
    expect("the probe learns its samples", a["probe/accuracy"][0] > (nearest == labels).mean())


def check_images(trial):
    a = trial["analysis"]
    labels = a["encode/label"][()]
    codes = a["encode/code"][()].reshape(len(labels), -1)
    counts = np.zeros((10, codes.shape[1]))
    np.add.at(counts, (labels, codes.argmax(1)), 1)
    check("code_confusion/counts", a["code_confusion/counts"], counts)
    order = a["code_confusion/order"][()]
    expect("the order has every column", sorted(order) == list(range(codes.shape[1])))
    # No exchange of two columns makes the diagonal larger.
    for i in range(10):
        for k in range(i + 1, len(order)):
            gain = counts[i, order[k]] - counts[i, order[i]]
            if k < 10:
                gain += counts[k, order[i]] - counts[k, order[k]]
            expect("the best order", gain <= 0)
    check_probe(a)
    expect("ablation", (a["ablation/loss"][()] >= a["ablation/base"][0]).any())
    expect("reconstruct/sample", list(a["reconstruct/sample"]) == [3, 77])
    expect("worst", (np.diff(a["worst/loss"]) <= 0).all())
    errors = ((a["worst/output"][()] - a["worst/clean"][()]) ** 2).mean((1, 2, 3))
    check("worst/loss", a["worst/loss"], errors, 1e-4)


def check_taps(trial):
    """An axis ends in the one-hot code of its channel, and all begin with zeros."""
    decoded = trial["analysis/decode"]
    axes = decoded["axes_output"][()]
    check("decode/axes_output", axes[:, -1], decoded["one_hot_output"], 0)
    check("decode/axes_output", axes[:, 0], np.broadcast_to(axes[0, 0], axes[:, 0].shape), 0)
    expect("decode/axes_output differs along an axis", (axes[:, 0] != axes[:, -1]).any())


def main(windows, images, taps):
    with h5py.File(f"{windows}/results.h5", "r") as file:
        ids = [name.decode() for name in file["summary/trial"]]
        for name in ids:
            check_windows(file["trials"][name])
        check_matches(file, [file["trials"][name] for name in ids])
    with h5py.File(f"{images}/results.h5", "r") as file:
        check_images(next(iter(file["trials"].values())))
    with h5py.File(f"{taps}/results.h5", "r") as file:
        check_taps(next(iter(file["trials"].values())))
    return 1 if bad else 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
