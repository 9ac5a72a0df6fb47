#!/usr/bin/env python3
"""Kills runs of a small sweep at random moments and resumes them on other rank counts until they are
done; every result must equal the undisturbed one in every weight and metric, and results.h5 must open
after every kill.

usage: kill_runs.py AEDIST SCRATCH [--kills N] [--damage] [--seed S] [--ranks R]

Each run is ended by one of: SIGKILL of a rank or of mpirun, SIGTERM or SIGUSR1 of mpirun. With --damage a
byte of a checkpoint or of the ledger's end is flipped, or one of them cut off, before some of the
resumes. Prints a line a run; exits 1 at the first difference, telling the folder that shows it.
"""
import argparse
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

import h5py

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import compare_runs  # noqa: E402

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
BOUND = 60  # seconds within which a job must end by itself
SETTINGS = ["data.samples=4000", "train.epochs=600", "train.batch=64", "train.leaf=64",
            "sweep.seed=[1,2]", "sweep.noise_scale=[0,1.0]", "sweep.train.optimizer.adam.lr=[1e-3,1e30]",
            "checkpoint.every=7 epochs", "metrics.every=5"]


def start(program, out, ranks, log):
    command = ["mpirun", "-np", str(ranks), program, str(SOURCE / "configs/bezier.yaml"), *SETTINGS,
               "--output", str(out)]
    return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)


def ranks_of(job):
    """The ranks' process ids: the children of mpirun."""
    try:
        text = pathlib.Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in text.split()]


def strike(job, how, chance):
    try:
        if how == "rank":
            ranks = ranks_of(job)
            if ranks:
                os.kill(chance.choice(ranks), signal.SIGKILL)
        else:
            job.send_signal({"mpirun": signal.SIGKILL, "term": signal.SIGTERM,
                             "usr1": signal.SIGUSR1}[how])
    except ProcessLookupError:
        pass


def wait_for_ranks(ranks):
    """A killed mpirun leaves its ranks a moment longer, and one of them holds the run's lock."""
    end = time.time() + BOUND
    while any(pathlib.Path(f"/proc/{pid}").exists() for pid in ranks):
        if time.time() > end:
            sys.exit(f"ranks {ranks} outlived mpirun by {BOUND} s")
        time.sleep(0.05)


def check_readable(out):
    path = out / "results.h5"
    if not path.exists():
        return
    with h5py.File(path, "r") as file:
        for name in file["summary"]:
            file["summary"][name][()]


def damage(out, chance):
    """Flips a byte of a checkpoint or of the ledger's last part, or cuts one off; tells what."""
    files = sorted(out.glob("checkpoints/*.h5"))
    ledger = out / "ledger"
    if ledger.exists() and ledger.stat().st_size > 100:
        files.append(ledger)
    if not files:
        return "nothing"
    path = chance.choice(files)
    size = path.stat().st_size
    first = max(8, size - 300) if path == ledger else 0
    at = chance.randrange(first, size)
    if chance.random() < 0.5:
        with open(path, "r+b") as file:
            file.truncate(at)
        return f"{path.name} cut off at {at}"
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ (1 << chance.randrange(8))]))
    return f"{path.name} flipped at {at}"


def run_once(program, out, ranks, chance, log, kill):
    """One run, struck at a random moment if `kill`; returns its exit code and what was done to it."""
    job = start(program, out, ranks, log)
    how = "left alone"
    if kill:
        how = chance.choice(["rank", "mpirun", "term", "usr1"])
        time.sleep(chance.uniform(0.15, 1.3))
        known = ranks_of(job)
        strike(job, how, chance)
    try:
        code = job.wait(BOUND if kill else 5 * BOUND)
    except subprocess.TimeoutExpired:
        job.kill()
        sys.exit(f"the job did not end within {BOUND} s after '{how}'; see {log.name}")
    if kill:
        wait_for_ranks(known)
    return code, how


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("scratch", type=pathlib.Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--damage", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ranks", type=int, default=4)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    shutil.rmtree(options.scratch, ignore_errors=True)
    options.scratch.mkdir(parents=True)
    log = open(options.scratch / "log.txt", "a+")
    whole = options.scratch / "whole"
    # Half of the trials diverge: they are results too, of status failed, and the exit code is 5.
    code, _ = run_once(options.program, whole, 1, chance, log, False)
    if code != 5:
        sys.exit(f"the undisturbed run returned {code}; see {log.name}")
    kills = runs = 0
    while kills < options.kills:
        out = options.scratch / f"run{runs}"
        runs += 1
        strikes = []
        while True:
            ranks = options.ranks if not strikes else chance.randint(1, options.ranks)
            # A run that is struck all the time would never end.
            kill = kills < options.kills and len(strikes) < 12
            code, how = run_once(options.program, out, ranks, chance, log, kill)
            if kill and code != 5:
                kills += 1
                strikes.append(how)
            elif code == 5:
                break
            else:
                sys.exit(f"{out}: returned {code} undisturbed after {strikes}; see {log.name}")
            check_readable(out)
            if options.damage and chance.random() < 0.6:
                strikes.append(damage(out, chance))
        if compare_runs.main(str(whole), [str(out)]) != 0:
            sys.exit(f"{out}: other results after {strikes}")
        print(f"{out.name}: the same after {', '.join(strikes) or 'no kill'}", flush=True)
        shutil.rmtree(out)
    print(f"{kills} kills over {runs} runs: every result is the same")


main()
