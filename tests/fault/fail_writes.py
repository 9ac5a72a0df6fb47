#!/usr/bin/env python3
"""Lets every write, fsync, rename and creation of a file in a run's folder fail in turn, once and for
good: the run must end with exit code 3 and one line that names the file, what it had must be whole,
and a rerun with room must give the undisturbed results. Then a disk that is really full, and one that
cannot be written to.

usage: fail_writes.py AEDIST FAIL_CALLS_LIBRARY SCRATCH [--every K]

--every K tries each K-th call only.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import h5py

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import compare_runs  # noqa: E402

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
SETTINGS = ["data.samples=1000", "train.epochs=12", "sweep.seed=[1,2]", "checkpoint.every=5 epochs"]


def train(program, out, environment=None):
    command = [program, str(SOURCE / "configs/bezier.yaml"), *SETTINGS, "--output", str(out)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60,
                          env={**os.environ, **(environment or {})})


def complain(what, result):
    sys.exit(f"FAILED: {what}: exit code {result.returncode}\n{result.stdout}{result.stderr}")


def check_failure(what, result, folder):
    lines = [line for line in result.stderr.splitlines() if line.startswith("aedist: ")]
    if result.returncode != 3:
        complain(f"{what}: not exit code 3", result)
    if len(lines) != 1 or str(folder) not in lines[0]:
        complain(f"{what}: not one line that names the place", result)


def check_whole(what, out):
    path = out / "results.h5"
    if path.exists():
        with h5py.File(path, "r") as file:
            list(file["summary"])
    for left in list(out.glob("*.tmp")) + list(out.glob("checkpoints/*.tmp")):
        sys.exit(f"FAILED: {what}: {left} was left")


def check_rerun(what, program, whole, out):
    result = train(program, out)
    if result.returncode != 0:
        complain(f"{what}: the rerun", result)
    if compare_runs.main(str(whole), [str(out)]) != 0:
        sys.exit(f"FAILED: {what}: the rerun has other results")


def fail_calls(options, whole):
    out = options.scratch / "run"

    def train_failing(at, rest):
        """The result, the number of calls, and whether one failed that may not be lost."""
        told = options.scratch / "told"
        told.unlink(missing_ok=True)
        result = train(options.program, out,
                       {"LD_PRELOAD": options.library, "FAULT_FOLDER": str(out),
                        "FAULT_TOLD": str(told), "FAULT_AT": str(at), "FAULT_REST": rest})
        *places, calls = told.read_text().splitlines()
        return result, int(calls), any(not place.endswith("/log.jsonl") for place in places)

    result, total, _ = train_failing(0, "0")
    if result.returncode != 0:
        complain("counting the calls", result)
    shutil.rmtree(out)
    if total < 20:
        sys.exit(f"FAILED: only {total} calls were counted")
    failures = 0
    for rest in ["0", "1"]:
        for at in range(1, total + 1, options.every):
            what = f"call {at} of {total} failing{' and all later ones' if rest == '1' else ''}"
            # How many calls there are depends on when files are asked for again while one is written,
            # so that the last ones are not always reached.
            result, _, failed = train_failing(at, rest)
            if failed or result.returncode != 0:
                check_failure(what, result, out)
            failures += failed
            if out.exists():
                check_whole(what, out)
            check_rerun(what, options.program, whole, out)
            shutil.rmtree(out)
    tried = 2 * len(range(1, total + 1, options.every))
    if failures < tried / 2:
        sys.exit(f"FAILED: only {failures} of {tried} calls failed where it matters")
    print(f"{failures} of {tried} calls failed where it matters: each was told, nothing was lost")


def mounted(point, *arguments):
    point.mkdir(exist_ok=True)
    return subprocess.run(["mount", *arguments, str(point)], capture_output=True).returncode == 0


def full_disk(options, whole):
    point = options.scratch / "disk"
    if not mounted(point, "-t", "tmpfs", "-o", "size=24k", "tmpfs"):
        print("no right to mount: the full and the read-only disk were not tried")
        return
    try:
        out = point / "run"
        check_failure("a full disk", train(options.program, out), out)
        check_whole("a full disk", out)
        subprocess.run(["mount", "-o", "remount,size=10m", str(point)], check=True)
        check_rerun("a disk with room again", options.program, whole, out)
        subprocess.run(["mount", "-o", "remount,ro", str(point)], check=True)
        check_failure("a read-only disk", train(options.program, out), out)
        check_failure("a new run on a read-only disk", train(options.program, point / "new"),
                      point / "new")
        check_whole("a read-only disk", out)
    finally:
        subprocess.run(["umount", str(point)], check=True)
    print("a full disk and a read-only one: told, nothing was lost")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("library")
    parser.add_argument("scratch", type=pathlib.Path)
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    options.scratch = options.scratch.resolve()
    shutil.rmtree(options.scratch, ignore_errors=True)
    options.scratch.mkdir(parents=True)
    whole = options.scratch / "whole"
    result = train(options.program, whole)
    if result.returncode != 0:
        complain("the undisturbed run", result)
    # LD_PRELOAD takes a blank for the end of a path.
    with tempfile.TemporaryDirectory() as folder:
        options.library = shutil.copy(options.library, folder)
        fail_calls(options, whole)
    full_disk(options, whole)


main()
