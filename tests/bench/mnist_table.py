#!/usr/bin/env python3
"""The image recipes on MNIST beside PyTorch, as the tables of docs/results.md.

usage: mnist_table.py MNIST_DIR RUNS TORCH.jsonl [TORCH.jsonl ...]

RUNS holds one run a recipe (RUNS/conv/results.h5 ...) made by
  aedist configs/RECIPE.yaml data.source=idx data.path=MNIST_DIR 'sweep.seed=[1,2,3,4,5]' \\
      --output RUNS/RECIPE
and the files are torch_mnist.py's. The criterion is ours <= PyTorch + 2 standard errors of the
difference of the means. Dead maps are channels (of a flat code, units) of the code before its
activation function's last pooling that are 0 for every test sample; they are counted by loading the
trained weights into PyTorch, which also checks that it finds the same test loss.
"""
import json
import math
import statistics
import sys
from pathlib import Path

import h5py
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from torch_mnist import load, prepared  # noqa: E402
from torch_models import RECIPES  # noqa: E402

# metric in results.h5 -> key of torch_mnist.py's records
METRICS = {"train_loss": "train_reconstruction", "val_loss": "test_reconstruction",
           "noisy_loss": "noisy"}
CLASSIFY = {"train_mse": "train_reconstruction", "train_cross_entropy": "train_cross_entropy",
            "val_mse": "test_reconstruction", "val_cross_entropy": "test_cross_entropy",
            "val_accuracy": "accuracy"}


def spread(values):
    std = statistics.stdev(values) if len(values) > 1 else math.nan
    return statistics.mean(values), std


def codes(model, images):
    """The code of every image and the mean squared error, as PyTorch computes them."""
    model.eval()
    kept, error = [], 0.0
    with torch.no_grad():
        for i in range(0, len(images), 1000):
            x = prepared(model, images[i:i + 1000])
            code, output = model(x)
            kept.append(code)
            error += float(((output - x).double() ** 2).mean()) * len(x)
    return torch.cat(kept), error / len(images)


def inspect(recipe, trial, images):
    """-> (dead channels of the code, of how many, test mse by PyTorch)."""
    model = RECIPES[recipe]()
    weights = {name: torch.from_numpy(np.array(value))
               for name, value in trial["parameters"].items()}
    model.load_state_dict(weights)
    code, error = codes(model, images)
    alive = code.abs().amax(dim=[d for d in range(code.dim()) if d != 1]) > 0
    return int((~alive).sum()), len(alive), error


def recipe_rows(recipe, path, torch_records, images):
    with h5py.File(path) as file:
        trials = sorted(file["trials"].values(), key=lambda t: t.attrs["seed"])
        metrics = {name: [float(t["metrics"][name][-1]) for t in trials]
                   for name in trials[0]["metrics"]}
        seeds = [int(t.attrs["seed"]) for t in trials]
        seen = [inspect(recipe, t, images) for t in trials]
    key = "val_mse" if recipe == "classify" else "val_loss"
    for (_, _, error), value in zip(seen, metrics[key]):
        if RECIPES[recipe]().loss != "bce" and abs(error - value) > 1e-4 * value:
            sys.exit(f"{recipe}: PyTorch finds {error}, results.h5 has {value}")
    for ours, theirs in (CLASSIFY if recipe == "classify" else METRICS).items():
        if ours not in metrics:
            continue
        reference = [record[theirs] for record in torch_records if theirs in record]
        mean, std = spread(metrics[ours])
        their_mean, their_std = spread(reference) if reference else (math.nan, math.nan)
        error = math.sqrt(std ** 2 / len(seeds) + their_std ** 2 / max(1, len(reference)))
        verdict = (their_mean - mean) / error if ours.endswith("accuracy") else \
            (mean - their_mean) / error
        yield (f"| {recipe} | {ours} | {mean:.5f} ({std:.5f}) | {their_mean:.5f} ({their_std:.5f})"
               f" | {len(reference)} | {verdict:+.1f} | "
               + " ".join(f"{value:.5f}" for value in metrics[ours]) + " |")
    yield (f"| {recipe} | dead of {seen[0][1]} | | | | | "
           + " ".join(str(dead) for dead, _, _ in seen) + " |")


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    images, _ = load(sys.argv[1], "t10k")
    records = [json.loads(line) for name in sys.argv[3:]
               for line in Path(name).read_text().splitlines()]
    print("| recipe | metric | aedist: mean (std) | PyTorch: mean (std) | its seeds "
          "| standard errors above | seeds 1 2 3 4 5 |\n|---|---|---|---|---|---|---|")
    for recipe in RECIPES:
        path = Path(sys.argv[2]) / recipe / "results.h5"
        if path.exists():
            theirs = [record for record in records if record["recipe"] == recipe]
            for row in recipe_rows(recipe, path, theirs, images):
                print(row, flush=True)


if __name__ == "__main__":
    main()
