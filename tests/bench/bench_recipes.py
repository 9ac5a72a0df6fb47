#!/usr/bin/env python3
"""Speed of the recipes end to end on one core, beside PyTorch where it can be imported.

usage: bench_recipes.py [--build DIR] [--torch PYTHON] [--json FILE] [RECIPE[@BATCH] ...]

  --build DIR     the build to measure (default build/release)
  --torch PYTHON  an interpreter that can import torch (default: the first that can, of this one,
                  python3 and $AEDIST_TORCH_PYTHON)
  --json FILE     the same figures as JSON

A step's time is a whole training's wall time, as recorded in results.h5, over its steps: data,
noise, metrics and log included, start-up and the evaluation of an epoch aside where there is one;
the least of several runs, as others disturb only in one direction. Percent of peak: useful FLOPs
(forward and twice that backward, less the first layer's input gradient, as --dry-run counts them)
over the core's fused multiply-add peak, which is measured before and after every run, as its clock
changes from minute to minute; the median of the runs' percentages. PyTorch is the better of eager mode and
torch.compile. Convolutional recipes at batch 64 are timed on two ranks too, if there are two cores.
Nothing here decides a test.
"""
import argparse
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py

ROOT = Path(__file__).resolve().parents[2]

# recipe: overrides that make the run long enough. Evaluation is no step: images have next to none.
IMAGES = ["data.samples=1280", "data.test_samples=16", "train.epochs=10", "metrics.every=1000"]
CONVOLUTIONAL = ["conv", "upsample", "denoise", "classify", "smallconv"]
OVERRIDES = {
    "bezier": ["sweep.seed=[11]", "train.epochs=2000"],
    "signal": ["train.epochs=300", "metrics.every=100"],
    "linear2": ["train.epochs=1000000"],
    "linear4": ["train.epochs=300000"],
    "fc32": [*IMAGES, "train.epochs=100"],
    "deep": [*IMAGES, "train.epochs=20"],
}
DEFAULT = ["bezier", "signal", "linear2", "linear4", "fc32", "conv", "upsample", "denoise", "deep",
           "classify", "smallconv", *(f"{name}@64" for name in CONVOLUTIONAL)]
RUNS = 5
TARGETS = {"bezier": "2.0 us", "signal": "60 % of peak", "linear2": "1 us", "fc32": "4 x",
           "conv": "6 x", "upsample": "6 x", "denoise": "3.5 x", "deep": "2.75 x",
           "classify": "12 x", "smallconv": "12 x",
           **{f"{name}@64": "55 % of peak, 2 ranks 1.8 x" for name in CONVOLUTIONAL}}


def environment():
    """The launcher's settings for few cores, and no settings that slow a BLAS down."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
    if os.geteuid() == 0:
        env["OMPI_ALLOW_RUN_AS_ROOT"] = env["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
    env.setdefault("OMPI_MCA_rmaps_base_oversubscribe", "1")
    env.setdefault("OMPI_MCA_hwloc_base_binding_policy", "none")
    return env


def train(program, recipe, overrides, folder, ranks=0, share=True):
    """Runs one training into `folder`; when it was launched, wall seconds to its exit."""
    shutil.rmtree(folder, ignore_errors=True)
    launcher = ["mpirun", "-np", str(ranks)] if ranks else []
    if ranks and share:  # no placement measured: all ranks share the one trial
        overrides = [*overrides, f"ranks_per_trial={ranks}"]
    command = [*launcher, str(program), str(ROOT / f"configs/{recipe}.yaml"), *overrides,
               "--output", str(folder)]
    start = time.time()
    done = subprocess.run(command, env=environment(), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return start, time.time() - start


def plan(program, recipe, overrides):
    """Steps an epoch, batch, and useful FLOPs of a training step, from --dry-run."""
    text = subprocess.run([str(program), str(ROOT / f"configs/{recipe}.yaml"), *overrides,
                           "--dry-run"], env=environment(), capture_output=True, text=True,
                          check=True).stdout
    steps, batch = map(int, re.search(r"epochs of (\d+) steps?, batch (\d+)", text).groups())
    layers = re.findall(r"^(?:encoder|code|decoder)\S* .*?(\d+) +(\d+)(?:  <- code)?$", text, re.M)
    flops = [int(flops) for _, flops in layers]
    first = next(int(flops) for parameters, flops in layers if int(parameters))
    return steps, batch, batch * (3 * sum(flops) - first)


def step_microseconds(folder, steps):
    with h5py.File(folder / "results.h5") as file:
        seconds = file["summary/seconds"][0]
        epochs = file["summary/epochs"][0]
    return seconds / (epochs * steps) * 1e6


def peak_gflops(program):
    command = [program.parent / "tests/bench/bench_kernels", "--peak"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(text.split()[-1])


def torch_interpreter(wanted):
    candidates = [wanted] if wanted else [os.environ.get("AEDIST_TORCH_PYTHON"), sys.executable,
                                          shutil.which("python3")]
    for candidate in filter(None, candidates):
        if subprocess.run([candidate, "-c", "import torch"], capture_output=True).returncode == 0:
            return candidate
    return None


def torch_microseconds(python, name):
    """-> (eager, compile); None where there is no figure."""
    if not python:
        return None, None
    script = Path(__file__).with_name("torch_recipes.py")
    done = subprocess.run([python, script, name], env=environment(), capture_output=True, text=True,
                          check=True)
    return [None if word == "-" else float(word) for word in done.stdout.split()[1:3]]


def measure(program, recipe, overrides, steps, folder, ranks=0):
    """Least microseconds a step, and the median over the runs of microseconds x the core's GFLOP/s then: what
    a step's FLOPs are a share of."""
    times, possible = [], []
    peaks = [peak_gflops(program)]
    for _ in range(RUNS):
        train(program, recipe, overrides, folder, ranks)
        peaks.append(peak_gflops(program))
        times.append(step_microseconds(folder, steps))
        possible.append(times[-1] * (peaks[-2] + peaks[-1]) / 2)
    return min(times), statistics.median(possible)


def bench_recipe(program, name, python, folder):
    recipe, _, wanted = name.partition("@")
    overrides = [*OVERRIDES.get(recipe, IMAGES), *([f"train.batch={wanted}"] if wanted else [])]
    steps, batch, flops = plan(program, recipe, overrides)
    best, possible = measure(program, recipe, overrides, steps, folder)
    eager, compiled = torch_microseconds(python, name)
    torch = min(filter(None, (eager, compiled)), default=None)
    row = {"us_step": best, "mflop": flops * 1e-6, "gflops": flops / best * 1e-3,
           "peak_percent": flops / possible * 1e-1, "torch_eager_us_step": eager,
           "torch_compile_us_step": compiled, "ratio": torch / best if torch else None}
    if wanted and os.cpu_count() > 1:
        row["two_ranks_speedup"] = best / measure(program, recipe, overrides, steps, folder, 2)[0]
    return row


def print_row(name, row):
    def figure(key, form):
        return form.format(row[key]) if row.get(key) is not None else "-"
    print(f"{name:14}{row['us_step']:10.2f}{row['mflop']:10.3f}{row['gflops']:9.1f}"
          f"{row['peak_percent']:8.1f}{figure('torch_eager_us_step', '{:.0f}'):>9}"
          f"{figure('torch_compile_us_step', '{:.0f}'):>9}{figure('ratio', '{:.1f} x'):>10}"
          f"{figure('two_ranks_speedup', '{:.2f} x'):>9}   {TARGETS.get(name, '')}", flush=True)


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
    parser.add_argument("recipes", nargs="*", default=DEFAULT)
    parser.add_argument("--build", default=ROOT / "build/release", type=Path)
    parser.add_argument("--torch")
    parser.add_argument("--json")
    options = parser.parse_args()
    program = options.build.resolve() / "aedist"
    python = torch_interpreter(options.torch)
    figures = {"peak_gflops": peak_gflops(program), "recipes": {}}
    print(f"one core, peak {figures['peak_gflops']:.0f} GFLOP/s (float32) at first"
          + ("" if python else "; no PyTorch to compare with"))
    print(f"{'recipe':14}{'us/step':>10}{'MFLOP':>10}{'GFLOP/s':>9}{'% peak':>8}{'eager':>9}"
          f"{'compile':>9}{'ratio':>10}{'2 ranks':>9}   target")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "run"
        for name in options.recipes:
            row = bench_recipe(program, name, python, folder)
            figures["recipes"][name] = row
            print_row(name, row)
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
