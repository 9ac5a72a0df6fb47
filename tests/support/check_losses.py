#!/usr/bin/env python3
"""Compares the losses of whole trainings with the published ones.

usage: check_losses.py DIR      DIR/{clean,code,both,signal,linear2,linear4} hold the runs

bezier: the deconvolution experiment in another framework, float32, five seeds: loss on clean inputs
at epoch 5,000 over the windows' rank-3 PCA residual (1.031, 2.12, 2.19) and the loss at epoch 100.
signal: the mean of the last ten losses of 100. linear2: the PCA floor. linear4: floor 0.
"""
import sys

import h5py
import numpy as np


def trials(path):
    with h5py.File(path) as file:
        return [{**{name: column[()] for name, column in trial["metrics"].items()},
                 **{name: value[()] for name, value in trial["analysis"].items()},
                 **dict(trial["analysis"].attrs)}
                for trial in file["trials"].values()]


def main(folder):
    failed = []

    def expect(name, value, low, high):
        good = low <= value <= high
        print(f"{'ok  ' if good else 'FAIL'}  {name}: {value:.4g}, wanted {low:.4g} to {high:.4g}")
        if not good:
            failed.append(name)

    for name, ratio, epoch100 in (("clean", 1.031, 3.57e-4), ("code", 2.12, 6.57e-4),
                                  ("both", 2.19, 6.61e-4)):
        runs = trials(f"{folder}/{name}/results.h5")
        final = np.array([run["val_loss"][-1] for run in runs])
        early = np.mean([run["val_loss"][list(run["epoch"]).index(100)] for run in runs])
        expect(f"bezier {name}: seeds", len(runs), 5, 5)
        expect(f"bezier {name}: loss over PCA residual", final.mean() / runs[0]["pca_floor"],
               0.98 * ratio, 1.02 * ratio)
        expect(f"bezier {name}: std over mean of the seeds", final.std(ddof=1) / final.mean(), 0,
               0.01)
        expect(f"bezier {name}: loss at epoch 100 over the published", early / epoch100, 0.4, 1.6)
    for i, run in enumerate(trials(f"{folder}/signal/results.h5")):
        expect(f"signal {i}: mean of the last ten losses", run["train_loss"][-10:].mean(), 0.036,
               0.042)
    for i, run in enumerate(trials(f"{folder}/linear2/results.h5")):
        expect(f"linear2 {i}: loss over PCA floor", run["val_loss"][-1] / run["pca_floor"], 0.99,
               1.01)
    for i, run in enumerate(trials(f"{folder}/linear4/results.h5")):
        expect(f"linear4 {i}: loss", run["val_loss"][-1], 0, 1e-5)
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
