"""Codes become floats: models of ONNX Runtime's own quantization, and nodes that hold codes, beside ONNX Runtime and NumPy."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

CODED = ("Quantize", "QLinear", "QGemm", "Integer", "MatMulNBits")


class Samples(CalibrationDataReader):
    """Batches of four as ONNX Runtime calibrates with."""

    def __init__(self, x):
        self.batches = iter([{"x": x[start : start + 4]} for start in range(0, len(x), 4)])

    def get_next(self):
        return next(self.batches, None)


def run(path, x):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


def error(wanted, found):
    assert wanted.shape == found.shape
    return np.linalg.norm(wanted - found) / np.linalg.norm(wanted)


def constants(path):
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}


def operators(path):
    return [node.op_type for node in onnx.load(path).graph.node]


def is_float(path):
    return not [name for name in operators(path) if any(part in name for part in CODED)]


def save(path, nodes, values, shape, opset=21, inputs=TensorProto.FLOAT):
    tensors = [value if isinstance(value, TensorProto) else numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()]
    infos = [helper.make_tensor_value_info("x", inputs, shape), onnx.ValueInfoProto(name="y")]
    graph = helper.make_graph(nodes, "coded", infos[:1], infos[1:], tensors)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, ir_version=10, opset_imports=opsets), path)


def network(path, random):
    """Convolutions with Relu, a pool, a residual sum behind which numbers end at 0 and 6, a Gemm and a MatMul."""
    values = {"low": np.float32(0), "high": np.float32(6)}

    def weight(name, *shape):
        values[name] = (random.standard_normal(shape) * (2 / np.prod(shape[1:] or [20])) ** 0.5).astype(np.float32)
        return name

    nodes = [
        helper.make_node("Conv", ["x", weight("c1.w", 8, 3, 3, 3), weight("c1.b", 8)], ["c1"], "c1", pads=[1] * 4),
        helper.make_node("Relu", ["c1"], ["r1"], "r1"),
        helper.make_node("MaxPool", ["r1"], ["p"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["p", weight("c2.w", 8, 8, 3, 3), weight("c2.b", 8)], ["c2"], "c2", pads=[1] * 4),
        helper.make_node("Add", ["c2", "p"], ["sum"], "sum"),
        helper.make_node("Clip", ["sum", "low", "high"], ["r6"], "r6"),
        helper.make_node("GlobalAveragePool", ["r6"], ["mean"], "mean"),
        helper.make_node("Flatten", ["mean"], ["flat"], "flat"),
        helper.make_node("Gemm", ["flat", weight("fc.w", 10, 8), weight("fc.b", 10)], ["fc"], "fc", transB=1),
        helper.make_node("MatMul", ["fc", weight("m.w", 10, 6)], ["y"], "m"),
    ]
    save(path, nodes, values, ["batch", 3, 16, 16], 17)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A float model, its codes in each form that ONNX Runtime writes, and data."""
    folder = tmp_path_factory.mktemp("dequantize")
    random = np.random.default_rng(0)
    network(folder / "float.onnx", random)
    x = (random.standard_normal((64, 3, 16, 16)) * 3).astype(np.float32)
    np.savez(folder / "data.npz", x=x)
    for form in ("QDQ", "QOperator"):
        for kind in ("QUInt8", "QInt8"):
            quantize_static(
                folder / "float.onnx", folder / f"{form}-{kind}.onnx", Samples(x), quant_format=getattr(QuantFormat, form), per_channel=True,
                activation_type=getattr(QuantType, kind), weight_type=QuantType.QInt8)
    quantize_dynamic(folder / "float.onnx", folder / "dynamic.onnx", weight_type=QuantType.QUInt8)
    return folder


STATIC = ["QDQ-QUInt8", "QDQ-QInt8", "QOperator-QUInt8", "QOperator-QInt8"]


def numbers(path):
    """The weights of a model of ONNX Runtime's: scale · (code − zero point), channels first but in matrices."""
    stored = constants(path)
    result = {}
    for name in ("c1.w", "c2.w", "fc.w", "m.w"):
        codes, scale, zero = (stored[f"{name}{part}"] for part in ("_quantized", "_scale", "_zero_point"))
        axis = 1 if name == "m.w" else 0
        if scale.size > 1:
            shape = [-1 if place == axis else 1 for place in range(codes.ndim)]
            scale, zero = scale.reshape(shape), zero.reshape(shape)
        result[name] = scale * (codes.astype(np.float32) - zero.astype(np.float32))
    return result


@pytest.mark.parametrize("name", [*STATIC, "dynamic"])
def test_models_of_onnx_runtime(winnow, models, tmp_path, name):
    path = tmp_path / "f.onnx"
    output = winnow("apply", "dequantize", models / f"{name}.onnx", "-o", path, "--verbose").stdout
    assert is_float(path), operators(path)
    assert "skipped" not in output, output
    x = np.load(models / "data.npz")["x"]
    original, coded, found = (run(model, x) for model in (models / "float.onnx", models / f"{name}.onnx", path))
    assert error(coded, found) < 0.1
    # Without rounding of values it is as near to the original as rounded weights let it be.
    assert error(original, found) < min(0.03, 1.2 * error(original, coded))
    stored = constants(path)
    for weight, wanted in numbers(models / f"{name}.onnx").items():
        assert np.array_equal(stored[weight], wanted), weight
    counts = {kind: operators(path).count(kind) for kind in ("Conv", "Relu", "Clip", "MaxPool", "Add")}
    assert counts["Conv"] == 2 and counts["Relu"] == 1 and counts["Clip"] == 1 and counts["MaxPool"] == 1, operators(path)


@pytest.mark.parametrize("name", STATIC)
def test_all_limits_are_those_of_the_codes(winnow, models, tmp_path, name):
    path = tmp_path / "f.onnx"
    winnow("apply", "dequantize", models / f"{name}.onnx", "-o", path, "--set", "limits=all")
    # Beyond what calibration saw, codes are clipped, and so are numbers.
    x = 4 * np.load(models / "data.npz")["x"]
    original, coded, found = (run(model, x) for model in (models / "float.onnx", models / f"{name}.onnx", path))
    assert error(coded, found) < 0.1 and error(coded, found) < error(coded, original)


@pytest.mark.parametrize("name", [*STATIC, "dynamic"])
def test_requantized(winnow, models, tmp_path, name):
    path = tmp_path / "q.onnx"
    winnow("quantize", models / "float.onnx", "-o", tmp_path / "direct.onnx", "--data", models / "data.npz")
    output = winnow("quantize", models / f"{name}.onnx", "-o", path, "--data", models / "data.npz").stdout
    assert "dequantize" in output
    winnow("quantize", models / f"{name}.onnx", "-o", path, "--data", models / "data.npz", "--requantize")
    x = np.load(models / "data.npz")["x"]
    files = (models / "float.onnx", models / f"{name}.onnx", tmp_path / "direct.onnx", path)
    original, coded, direct, again = (run(model, x) for model in files)
    assert operators(path).count("QuantizeLinear") > 3
    # What the first codes lost stays lost.
    assert error(original, again) < error(original, coded) + 1.5 * error(original, direct) + 0.01


def unpacked(data, bits, shape):
    """Codes of whole bytes, low bits first."""
    bytes_ = np.frombuffer(data, np.uint8)
    codes = np.stack([bytes_ >> shift & (1 << bits) - 1 for shift in range(0, 8, bits)], -1).reshape(-1)
    return codes[: int(np.prod(shape))].reshape(shape)


@pytest.mark.parametrize("kind", ["INT4", "UINT4", "INT8", "UINT8", "INT16", "UINT16"])
@pytest.mark.parametrize("form", ["tensor", "channel", "block"])
@pytest.mark.parametrize("half", [False, True])
def test_dequantized_weights(winnow, tmp_path, kind, form, half):
    random = np.random.default_rng(3)
    bits, signed = int(kind.strip("UINT")), kind.startswith("INT")
    low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
    # Differences that float16 holds exactly.
    low, high = max(low, -500), min(high, 500)
    shape = {"tensor": [], "channel": [24], "block": [2, 24]}[form]
    codes, zeros = random.integers(low, high, (32, 24)), np.asarray(random.integers(low, high, shape))
    scales = np.asarray(random.uniform(0.01, 0.1, shape)).astype(np.float16 if half else np.float32)
    tensors = {
        "w": helper.make_tensor("w", getattr(TensorProto, kind), [32, 24], codes.flatten().tolist()),
        "s": scales,
        "z": helper.make_tensor("z", getattr(TensorProto, kind), shape, zeros.flatten().tolist()),
    }
    axis = {"tensor": {}, "channel": {"axis": 1}, "block": {"axis": 0, "block_size": 16}}[form]
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s", "z"], ["f"], **axis),
        helper.make_node("Transpose", ["f"], ["t"], perm=[1, 0]),
        helper.make_node("Gemm", ["x", "t"], ["y"], transB=1),
    ]
    save(tmp_path / "c.onnx", nodes, tensors, [None, 32], inputs=TensorProto.FLOAT16 if half else TensorProto.FLOAT)
    winnow("apply", "dequantize", tmp_path / "c.onnx", "-o", tmp_path / "f.onnx")
    assert is_float(tmp_path / "f.onnx")
    spread = (lambda values: np.repeat(values, 16, 0)) if form == "block" else (lambda values: values)
    wanted = spread(scales) * (codes - spread(zeros)).astype(scales.dtype)
    found = [tensor for tensor in constants(tmp_path / "f.onnx").values() if tensor.ndim == 2]
    assert len(found) == 1 and found[0].dtype == scales.dtype and np.array_equal(found[0], wanted.T)


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("zeros", [False, True])
def test_packed_matrices(winnow, tmp_path, bits, zeros):
    random = np.random.default_rng(bits)
    depth, columns, block = 64, 24, 32
    values = {
        "w_Q4": random.integers(0, 256, (columns, 2, block * bits // 8), dtype=np.uint8),
        "s": random.uniform(0.1, 1, columns * 2).astype(np.float32),
    }
    if zeros:
        values["z"] = random.integers(0, 256, columns * 2 * bits // 8, dtype=np.uint8)
    node = helper.make_node(
        "MatMulNBits", ["x", *values], ["y"], domain="com.microsoft", K=depth, N=columns, bits=bits, block_size=block)
    save(tmp_path / "c.onnx", [node], values, [None, depth])
    output = winnow("apply", "dequantize", tmp_path / "c.onnx", "-o", tmp_path / "f.onnx", "--verbose").stdout
    assert operators(tmp_path / "f.onnx") == ["MatMul"] and "w_Q4" in output
    codes = unpacked(values["w_Q4"].tobytes(), bits, (columns, 2, block)).astype(np.float32)
    middle = unpacked(values["z"].tobytes(), bits, (columns, 2, 1)).astype(np.float32) if zeros else np.float32(1 << bits - 1)
    wanted = (values["s"].reshape(columns, 2, 1) * (codes - middle)).reshape(columns, depth)
    assert np.array_equal(constants(tmp_path / "f.onnx")["w"], wanted.T)
    x = random.standard_normal((5, depth)).astype(np.float32)
    assert error(run(tmp_path / "c.onnx", x), run(tmp_path / "f.onnx", x)) < 1e-5


@pytest.mark.parametrize("kind", ["MatMulIntegerToFloat", "DynamicQuantizeMatMul"])
def test_contributed_products(winnow, tmp_path, kind):
    random = np.random.default_rng(5)
    values = {
        "w": random.integers(-100, 100, (32, 16), dtype=np.int8), "ws": random.uniform(0.01, 0.02, 16).astype(np.float32),
        "wz": np.zeros(16, np.int8), "b": random.standard_normal(16).astype(np.float32),
    }
    if kind == "DynamicQuantizeMatMul":
        nodes = [helper.make_node(kind, ["x", "w", "ws", "wz", "b"], ["y"], domain="com.microsoft")]
    else:
        nodes = [
            helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
            helper.make_node(kind, ["q", "w", "s", "ws", "z", "wz", "b"], ["y"], domain="com.microsoft"),
        ]
    save(tmp_path / "c.onnx", nodes, values, [None, 32])
    winnow("apply", "dequantize", tmp_path / "c.onnx", "-o", tmp_path / "f.onnx")
    assert operators(tmp_path / "f.onnx") == ["MatMul", "Add"]
    x = random.standard_normal((9, 32)).astype(np.float32)
    assert np.allclose(run(tmp_path / "f.onnx", x), x @ (values["ws"] * values["w"].astype(np.float32)) + values["b"], atol=1e-4)
    assert error(run(tmp_path / "c.onnx", x), run(tmp_path / "f.onnx", x)) < 0.02


@pytest.mark.parametrize("directions", [1, 2])
def test_recurrent_layers(winnow, tmp_path, directions):
    random = np.random.default_rng(6)
    values = {
        "W": random.standard_normal((directions, 40, 6)).astype(np.float32) / 2, "R": random.standard_normal((directions, 40, 10)).astype(np.float32) / 2,
        "B": random.standard_normal((directions, 80)).astype(np.float32) / 2,
    }
    node = helper.make_node("LSTM", ["x", "W", "R", "B"], ["y"], hidden_size=10, direction="bidirectional" if directions == 2 else "forward")
    save(tmp_path / "o.onnx", [node], values, [7, None, 6], 17)
    quantize_dynamic(tmp_path / "o.onnx", tmp_path / "c.onnx")
    assert "DynamicQuantizeLSTM" in operators(tmp_path / "c.onnx")
    winnow("apply", "dequantize", tmp_path / "c.onnx", "-o", tmp_path / "f.onnx")
    assert operators(tmp_path / "f.onnx") == ["LSTM"]
    x = random.standard_normal((7, 3, 6)).astype(np.float32)
    assert error(run(tmp_path / "o.onnx", x), run(tmp_path / "f.onnx", x)) < 0.05
    stored = constants(tmp_path / "f.onnx")
    for name, weight in values.items():
        found = [tensor for tensor in stored.values() if tensor.shape == weight.shape]
        assert found and np.abs(found[0] - weight).max() <= np.abs(weight).max() / 120


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.BFLOAT16])
def test_halves(winnow, tmp_path, kind):
    random = np.random.default_rng(7)
    weight = (random.standard_normal((16, 8)) / 4).astype(np.float32)
    tensor = helper.make_tensor("w", kind, [16, 8], weight.flatten())
    nodes = [
        helper.make_node("Cast", ["x"], ["h"], to=kind),
        helper.make_node("MatMul", ["h", "w"], ["p"]),
        helper.make_node("Cast", ["p"], ["y"], to=TensorProto.FLOAT),
    ]
    save(tmp_path / "h.onnx", nodes, {"w": tensor}, [None, 16])
    winnow("apply", "dequantize", tmp_path / "h.onnx", "-o", tmp_path / "f.onnx", "--set", "halves=true")
    assert operators(tmp_path / "f.onnx") == ["MatMul"]
    wanted = numpy_helper.to_array(tensor).astype(np.float32)
    assert np.array_equal(constants(tmp_path / "f.onnx")["w"], wanted)
    x = random.standard_normal((4, 16)).astype(np.float32)
    assert np.allclose(run(tmp_path / "f.onnx", x), x @ wanted, atol=1e-5)
