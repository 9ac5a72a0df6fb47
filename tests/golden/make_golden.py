#!/usr/bin/env python3
"""Writes golden.h5: what PyTorch computes for small models, for test_golden.c to compare with.

    python3 tests/golden/make_golden.py            # needs torch, numpy, h5py; writes beside itself

Made with PyTorch 2.13, in float64 from float32 data, so that the fixture holds what the formulas say
and the tolerances of the test belong to aedist alone. Every number follows from the seeds and the
formula below: a second run on the same machine writes the same bytes.

A case is a group <kind>/<name> (layers, losses, optimizers, schedules, recipes) with

    config         attribute: YAML (its JSON subset) of the whole config, `batch: full`
    target         (samples, *shape) float32; `input` likewise if it differs
    output         of the model with the initial parameters
    losses, lr     of ten steps, float64
    tensors        attribute: the names of the parameter tensors, a space between them
    tensors        (3, n): initial values, gradient of the first step, values after ten steps; of
                   each tensor, flat, every stride-th number, one tensor after the other
    facts          (tensors, 4): bound (see initial), stride, and two sums over all numbers of the
                   tensor times initial(name, count, 1): of the gradient and of the final values

The cases of `trainings` are whole trainings of forty epochs, each a step: `losses` are those after each
epoch, `lr` the rates in it, `ema_losses` those of PyTorch's AveragedModel, if the config has `ema`. They
have no output and one row of `tensors`, the initial values.

The cases of `models` are the whole models of the image recipes: support/torch_models.py here, their
YAML in configs/ there. They have no target and no config, but the attributes

    recipe         of configs/<recipe>.yaml
    overrides      what is set differently, a space between two
    pixels         how images() makes the samples
    samples

and of the output `output` has every stride-th number only (output_stride), `projections` the sum of
each sample's times initial("output", features, 1), and `terms` (10, terms) the terms of the losses.

Initial parameters are no random numbers but initial(), which the test computes too, as the larger
models would not fit.
"""
import json
import pathlib
import sys
import zlib

import h5py
import numpy as np
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from torch_models import RECIPES  # noqa: E402

STEPS = 10
EPOCHS = 40  # of a training
THIN = 48  # about so many numbers of a tensor are stored at most


def initial(name, count, bound):
    """bound * uniform(-1, 1) by a hash of (name, index): the finaliser of MurmurHash3 (public domain)."""
    h = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(zlib.crc32(name.encode()))
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        h = (h ^ (h >> np.uint32(shift))) * np.uint32(factor)
    return (bound * (2 * (h >> np.uint32(8)).astype(np.float64) / 2**24 - 1)).astype(np.float32)


# ---- Models from the config ------------------------------------------------------------------


class Unflatten(torch.nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.reshape(x.shape[0], *self.shape)


def one(spec):
    """(kind, arguments) of a bare name or a mapping of one kind."""
    return (spec, {}) if isinstance(spec, str) else next(iter(spec.items()))


def make_layer(spec, channels):
    """The module of one layer of the config, whose input has `channels` channels or features."""
    kind, args = one(spec)
    window = {}
    if isinstance(args, dict) and "kernel" in args:
        window = {k: v for k, v in args.items() if k != "out"}
        window["kernel_size"] = window.pop("kernel")
    make = {
        "linear": lambda: torch.nn.Linear(channels, args["out"], bias=args.get("bias", True)),
        "conv1d": lambda: torch.nn.Conv1d(channels, args["out"], **window),
        "conv_transpose1d": lambda: torch.nn.ConvTranspose1d(channels, args["out"], **window),
        "conv2d": lambda: torch.nn.Conv2d(channels, args["out"], **window),
        "conv_transpose2d": lambda: torch.nn.ConvTranspose2d(channels, args["out"], **window),
        "max_pool1d": lambda: torch.nn.MaxPool1d(**window),
        "max_pool2d": lambda: torch.nn.MaxPool2d(**window),
        "avg_pool1d": lambda: torch.nn.AvgPool1d(**window),
        "avg_pool2d": lambda: torch.nn.AvgPool2d(**window),
        "upsample": lambda: torch.nn.Upsample(scale_factor=tuple(args["scale"]), mode=args["mode"]),
        "group_norm": lambda: torch.nn.GroupNorm(args["groups"], channels),
        "layer_norm": lambda: torch.nn.LayerNorm(channels),
        "relu": torch.nn.ReLU,
        "leaky_relu": lambda: torch.nn.LeakyReLU(args.get("slope", 0.01)),
        "elu": lambda: torch.nn.ELU(args.get("alpha", 1.0)),
        "tanh": torch.nn.Tanh,
        "sigmoid": torch.nn.Sigmoid,
        "softplus": torch.nn.Softplus,
        "softmax": lambda: torch.nn.Softmax(dim=1),
        "flatten": torch.nn.Flatten,
        "unflatten": lambda: torch.nn.Unflatten(1, args),
    }
    return make[kind]().double()


class Autoencoder(torch.nn.Module):
    """The model of a config; its parameters have the names of the config's paths."""

    def __init__(self, config, sample):
        super().__init__()
        self.encoder, self.decoder = torch.nn.Sequential(), torch.nn.Sequential()
        self.code = torch.nn.ModuleDict()
        x = self.extend(self.encoder, config["model"]["encoder"],
                        torch.zeros(1, *sample, dtype=torch.float64))
        if "code" in config["model"]:
            self.code["activation"] = make_layer(config["model"]["code"]["activation"], x.shape[1])
        self.extend(self.decoder, config["model"]["decoder"], x)

    @staticmethod
    def extend(sequence, layers, x):
        for layer in layers:
            sequence.append(make_layer(layer, x.shape[1]))
            x = sequence[-1](x)
        return x

    def forward(self, x):
        x = self.encoder(x)
        for activation in self.code.values():
            x = activation(x)
        return self.decoder(x)


# ---- Training as the config says ---------------------------------------------------------------


def make_loss(spec):
    def term(kind, args):
        functions = torch.nn.functional
        return {
            "mse": lambda y, t: functions.mse_loss(y, t),
            "bce": lambda y, t: functions.binary_cross_entropy(y, t),
            "l1": lambda y, t: functions.l1_loss(y, t),
            "smooth_l1": lambda y, t: functions.smooth_l1_loss(y, t, beta=args.get("beta", 1.0)),
        }[kind]

    if isinstance(spec, dict) and "reconstruction" in spec:
        terms = [(weight, term(kind, {})) for kind, weight in spec["reconstruction"].items()]
        return lambda y, t: sum(weight * f(y, t) for weight, f in terms)
    return term(*one(spec))


def make_optimizer(spec, parameters):
    kind, args = one(spec)
    args = dict(args)
    if "beta1" in args or "beta2" in args:
        args["betas"] = (args.pop("beta1", 0.9), args.pop("beta2", 0.999))
    make = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[kind]
    return make(parameters, **args)


def make_schedulers(spec, optimizer, epochs):
    """PyTorch's own schedulers, one after the other on the same rate; one epoch is one step here."""
    kind, args = one(spec)
    rates, schedulers = torch.optim.lr_scheduler, []
    if args.get("warmup"):
        schedulers.append(rates.LinearLR(optimizer, 1 / args["warmup"], 1, args["warmup"] - 1))
    if kind == "step":
        schedulers.append(rates.StepLR(optimizer, args["every"], args.get("gamma", 0.1)))
    if kind == "cosine":
        schedulers.append(rates.CosineAnnealingLR(optimizer, epochs, args.get("min", 0.0)))
    return schedulers


def train(model, config, x, target):
    """Ten steps; returns output, gradients, losses and rates."""
    loss_of = make_loss(config["train"]["loss"])
    optimizer = make_optimizer(config["train"]["optimizer"], model.parameters())
    schedulers = make_schedulers(config["train"].get("schedule", "constant"), optimizer,
                                 config["train"]["epochs"])
    losses, rates, first = [], [], None
    for _ in range(STEPS):
        optimizer.zero_grad()
        y = model(x)
        loss = loss_of(y, target)
        loss.backward()
        if first is None:
            first = y.detach().clone(), {n: p.grad.clone() for n, p in model.named_parameters()}
        if config["train"].get("clip_norm"):
            torch.nn.utils.clip_grad_norm_(model.parameters(), config["train"]["clip_norm"])
        losses.append(loss.item())
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    return (*first, losses, rates)


# ---- The file ------------------------------------------------------------------------------------


def project(name, values):
    return float(np.dot(initial(name, values.size, 1.0).astype(np.float64), values.ravel()))


def store(group, name, data):
    """Inside the object's header and without a time: small, and the same bytes every time. Random
    digits would not shrink by gzip."""
    data = np.ascontiguousarray(data)
    create = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    create.set_layout(h5py.h5d.COMPACT)
    create.set_obj_track_times(False)
    kind = h5py.h5t.IEEE_F64LE if data.dtype == np.float64 else h5py.h5t.IEEE_F32LE
    space = h5py.h5s.create_simple(data.shape)
    h5py.Dataset(h5py.h5d.create(group.id, name.encode(), kind, space, create))[...] = data


def set_initial(model, bound=None):
    """-> {tensor: (bound, initial values)}, which the model then has."""
    start = {}
    with torch.no_grad():
        for tensor, p in model.named_parameters():
            limit = bound or 1.0 / np.sqrt(np.prod(p.shape[1:]) if p.ndim > 1 else p.shape[0])
            limit = float(np.float32(limit))
            start[tensor] = limit, initial(tensor, p.numel(), limit).reshape(p.shape)
            p.copy_(torch.from_numpy(start[tensor][1]).double())
    return start


def store_tensors(group, model, start, gradients):
    columns, facts = [], []
    for tensor, p in model.named_parameters():
        gradient, after = gradients[tensor].numpy(), p.detach().numpy()
        stride = p.numel() // THIN + 1
        limit, first = start[tensor]
        rows = [values.astype(np.float32).ravel()[::stride] for values in (first, gradient, after)]
        columns.append(np.stack(rows))
        facts.append([limit, stride, project(tensor, gradient), project(tensor, after)])
    group.attrs["tensors"] = np.bytes_(" ".join(start))
    store(group, "tensors", np.concatenate(columns, axis=1))
    store(group, "facts", np.array(facts))


def add_case(file, kind, name, config, target, inputs=None, bound=None):
    target = target.astype(np.float32)
    inputs = target if inputs is None else inputs.astype(np.float32)
    model = Autoencoder(config, target.shape[1:])
    start = set_initial(model, bound)
    output, gradients, losses, rates = train(model, config, torch.from_numpy(inputs).double(),
                                             torch.from_numpy(target).double())
    assert np.isfinite(losses).all(), name
    group = file.require_group(kind).create_group(name)
    group.attrs["config"] = np.bytes_(json.dumps(config))
    store(group, "target", target)
    if inputs is not target:
        store(group, "input", inputs)
    store(group, "output", output.numpy().astype(np.float32))
    store(group, "losses", np.array(losses))
    store(group, "lr", np.array(rates))
    store_tensors(group, model, start, gradients)
    print(f"{kind}/{name}: loss {losses[0]:.6g} -> {losses[-1]:.6g}")


def add_training(file, name, config, target):
    """Epochs of one step, with what is decided from the loss after each."""
    train = config["train"]
    target = target.astype(np.float32)
    model = Autoencoder(config, target.shape[1:])
    start = set_initial(model)
    x = torch.from_numpy(target).double()
    loss_of = make_loss(train["loss"])
    optimizer = make_optimizer(train["optimizer"], model.parameters())
    plateau = average = None
    if "schedule" in train:
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **one(train["schedule"])[1])
    if "ema" in train:
        average = torch.optim.swa_utils.AveragedModel(
            model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(train["ema"]))
    losses, rates, averages = [], [], []
    for _ in range(EPOCHS):
        optimizer.zero_grad()
        loss_of(model(x), x).backward()
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        with torch.no_grad():
            losses.append(loss_of(model(x), x).item())
            if average:
                average.update_parameters(model)
                averages.append(loss_of(average(x), x).item())
        if plateau:
            plateau.step(losses[-1])
    assert not plateau or len(set(rates)) > 2, (name, rates)
    group = file.require_group("trainings").create_group(name)
    group.attrs["config"] = np.bytes_(json.dumps(config))
    group.attrs["tensors"] = np.bytes_(" ".join(start))
    store(group, "target", target)
    store(group, "losses", np.array(losses))
    store(group, "lr", np.array(rates))
    if averages:
        store(group, "ema_losses", np.array(averages))
    store(group, "tensors", np.concatenate([values.ravel() for _, values in start.values()])[None])
    store(group, "facts", np.array([[bound, 1, 0, 0] for bound, _ in start.values()]))
    print(f"trainings/{name}: loss {losses[0]:.6g} -> {losses[-1]:.6g}, {len(set(rates))} rates")


def config_of(shape, samples, encoder, decoder, loss="mse", optimizer=None, epochs=STEPS, code=None,
              **train_keys):
    # The source only has to be one: the test gives the samples of this file.
    model = {"encoder": encoder, "decoder": decoder}
    if code:
        model["code"] = code
    return {
        "data": {"source": "linear_mix", "samples": samples, "features": int(np.prod(shape)), "seed": 1},
        "model": model,
        "train": {"loss": loss, "optimizer": optimizer or {"sgd": {"lr": 0.1}}, "batch": "full",
                  "epochs": epochs, **train_keys},
    }


# ---- The cases -----------------------------------------------------------------------------------


def layer_cases(file, random):
    """Each layer between one that passes its input gradient on and one that restores the shape."""
    def case(name, shape, samples, layers, **train_keys):
        size = int(np.prod(shape))
        before = {"linear": {"out": size}} if len(shape) == 1 else {
            f"conv{len(shape) - 1}d": {"out": shape[0], "kernel": 1}}
        after = ["flatten", {"linear": {"out": size}}, {"unflatten": list(shape)}]
        if len(shape) == 1:
            after = [{"linear": {"out": size}}]
        config = config_of(shape, samples, [before, *layers], after, **train_keys)
        add_case(file, "layers", name, config, random.normal(size=(samples, *shape)))

    conv = lambda **args: {"conv1d": args}
    transpose = lambda **args: {"conv_transpose1d": args}
    case("linear", [5], 21, [{"linear": {"out": 3}}])
    case("linear_no_bias", [2], 70, [{"linear": {"out": 7, "bias": False}}])
    case("linear_large", [17], 19, [{"linear": {"out": 33}}, "tanh"])
    case("conv1d_stride", [2, 9], 16, [conv(out=3, kernel=4, stride=2)])
    case("conv1d_padding", [1, 6], 33, [conv(out=3, kernel=3, padding=1)], tile=32)
    case("conv1d_dilation", [2, 9], 13, [conv(out=2, kernel=3, stride=2, padding=2, dilation=2)])
    case("conv1d_no_bias", [3, 5], 17, [conv(out=2, kernel=2, stride=3, bias=False)])
    case("conv1d_pointwise", [16, 2], 11, [conv(out=17, kernel=1), "tanh"])
    case("conv1d_channels", [9, 3], 11, [conv(out=5, kernel=3, padding=1), "tanh"])
    case("conv_transpose1d_stride", [3, 2], 31, [transpose(out=1, kernel=7, stride=4)])
    case("conv_transpose1d_padding", [2, 5], 16, [transpose(out=3, kernel=3, padding=2)])
    case("conv_transpose1d_output_padding", [2, 3], 9,
         [transpose(out=2, kernel=3, stride=2, padding=1, output_padding=1)])
    case("conv_transpose1d_dilation", [2, 4], 18,
         [transpose(out=2, kernel=3, stride=2, padding=3, dilation=3, output_padding=2)])
    case("conv_transpose1d_pointwise", [16, 2], 33, [transpose(out=17, kernel=1, bias=False), "tanh"],
         tile=32)
    conv2 = lambda **args: {"conv2d": args}
    transpose2 = lambda **args: {"conv_transpose2d": args}
    case("conv1d_groups", [4, 5], 16, [conv(out=6, kernel=3, groups=2, padding=1)])
    case("conv2d", [1, 5, 6], 19, [conv2(out=3, kernel=3, padding=1), "tanh"])
    case("conv2d_window", [3, 5, 6], 16, [conv2(out=2, kernel=[2, 3], stride=[2, 1], padding=[0, 2],
                                                dilation=[1, 2])])
    case("conv2d_groups", [4, 4, 5], 33, [conv2(out=8, kernel=3, groups=4, bias=False)], tile=32)
    # Large enough for minimal filtering: both directions and the gradient, of convolutions of five taps and
    # three, whole tiles and not.
    case("conv2d_five", [4, 6, 8], 3, [conv2(out=10, kernel=5), "tanh"])
    case("conv2d_five_padded", [6, 6, 8], 2, [conv2(out=8, kernel=5, padding=2), "tanh"])
    case("conv2d_three", [16, 4, 4], 2, [conv2(out=16, kernel=3, padding=1), "tanh"])
    case("conv_transpose2d_five", [10, 3, 4], 3, [transpose2(out=6, kernel=5), "tanh"])
    case("conv_transpose2d", [4, 3, 2], 16, [transpose2(out=3, kernel=2, stride=2), "tanh"])
    case("conv_transpose2d_window", [2, 3, 2], 17,
         [transpose2(out=3, kernel=3, stride=[2, 3], padding=[1, 0], output_padding=[1, 2])])
    case("conv_transpose2d_groups", [4, 2, 3], 9,
         [transpose2(out=6, kernel=[3, 2], dilation=[2, 1], groups=2)])
    case("group_norm", [4, 5], 18, [{"group_norm": {"groups": 2}}, "tanh"])
    case("group_norm_images", [3, 2, 3], 16, [{"group_norm": {"groups": 1}}])
    case("layer_norm", [6], 20, ["layer_norm", "tanh"])
    case("max_pool1d", [3, 7], 16, [{"max_pool1d": {"kernel": 3, "stride": 2, "padding": 1}}])
    case("max_pool2d", [2, 5, 4], 18, [{"max_pool2d": {"kernel": 2}}])
    case("max_pool2d_overlap", [2, 5, 5], 16,
         ["relu", {"max_pool2d": {"kernel": [3, 2], "stride": [2, 1], "padding": [1, 0]}}])
    case("avg_pool1d", [2, 8], 16, [{"avg_pool1d": {"kernel": 3, "stride": 2, "padding": 1}}])
    case("avg_pool2d", [3, 4, 5], 20, [{"avg_pool2d": {"kernel": [2, 3], "stride": [2, 1]}}])
    for mode, shape, scale in (("nearest", [2, 4], [3]), ("linear", [2, 5], [2]),
                               ("nearest", [2, 3, 2], [2, 3]), ("bilinear", [2, 3, 4], [2, 2])):
        case(f"upsample_{mode}{len(shape) - 1}d", shape, 16,
             [{"upsample": {"scale": scale, "mode": mode}}])
    for name in ("relu", "leaky_relu", "elu", "tanh", "sigmoid", "softplus", "softmax"):
        case(name, [6], 20, [name])
    case("leaky_relu_slope", [2, 3], 16, [{"leaky_relu": {"slope": 0.3}}])
    case("elu_alpha", [2, 3], 16, [{"elu": {"alpha": 1.7}}])
    case("softmax_channels", [5, 3], 18, ["softmax"])
    case("views", [2, 6], 17, ["flatten", {"unflatten": [4, 3]}, conv(out=2, kernel=2), "flatten", "tanh"])
    case("code_activation", [4], 17, [{"linear": {"out": 3}}], code={"activation": "softmax"})


def small(samples=20, last=(), **keys):
    """A model of two linear layers, for what is not about layers."""
    return config_of([3], samples, [{"linear": {"out": 4}}, "tanh"], [{"linear": {"out": 3}}, *last],
                     **keys)


def loss_cases(file, random):
    normal = random.normal(size=(20, 3))
    add_case(file, "losses", "mse", small(loss="mse"), normal)
    add_case(file, "losses", "l1", small(loss="l1"), normal)
    add_case(file, "losses", "smooth_l1", small(loss="smooth_l1"), 2 * normal)
    add_case(file, "losses", "smooth_l1_beta", small(loss={"smooth_l1": {"beta": 0.3}}), normal)
    unit = random.uniform(size=(20, 3))
    unit[:3] = np.eye(3)  # exact zeros and ones
    add_case(file, "losses", "bce", small(loss="bce", last=["sigmoid"]), unit)
    add_case(file, "losses", "weighted",
             small(loss={"reconstruction": {"mse": 0.5, "l1": 0.25}}), normal)


def optimizer_cases(file, random):
    data = random.normal(size=(20, 3))

    def case(name, optimizer, **keys):
        add_case(file, "optimizers", name, small(optimizer=optimizer, **keys), data)

    case("sgd", {"sgd": {"lr": 0.2}})
    case("sgd_momentum", {"sgd": {"lr": 0.1, "momentum": 0.9}})
    case("sgd_dampening", {"sgd": {"lr": 0.2, "momentum": 0.8, "dampening": 0.4}})
    case("sgd_nesterov", {"sgd": {"lr": 0.1, "momentum": 0.9, "nesterov": True}})
    case("sgd_weight_decay", {"sgd": {"lr": 0.2, "weight_decay": 0.1}})
    case("sgd_all", {"sgd": {"lr": 0.1, "momentum": 0.7, "nesterov": True, "weight_decay": 0.05}})
    case("adam", {"adam": {"lr": 0.01}})
    case("adam_settings", {"adam": {"lr": 0.02, "beta1": 0.8, "beta2": 0.95, "eps": 0.001}})
    case("adam_weight_decay", {"adam": {"lr": 0.01, "weight_decay": 0.2}})
    case("adamw", {"adamw": {"lr": 0.02}})
    case("adamw_weight_decay", {"adamw": {"lr": 0.02, "weight_decay": 0.5}})
    case("clip_norm", {"sgd": {"lr": 0.5}}, clip_norm=0.3)
    case("clip_norm_unreached", {"sgd": {"lr": 0.1}}, clip_norm=100.0)
    case("clip_norm_weight_decay", {"adam": {"lr": 0.01, "weight_decay": 0.2}}, clip_norm=0.2)


def schedule_cases(file, random):
    data = random.normal(size=(20, 3))

    def case(name, schedule, **keys):
        add_case(file, "schedules", name,
                 small(optimizer={"sgd": {"lr": 0.2}}, schedule=schedule, **keys), data)

    case("step", {"step": {"every": 3, "gamma": 0.5}})
    case("cosine", {"cosine": {"min": 0.02}})
    case("cosine_longer", {"cosine": {}}, epochs=16)
    case("warmup", {"constant": {"warmup": 4}})
    case("warmup_step", {"step": {"every": 4, "warmup": 3}})
    case("warmup_cosine", {"cosine": {"warmup": 5}})


def training_cases(file, random):
    data = random.normal(size=(20, 3))

    def case(name, optimizer, **keys):
        add_training(file, name, small(optimizer=optimizer, epochs=EPOCHS, **keys), data)

    case("plateau", {"sgd": {"lr": 0.3}}, schedule={"plateau": {"factor": 0.5, "patience": 2,
                                                              "threshold": 0.2}})
    case("plateau_cooldown", {"adam": {"lr": 0.05}}, schedule={"plateau": {
        "factor": 0.3, "patience": 0, "threshold": 0.1, "cooldown": 4, "min_lr": 0.001}})
    case("ema", {"adam": {"lr": 0.02}}, ema=0.9)
    case("ema_plateau", {"sgd": {"lr": 0.5, "momentum": 0.5}}, ema=0.5,
         schedule={"plateau": {"factor": 0.2, "patience": 1, "threshold": 0.3}})


def bezier_windows(count, random):
    """As configs/bezier.yaml describes them."""
    t = np.linspace(0, 1, 150)
    windows = np.empty((count, 1, 7))
    for i in range(count):
        p1, p2 = random.uniform(-1, 1, size=2)
        x = 1.5 * t * (1 - t) ** 2 + 1.5 * t**2 * (1 - t) + t**3
        y = 3 * p1 * t * (1 - t) ** 2 + 3 * p2 * t**2 * (1 - t)
        at = np.abs(x[None] - np.linspace(0, 1, 15)[:, None]).argmin(axis=1)
        start = random.integers(0, 8)
        windows[i, 0] = y[at][start:start + 7]
    return windows


def signals(count, random):
    """As configs/signal.yaml describes them: clean and noisy."""
    start = random.uniform(-5000, 5000, size=(count, 1))
    x = start + 2 * np.pi / 4 * np.arange(12)
    clean = np.stack([np.cos(x), np.cos(x**4 / 10), np.sin(x**3 * np.cos(x**2)),
                      0.25 * np.cos(x**2) - 10 * np.sin(0.25 * x)], axis=1)
    noisy = clean + random.normal(size=clean.shape)
    return [v / np.linalg.norm(v, axis=2, keepdims=True) for v in (clean, noisy)]


def recipe_cases(file, random):
    conv = lambda out: {"conv_transpose1d": {"out": out, "kernel": 1}}
    add_case(file, "recipes", "bezier", config_of(
        [1, 7], 70, [{"conv1d": {"out": 3, "kernel": 7, "stride": 4}}, "tanh"],
        [{"conv_transpose1d": {"out": 1, "kernel": 7, "stride": 4}}],
        optimizer={"adam": {"lr": 1e-4}}, epochs=5000), bezier_windows(70, random))
    clean, noisy = signals(12, random)
    add_case(file, "recipes", "signal", config_of(
        [4, 12], 12, [conv(64), "relu", conv(128), "relu", conv(256), "relu"],
        [conv(128), "relu", conv(64), "relu", conv(4)],
        optimizer={"adam": {"lr": 5e-3, "weight_decay": 1e-5}}, epochs=100), clean, noisy)
    mix = random.uniform(size=(100, 2)) @ np.array([[1, 1], [0.5, 1.5]])
    add_case(file, "recipes", "linear2", config_of(
        [2], 100, [{"linear": {"out": 1}}], [{"linear": {"out": 2}}],
        optimizer={"sgd": {"lr": 0.01}}, epochs=1000), mix, bound=1.5)
    add_case(file, "recipes", "linear4", config_of(
        [4], 100, [{"linear": {"out": 10}}], [{"linear": {"out": 4}}],
        optimizer={"sgd": {"lr": 0.01}}, epochs=1000), random.uniform(size=(100, 4)))


# ---- Whole models of the image recipes --------------------------------------------------------------


def images(pixels, samples):
    """-> target, input (samples, 1, 28, 28), labels. Half of the pixels are 0, as in a digit's image."""
    count = samples * 784
    target = np.maximum(initial("target", count, 1.0), np.float32(0))
    inputs = target
    if pixels == "standard":
        inputs = target = (target - np.float32(0.1307)) / np.float32(0.3081)
    if pixels == "noisy":
        inputs = np.clip(target + initial("noise", count, 1.0), np.float32(0), np.float32(1))
    shape = (samples, 1, 28, 28)
    return target.reshape(shape), inputs.reshape(shape), 7 * np.arange(samples) % 10


def train_recipe(model, target, inputs, labels):
    """Ten steps on the whole batch -> output, gradients, terms a step, rates."""
    x, given = (torch.from_numpy(values).double() for values in (target, inputs))
    optimizer = model.optimizer()
    steps, rates, first = [], [], None
    for _ in range(STEPS):
        optimizer.zero_grad()
        terms = model.terms(x, torch.from_numpy(labels), given)
        model.total(terms).backward()
        if first is None:
            first = (model(given)[1].detach().clone(),
                     {name: p.grad.clone() for name, p in model.named_parameters()})
        steps.append([term.item() for term in terms.values()])
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
    return (*first, np.array(steps), rates)


def model_cases(file, random):
    def case(name, samples, pixels="unit", overrides=""):
        model = RECIPES[name]().double()
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout2d):
                module.p = 0.0
        start = set_initial(model)
        output, gradients, terms, rates = train_recipe(model, *images(pixels, samples))
        group = file.require_group("models").create_group(name)
        group.attrs["recipe"] = np.bytes_(name)
        group.attrs["overrides"] = np.bytes_(f"train.batch=full {overrides}".strip())
        group.attrs["pixels"] = np.bytes_(pixels)
        group.attrs["samples"] = samples
        group.attrs["output_stride"] = stride = output.numel() // THIN + 1
        output = output.numpy().reshape(samples, -1)
        store(group, "output", output.astype(np.float32).ravel()[::stride])
        store(group, "projections", np.array([project("output", sample) for sample in output]))
        store(group, "losses", terms.mean(axis=1))
        store(group, "terms", terms)
        store(group, "lr", np.array(rates))
        store_tensors(group, model, start, gradients)
        print(f"models/{name}: terms {terms[0]} -> {terms[-1]}")

    case("fc32", 18)
    case("conv", 18)
    case("upsample", 22)  # of 21, a pooling's two largest differ by 7e-8 in the fourth step: a tie
    case("denoise", 6, "noisy", "train.corrupt=[] evaluate.noisy.split=val")
    case("deep", 38, overrides="train.tile=32")
    case("classify", 18, "standard", "model.encoder.1.dropout2d.p=0")
    case("smallconv", 19)


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    path = pathlib.Path(__file__).with_name("golden.h5")
    with h5py.File(path, "w", libver=("v110", "v110"), track_order=False) as file:
        file.attrs["made_by"] = f"tests/golden/make_golden.py, PyTorch {torch.__version__}"
        for seed, add in enumerate((layer_cases, loss_cases, optimizer_cases, schedule_cases,
                                    recipe_cases, model_cases, training_cases), start=1):
            add(file, np.random.default_rng(seed))
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
