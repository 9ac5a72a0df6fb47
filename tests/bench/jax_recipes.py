#!/usr/bin/env python3
"""Microseconds an optimiser step of the recipes' models in JAX, a block of steps compiled into one scan.

usage: jax_recipes.py [--threads N] RECIPE[@BATCH] [...]     prints "RECIPE SCAN" a line

The same models, batches, noise and optimisers as configs/RECIPE.yaml, data ready in memory, random
keys made in the scan: no Python between the steps, JAX at its best for small models. "-" for a recipe
that is not written down here. The median of five blocks.
"""
import os
import sys
import time

names, threads = sys.argv[1:], 1
if names[:1] == ["--threads"]:
    threads, names = int(names[1]), names[2:]
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
os.environ["JAX_PLATFORMS"] = "cpu"

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from jax import lax, random  # noqa: E402


def linear(p, name, x):
    return x @ p[name + "w"] + p[name + "b"]


def conv(p, name, x, stride=1, padding=0):
    """PyTorch's (out, in, k...) on (N, C, ...)."""
    dims = x.ndim - 2
    letters = ("NCHW", "OIHW", "NCHW") if dims == 2 else ("NCH", "OIH", "NCH")
    y = lax.conv_general_dilated(x, p[name + "w"], (stride,) * dims, [(padding, padding)] * dims,
                                 dimension_numbers=letters)
    return y + p[name + "b"].reshape((1, -1) + (1,) * dims)


def conv_transpose(p, name, x, stride):
    """PyTorch's (in, out, k...)."""
    dims, w = x.ndim - 2, p[name + "w"]
    letters = ("NCHW", "OIHW", "NCHW") if dims == 2 else ("NCH", "OIH", "NCH")
    k = w.shape[2] - 1
    flipped = jnp.flip(w, range(2, 2 + dims)).swapaxes(0, 1)
    y = lax.conv_general_dilated(x, flipped, (1,) * dims, [(k, k)] * dims,
                                 lhs_dilation=(stride,) * dims, dimension_numbers=letters)
    return y + p[name + "b"].reshape((1, -1) + (1,) * dims)


def pool(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")


def mse(y, x):
    return jnp.mean((y - x) ** 2)


def bezier(p, x, key):
    one, two = random.split(key)
    code = jnp.tanh(conv(p, "e", x + 0.01 * random.normal(one, x.shape), 4))
    code += random.normal(two, code.shape) * jnp.array([0.1, 0.01, 0.001])[None, :, None]
    return mse(conv_transpose(p, "d", code, 4), x)


def linear2(p, x, key):
    return mse(linear(p, "d", linear(p, "e", x)), x)


def fc32(p, x, key):
    x = x.reshape(x.shape[0], -1)
    return mse(jax.nn.sigmoid(linear(p, "d", jax.nn.relu(linear(p, "e", x)))), x)


def deep(p, x, key):
    y = x = x.reshape(x.shape[0], -1) / jnp.max(x)
    for i in range(6):
        y = linear(p, str(i), y)
        y = jax.nn.sigmoid(y) if i not in (2, 5) else y
    return jnp.mean(jnp.maximum(y, 0) - y * x + jnp.log1p(jnp.exp(-jnp.abs(y))))


def conv_model(p, x, key):
    y = pool(jax.nn.relu(conv(p, "a", x, 1, 1)))
    y = pool(jax.nn.relu(conv(p, "b", y, 1, 1)))
    y = jax.nn.relu(conv_transpose(p, "c", y, 2))
    return mse(jax.nn.sigmoid(conv_transpose(p, "d", y, 2)), x)


def layers(**shapes):
    return {**{k + "w": s[0] for k, s in shapes.items()}, **{k + "b": s[1] for k, s in shapes.items()}}


WIDTHS = [784, 256, 64, 32, 64, 256, 784]
# loss, shapes of the parameters, batch, shape of a sample, learning rate of adam (None: sgd 0.01)
MODELS = {
    "bezier": (bezier, layers(e=((3, 1, 7), 3), d=((3, 1, 7), 1)), 128, (1, 7), 1e-4),
    "linear2": (linear2, layers(e=((2, 1), 1), d=((1, 2), 2)), 100, (2,), None),
    "fc32": (fc32, layers(e=((784, 32), 32), d=((32, 784), 784)), 20, (1, 28, 28), 1e-3),
    "deep": (deep, layers(**{str(i): (pair, pair[1]) for i, pair in
                             enumerate(zip(WIDTHS, WIDTHS[1:]))}), 64, (1, 28, 28), 1e-3),
    "conv": (conv_model, layers(a=((16, 1, 3, 3), 16), b=((4, 16, 3, 3), 4), c=((4, 16, 2, 2), 16),
                                d=((16, 1, 2, 2), 1)), 20, (1, 28, 28), 1e-3),
}


def adam(rate, p, g, m, v, step):
    m = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, m, g)
    v = jax.tree.map(lambda a, b: 0.999 * a + 0.001 * b * b, v, g)
    one, two = 1 - 0.9 ** step, 1 - 0.999 ** step
    p = jax.tree.map(lambda a, b, c: a - rate * (b / one) / (jnp.sqrt(c / two) + 1e-8), p, m, v)
    return p, m, v


def block(loss, rate, batches):
    def step(state, i):
        p, m, v, key = state
        key, own = random.split(key)
        value, g = jax.value_and_grad(loss)(p, batches[i % batches.shape[0]], own)
        if rate is None:
            p = jax.tree.map(lambda a, b: a - 0.01 * b, p, g)
        else:
            p, m, v = adam(rate, p, g, m, v, i + 1.0)
        return (p, m, v, key), value
    return jax.jit(lambda state, steps: lax.scan(step, state, steps))


def microseconds(name, batch):
    loss, shapes, own_batch, sample, rate = MODELS[name]
    keys = iter(random.split(random.PRNGKey(0), len(shapes) + 1))
    p = {k: 0.1 * random.normal(next(keys), s if isinstance(s, tuple) else (s,))
         for k, s in shapes.items()}
    zeros = jax.tree.map(jnp.zeros_like, p)
    batches = random.uniform(next(keys), (32, batch or own_batch, *sample))
    run = block(loss, rate, batches)
    state = (p, zeros, zeros, random.PRNGKey(1))

    def seconds(steps):
        start = time.perf_counter()
        jax.block_until_ready(run(state, jnp.arange(steps)))
        return time.perf_counter() - start
    seconds(20)  # compiles
    steps = min(2000, max(20, int(0.3 / (seconds(20) / 20))))
    seconds(steps)
    return sorted(seconds(steps) / steps * 1e6 for _ in range(5))[2]


for name in names:
    recipe, _, wanted = name.partition("@")
    figure = f"{microseconds(recipe, int(wanted or 0)):.1f}" if recipe in MODELS else "-"
    print(name, figure, flush=True)
