#!/usr/bin/env python3
"""Usage: make_seeds.py AEDIST FOLDER

Makes FOLDER/<target>/*, the inputs that fuzzing begins with: the project's configs with overrides, small
files of data in all forms, and the ledger and a checkpoint of a small run of AEDIST. What precedes or
follows a file in an input is told at the head of its fuzz_<target>.c. FOLDER/config.dict has the words of
configs.
"""
import gzip
import pathlib
import re
import signal
import struct
import subprocess
import sys
import time

import h5py
import numpy

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SMALL = SOURCE / "tests/fuzz/small.yaml"
OVERRIDES = [
    ["seed=5"],
    ["model.encoder.+=relu", "train={}"],
    ["sweep={seed: [1, 2], train.batch: {range: [16, 32, 16]}}"],
    ["model.code.noise=[0.1]", "sweep=null", "noise_scale={from: 1.0, to: 0.0, epochs: 5}"],
    ["train.loss={reconstruction: {mse: 0.5}, code: {l1: 0.1}}", "input_noise=0.5"],
]
random = numpy.random.default_rng(1)


def put(folder, name, content):
    (folder / name).write_bytes(content)


def make_configs(folder):
    texts = [(path.stem, path.read_text()) for path in sorted((SOURCE / "configs").glob("**/*.yaml"))]
    for name, text in texts + [("small", SMALL.read_text())]:
        put(folder, name, text.encode())
    for number, overrides in enumerate(OVERRIDES):
        put(folder, f"override-{number}", "\0".join([SMALL.read_text(), *overrides, ""]).encode())


def make_dictionary(program, path):
    """The words of configs, for libFuzzer to put in."""
    text = subprocess.run([program, "--help-config"], check=True, capture_output=True, text=True).stdout
    keys = " ".join(line.split(":")[0] for line in text.splitlines())
    words = sorted(set(re.findall(r"[a-z_][a-z0-9_]+", keys)))
    signs = ["{", "}", "[", "]", ": ", ", ", "- ", "null", ".+: ", "1.0e-4", "&a ", "*a ", "\\x00"]
    path.write_text("".join(f'"{word}"\n' for word in words + signs))


def idx(kind, values):
    sizes = struct.pack(f">{values.ndim}I", *values.shape)
    return bytes([0, 0, kind, values.ndim]) + sizes + values.tobytes()


def make_idx(folder):
    labels = idx(0x08, (numpy.arange(3) % 2).astype("u1"))
    forms = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
    for kind, form in forms.items():
        for shape in (3,), (3, 4), (3, 2, 2), (3, 1, 2, 2):
            samples = idx(kind, random.integers(0, 100, shape).astype(form))
            for flags in 0, 1 | 16, 2, 1 | 4 | 8:
                put(folder, f"{form[-2:]}-{len(shape)}-{flags}",
                    bytes([flags, len(labels)]) + labels + samples)
            put(folder, f"{form[-2:]}-{len(shape)}-gz", bytes([0, 0]) + gzip.compress(samples))


def make_virtual(path, form, libver):
    """Samples put together of two datasets of the same file."""
    with h5py.File(path, "w", libver=libver) as file:
        layout = h5py.VirtualLayout(shape=(6, 3), dtype=form)
        for part in 0, 1:
            file[f"part{part}"] = random.integers(0, 50, (3, 3)).astype(form)
            layout[3 * part:3 * part + 3] = h5py.VirtualSource(".", f"part{part}", shape=(3, 3))
        file.create_virtual_dataset("x", layout)
    put(path.parent, path.name, path.read_bytes() + bytes([0]))


def make_hdf5(folder):
    storages = [{}, {"chunks": True}, {"chunks": True, "compression": "gzip", "shuffle": True},
                {"chunks": True, "compression": "gzip", "fletcher32": True}]
    for number, form in enumerate(("u1", "<f4", ">f8", "<i4")):
        for libver in "earliest", "latest":
            for storage, options in enumerate(storages):
                path = folder / f"{form[-2:]}-{libver}-{storage}"
                with h5py.File(path, "w", libver=libver) as file:
                    for name in "x", "test":
                        values = random.integers(0, 50, [(6, 3), (6, 2, 2), (6, 1, 2, 2)][number % 3])
                        file.create_dataset(name, data=values.astype(form), **options)
                    for name in "labels", "test_labels":
                        file[name] = numpy.arange(6) % 3
                put(folder, path.name, path.read_bytes() + bytes([storage]))
            make_virtual(folder / f"{form[-2:]}-{libver}-virtual", form, libver)


def make_runs(program, scratch, ledgers, checkpoints):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = [program, SMALL, "--output"]
    subprocess.run([*command, scratch / "ended", "train.epochs=3", "metrics.every=1",
                    "sweep.seed=[1,2]"], check=True, **quiet)
    put(ledgers, "run", b"\1" + (scratch / "ended" / "ledger").read_bytes())

    # It would train for hours: stopped once it has a checkpoint, it leaves that and its last state.
    stopped = subprocess.Popen([*command, scratch / "stopped"], **quiet)
    files = scratch / "stopped" / "checkpoints"
    while stopped.poll() is None and not list(files.glob("*.h5")):
        time.sleep(0.05)
    stopped.send_signal(signal.SIGUSR1)
    stopped.wait()
    for number, path in enumerate(sorted(files.glob("*.h5"))):
        put(checkpoints, f"file-{number}", b"\0" + path.read_bytes())
        with h5py.File(path, "r") as file:
            for form in b"\1", b"\2":
                put(checkpoints, f"record-{number}-{form[0]}", form + bytes(file["record"][:]))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    program, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    folders = {}
    for target in "config", "idx", "hdf5", "ledger", "checkpoint", "runs":
        folders[target] = folder / target
        folders[target].mkdir(parents=True, exist_ok=True)
    make_configs(folders["config"])
    make_dictionary(program, folder / "config.dict")
    make_idx(folders["idx"])
    make_hdf5(folders["hdf5"])
    make_runs(program, folders["runs"], folders["ledger"], folders["checkpoint"])


main()
