#!/usr/bin/env python3
"""How training scales from one rank to two, strong and weak, and what the placement makes of it.

usage: bench_scaling.py [--build DIR] [--tcp] [CASE ...]

  --build DIR  the build to measure (default build/release)
  --tcp        ranks talk over TCP instead of shared memory
  CASE         RECIPE@BATCH, or `sweep`: bezier's trials packed (default: all)

A figure is the least of several short trainings' times a step, as results.h5 records them; of the sweep
it is the time from the first trial's start to the end, as log.jsonl has it. Strong: the same batch on
both numbers of ranks; weak: twice the batch, or twice the trials, on two. The last column is what
`ranks_per_trial: auto` measured for a single trial on two ranks and what it chose. Nothing here decides
a test.
"""
import argparse
import datetime
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from bench_recipes import ROOT, environment, plan, step_microseconds

CASES = ["sweep", "bezier@128", "bezier@512", "conv@64", "conv@512", "deep@64", "deep@512"]
RUNS = 3
SECONDS = 0.4  # of a training, about
GUESS = {"bezier": 0.03, "conv": 30, "deep": 12}  # microseconds a sample, about
TCP = ["--mca", "btl", "tcp,self"]


def settings(recipe, batch):
    samples = 8 * batch
    epochs = max(2, round(SECONDS * 1e6 / (samples * GUESS[recipe])))
    common = [f"train.batch={batch}", f"data.samples={samples}", f"train.epochs={epochs}",
              "metrics.every=1000000"]
    return common + (["sweep.seed=[11]"] if recipe == "bezier" else ["data.test_samples=16"])


def train(options, recipe, overrides, ranks, folder):
    launcher = ["mpirun", *(TCP if options.tcp else []), "-np", str(ranks)] if ranks > 1 else []
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    return subprocess.run([*launcher, str(options.program), str(ROOT / f"configs/{recipe}.yaml"),
                           *overrides, "--output", str(folder)], env=environment(), check=True,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout


def step(options, recipe, batch, ranks, folder):
    """Microseconds a step."""
    overrides = settings(recipe, batch)
    steps, _, _ = plan(options.program, recipe, overrides)

    def once():
        train(options, recipe, [*overrides, f"ranks_per_trial={ranks}"], ranks, folder)
        return step_microseconds(folder, steps)
    return min(once() for _ in range(RUNS))


def choice(options, recipe, batch, folder):
    text = train(options, recipe, [*settings(recipe, batch), "train.epochs=2"], 2, folder)
    found = re.search(r"^placement (\d+) groups? of (\d+) ranks?: a step takes (.*);", text, re.M)
    times = [float(word) for word in re.findall(r"([\d.e+]+) us on", found[3])]
    return int(found[2]), times


def bench_case(options, case, folder):
    recipe, batch = case.split("@")
    one = step(options, recipe, int(batch), 1, folder)
    two = step(options, recipe, int(batch), 2, folder)
    weak = step(options, recipe, 2 * int(batch), 2, folder)
    chosen, times = choice(options, recipe, int(batch), folder)
    print(f"{case:12}{one:11.2f}{two:11.2f}{one / two:9.2f}{weak:11.2f}{one / weak:9.2f}"
          f"   {times[0]:.3g} and {times[1]:.3g} us: {chosen}"
          if len(times) > 1 else
          f"{case:12}{one:11.2f}{two:11.2f}{one / two:9.2f}{weak:11.2f}{one / weak:9.2f}"
          f"   {times[0]:.3g} us, one leaf: {chosen}", flush=True)


def stamp(event):
    return datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()


def sweep_seconds(options, trials, ranks, folder):
    def once():
        train(options, "bezier", [f"sweep.seed={{range: [1, {trials}]}}", "train.epochs=500",
                                  "metrics.every=1000000", "ranks_per_trial=1"], ranks, folder)
        events = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        begun = next(stamp(event) for event in events if event["event"] == "trial_start")
        return stamp(events[-1]) - begun
    return min(once() for _ in range(RUNS))


def bench_sweep(options, folder):
    one, two = (sweep_seconds(options, 6, ranks, folder) for ranks in (1, 2))
    weak = sweep_seconds(options, 12, 2, folder)
    print(f"{'sweep, ms':12}{1e3 * one:11.0f}{1e3 * two:11.0f}{one / two:9.2f}{1e3 * weak:11.0f}"
          f"{one / weak:9.2f}   6 trials, weak 12", flush=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("cases", nargs="*", default=CASES)
    parser.add_argument("--build", default=ROOT / "build/release", type=Path)
    parser.add_argument("--tcp", action="store_true")
    options = parser.parse_args()
    options.program = options.build.resolve() / "aedist"
    with tempfile.TemporaryDirectory() as scratch:
        bench(options, options.cases, Path(scratch) / "run")


def bench(options, cases, folder):
    print(f"{'case':12}{'1 rank, us':>11}{'2 ranks':>11}{'strong':>9}{'2x batch':>11}{'weak':>9}"
          "   auto: a step on 1 and 2 ranks, chosen", flush=True)
    for case in cases:
        if case == "sweep":
            bench_sweep(options, folder)
        else:
            bench_case(options, case, folder)


if __name__ == "__main__":
    sys.exit(main())
