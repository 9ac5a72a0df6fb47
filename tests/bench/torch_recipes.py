#!/usr/bin/env python3
"""Microseconds an optimiser step of the recipes' models in PyTorch.

usage: torch_recipes.py [--threads N] RECIPE[@BATCH] [...]     prints "RECIPE EAGER COMPILE" a line

The same models, batches, noise and optimisers as configs/RECIPE.yaml, data ready in memory: eager
mode and torch.compile ("-" where it fails), each the median of five runs of 20 to 300 steps.
"""
import sys
import time
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from torch_models import RECIPES as IMAGES  # noqa: E402


def mse(output):
    loss = nn.MSELoss()
    return lambda x, labels: loss(output(x), x)


def bezier():
    encoder = nn.Sequential(nn.Conv1d(1, 3, 7, 4), nn.Tanh())
    decoder = nn.ConvTranspose1d(3, 1, 7, 4)
    std = torch.tensor([0.1, 0.01, 0.001])[None, :, None]

    def output(x):
        code = encoder(x + 0.01 * torch.randn_like(x))
        return decoder(code + std * torch.randn_like(code))

    parameters = [*encoder.parameters(), *decoder.parameters()]
    return mse(output), torch.optim.Adam(parameters, lr=1e-4), 128, (1, 7)


def signal():
    layers = []
    widths = [4, 64, 128, 256, 128, 64, 4]
    for i, (a, b) in enumerate(zip(widths, widths[1:])):
        layers += [nn.ConvTranspose1d(a, b, 1)] + ([nn.ReLU()] if i < 5 else [])
    model = nn.Sequential(*layers)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, weight_decay=1e-5)
    return mse(model), optimizer, 128, (4, 12)


def linear(widths):
    model = nn.Sequential(*(nn.Linear(a, b) for a, b in zip(widths, widths[1:])))
    return mse(model), torch.optim.SGD(model.parameters(), lr=0.01), 100, (widths[0],)


def image(name):
    model = IMAGES[name]()
    model.train()

    def loss(x, labels):
        scaled = x / x.max() if model.scale == "batch_max" else x
        return model.total(model.terms(scaled, labels))

    return loss, model.optimizer(), model.batch, (1, 28, 28)


RECIPES = {"bezier": bezier, "signal": signal, "linear2": lambda: linear([2, 1, 2]),
           "linear4": lambda: linear([4, 10, 4])}


def seconds(step, steps):
    start = time.perf_counter()
    for i in range(steps):
        step(i)
    return time.perf_counter() - start


def microseconds(recipe, batch, compiled, runs=5):
    loss, optimizer, own_batch, shape = RECIPES[recipe]() if recipe in RECIPES else image(recipe)
    count = batch or own_batch
    batches = torch.rand(32, count, *shape)
    labels = torch.randint(0, 10, (32, count))
    if compiled:
        loss = torch.compile(loss)

    def step(i):
        optimizer.zero_grad()
        loss(batches[i % 32], labels[i % 32]).backward()
        optimizer.step()

    seconds(step, 10)
    steps = min(300, max(20, int(0.5 / (seconds(step, 5) / 5))))
    return sorted(seconds(step, steps) / steps * 1e6 for _ in range(runs))[runs // 2]


def main():
    names = sys.argv[1:]
    threads = 1
    if names[:1] == ["--threads"]:
        threads, names = int(names[1]), names[2:]
    torch.set_num_threads(threads)
    for name in names:
        recipe, _, batch = name.partition("@")
        figures = []
        for compiled in (False, True):
            try:
                figures.append(f"{microseconds(recipe, int(batch or 0), compiled):.1f}")
            except Exception as error:  # torch.compile may lack its compiler
                if not compiled:
                    raise
                print(error, file=sys.stderr)
                figures.append("-")
        print(name, *figures, flush=True)


if __name__ == "__main__":
    main()
