"""Small networks of convolutions, one for each way of building them that people export from torch."""

import torch
from exported_networks import Classifier, ConvNeXtBlock, ChannelNorm, Dense, Fire, Residual, SqueezeExcite, conv, inverted, normalized
from torch import nn
from torch.nn import functional as F


def resnet(bottleneck: bool) -> nn.Module:
    layers: list[nn.Module] = [normalized(conv(3, 16, 3), nn.ReLU()), nn.MaxPool2d(3, 2, 1)]
    inputs = 16
    for width, stride in ((16, 1), (24, 2), (32, 2)):
        outputs = width * 2 if bottleneck else width
        body = (
            [normalized(conv(inputs, width), nn.ReLU()), normalized(conv(width, width, 3, stride), nn.ReLU()), normalized(conv(width, outputs))]
            if bottleneck
            else [normalized(conv(inputs, width, 3, stride), nn.ReLU()), normalized(conv(width, width, 3))]
        )
        shortcut = normalized(conv(inputs, outputs, 1, stride)) if stride > 1 or inputs != outputs else None
        layers.append(Residual(nn.Sequential(*body), shortcut, nn.ReLU()))
        inputs = outputs
    return Classifier(layers, inputs, 10)


def mobilenet_v2() -> nn.Module:
    return Classifier(
        [
            normalized(conv(3, 16, 3, 2), nn.ReLU6()), inverted(16, 16, 16, 3, 1, nn.ReLU6), inverted(16, 64, 24, 3, 2, nn.ReLU6),
            inverted(24, 96, 24, 3, 1, nn.ReLU6), normalized(conv(24, 96), nn.ReLU6()), nn.Dropout(0.2),
        ], 96, 10,
    )  # fmt: skip


def mobilenet_v3() -> nn.Module:
    def squeeze(width):
        return SqueezeExcite(width, width // 4, nn.ReLU(), nn.Hardsigmoid())

    return Classifier(
        [
            normalized(conv(3, 16, 3, 2), nn.Hardswish()), inverted(16, 16, 16, 3, 1, nn.ReLU, squeeze(16)),
            inverted(16, 64, 24, 5, 2, nn.Hardswish, squeeze(64)), inverted(24, 96, 24, 5, 1, nn.Hardswish, squeeze(96)),
            normalized(conv(24, 96), nn.Hardswish()),
        ], 96, 10,
    )  # fmt: skip


def efficientnet() -> nn.Module:
    def squeeze(width, squeezed):
        return SqueezeExcite(width, squeezed, nn.SiLU(), nn.Sigmoid())

    return Classifier(
        [
            normalized(conv(3, 16, 3, 2), nn.SiLU()), inverted(16, 16, 16, 3, 1, nn.SiLU, squeeze(16, 4)),
            inverted(16, 96, 24, 3, 2, nn.SiLU, squeeze(96, 4)), inverted(24, 144, 24, 5, 1, nn.SiLU, squeeze(144, 6)),
            normalized(conv(24, 96), nn.SiLU()),
        ], 96, 10,
    )  # fmt: skip


def densenet() -> nn.Module:
    return Classifier(
        [
            normalized(conv(3, 16, 3, 2), nn.ReLU()), Dense(16, 8), Dense(24, 8), nn.BatchNorm2d(32), nn.ReLU(), conv(32, 16),
            nn.AvgPool2d(2), Dense(16, 8), Dense(24, 8), nn.BatchNorm2d(32), nn.ReLU(),
        ], 32, 10,
    )  # fmt: skip


def squeezenet() -> nn.Module:
    pool = nn.MaxPool2d(3, 2, ceil_mode=True)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2), nn.ReLU(), pool, Fire(16, 8, 16), Fire(32, 8, 16), pool, Fire(32, 12, 24), nn.Dropout(),
        nn.Conv2d(48, 10, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip


def convnext() -> nn.Module:
    return Classifier(
        [nn.Conv2d(3, 16, 4, 4), ChannelNorm(16), ConvNeXtBlock(16), ChannelNorm(16), nn.Conv2d(16, 32, 2, 2), ConvNeXtBlock(32)], 32, 10
    )


def regnet() -> nn.Module:
    def block(inputs, outputs, stride):
        body = nn.Sequential(
            normalized(conv(inputs, outputs), nn.ReLU()), normalized(conv(outputs, outputs, 3, stride, outputs // 8), nn.ReLU()),
            SqueezeExcite(outputs, outputs // 4, nn.ReLU(), nn.Sigmoid()), normalized(conv(outputs, outputs)),
        )  # fmt: skip
        return Residual(body, normalized(conv(inputs, outputs, 1, stride)) if inputs != outputs else None, nn.ReLU())

    return Classifier([normalized(conv(3, 16, 3, 2), nn.ReLU()), block(16, 24, 2), block(24, 24, 1), block(24, 48, 2)], 48, 10)


def vgg() -> nn.Module:
    """Convolutions with biases, and a perceptron on flattened pixels."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(4), nn.Flatten(),
        nn.Linear(512, 64), nn.ReLU(), nn.Dropout(), nn.Linear(64, 64), nn.ReLU(), nn.Dropout(), nn.Linear(64, 10),
    )  # fmt: skip


class Branches(nn.Module):
    """The outputs of several branches, joined along the channels."""

    def __init__(self, *branches: nn.Module):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


def inception() -> nn.Module:
    def part(inputs, outputs, height, width):
        layer = nn.Conv2d(inputs, outputs, (height, width), padding=(height // 2, width // 2), bias=False)
        return normalized(layer, nn.ReLU())

    def block(inputs):
        return Branches(
            part(inputs, 8, 1, 1), nn.Sequential(part(inputs, 8, 1, 1), part(8, 12, 1, 7), part(12, 12, 7, 1)),
            nn.Sequential(part(inputs, 8, 1, 1), part(8, 12, 3, 3)), nn.Sequential(nn.AvgPool2d(3, 1, 1), part(inputs, 8, 1, 1)),
        )  # fmt: skip

    return Classifier([normalized(conv(3, 16, 3, 2), nn.ReLU()), block(16), block(40), nn.MaxPool2d(2), block(40)], 40, 10)


class Shuffle(nn.Module):
    """Half the channels pass by; then the channels of both halves alternate."""

    def __init__(self, width: int):
        super().__init__()
        half = width // 2
        self.body = nn.Sequential(
            normalized(conv(half, half), nn.ReLU()), normalized(conv(half, half, 3, 1, half)), normalized(conv(half, half), nn.ReLU())
        )

    def forward(self, x):
        passing, worked = x.chunk(2, 1)
        x = torch.cat([passing, self.body(worked)], 1)
        batch, channels, height, width = x.shape
        return x.view(batch, 2, channels // 2, height, width).transpose(1, 2).reshape(batch, channels, height, width)


def shufflenet() -> nn.Module:
    return Classifier(
        [normalized(conv(3, 24, 3, 2), nn.ReLU()), Shuffle(24), Shuffle(24), nn.MaxPool2d(2), Shuffle(24), normalized(conv(24, 64), nn.ReLU())],
        64, 10,
    )  # fmt: skip


class Ghost(nn.Module):
    """Half the channels by a convolution, the other half from those by a cheap one."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        half = outputs // 2
        self.first = normalized(conv(inputs, half), nn.ReLU())
        self.cheap = normalized(conv(half, half, 3, 1, half), nn.ReLU())

    def forward(self, x):
        y = self.first(x)
        return torch.cat([y, self.cheap(y)], 1)


def ghostnet() -> nn.Module:
    bottleneck = Residual(nn.Sequential(Ghost(16, 48), normalized(conv(48, 48, 3, 1, 48)), Ghost(48, 16)))
    return Classifier([normalized(conv(3, 16, 3, 2), nn.ReLU()), bottleneck, nn.MaxPool2d(2), Ghost(16, 32), Ghost(32, 64)], 64, 10)


class Parallel(nn.Module):
    """RepVGG as it is trained: a 3 x 3 and a 1 x 1 convolution and the input itself, each normalized, added."""

    def __init__(self, width: int):
        super().__init__()
        self.three, self.one, self.same = normalized(conv(width, width, 3)), normalized(conv(width, width)), nn.BatchNorm2d(width)

    def forward(self, x):
        return F.relu(self.three(x) + self.one(x) + self.same(x))


def repvgg() -> nn.Module:
    return Classifier(
        [normalized(conv(3, 16, 3, 2), nn.ReLU()), Parallel(16), Parallel(16), normalized(conv(16, 32, 3, 2), nn.ReLU()), Parallel(32)], 32, 10
    )


class UNet(nn.Module):
    """Two levels down and up; `learned` upsamples by ConvTranspose, otherwise by interpolation to the shortcut's size."""

    def __init__(self, learned: bool):
        super().__init__()

        def block(inputs, outputs):
            norm = nn.BatchNorm2d(outputs) if learned else nn.GroupNorm(4, outputs)
            return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), norm, nn.ReLU(), conv(outputs, outputs, 3), nn.LeakyReLU(0.1))

        self.learned = learned
        self.down = nn.ModuleList([block(3, 8), block(8, 16), block(16, 32)])
        self.up = nn.ModuleList([nn.ConvTranspose2d(32, 16, 2, 2), nn.ConvTranspose2d(16, 8, 2, 2)] if learned else [conv(32, 16), conv(16, 8)])
        self.merge = nn.ModuleList([block(32, 16), block(16, 8)])
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        first = self.down[0](x)
        second = self.down[1](F.max_pool2d(first, 2))
        x = self.down[2](F.max_pool2d(second, 2))
        for up, merge, skip in zip(self.up, self.merge, (second, first)):
            x = up(x)
            if not self.learned:
                x = F.interpolate(x, size=skip.shape[2:], mode="bilinear", align_corners=False)
            x = merge(torch.cat([skip, x], 1))
        return self.head(x)


class Pyramid(nn.Module):
    """A feature pyramid with heads that all levels share: scores and boxes of every level."""

    def __init__(self):
        super().__init__()
        self.stages = nn.ModuleList(
            [normalized(conv(3, 16, 3, 2), nn.ReLU()), normalized(conv(16, 24, 3, 2), nn.ReLU()), normalized(conv(24, 32, 3, 2), nn.ReLU())]
        )
        self.lateral = nn.ModuleList([nn.Conv2d(width, 16, 1) for width in (16, 24, 32)])
        self.smooth = nn.ModuleList([nn.Conv2d(16, 16, 3, padding=1) for _ in range(3)])
        self.tower = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.ReLU())
        self.scores, self.boxes = nn.Conv2d(16, 5, 3, padding=1), nn.Conv2d(16, 4, 3, padding=1)

    def forward(self, x):
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        top, outputs = None, []
        for level in (2, 1, 0):
            side = self.lateral[level](features[level])
            top = side if top is None else side + F.interpolate(top, scale_factor=2, mode="nearest")
            y = self.tower(self.smooth[level](top))
            outputs += [torch.sigmoid(self.scores(y)), self.boxes(y).exp()]
        return tuple(outputs)


class CrossStage(nn.Module):
    """YOLO's block: split in two, every worked part kept, all joined."""

    def __init__(self, width: int):
        super().__init__()
        half = width // 2
        self.first, self.last = normalized(conv(width, width), nn.SiLU()), normalized(conv(width + half, width), nn.SiLU())
        self.inner = Residual(nn.Sequential(normalized(conv(half, half, 3), nn.SiLU()), normalized(conv(half, half, 3), nn.SiLU())))

    def forward(self, x):
        a, b = self.first(x).split(self.first[0].out_channels // 2, 1)
        return self.last(torch.cat([a, b, self.inner(b)], 1))


class Yolo(nn.Module):
    """Blocks, pooled pyramid, a level up and one down again; boxes of both levels decoded and joined as [batch, 9, places]."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(normalized(conv(3, 16, 3, 2), nn.SiLU()), normalized(conv(16, 16, 3, 2), nn.SiLU()), CrossStage(16))
        self.deep = nn.Sequential(normalized(conv(16, 32, 3, 2), nn.SiLU()), CrossStage(32))
        self.before, self.after = normalized(conv(32, 16), nn.SiLU()), normalized(conv(64, 32), nn.SiLU())
        self.pool, self.up = nn.MaxPool2d(5, 1, 2), nn.Upsample(scale_factor=2)
        self.fine = nn.Sequential(normalized(conv(48, 16), nn.SiLU()), CrossStage(16))
        self.down, self.coarse = normalized(conv(16, 16, 3, 2), nn.SiLU()), normalized(conv(48, 32), nn.SiLU())
        self.heads = nn.ModuleList([nn.Conv2d(16, 9, 1), nn.Conv2d(32, 9, 1)])

    def forward(self, images):
        shallow = self.stem(images)
        x = self.before(self.deep(shallow))
        pools = [x]
        for _ in range(3):
            pools.append(self.pool(pools[-1]))
        deep = self.after(torch.cat(pools, 1))
        fine = self.fine(torch.cat([self.up(deep), shallow], 1))
        coarse = self.coarse(torch.cat([self.down(fine), deep], 1))
        outputs = torch.cat([head(y).flatten(2) for head, y in zip(self.heads, (fine, coarse))], 2)
        center, size, scores = outputs.split((2, 2, 5), 1)
        return torch.cat([center.sigmoid() * 2 - 0.5, (size.sigmoid() * 2) ** 2, scores.sigmoid()], 1)


def super_resolution() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 24, 5, padding=2), nn.Tanh(), Residual(nn.Sequential(nn.Conv2d(24, 24, 3, padding=1), nn.PReLU(24))),
        nn.Conv2d(24, 12, 3, padding=1), nn.PixelShuffle(2),
    )  # fmt: skip


class Denoiser(nn.Module):
    """Predicts the noise and takes it off."""

    def __init__(self):
        super().__init__()
        self.noise = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), normalized(conv(16, 16, 3), nn.ReLU()),
            nn.Conv2d(16, 16, 3, padding=2, dilation=2, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 1, 3, padding=1),
        )  # fmt: skip

    def forward(self, x):
        return (x - self.noise(x)).clamp(-3, 3)


def generator() -> nn.Module:
    return nn.Sequential(
        nn.Linear(16, 512, bias=False), nn.BatchNorm1d(512), nn.ReLU(), nn.Unflatten(1, (32, 4, 4)),
        nn.ConvTranspose2d(32, 16, 4, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
        nn.ConvTranspose2d(16, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.ConvTranspose2d(8, 3, 3, 1, 1), nn.Tanh(),
    )  # fmt: skip


def style_transfer() -> nn.Module:
    """Reflected borders, normalization of every image and channel by itself."""

    def layer(inputs, outputs, stride=1):
        return nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(inputs, outputs, 3, stride), nn.InstanceNorm2d(outputs, affine=True), nn.ReLU()
        )

    residual = Residual(nn.Sequential(layer(16, 16), nn.ReflectionPad2d(1), nn.Conv2d(16, 16, 3), nn.InstanceNorm2d(16, affine=True)))
    return nn.Sequential(
        layer(3, 8), layer(8, 16, 2), residual, nn.Upsample(scale_factor=2, mode="nearest"), layer(16, 8), nn.ReflectionPad2d(4), nn.Conv2d(8, 3, 9)
    )


def audio() -> nn.Module:
    """Strided convolutions on samples, pooled over time."""

    def layer(inputs, outputs, kernel, stride):
        return nn.Sequential(nn.Conv1d(inputs, outputs, kernel, stride, kernel // 2), nn.BatchNorm1d(outputs), nn.ReLU())

    return nn.Sequential(
        layer(1, 16, 40, 8), nn.MaxPool1d(2), layer(16, 24, 3, 1), layer(24, 32, 3, 2), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(32, 10)
    )


def volumes() -> nn.Module:
    def layer(inputs, outputs, stride):
        return nn.Sequential(nn.Conv3d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm3d(outputs), nn.ReLU())

    return nn.Sequential(
        layer(1, 8, 1), nn.MaxPool3d((1, 2, 2)), layer(8, 16, 2), layer(16, 16, 1), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(16, 10)
    )


class Dilated(nn.Module):
    """A causal convolution that sees further back than the one before, gated as in WaveNet."""

    def __init__(self, width: int, dilation: int):
        super().__init__()
        self.padding = 2 * dilation
        self.filter, self.gate = nn.Conv1d(width, width, 3, dilation=dilation), nn.Conv1d(width, width, 3, dilation=dilation)
        self.mix = nn.Conv1d(width, width, 1)

    def forward(self, x):
        padded = F.pad(x, (self.padding, 0))
        return x + self.mix(torch.tanh(self.filter(padded)) * torch.sigmoid(self.gate(padded)))


def temporal() -> nn.Module:
    return nn.Sequential(nn.Conv1d(12, 16, 1), Dilated(16, 1), Dilated(16, 2), Dilated(16, 4), nn.ReLU(), nn.Conv1d(16, 6, 1))


class Keypoints(nn.Module):
    """Depthwise and PReLU layers, a wide kernel in place of pooling; points and their visibility."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            normalized(conv(3, 16, 3, 2), nn.PReLU(16)), normalized(conv(16, 16, 3, 2, 16), nn.PReLU(16)), normalized(conv(16, 32), nn.PReLU(32)),
            nn.Conv2d(32, 32, 8, groups=32, bias=False), nn.BatchNorm2d(32), nn.Flatten(),
        )  # fmt: skip
        self.points, self.visible = nn.Linear(32, 10), nn.Linear(32, 5)

    def forward(self, x):
        x = self.body(x)
        return self.points(x).view(-1, 5, 2), torch.sigmoid(self.visible(x))
