#!/usr/bin/env python3
"""Checks the last value of metrics of a run's trials.

usage: expect_metrics.py DIR METRIC LOW HIGH [METRIC LOW HIGH ...]

Prints each value and exits 1 if one is not within its bounds (a NaN is not), or missing.
"""
import sys

import h5py


def main(folder, expected):
    bad = 0
    with h5py.File(f"{folder}/results.h5") as file:
        for trial in file["trials"].values():
            for metric, low, high in expected:
                value = trial["metrics"][metric][-1] if metric in trial["metrics"] else float("nan")
                good = float(low) <= value <= float(high)
                print(f"{'ok  ' if good else 'FAIL'}  {folder.split('/')[-1]}: {metric} {value:.4g}, "
                      f"wanted {low} to {high}")
                bad += not good
        bad += len(file["trials"]) == 0
    return 1 if bad else 0


if __name__ == "__main__":
    if len(sys.argv) < 5 or (len(sys.argv) - 2) % 3:
        sys.exit(__doc__)
    rest = sys.argv[2:]
    sys.exit(main(sys.argv[1], list(zip(rest[::3], rest[1::3], rest[2::3]))))
