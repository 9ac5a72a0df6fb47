"""The image recipes' models in PyTorch: the oracle of their tests, figures and reference losses."""
import torch
from torch import nn
from torch.nn import functional as F


class Model(nn.Module):
    """A chain input -> encoder -> code -> decoder -> reconstruction and what its training needs."""

    def __init__(self, encoder, decoder, batch, epochs, optimizer, loss="mse", noise=0.0,
                 scale=None, classes=False):
        super().__init__()
        self.encoder, self.decoder = nn.Sequential(*encoder), nn.Sequential(*decoder)
        self.batch, self.epochs, self.make_optimizer = batch, epochs, optimizer
        self.loss, self.noise, self.scale, self.classes = loss, noise, scale, classes

    def forward(self, x):
        """-> (logits or code, reconstruction), clean."""
        code = self.encoder(x)
        decoded = self.decoder(torch.softmax(code, 1) if self.classes else code)
        return code, decoded.reshape(x.shape)

    def corrupted(self, x):
        return (x + self.noise * torch.randn_like(x)).clamp(0, 1) if self.noise else x

    def terms(self, x, labels=None, given=None):
        """-> {term: value} of the batch x, read from the input `given` (else x corrupted)."""
        code, output = self(self.corrupted(x) if given is None else given)
        element = F.binary_cross_entropy if self.loss == "bce" else F.mse_loss
        terms = {"reconstruction": element(output, x)}
        if self.classes:
            terms["cross_entropy"] = F.cross_entropy(code, labels)
        return terms

    def total(self, terms):
        return sum(terms.values()) / len(terms)

    def optimizer(self):
        return self.make_optimizer(self.parameters())


def adam(lr=1e-3, weight_decay=0.0):
    return lambda p: torch.optim.Adam(p, lr=lr, weight_decay=weight_decay)


def sgd(lr, momentum):
    return lambda p: torch.optim.SGD(p, lr=lr, momentum=momentum)


def conv(a, b, kernel, padding=0):
    return nn.Conv2d(a, b, kernel, padding=padding)


def deconv(a, b, kernel, stride=1):
    return nn.ConvTranspose2d(a, b, kernel, stride)


def small_encoder():
    return [conv(1, 16, 3, 1), nn.ReLU(), nn.MaxPool2d(2),
            conv(16, 4, 3, 1), nn.ReLU(), nn.MaxPool2d(2)]


RECIPES = {
    "fc32": lambda: Model(
        [nn.Flatten(), nn.Linear(784, 32), nn.ReLU()], [nn.Linear(32, 784), nn.Sigmoid()],
        20, 20, adam()),
    "conv": lambda: Model(
        small_encoder(), [deconv(4, 16, 2, 2), nn.ReLU(), deconv(16, 1, 2, 2), nn.Sigmoid()],
        20, 30, adam()),
    "upsample": lambda: Model(
        small_encoder(),
        [nn.Upsample(scale_factor=2), conv(4, 16, 3, 1), nn.ReLU(),
         nn.Upsample(scale_factor=2), conv(16, 1, 3, 1), nn.Sigmoid()],
        20, 30, adam()),
    "denoise": lambda: Model(
        [conv(1, 32, 3, 1), nn.ReLU(), nn.MaxPool2d(2), conv(32, 16, 3, 1), nn.ReLU(),
         nn.MaxPool2d(2), conv(16, 8, 3, 1), nn.ReLU(), nn.MaxPool2d(2)],
        [deconv(8, 8, 3, 2), nn.ReLU(), deconv(8, 16, 2, 2), nn.ReLU(), deconv(16, 32, 2, 2),
         nn.ReLU(), conv(32, 1, 3, 1), nn.Sigmoid()],
        20, 20, adam(), noise=0.5),
    "deep": lambda: Model(
        [nn.Flatten(), nn.Linear(784, 256), nn.Sigmoid(), nn.Linear(256, 64), nn.Sigmoid(),
         nn.Linear(64, 32)],
        [nn.Linear(32, 64), nn.Sigmoid(), nn.Linear(64, 256), nn.Sigmoid(), nn.Linear(256, 784),
         nn.Sigmoid()],
        64, 10, adam(weight_decay=1e-5), loss="bce", scale="batch_max"),
    "classify": lambda: Model(
        [conv(1, 4, 5), nn.Dropout2d(0.1), nn.ReLU(), conv(4, 8, 5), nn.ReLU(), nn.Flatten(),
         nn.Linear(3200, 10)],
        [nn.Linear(10, 400), nn.Unflatten(1, (1, 20, 20)), deconv(1, 10, 5), deconv(10, 1, 5)],
        64, 10, sgd(0.01, 0.5), scale=(0.1307, 0.3081), classes=True),
    "smallconv": lambda: Model(
        [conv(1, 2, 5), nn.ReLU(), conv(2, 4, 5)],
        [deconv(4, 10, 5), deconv(10, 1, 5), nn.Sigmoid()],
        16, 20, adam(weight_decay=1e-5)),
}
