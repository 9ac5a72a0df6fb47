#!/usr/bin/env python3
"""Speed of the recipes end to end on one core, beside PyTorch where it can be imported.

usage: bench_recipes.py [--build DIR] [--torch PYTHON] [--json FILE] [RECIPE ...]

  --build DIR     the build to measure (default build/release)
  --torch PYTHON  an interpreter that can import torch (default: the first that can, of this one,
                  python3 and $AEDIST_TORCH_PYTHON)
  --json FILE     the same figures as JSON

A step's time is a whole training's wall time, as recorded in results.h5, over its steps: data,
noise, metrics and log included, start-up aside; the least of ten runs, as others disturb only in
one direction. Percent of peak: useful FLOPs (forward and twice that backward, less the first layer's
input gradient) over the core's measured fused multiply-add peak. Nothing here decides a test.
"""
import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py

ROOT = Path(__file__).resolve().parents[2]

# recipe: overrides that make the run long enough, and the FLOPs of one training step.
RECIPES = {
    "bezier": (["sweep.seed=[11]", "train.epochs=2000"], 128 * (84 * 3 - 42)),
    "signal": (["train.epochs=300", "metrics.every=100"], 128 * (1966080 + 2 * 12 * 2 * 256) * 3 - 128 * 2 * 12 * 4 * 64),
    "linear2": (["train.epochs=1000000"], 100 * (8 * 3 - 4)),
    "linear4": (["train.epochs=300000"], 100 * (160 * 3 - 80)),
}
RUNS = 10
TARGETS = {"bezier": "2.0 us", "signal": "60 % of peak", "linear2": "1 us"}


def environment():
    """The launcher's settings for few cores, and no settings that slow a BLAS down."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
    if os.geteuid() == 0:
        env["OMPI_ALLOW_RUN_AS_ROOT"] = env["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
    env.setdefault("OMPI_MCA_rmaps_base_oversubscribe", "1")
    env.setdefault("OMPI_MCA_hwloc_base_binding_policy", "none")
    return env


def train(program, recipe, overrides, folder, ranks=0):
    """Runs one training into `folder`; wall seconds from launch to exit."""
    shutil.rmtree(folder, ignore_errors=True)
    launcher = ["mpirun", "-np", str(ranks)] if ranks else []
    command = [*launcher, str(program), str(ROOT / f"configs/{recipe}.yaml"), *overrides,
               "--output", str(folder)]
    start = time.time()
    done = subprocess.run(command, env=environment(), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return start, time.time() - start


def step_microseconds(folder, batch_steps):
    with h5py.File(folder / "results.h5") as file:
        seconds = file["summary/seconds"][0]
        epochs = file["summary/epochs"][0]
    return seconds / (epochs * batch_steps) * 1e6


def peak_gflops(build):
    text = subprocess.run([build / "tests/bench/bench_kernels", "--peak"], capture_output=True,
                          text=True, check=True).stdout
    return float(text.split()[-1])


def torch_interpreter(wanted):
    candidates = [wanted] if wanted else [os.environ.get("AEDIST_TORCH_PYTHON"), sys.executable,
                                          shutil.which("python3")]
    for candidate in filter(None, candidates):
        if subprocess.run([candidate, "-c", "import torch"], capture_output=True).returncode == 0:
            return candidate
    return None


def torch_microseconds(python, recipe):
    if not python:
        return None
    script = Path(__file__).with_name("torch_recipes.py")
    done = subprocess.run([python, script, recipe], env=environment(), capture_output=True,
                          text=True, check=True)
    return float(done.stdout.split()[1])


def bench_recipe(program, recipe, peak, python, folder):
    overrides, flops = RECIPES[recipe]
    steps = 128 if recipe == "bezier" else 1
    best = min(measure(program, recipe, overrides, folder, steps) for _ in range(RUNS))
    torch = torch_microseconds(python, recipe)
    return {"us_step": best, "gflops": flops / best * 1e-3,
            "peak_percent": flops / best * 1e-1 / peak, "torch_us_step": torch,
            "ratio": torch / best if torch else None}


def measure(program, recipe, overrides, folder, steps):
    train(program, recipe, overrides, folder)
    return step_microseconds(folder, steps)


def first_step_seconds(program, folder, ranks):
    """From launch to the first line of the first trial: the log's clock is the machine's."""
    start, _ = train(program, "bezier", ["sweep.seed=[11]", "train.epochs=1"], folder, ranks)
    events = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    line = next(event for event in events if event["event"] == "trial_start")
    stamp = time.strptime(line["time"][:19], "%Y-%m-%dT%H:%M:%S")
    begun = time.mktime(stamp) - time.timezone + float("0." + line["time"][20:23])
    return begun - start


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("recipes", nargs="*", default=list(RECIPES))
    parser.add_argument("--build", default=ROOT / "build/release", type=Path)
    parser.add_argument("--torch")
    parser.add_argument("--json")
    options = parser.parse_args()
    program = options.build.resolve() / "aedist"
    python = torch_interpreter(options.torch)
    figures = {"peak_gflops": peak_gflops(options.build.resolve()), "recipes": {}}
    print(f"one core, peak {figures['peak_gflops']:.0f} GFLOP/s (float32)"
          + ("" if python else "; no PyTorch to compare with"))
    print(f"{'recipe':10}{'us/step':>10}{'GFLOP/s':>10}{'% of peak':>11}{'PyTorch us':>12}"
          f"{'ratio':>8}   target")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "run"
        for recipe in options.recipes:
            row = bench_recipe(program, recipe, figures["peak_gflops"], python, folder)
            figures["recipes"][recipe] = row
            torch = [f"{row['torch_us_step']:.0f}", f"{row['ratio']:.0f} x"] if python else ["-"] * 2
            print(f"{recipe:10}{row['us_step']:10.2f}{row['gflops']:10.1f}"
                  f"{row['peak_percent']:11.1f}{torch[0]:>12}{torch[1]:>8}   "
                  f"{TARGETS.get(recipe, '')}", flush=True)
        if "bezier" in options.recipes:
            article = min(train(program, "bezier", [], folder)[1] for _ in range(3))
            figures["article_seconds"] = article
            print(f"the article's five trainings, 5,000 epochs each, all included: {article:.1f} s "
                  "(target 8 s)")
            for ranks in (0, 2):
                name = f"first_step_seconds_np{ranks or 1}"
                figures[name] = sorted(first_step_seconds(program, folder, ranks)
                                       for _ in range(5))[2]
                print(f"start to first step, {'-np 2' if ranks else 'no launcher'}: "
                      f"{figures[name]:.2f} s (target 0.45 s)")
            figures["memory_mib"] = memory_mib(program, folder)
            print(f"memory of a rank: {figures['memory_mib']:.1f} MiB (target 64 MiB)")
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n")


def memory_mib(program, folder):
    """Peak resident memory of one rank on bezier, by a child of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    child = os.fork()
    if child == 0:
        train(program, "bezier", ["sweep.seed=[11]", "train.epochs=20"], folder)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        folder.with_suffix(".memory").write_text(str(peak))
        os._exit(0)
    os.waitpid(child, 0)
    return int(folder.with_suffix(".memory").read_text()) / 1024


if __name__ == "__main__":
    main()
