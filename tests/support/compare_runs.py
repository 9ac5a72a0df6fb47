#!/usr/bin/env python3
"""Compares the results.h5 of runs bit for bit: every weight, every metric but the times.

usage: compare_runs.py REFERENCE_DIR DIR [DIR ...]

Prints each difference and exits 1 if there is any, or if there was nothing to compare.
"""
import sys

import h5py
import numpy as np

TIMES = {"time_s"}


def datasets(path):
    """name -> array of everything numeric below /trials and /analysis, times aside; and the hashes."""
    found = {}
    with h5py.File(path, "r") as file:
        def visit(name, item):
            if isinstance(item, h5py.Dataset) and name.split("/")[-1] not in TIMES:
                found[name] = item[()]
            if "weights_hash" in item.attrs:
                found[name + "@weights_hash"] = np.array(item.attrs["weights_hash"].encode())
        for group in ("trials", "analysis"):
            if group in file:
                file[group].visititems(visit)
    return found


def same(a, b):
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def main(reference, others):
    expected = datasets(f"{reference}/results.h5")
    bad = 0
    if not any("/parameters/" in name for name in expected):
        print(f"{reference}: holds no trained parameters")
        bad += 1
    for other in others:
        have = datasets(f"{other}/results.h5")
        for name in sorted(expected.keys() | have.keys()):
            if name not in have or name not in expected:
                print(f"{other}: {name} is in one run only")
                bad += 1
            elif not same(np.asarray(expected[name]), np.asarray(have[name])):
                print(f"{other}: {name} differs from {reference}")
                bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
