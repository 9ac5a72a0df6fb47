#!/usr/bin/env python3
"""Microseconds an optimiser step of the recipes' models in PyTorch, on one thread.

usage: torch_recipes.py RECIPE [RECIPE ...]     prints "RECIPE MICROSECONDS" a line

The same models, batches, noise and optimisers as configs/RECIPE.yaml, data ready in memory: eager
mode, the median of five runs of 300 steps.
"""
import sys
import time

import torch
from torch import nn


def bezier():
    encoder = nn.Sequential(nn.Conv1d(1, 3, 7, 4), nn.Tanh())
    decoder = nn.ConvTranspose1d(3, 1, 7, 4)
    std = torch.tensor([0.1, 0.01, 0.001])[None, :, None]

    def output(x):
        code = encoder(x + 0.01 * torch.randn_like(x))
        return decoder(code + std * torch.randn_like(code))

    parameters = [*encoder.parameters(), *decoder.parameters()]
    return output, torch.optim.Adam(parameters, lr=1e-4), torch.rand(64, 128, 1, 7)


def signal():
    layers = []
    widths = [4, 64, 128, 256, 128, 64, 4]
    for i, (a, b) in enumerate(zip(widths, widths[1:])):
        layers += [nn.ConvTranspose1d(a, b, 1)] + ([nn.ReLU()] if i < 5 else [])
    model = nn.Sequential(*layers)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, weight_decay=1e-5)
    return model, optimizer, torch.rand(8, 128, 4, 12)


def linear(widths):
    model = nn.Sequential(*(nn.Linear(a, b) for a, b in zip(widths, widths[1:])))
    return model, torch.optim.SGD(model.parameters(), lr=0.01), torch.rand(64, 100, widths[0])


RECIPES = {"bezier": bezier, "signal": signal, "linear2": lambda: linear([2, 1, 2]),
           "linear4": lambda: linear([4, 10, 4])}


def microseconds(recipe, steps=300, runs=5):
    output, optimizer, batches = RECIPES[recipe]()
    loss = nn.MSELoss()

    def step(i):
        x = batches[i % len(batches)]
        optimizer.zero_grad()
        loss(output(x), x).backward()
        optimizer.step()

    for i in range(20):
        step(i)
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        for i in range(steps):
            step(i)
        times.append((time.perf_counter() - start) / steps * 1e6)
    return sorted(times)[runs // 2]


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in sys.argv[1:]:
        print(name, f"{microseconds(name):.1f}", flush=True)
