"""Architectures people export from torch, at their published widths but for a smaller image and vocabulary; random weights."""

import torch
from torch import nn
from torch.nn import functional as F


def normalized(conv: nn.Conv2d, *more: nn.Module) -> nn.Sequential:
    return nn.Sequential(conv, nn.BatchNorm2d(conv.out_channels), *more)


def conv(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)


class Classifier(nn.Module):
    """Features, global average, linear."""

    def __init__(self, features: list[nn.Module], width: int, classes: int = 100):
        super().__init__()
        self.features = nn.Sequential(*features)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        return self.head(torch.flatten(F.adaptive_avg_pool2d(self.features(x), 1), 1))


class Residual(nn.Module):
    def __init__(self, body: nn.Module, shortcut: nn.Module | None = None, last: nn.Module | None = None):
        super().__init__()
        self.body, self.shortcut, self.last = body, shortcut or nn.Identity(), last or nn.Identity()

    def forward(self, x):
        return self.last(self.body(x) + self.shortcut(x))


def resnet(counts: list[int], bottleneck: bool) -> nn.Module:
    layers: list[nn.Module] = [normalized(conv(3, 64, 7, 2), nn.ReLU()), nn.MaxPool2d(3, 2, 1)]
    inputs = 64
    for stage, count in enumerate(counts):
        width = 64 << stage
        outputs = width * 4 if bottleneck else width
        for index in range(count):
            stride = 2 if stage and not index else 1
            if bottleneck:
                body = nn.Sequential(
                    normalized(conv(inputs, width), nn.ReLU()),
                    normalized(conv(width, width, 3, stride), nn.ReLU()),
                    normalized(conv(width, outputs)),
                )
            else:
                body = nn.Sequential(
                    normalized(conv(inputs, width, 3, stride), nn.ReLU()), normalized(conv(width, width, 3))
                )
            changes = stride != 1 or inputs != outputs
            layers.append(Residual(body, normalized(conv(inputs, outputs, 1, stride)) if changes else None, nn.ReLU()))
            inputs = outputs
    return Classifier(layers, inputs)


class SqueezeExcite(nn.Module):
    def __init__(self, width: int, squeezed: int, inner: nn.Module, gate: nn.Module):
        super().__init__()
        self.scale = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, squeezed, 1), inner, nn.Conv2d(squeezed, width, 1), gate
        )

    def forward(self, x):
        return x * self.scale(x)


def inverted(inputs, expanded, outputs, kernel, stride, activation, squeeze: nn.Module | None = None) -> nn.Module:
    """Expand, depthwise, squeeze and excite, project; a shortcut where the shape stays."""
    layers = [normalized(conv(inputs, expanded), activation())] if expanded != inputs else []
    layers.append(normalized(conv(expanded, expanded, kernel, stride, expanded), activation()))
    layers += [squeeze] if squeeze else []
    body = nn.Sequential(*layers, normalized(conv(expanded, outputs)))
    return Residual(body) if stride == 1 and inputs == outputs else body


def mobilenet_v2() -> nn.Module:
    layers, inputs = [normalized(conv(3, 32, 3, 2), nn.ReLU6())], 32
    stages = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    for factor, outputs, count, stride in stages:
        for index in range(count):
            layers.append(inverted(inputs, inputs * factor, outputs, 3, 1 if index else stride, nn.ReLU6))
            inputs = outputs
    return Classifier([*layers, normalized(conv(320, 1280), nn.ReLU6())], 1280)


def mobilenet_v3() -> nn.Module:
    layers, inputs = [normalized(conv(3, 16, 3, 2), nn.Hardswish())], 16
    for kernel, expanded, outputs, squeezes, hard, stride in [
        (3, 16, 16, True, False, 2), (3, 72, 24, False, False, 2), (3, 88, 24, False, False, 1), (5, 96, 40, True, True, 2),
        (5, 240, 40, True, True, 1), (5, 240, 40, True, True, 1), (5, 120, 48, True, True, 1), (5, 144, 48, True, True, 1),
        (5, 288, 96, True, True, 2), (5, 576, 96, True, True, 1), (5, 576, 96, True, True, 1),
    ]:  # fmt: skip
        squeeze = SqueezeExcite(expanded, expanded // 4, nn.ReLU(), nn.Hardsigmoid()) if squeezes else None
        layers.append(inverted(inputs, expanded, outputs, kernel, stride, nn.Hardswish if hard else nn.ReLU, squeeze))
        inputs = outputs
    return Classifier([*layers, normalized(conv(96, 576), nn.Hardswish())], 576)


def efficientnet(activation=nn.SiLU, squeezes: bool = True, classes: int = 100) -> nn.Module:
    """B0; the variants for small devices leave squeeze and excitation out and use ReLU6."""
    layers, inputs = [normalized(conv(3, 32, 3, 2), activation())], 32
    for factor, outputs, count, stride, kernel in [
        (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3),
    ]:  # fmt: skip
        for index in range(count):
            expanded = inputs * factor
            squeeze = SqueezeExcite(expanded, max(1, inputs // 4), activation(), nn.Sigmoid()) if squeezes else None
            layers.append(inverted(inputs, expanded, outputs, kernel, 1 if index else stride, activation, squeeze))
            inputs = outputs
    return Classifier([*layers, normalized(conv(320, 1280), activation())], 1280, classes)


class Dense(nn.Module):
    def __init__(self, inputs: int, growth: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(inputs), nn.ReLU(), conv(inputs, 4 * growth), nn.BatchNorm2d(4 * growth), nn.ReLU(),
            conv(4 * growth, growth, 3),
        )  # fmt: skip

    def forward(self, x):
        return torch.cat([x, self.body(x)], 1)


def densenet_121() -> nn.Module:
    layers, width, growth = [normalized(conv(3, 64, 7, 2), nn.ReLU()), nn.MaxPool2d(3, 2, 1)], 64, 32
    for stage, count in enumerate([6, 12, 24, 16]):
        if stage:
            layers += [nn.BatchNorm2d(width), nn.ReLU(), conv(width, width // 2), nn.AvgPool2d(2)]
            width //= 2
        for _ in range(count):
            layers.append(Dense(width, growth))
            width += growth
    return Classifier([*layers, nn.BatchNorm2d(width), nn.ReLU()], width)


class Fire(nn.Module):
    def __init__(self, inputs: int, squeezed: int, expanded: int):
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.one, self.three = nn.Conv2d(squeezed, expanded, 1), nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.one(x)), F.relu(self.three(x))], 1)


def squeezenet() -> nn.Module:
    pool = nn.MaxPool2d(3, 2, ceil_mode=True)
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, 2), nn.ReLU(), pool, Fire(64, 16, 64), Fire(128, 16, 64), pool, Fire(128, 32, 128),
        Fire(256, 32, 128), pool, Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256),
        nn.Dropout(), nn.Conv2d(512, 100, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip


class ConvNeXtBlock(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.scale = nn.Parameter(torch.full((width,), 0.5))

    def forward(self, x):
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        return x + (self.scale * self.narrow(F.gelu(self.wide(y)))).permute(0, 3, 1, 2)


class ChannelNorm(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def convnext() -> nn.Module:
    layers, width = [nn.Conv2d(3, 96, 4, 4), ChannelNorm(96)], 96
    for stage, count in enumerate([1, 1, 2, 1]):
        if stage:
            layers += [ChannelNorm(width), nn.Conv2d(width, 2 * width, 2, 2)]
            width *= 2
        layers += [ConvNeXtBlock(width) for _ in range(count)]
    return Classifier(layers, width)


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, causal: bool = False):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x, mask=None):
        batch, length, width = x.shape
        q, k, v = self.qkv(x).reshape(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        scores = q @ k.transpose(-1, -2) / (width // self.heads) ** 0.5
        if self.causal:
            scores = scores.masked_fill(torch.ones(length, length, dtype=torch.bool).triu(1), float("-inf"))
        if mask is not None:
            scores = scores + (1 - mask[:, None, None, :].to(scores.dtype)) * -10000.0
        return self.out((F.softmax(scores, -1) @ v).transpose(1, 2).reshape(batch, length, width))


class Layer(nn.Module):
    """Attention and a perceptron, normalized before (ViT, GPT-2) or after (BERT)."""

    def __init__(self, width: int, heads: int, before: bool = True, causal: bool = False, gelu: str = "none"):
        super().__init__()
        self.before = before
        self.attention = Attention(width, heads, causal)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(gelu), nn.Linear(4 * width, width))

    def forward(self, x, mask=None):
        if self.before:
            x = x + self.attention(self.norm1(x), mask)
            return x + self.mlp(self.norm2(x))
        x = self.norm1(x + self.attention(x, mask))
        return self.norm2(x + self.mlp(x))


class VisionTransformer(nn.Module):
    def __init__(self, width: int = 192, depth: int = 12, heads: int = 3, size: int = 64):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 16, 16)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, (size // 16) ** 2 + 1, width))
        self.layers = nn.Sequential(*(Layer(width, heads) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 100)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        return self.head(self.norm(self.layers(x))[:, 0])


class Encoder(nn.Module):
    """BERT: token, position and type embeddings, layers, a pooled first token."""

    def __init__(self, width: int = 128, depth: int = 2, heads: int = 2, words: int = 1000, length: int = 64):
        super().__init__()
        self.words, self.positions, self.types = nn.Embedding(words, width), nn.Embedding(length, width), nn.Embedding(2, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.layers = nn.ModuleList(Layer(width, heads, before=False) for _ in range(depth))
        self.pooler = nn.Linear(width, width)

    def forward(self, input_ids, attention_mask, token_type_ids):
        places = torch.arange(input_ids.shape[1], device=input_ids.device)[None]
        x = self.norm(self.words(input_ids) + self.positions(places) + self.types(token_type_ids))
        for layer in self.layers:
            x = layer(x, attention_mask)
        return x, torch.tanh(self.pooler(x[:, 0]))


class Decoder(nn.Module):
    """GPT-2: causal layers, logits by the embedding's transpose."""

    def __init__(self, width: int = 128, depth: int = 2, heads: int = 4, words: int = 1000):
        super().__init__()
        self.words, self.positions = nn.Embedding(words, width), nn.Embedding(64, width)
        self.layers = nn.Sequential(*(Layer(width, heads, causal=True, gelu="tanh") for _ in range(depth)))
        self.norm = nn.LayerNorm(width)

    def forward(self, input_ids):
        places = torch.arange(input_ids.shape[1], device=input_ids.device)[None]
        x = self.norm(self.layers(self.words(input_ids) + self.positions(places)))
        return x @ self.words.weight.t()


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(24, 48, num_layers=2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(96, 10)

    def forward(self, x):
        y, (hidden, cell) = self.lstm(x)
        return self.head(y[:, -1]), hidden, cell


class Unbound(nn.Module):
    """Rows of a batch of any size, picked from a list."""

    def forward(self, x):
        rows = x.unbind(0)
        return rows[0] * rows[-1] + float(len(rows))


class Appended(nn.Module):
    """A list that a loop over the batch makes longer."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Linear(24, 24)

    def forward(self, x):
        rows: list[torch.Tensor] = []
        state = torch.zeros(x.shape[2])
        for row in range(x.shape[0]):
            state = torch.tanh(self.mix(x[row].mean(0)) + state)
            rows.append(state)
        return torch.stack(rows)


NETWORKS = {
    "resnet-18": lambda: resnet([2, 2, 2, 2], bottleneck=False),
    "resnet-50": lambda: resnet([3, 4, 6, 3], bottleneck=True),
    "mobilenet-v2": mobilenet_v2,
    "mobilenet-v3": mobilenet_v3,
    "efficientnet-b0": efficientnet,
    "densenet-121": densenet_121,
    "squeezenet": squeezenet,
    "convnext": convnext,
    "vit-tiny": VisionTransformer,
    "bert": Encoder,
    "gpt-2": Decoder,
    "lstm": Recurrent,
    "unbind": lambda: torch.jit.script(Unbound()),
    "append": lambda: torch.jit.script(Appended()),
}


def samples(name: str, count: int) -> dict[str, torch.Tensor]:
    """Seeded inputs, by name, of a network in `NETWORKS`."""
    random = torch.Generator().manual_seed(1)
    words = torch.randint(0, 1000, (count, 12), generator=random)
    if name == "bert":
        mask = (torch.arange(12)[None] < torch.randint(6, 13, (count, 1), generator=random)).long()
        return {"input_ids": words, "attention_mask": mask, "token_type_ids": (torch.arange(12) > 5).long().repeat(count, 1)}
    if name == "gpt-2":
        return {"input_ids": words}
    shape = (count, 20, 24) if name in ("lstm", "unbind", "append") else (count, 3, 64, 64)
    return {"x": torch.randn(shape, generator=random)}


def export(name: str, path) -> None:
    """Writes the network with seeded weights as ONNX."""
    torch.manual_seed(0)
    write(NETWORKS[name](), samples(name, 2), path)


def write(network: nn.Module, inputs: dict[str, torch.Tensor], path, trains: bool = False) -> None:
    """Writes a network with random statistics as ONNX, the batch left open; to train on, BatchNorm stays."""
    network.eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.1)
    write_as_is(network, inputs, path, trains=trains)


def write_as_is(network: nn.Module, inputs: dict[str, torch.Tensor], path, open_axes=("batch",), trains: bool = False) -> None:
    """Writes a network as ONNX with the first axes of all inputs left open; `trains` keeps what training needs."""
    torch.onnx.export(
        network, tuple(inputs.values()), str(path), dynamo=False, opset_version=17, input_names=list(inputs),
        dynamic_axes={name: dict(enumerate(open_axes)) for name in inputs}, do_constant_folding=not trains,
        training=torch.onnx.TrainingMode.PRESERVE if trains else torch.onnx.TrainingMode.EVAL,
    )  # fmt: skip
