"""The torch modules that are exported to be executed, and those that are trained."""

import sys
from pathlib import Path

import torch
from torch import nn

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Interop"))
from exported_networks import (  # noqa: E402
    Classifier,
    Encoder,
    Layer,
    Residual,
    VisionTransformer,
    conv,
    inverted,
    mobilenet_v2,
    mobilenet_v3,
    normalized,
    resnet,
    write,  # noqa: F401: for export.py
)

WORDS, LENGTH = 30_522, 128


def efficientnet_lite0():
    """EfficientNet-B0 without squeeze and excite, with ReLU6 instead of SiLU."""
    layers, inputs = [normalized(conv(3, 32, 3, 2), nn.ReLU6())], 32
    for factor, outputs, count, stride, kernel in [
        (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3),
    ]:  # fmt: skip
        for index in range(count):
            layers.append(inverted(inputs, inputs * factor, outputs, kernel, 1 if index else stride, nn.ReLU6))
            inputs = outputs
    return Classifier([*layers, normalized(conv(320, 1280), nn.ReLU6())], 1280)


class MatrixProduct(nn.Module):
    """A square product, whose speed is taken as the machine's peak."""

    def __init__(self, size: int = 1024):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(size, size) / size**0.5)

    def forward(self, x):
        return x @ self.weight


def image(count: int, size: int = 224):
    return {"x": torch.randn(count, 3, size, size)}


def text(count: int):
    words = torch.randint(0, WORDS, (count, LENGTH))
    return {"input_ids": words, "attention_mask": torch.ones_like(words), "token_type_ids": torch.zeros_like(words)}


# By name: the network and its inputs for a number of samples.
EXECUTED = {
    "resnet-18": (lambda: resnet([2, 2, 2, 2], bottleneck=False), image),
    "resnet-50": (lambda: resnet([3, 4, 6, 3], bottleneck=True), image),
    "mobilenet-v2": (mobilenet_v2, image),
    "mobilenet-v3": (mobilenet_v3, image),
    "efficientnet-lite0": (efficientnet_lite0, image),
    "vit-tiny": (lambda: VisionTransformer(size=224), image),
    "bert-small": (lambda: Encoder(512, 4, 8, WORDS, 512), text),
    "minilm": (lambda: Encoder(384, 6, 12, WORDS, 512), text),
    "product": (MatrixProduct, lambda count: {"x": torch.randn(count, 1024)}),
}


def lenet_300_100():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10))


def lenet_5():
    return nn.Sequential(
        nn.Conv2d(1, 20, 5),
        nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(800, 500),
        nn.ReLU(),
        nn.Linear(500, 10),
    )


def resnet_20():
    layers, inputs = [normalized(conv(1, 16, 3), nn.ReLU())], 16
    for outputs in (16, 32, 64):
        for block in range(3):
            stride = 2 if block == 0 and outputs > 16 else 1
            body = nn.Sequential(normalized(conv(inputs, outputs, 3, stride), nn.ReLU()), normalized(conv(outputs, outputs, 3)))
            shortcut = None if inputs == outputs else normalized(conv(inputs, outputs, 1, stride))
            layers.append(Residual(body, shortcut, nn.ReLU()))
            inputs = outputs
    return Classifier(layers, 64, 10)


def mobilenet_v2_32():
    """MobileNetV2 as it is trained on 32×32 images: the first two strides of 2 are 1."""
    network = mobilenet_v2()
    network.features[0][0].stride = network.features[2][1][0].stride = (1, 1)
    network.head = nn.Linear(1280, 10)
    return network


def vgg_11():
    layers, inputs = [], 3
    for outputs in (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0):
        if outputs == 0:
            layers.append(nn.MaxPool2d(2))
            continue
        layers.append(normalized(conv(inputs, outputs, 3), nn.ReLU()))
        inputs = outputs
    return Classifier(layers, 512, 10)


class TextClassifier(nn.Module):
    """Four layers over 64 tokens, their mean, linear."""

    def __init__(self, width: int = 128, depth: int = 4, heads: int = 4, words: int = 1000):
        super().__init__()
        self.words, self.positions = nn.Embedding(words, width), nn.Parameter(torch.randn(1, 64, width) / 10)
        self.layers = nn.Sequential(*(Layer(width, heads) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x):
        return self.head(self.norm(self.layers(self.words(x) + self.positions)).mean(1))


# The first three are made by `winnow new`.
TRAINED = {
    "lenet-300-100": (lenet_300_100, lambda count: {"x": torch.randn(count, 784)}),
    "lenet-5": (lenet_5, lambda count: {"x": torch.randn(count, 1, 28, 28)}),
    "resnet-20": (resnet_20, lambda count: {"x": torch.randn(count, 1, 28, 28)}),
    "resnet-18-64": (lambda: resnet([2, 2, 2, 2], bottleneck=False), lambda count: image(count, 64)),
    "vgg-11-64": (vgg_11, lambda count: image(count, 64)),
    "mobilenet-v2-32": (mobilenet_v2_32, lambda count: image(count, 32)),
    "transformer-4": (TextClassifier, lambda count: {"x": torch.randint(0, 1000, (count, 64))}),
}
