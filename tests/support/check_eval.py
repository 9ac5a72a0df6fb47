#!/usr/bin/env python3
"""Checks what `aedist eval --json` printed against the last metrics in results.h5, bit for bit.

usage: check_eval.py RUN JSON_LINES [METRIC ...]

Every trial that is done must be there with every metric that results.h5 has of an evaluation; METRICs
are those that only the evaluation has.
"""
import json
import sys

import h5py
import numpy as np

TRAINING = {"epoch", "lr", "grad_norm", "time_s"}


def expected(trial):
    """-> {metric: last value} of the evaluations; val_loss of the weights that were kept."""
    last = {name: values[-1] for name, values in trial["metrics"].items()
            if name not in TRAINING and not name.startswith(("train_", "ema_"))}
    if "kept_val_loss" in trial["analysis"].attrs:
        last["val_loss"] = trial["analysis"].attrs["kept_val_loss"]
    return last


def main(run, lines, more):
    have = {}
    with open(lines) as file:
        for line in file:
            entry = json.loads(line)
            have[entry["trial"]] = entry
    bad = 0
    with h5py.File(f"{run}/results.h5") as file:
        done = {name: trial for name, trial in file["trials"].items()
                if trial.attrs["status"] == "done"}
        summary = {name: file["summary"][name][:] for name in file["summary"]}
        row = {name.decode(): i for i, name in enumerate(summary["trial"])}
        if not done or have.keys() != done.keys():
            print(f"{lines}: has {sorted(have)}, not {sorted(done)}")
            bad += 1
        for name in have.keys() & done.keys():
            entry, wanted = have[name], expected(done[name])
            if entry["metrics"].keys() != wanted.keys() | set(more):
                print(f"{name}: has {sorted(entry['metrics'])}, not {sorted(wanted)} and {more}")
                bad += 1
                continue
            for metric, value in wanted.items():
                if np.float64(entry["metrics"][metric]).tobytes() != value.tobytes():
                    print(f"{name}: {metric} is {entry['metrics'][metric]!r}, was {value!r}")
                    bad += 1
            if entry["weights_hash"] != done[name].attrs["weights_hash"]:
                print(f"{name}: another weights_hash")
                bad += 1
            for axis, value in entry["settings"].items():
                wanted = summary[axis][row[name]]
                if value != (wanted.decode() if isinstance(wanted, bytes) else wanted):
                    print(f"{name}: {axis} is {value}, was {wanted}")
                    bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
