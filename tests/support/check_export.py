#!/usr/bin/env python3
"""Checks exported parameters against results.h5, to the bit, and what they compute against val_loss.

usage: check_export.py RUN TRIAL.safetensors TRIAL.csv [RECIPE IDX_FOLDER]

The safetensors file is read by a few lines here and, where the package safetensors is present, by that
too. With RECIPE and where torch is present the model of torch_models.py takes up the parameters and
must come to the run's last val_loss on the test images of IDX_FOLDER. Says what was left out.
"""
import csv
import json
import pathlib
import struct
import sys

import h5py
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))


def expect(condition, what):
    if not condition:
        sys.exit(f"FAILED: {what}")


def read_safetensors(path):
    """-> {name: array}, metadata; the format's rules are checked."""
    content = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    expect(length % 8 == 0 and content[8:9] == b"{", "the header's length or begin")
    header = json.loads(content[8:8 + length])
    metadata = header.pop("__metadata__")
    expect(all(isinstance(value, str) for value in metadata.values()), "metadata that is no text")
    data, tensors, at = content[8 + length:], {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = entry["data_offsets"]
        expect(entry["dtype"] == "F32" and begin == at, f"{name}: its type or a gap before it")
        tensors[name] = np.frombuffer(data[begin:end], "<f4").reshape(entry["shape"])
        at = end
    expect(at == len(data), "bytes behind the last tensor")
    return tensors, metadata


def read_csv(path):
    """-> {name: array}."""
    values, shapes = {}, {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            column = values.setdefault(row["name"], [])
            expect(int(row["index"]) == len(column), f"index {row['index']} of {row['name']}")
            column.append(np.float32(row["value"]))
            shapes[row["name"]] = [int(size) for size in row["shape"].split("x")]
    return {name: np.array(column, np.float32).reshape(shapes[name])
            for name, column in values.items()}


def expect_same(tensors, expected, what):
    expect(tensors.keys() == expected.keys(), f"{what}: the names")
    for name, values in expected.items():
        expect(tensors[name].shape == values.shape, f"{what}: the shape of {name}")
        expect(tensors[name].astype("<f4").tobytes() == values.tobytes(), f"{what}: {name}")


def read_idx(path):
    raw = pathlib.Path(path).read_bytes()
    shape = struct.unpack(f">{raw[3]}I", raw[4:4 + 4 * raw[3]])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)


def torch_loss(path, recipe, folder):
    """The loss of the recipe's PyTorch model with these parameters, in float64."""
    import torch
    from torch_models import RECIPES
    model = RECIPES[recipe]().double()
    tensors = read_safetensors(path)[0]
    model.load_state_dict({name: torch.from_numpy(values.copy())
                           for name, values in tensors.items()})
    model.eval()
    x = torch.from_numpy(read_idx(f"{folder}/t10k-images-idx3-ubyte").copy()).double()[:, None] / 255
    if model.scale == "batch_max":
        x = x / x.max()
    elif model.scale:
        x = (x - model.scale[0]) / model.scale[1]
    labels = torch.from_numpy(read_idx(f"{folder}/t10k-labels-idx1-ubyte").copy()).long()
    with torch.no_grad():
        return float(model.total(model.terms(x, labels, given=x)))


def main(run, safetensors_path, csv_path, recipe=None, folder=None):
    tensors, metadata = read_safetensors(safetensors_path)
    with h5py.File(f"{run}/results.h5") as file:
        trial = file["trials"][metadata["trial"]]
        expected = {name: values[()] for name, values in trial["parameters"].items()}
        expect(metadata["weights_hash"] == trial.attrs["weights_hash"], "the weights_hash")
        expect(metadata["config"] == trial.attrs["config"], "the config")
        expect(metadata["aedist_version"] == file.attrs["aedist_version"], "the version")
        loss = trial["metrics/val_loss"][-1]
    expect(len(expected) > 0, "a trial without parameters")
    expect_same(tensors, expected, safetensors_path)
    expect_same(read_csv(csv_path), expected, csv_path)
    left_out = []
    try:
        import safetensors.numpy
        expect_same(safetensors.numpy.load_file(safetensors_path), expected, "package safetensors")
    except ImportError:
        left_out.append("safetensors")
    if recipe:
        try:
            have = torch_loss(safetensors_path, recipe, folder)
            expect(abs(have / loss - 1) < 1e-5, f"{recipe}: val_loss {loss}, PyTorch finds {have}")
        except ImportError:
            left_out.append("torch")
    print(f"{len(expected)} tensors as in results.h5"
          + "".join(f"; without {name}, which is not here" for name in left_out))


if __name__ == "__main__":
    if len(sys.argv) not in (4, 6):
        sys.exit(__doc__)
    main(*sys.argv[1:])
