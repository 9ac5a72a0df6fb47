#!/usr/bin/env python3
"""All that is claimed of aedist's speed, measured in one run: one table, and JSON beside it.

usage: bench.py [--build DIR] [--torch PYTHON] [--jax PYTHON] [--json FILE] [--only SECTION ...]
                [RECIPE[@BATCH] ...]

  --build DIR     the build to measure (default build/release)
  --torch PYTHON  an interpreter that can import torch (default: the first that can, of
                  $AEDIST_TORCH_PYTHON, this one and python3)
  --jax PYTHON    the same for jax, and $AEDIST_JAX_PYTHON
  --json FILE     the figures (default bench.json in the build folder)
  --only SECTION  of recipes, sets, start, sweep, scaling, sum, records (default: all of them)

recipes   each recipe's step on one core, and on all of them, with samples a second, percent of the
          core's peak and the memory of a rank; PyTorch (eager and compiled) on as many threads and, for
          the models it has, JAX's scan. Ratios are to the best of these on as many cores.
sets      each recipe with the processor's best kernels and with AVX2's, and what share of its own peak
          AVX2's keeps beside the other's
start     launch to first step and to the end of a run of one epoch
sweep     bezier's 60 trials on one core and on all; what a trial costs beside its training
scaling   bench_scaling.py's table
sum       the canonical sum beside MPI_Allreduce of the same floats on two ranks, as parts of a step
records   what checkpoints, recorded rows and their extras cost of an epoch

Times are the least of several runs, as others disturb only in one direction; on a shared machine ratios
of one run hold better than times. Nothing here decides a test.
"""
import argparse
import json
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py

import bench_recipes as recipes
import bench_scaling as scaling
from bench_recipes import ROOT, environment

SECTIONS = ["recipes", "sets", "start", "sweep", "scaling", "sum", "records"]
CORES = os.cpu_count()


def interpreter(module, *candidates):
    for candidate in filter(None, candidates):
        if subprocess.run([candidate, "-c", f"import {module}"], env=environment(),
                          capture_output=True).returncode == 0:
            return candidate
    return None


def show(value, form="{:.1f}"):
    return "-" if value is None else form.format(value)


# ---- Recipes ----------------------------------------------------------------------------------

def peer(python, script, name, threads, figures):
    """The figures that a peer's script prints behind the recipe's name; None where it has none."""
    if not python:
        return [None] * figures
    done = subprocess.run([python, Path(__file__).with_name(script), "--threads", str(threads), name],
                          env=environment(), capture_output=True, text=True)
    words = done.stdout.split()[1:1 + figures]
    words += ["-"] * (figures - len(words))
    return [None if word == "-" else float(word) for word in words]


def rank_memory(program, recipe, overrides, folder):
    """Peak resident MiB of one rank, by a child of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    note = folder.with_suffix(".memory")
    child = os.fork()
    if child == 0:
        recipes.train(program, recipe, [*overrides, "train.epochs=2"], folder)
        note.write_text(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
        os._exit(0)
    os.waitpid(child, 0)
    return int(note.read_text()) / 1024


def bench_recipe(options, name, folder):
    recipe, _, wanted = name.partition("@")
    overrides = [*recipes.OVERRIDES.get(recipe, recipes.IMAGES),
                 *([f"train.batch={wanted}"] if wanted else [])]
    steps, batch, flops = recipes.plan(options.program, recipe, overrides)
    row = {"batch": batch, "mflop": flops * 1e-6}
    for cores in sorted({1, CORES}):
        us, possible = recipes.measure(options.program, recipe, overrides, steps, folder,
                                       cores if cores > 1 else 0)
        eager, compiled = peer(options.torch, "torch_recipes.py", name, cores, 2)
        scan, = peer(options.jax, "jax_recipes.py", name, cores, 1)
        best = min(filter(None, (eager, compiled, scan)), default=None)
        row[f"cores_{cores}"] = {
            "us_step": us, "samples_s": batch / us * 1e6,
            "peak_percent": flops / possible * 1e-1 / cores, "torch_eager": eager,
            "torch_compile": compiled, "jax_scan": scan, "ratio": best / us if best else None}
    row["memory_mib"] = rank_memory(options.program, recipe, overrides, folder)
    return row


def bench_recipes(options, folder):
    peak = recipes.peak_gflops(options.program)
    print(f"\nrecipes; a core's peak is {peak:.0f} GFLOP/s (float32) at first\n"
          f"{'recipe':14}{'cores':>6}{'us/step':>11}{'samples/s':>12}{'% peak':>8}{'eager':>10}"
          f"{'compile':>10}{'jax scan':>10}{'ratio':>8}{'MiB':>7}   target")
    rows = {}
    for name in options.recipes or recipes.DEFAULT:
        row = rows[name] = bench_recipe(options, name, folder)
        for cores in sorted({1, CORES}):
            r = row[f"cores_{cores}"]
            target = recipes.TARGETS.get(name, "") if cores == 1 else ""
            print(f"{name if cores == 1 else '':14}{cores:6}{r['us_step']:11.2f}"
                  f"{r['samples_s']:12.0f}{r['peak_percent']:8.1f}"
                  f"{show(r['torch_eager'], '{:.0f}'):>10}{show(r['torch_compile'], '{:.0f}'):>10}"
                  f"{show(r['jax_scan'], '{:.0f}'):>10}{show(r['ratio'], '{:.1f}'):>8}"
                  f"{row['memory_mib'] if cores == 1 else 0:7.0f}   {target}".rstrip(), flush=True)
    return {"peak_gflops": peak, "rows": rows}


# ---- Kernel sets ------------------------------------------------------------------------------

def with_set(name, work):
    """What work() returns while that kernel set is forced."""
    os.environ["AEDIST_SIMD"] = name
    try:
        return work()
    finally:
        del os.environ["AEDIST_SIMD"]


def chosen_set(options, folder):
    recipes.train(options.program, "linear2", ["train.epochs=1"], folder)
    with h5py.File(folder / "results.h5") as file:
        return str(file.attrs["kernels"])


def bench_sets(options, folder):
    best = chosen_set(options, folder)
    if best != "avx512":
        print(f"\nsets      none to compare: this processor's best are {best}")
        return {}
    peaks = {name: with_set(name, lambda: recipes.peak_gflops(options.program))
             for name in (best, "avx2")}
    print(f"\nsets; peaks are {peaks[best]:.0f} and {peaks['avx2']:.0f} GFLOP/s at first\n"
          f"{'recipe':14}{'avx512, us':>12}{'% peak':>8}{'avx2, us':>12}{'% peak':>8}{'kept':>8}"
          "   target 0.80")
    rows = {}
    for name in options.recipes or [name for name in recipes.DEFAULT if "@" not in name]:
        recipe, _, wanted = name.partition("@")
        overrides = [*recipes.OVERRIDES.get(recipe, recipes.IMAGES),
                     *([f"train.batch={wanted}"] if wanted else [])]
        steps, _, flops = recipes.plan(options.program, recipe, overrides)
        runs = {key: with_set(key, lambda: recipes.measure(options.program, recipe, overrides,
                                                           steps, folder)) for key in peaks}
        us = {key: runs[key][0] for key in peaks}
        share = {key: flops / runs[key][1] * 1e-1 for key in peaks}
        rows[name] = {"us_step": us, "peak_percent": share, "kept": share["avx2"] / share[best]}
        print(f"{name:14}{us[best]:12.2f}{share[best]:8.1f}{us['avx2']:12.2f}{share['avx2']:8.1f}"
              f"{rows[name]['kept']:8.2f}", flush=True)
    return {"peak_gflops": peaks, "rows": rows}


# ---- Start ------------------------------------------------------------------------------------

def bench_start(options, folder):
    figures = {}
    print("\nstart                     to the first step, s   all of one epoch, s   target 0.45")
    for ranks in (0, 2):
        first = sorted(recipes.first_step_seconds(options.program, folder, ranks)
                       for _ in range(5))[2]
        whole = min(recipes.train(options.program, "bezier", ["sweep.seed=[11]", "train.epochs=1"],
                                  folder, ranks)[1] for _ in range(5))
        name = "mpirun -np 2" if ranks else "no launcher"
        figures[name] = {"first_step_s": first, "one_epoch_s": whole}
        print(f"{name:26}{first:20.2f}{whole:22.2f}", flush=True)
    return figures


# ---- Sweep ------------------------------------------------------------------------------------

SWEEP = ["train.epochs=300", "metrics.every=10", "sweep.seed=[11,22,33,44,55]",
         "sweep.noise_scale=[0,0.5,1,2]", "sweep.input_noise=[0,0.005,0.01]"]


def trial_milliseconds(options, folder, trials):
    """Of a trial of linear2 beside the training that its results record."""
    arguments = ["train.epochs=10", f"sweep.seed={{range: [1, {trials}]}}"]
    seconds = recipes.train(options.program, "linear2", arguments, folder)[1]
    with h5py.File(folder / "results.h5") as file:
        trained = float(file["summary/seconds"][:].sum())
    few = recipes.train(options.program, "linear2", ["train.epochs=10", "sweep.seed=[1]"], folder)[1]
    return (seconds - trained - few) / trials * 1e3


def bench_sweep(options, folder):
    def whole(ranks):
        return min(recipes.train(options.program, "bezier", SWEEP, folder, 0)[1] if ranks == 1 else
                   timed_mpirun(options, SWEEP, ranks, folder) for _ in range(2))
    one, all_cores = whole(1), whole(CORES)
    each = min(trial_milliseconds(options, folder, 1000) for _ in range(2))
    print(f"\nsweep     60 trials of bezier: {one:.1f} s on one core, {all_cores:.1f} s on {CORES}: "
          f"{all_cores / one:.2f} of the time ({60 / all_cores:.1f} trials a second)\n"
          f"          a trial costs {each:.2f} ms beside its training (target 0.5)", flush=True)
    return {"one_core_s": one, "all_cores_s": all_cores, "trial_ms": each}


def timed_mpirun(options, overrides, ranks, folder):
    """Packed as the program chooses: not all ranks on each trial, which bench_recipes.train asks for."""
    return recipes.train(options.program, "bezier", [*overrides, "ranks_per_trial=1"], folder,
                         ranks, share=False)[1]


# ---- Sum --------------------------------------------------------------------------------------

def parameters_of(options, recipe):
    text = subprocess.run([options.program, ROOT / f"configs/{recipe}.yaml", "--dry-run"],
                          env=environment(), capture_output=True, text=True, check=True).stdout
    return int(re.search(r"model +(\d+) parameters", text)[1])


def bench_sum(options, folder, measured):
    """Microseconds of both sums of a recipe's gradients, and the share of a two-rank step that is
    the canonical one's excess."""
    print(f"\nsum on 2 ranks{'':10}{'floats':>9}{'canonical, us':>15}{'Allreduce, us':>15}"
          f"{'excess of a step':>18}   target 5 %")
    rows = {}
    for name in options.recipes or recipes.DEFAULT:
        recipe, _, wanted = name.partition("@")
        if wanted:
            continue
        count = parameters_of(options, recipe)
        done = subprocess.run(["mpirun", "-np", "2", options.build / "tests/bench/bench_sum",
                               "--allreduce", str(4 * count)], env=environment(),
                              capture_output=True, text=True, check=True)
        canonical, plain = map(float, done.stdout.split()[-2:])
        step = measured.get(name, {}).get("cores_2", {}).get("us_step")
        rows[name] = {"floats": count, "canonical_us": canonical, "allreduce_us": plain,
                      "excess_percent": (canonical - plain) / step * 100 if step else None}
        print(f"{name:24}{count:9}{canonical:15.2f}{plain:15.2f}"
              f"{show(rows[name]['excess_percent'], '{:.1f} %'):>18}", flush=True)
    return rows


# ---- Records ----------------------------------------------------------------------------------

RECORDS = {"checkpoint each epoch": ["checkpoint.every='1 epochs'"],
           "a row each epoch": ["metrics.every=1"],
           "norms, dead units": ["metrics.every=1", "metrics.norms=true",
                                 "metrics.dead_units=true"]}


def bench_records(options, folder):
    common = ["data.samples=6400", "data.test_samples=640", "train.epochs=6", "checkpoint.every=none",
              "metrics.every=1000"]

    def epoch_ms(extra):
        def once():
            recipes.train(options.program, "conv", [*common, *extra], folder)
            with h5py.File(folder / "results.h5") as file:
                return float(file["summary/seconds"][0]) / 6 * 1e3
        return min(once() for _ in range(3))
    bare = epoch_ms([])
    print(f"\nrecords   conv, 320 steps an epoch: {bare:.0f} ms an epoch without any")
    figures = {"bare_ms": bare}
    for name, extra in RECORDS.items():
        figures[name] = epoch_ms(extra) - bare
        print(f"          {name + ':':24}{figures[name]:+8.1f} ms ({figures[name] / bare * 100:+.1f} %)",
              flush=True)
    return figures


# ---- All --------------------------------------------------------------------------------------

def machine():
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {"processor": model[1] if model else platform.machine(), "cores": CORES,
            "system": platform.platform()}


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("recipes", nargs="*")
    parser.add_argument("--build", default=ROOT / "build/release", type=Path)
    parser.add_argument("--torch")
    parser.add_argument("--jax")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", action="append", choices=SECTIONS)
    options = parser.parse_args()
    options.build = options.build.resolve()
    options.program = options.build / "aedist"
    options.tcp = False
    options.torch = interpreter("torch", options.torch or os.environ.get("AEDIST_TORCH_PYTHON"),
                                sys.executable, shutil.which("python3"))
    options.jax = interpreter("jax", options.jax or os.environ.get("AEDIST_JAX_PYTHON"),
                              sys.executable, shutil.which("python3"))
    sections = options.only or SECTIONS
    figures = {"machine": machine(), "torch": bool(options.torch), "jax": bool(options.jax)}
    print(f"{figures['machine']['processor']}, {CORES} cores"
          + ("" if options.torch else "; no PyTorch") + ("" if options.jax else "; no JAX"))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "run"
        if "recipes" in sections:
            figures["recipes"] = bench_recipes(options, folder)
        if "sets" in sections:
            figures["sets"] = bench_sets(options, folder)
        if "start" in sections:
            figures["start"] = bench_start(options, folder)
        if "sweep" in sections:
            figures["sweep"] = bench_sweep(options, folder)
        if "scaling" in sections:
            print()
            scaling.bench(options, scaling.CASES, folder)
        if "sum" in sections:
            figures["sum"] = bench_sum(options, folder, figures.get("recipes", {}).get("rows", {}))
        if "records" in sections:
            figures["records"] = bench_records(options, folder)
    target = options.json or options.build / "bench.json"
    target.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"\nfigures in {target}")


if __name__ == "__main__":
    main()
