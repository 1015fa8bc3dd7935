"""The small networks by name, with inputs, the axes people leave open, and torch's two exporters."""

from collections.abc import Callable
from dataclasses import dataclass, field

import small_convolutional as convolutional
import small_sequences as sequences
import torch
from exported_networks import Decoder, Encoder
from torch import nn

Shapes = dict[str, tuple]
BATCH = {0: "batch"}
PIXELS = {0: "batch", 2: "height", 3: "width"}


@dataclass
class Small:
    """A network, the shapes of one sample by input (and below which number its integers stay), and its open axes."""

    build: Callable[[], nn.Module]
    inputs: Shapes
    axes: dict[int, str] = field(default_factory=lambda: BATCH)
    words: int = 0
    batch: int = 2

    def samples(self, count: int) -> dict[str, torch.Tensor]:
        """Seeded inputs."""
        random = torch.Generator().manual_seed(1)
        return {name: self.sample(name, (count, *shape), random) for name, shape in self.inputs.items()}

    def sample(self, name: str, shape: tuple, random: torch.Generator) -> torch.Tensor:
        if name.endswith("mask"):
            return (torch.arange(shape[1])[None] < torch.randint(6, shape[1] + 1, (shape[0], 1), generator=random)).long()
        if name == "state":
            return torch.randn((1, shape[0], *shape[1:]), generator=random)
        if name.endswith("ids") or name == "categories":
            return torch.randint(0, 2 if name.startswith("token_type") else self.words, shape, generator=random)
        return torch.randn(shape, generator=random)

    def open_axes(self, name: str) -> dict[int, str]:
        """The open axes of an input; the state of a recurrent layer has the batch second."""
        return {1: "batch"} if name == "state" and self.axes else self.axes


def image(build: Callable[[], nn.Module], axes: dict[int, str] = BATCH, size: int = 32) -> Small:
    return Small(build, {"x": (3, size, size)}, axes)


TEXT = {0: "batch", 1: "length"}
NETWORKS = {
    "resnet": image(lambda: convolutional.resnet(bottleneck=False)),
    "resnet-bottleneck": image(lambda: convolutional.resnet(bottleneck=True), PIXELS),
    "mobilenet-v2": image(convolutional.mobilenet_v2),
    "mobilenet-v3": image(convolutional.mobilenet_v3),
    "efficientnet": image(convolutional.efficientnet, PIXELS),
    "densenet": image(convolutional.densenet),
    "squeezenet": image(convolutional.squeezenet, {}),
    "convnext": image(convolutional.convnext),
    "regnet": image(convolutional.regnet),
    "vgg": image(convolutional.vgg, {}),
    "inception": image(convolutional.inception),
    "shufflenet": image(convolutional.shufflenet),
    "ghostnet": image(convolutional.ghostnet),
    "repvgg": image(convolutional.repvgg),
    "unet-transposed": image(lambda: convolutional.UNet(learned=True), PIXELS),
    "unet-resized": image(lambda: convolutional.UNet(learned=False), PIXELS),
    "pyramid": image(convolutional.Pyramid, PIXELS),
    "yolo": Small(convolutional.Yolo, {"images": (3, 32, 32)}, BATCH),
    "super-resolution": image(convolutional.super_resolution, PIXELS, 16),
    "denoiser": Small(convolutional.Denoiser, {"x": (1, 24, 24)}, PIXELS),
    "generator": Small(convolutional.generator, {"z": (16,)}),
    "style-transfer": image(convolutional.style_transfer, {}, 16),
    "audio": Small(convolutional.audio, {"samples": (1, 800)}, {0: "batch", 2: "time"}),
    "volumes": Small(convolutional.volumes, {"x": (1, 8, 16, 16)}),
    "temporal": Small(convolutional.temporal, {"x": (12, 32)}, {0: "batch", 2: "time"}),
    "keypoints": image(convolutional.Keypoints),
    "vit": image(sequences.Vision),
    "bert": Small(lambda: Encoder(32, 2, 4, 100, 32), {"input_ids": (12,), "attention_mask": (12,), "token_type_ids": (12,)}, TEXT, 100),
    "gpt": Small(lambda: Decoder(32, 2, 4, 100), {"input_ids": (12,)}, TEXT, 100),
    "t5": Small(sequences.T5, {"input_ids": (12,), "attention_mask": (12,)}, TEXT, 100),
    "llama": Small(sequences.Llama, {"input_ids": (12,)}, TEXT, 100),
    "swin": image(sequences.Swin),
    "mixer": image(sequences.Mixer),
    "conformer": Small(sequences.Conformer, {"features": (24, 20)}, {0: "batch", 1: "time"}),
    "linear-attention": Small(sequences.LinearAttention, {"x": (20, 12)}, TEXT),
    "cross-attention": Small(sequences.CrossAttention, {"text": (9, 10), "image": (13, 14)}),
    "lstm": Small(sequences.BidirectionalLSTM, {"x": (14, 12)}, TEXT),
    "gru": Small(sequences.Tagger, {"input_ids": (12,), "state": (24,)}, TEXT, 100),
    "text-line": Small(sequences.TextLine, {"image": (1, 16, 40)}, {0: "batch", 3: "width"}),
    "table": Small(sequences.Table, {"numbers": (6,), "categories": (3,)}, BATCH, 7),
    "autoencoder": Small(sequences.Autoencoder, {"x": (64,), "noise": (8,)}),
    "towers": Small(sequences.Towers, {"query_ids": (6,), "item_ids": (8,)}, BATCH, 100),
}
EXPORTERS = ["torchscript", "dynamo"]


def prepared(name: str) -> nn.Module:
    """The network with seeded weights that keep the size of what passes through, and the statistics of its samples."""
    torch.manual_seed(0)
    small = NETWORKS[name]
    network = small.build()
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.modules.conv._ConvNd)):
            nn.init.kaiming_normal_(module.weight)
        if isinstance(module, (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.1)
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = None
    with torch.no_grad():
        network.train()(*small.samples(16).values())
    return network.eval()


def export(name: str, path, exporter: str, is_open: bool = True) -> None:
    """Writes a network as ONNX by one of torch's exporters, as they are called by default, with its axes open or all fixed."""
    small = NETWORKS[name]
    inputs = small.samples(small.batch)
    axes = {key: small.open_axes(key) if is_open else {} for key in inputs}
    options = (
        {"dynamo": True, "verbose": False, "dynamic_shapes": tuple(dict.fromkeys(open_, torch.export.Dim.DYNAMIC) for open_ in axes.values())}
        if exporter == "dynamo"
        else {"dynamo": False, "dynamic_axes": axes}
    )
    torch.onnx.export(prepared(name), tuple(inputs.values()), str(path), input_names=list(inputs), **options)
