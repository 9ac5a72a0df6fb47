#!/usr/bin/env python3
"""Trains the image recipes' models in PyTorch on MNIST: the reference losses of docs/results.md.

usage: torch_mnist.py MNIST_DIR [--recipes a,b] [--seeds 1,2,3,4,5] [--out FILE] [--epochs N]

Appends one JSON line a training to FILE (default torch_mnist.jsonl), so that it may be stopped and
started again: what FILE holds already is not trained twice. About three hours on one core, twice
that unless glibc keeps freed memory (MALLOC_MMAP_THRESHOLD_ and MALLOC_TRIM_THRESHOLD_ large).
"""
import argparse
import gzip
import json
import pathlib
import struct
import sys
import time

import numpy as np
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from torch_models import RECIPES  # noqa: E402


def idx(path):
    with gzip.open(path) as file:
        raw = file.read()
    rank = raw[3]
    shape = struct.unpack(f">{rank}I", raw[4:4 + 4 * rank])
    return torch.from_numpy(np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape).copy())


def load(directory, split):
    images = idx(f"{directory}/{split}-images-idx3-ubyte.gz").float()[:, None] / 255
    return images, idx(f"{directory}/{split}-labels-idx1-ubyte.gz").long()


def prepared(model, x):
    x = x.contiguous(memory_format=torch.channels_last)
    if model.scale == "batch_max":
        return x / x.max()
    return (x - model.scale[0]) / model.scale[1] if model.scale else x


def evaluate(model, images, labels):
    """Means over the test set: each term clean, the same with noise, the accuracy."""
    model.eval()
    sums = {}
    with torch.no_grad():
        for i in range(0, len(images), 1000):
            x, y = prepared(model, images[i:i + 1000]), labels[i:i + 1000]
            for name, value in model.terms(x, y, given=x).items():
                sums["test_" + name] = sums.get("test_" + name, 0) + float(value) * len(x)
            if model.noise:
                noisy = model.terms(x, y)["reconstruction"]
                sums["noisy"] = sums.get("noisy", 0) + float(noisy) * len(x)
            if model.classes:
                right = (model(x)[0].argmax(1) == y).sum()
                sums["accuracy"] = sums.get("accuracy", 0) + float(right)
    return {name: value / len(images) for name, value in sums.items()}


def train(name, seed, epochs, data, test):
    torch.manual_seed(seed)
    model = RECIPES[name]().to(memory_format=torch.channels_last)  # twice as fast as by default
    optimizer = model.optimizer()
    images, labels = data
    epochs = epochs or model.epochs
    start = time.time()
    for epoch in range(epochs):
        model.train()
        order = torch.randperm(len(images))
        sums = {}
        for i in range(0, len(images), model.batch):
            j = order[i:i + model.batch]
            optimizer.zero_grad()
            terms = model.terms(prepared(model, images[j]), labels[j])
            model.total(terms).backward()
            optimizer.step()
            for term, value in terms.items():
                sums[term] = sums.get(term, 0) + value.detach() * len(j)
        print(name, seed, epoch + 1, {t: float(v) / len(images) for t, v in sums.items()},
              f"{time.time() - start:.0f} s", flush=True)
    record = {"recipe": name, "seed": seed, "epochs": epochs, "seconds": time.time() - start}
    record |= {"train_" + term: float(value) / len(images) for term, value in sums.items()}
    return record | evaluate(model, *test)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mnist")
    parser.add_argument("--recipes", default=",".join(RECIPES))
    parser.add_argument("--seeds", default="1,2,3,4,5")
    parser.add_argument("--out", default="torch_mnist.jsonl")
    parser.add_argument("--epochs", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    out = pathlib.Path(arguments.out)
    have = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    done = {(record["recipe"], record["seed"]) for record in have}
    data, test = load(arguments.mnist, "train"), load(arguments.mnist, "t10k")
    for seed in map(int, arguments.seeds.split(",")):
        for name in arguments.recipes.split(","):
            if (name, seed) not in done:
                record = train(name, seed, arguments.epochs, data, test)
                with out.open("a") as file:
                    file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
