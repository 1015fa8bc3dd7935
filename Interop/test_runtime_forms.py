"""Forms that ONNX Runtime takes differently from what the standard says, or that only one way to write them suits: what passes write
computes there what the model computed, with its graph optimizations and without."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


class Network:
    """A convolution of x (N, 3, 8, 8) to 8 channels, what is put in its middle, and a 1×1 convolution to y."""

    def __init__(self, opset: int, scale: float = 1.0):
        self.random = np.random.default_rng(5)
        self.opset, self.nodes, self.weights = opset, [], []
        self.value = self.conv("x", 8, 3, 3, scale)

    def constant(self, name, values, kind=np.float32):
        self.weights.append(numpy_helper.from_array(np.asarray(values, kind), name))
        return name

    def conv(self, value, outputs, inputs, size, scale=1.0):
        shape = (outputs, inputs, size, size)
        name = self.constant(f"w{len(self.nodes)}", scale * self.random.normal(0, (inputs * size * size) ** -0.5, shape))
        return self.add("Conv", value, name, pads=[size // 2] * 4)

    def add(self, operator, *inputs, **how):
        self.nodes.append(helper.make_node(operator, list(inputs), [f"{operator}{len(self.nodes)}"], **how))
        return self.nodes[-1].output[0]

    def save(self, path, value, extents=(8, 8)):
        self.conv(value, 5, 8, 1)
        self.nodes[-1].output[0] = "y"
        graph = helper.make_graph(
            self.nodes, "forms", [helper.make_tensor_value_info("x", FLOAT, ["N", 3, *extents])],
            [helper.make_tensor_value_info("y", FLOAT, ["N", 5, None, None])], self.weights,
        )
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=9), path)


def softmax(axis):
    """Hardly any channel stands out: the largest result is far below 1."""
    net = Network(17, 0.1)
    return net, net.add("Softmax", net.value, axis=axis)


def pad(mode):
    net = Network(18)
    pads, axes = net.constant("pads", [1, 2, 1, 0], np.int64), net.constant("axes", [2, 3], np.int64)
    return net, net.add("Pad", net.add("Relu", net.value), pads, "", axes, mode=mode)


def computed_pad():
    """How much is added follows from the extents: to the next multiple of 3."""
    net = Network(18)
    value = net.add("Relu", net.value)
    extents = net.add("Shape", value, start=2, end=4)
    rest = net.add("Mod", net.add("Sub", net.constant("three", [3, 3], np.int64), net.add("Mod", extents, "three")), "three")
    pads = net.add("Concat", net.constant("none", [0, 0], np.int64), rest, axis=0)
    return net, net.add("Pad", value, pads, "", net.constant("axes", [2, 3], np.int64))


def pool(opset, **how):
    net = Network(opset)
    return net, net.add("AveragePool", net.add("Relu", net.value), kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4, **how)


def resize_by_scales():
    net = Network(18)
    return net, net.add("Resize", net.add("Relu", net.value), "", net.constant("scales", [2, 1.5]), axes=[2, -1], mode="nearest")


def resize_to_sizes():
    net = Network(18)
    sizes = net.constant("sizes", [5], np.int64)
    return net, net.add("Resize", net.add("Relu", net.value), "", "", sizes, axes=[3], mode="linear")


def crop():
    net = Network(18)
    return net, net.add("CenterCropPad", net.add("Relu", net.value), net.constant("extents", [6, 9], np.int64), axes=[2, 3])


FORMS = {
    "softmax over channels": lambda: softmax(1), "softmax over columns": lambda: softmax(-1), "pad": lambda: pad("constant"),
    "computed pad": computed_pad, "reflecting pad": lambda: pad("reflect"), "resize by scales": resize_by_scales, "resize to sizes": resize_to_sizes, "crop": crop,
    "pool rounding up": lambda: pool(17, ceil_mode=1, count_include_pad=1), "pool rounding up without pads": lambda: pool(17, ceil_mode=1),
    "pool with dilations of 1": lambda: pool(19, dilations=[1, 1]), "pool with dilations": lambda: pool(19, dilations=[2, 2]),
}


def sessions(path):
    for level in ("ORT_ENABLE_ALL", "ORT_DISABLE_ALL"):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        yield onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def distance(found, wanted):
    return np.abs(found - wanted).max() / np.abs(wanted).max()


@pytest.mark.parametrize("activations", ["uint8", "int8"])
@pytest.mark.parametrize("form", FORMS)
def test_static_quantization(winnow, tmp_path, form, activations):
    net, value = FORMS[form]()
    net.save(tmp_path / "m.onnx", value)
    x = net.random.normal(size=(6, 3, 8, 8)).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=x)
    wanted = next(sessions(tmp_path / "m.onnx")).run(None, {"x": x})[0]
    winnow(
        "apply", "static-quantization", tmp_path / "m.onnx", "-o", tmp_path / "q.onnx", "--data", tmp_path / "x.npz",
        "--set", f"activations={activations}",
    )
    for session in sessions(tmp_path / "q.onnx"):
        assert distance(session.run(None, {"x": x})[0], wanted) < 0.05


@pytest.mark.parametrize("form", ["pad", "computed pad", "resize by scales", "resize to sizes", "crop"])
def test_static_quantization_of_open_extents(winnow, tmp_path, form):
    net, value = FORMS[form]()
    net.save(tmp_path / "m.onnx", value, ("H", "W"))
    x = net.random.normal(size=(6, 3, 8, 8)).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=x)
    winnow("apply", "static-quantization", tmp_path / "m.onnx", "-o", tmp_path / "q.onnx", "--data", tmp_path / "x.npz")
    for part in (x, x[:1, :, 1:, :6]):
        wanted = next(sessions(tmp_path / "m.onnx")).run(None, {"x": part})[0]
        for session in sessions(tmp_path / "q.onnx"):
            assert distance(session.run(None, {"x": part})[0], wanted) < 0.05


@pytest.mark.parametrize("training", ["quantization-aware-training: { moving-ranges: true }", "learned-step-quantization: { step-rate: 1 }"])
def test_ranges_that_a_definition_gives_are_not_trained(winnow, tmp_path, training):
    net, value = FORMS["softmax over channels"]()
    net.save(tmp_path / "m.onnx", value)
    x = net.random.normal(size=(48, 3, 8, 8)).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=x)
    (tmp_path / "r.yaml").write_text(
        "version: 1\nsteps:\n  - finetune:\n      epochs: 2\n      batch-size: 8\n      learning-rate: 0.01\n      with:\n"
        f"        - {training}\n"
    )
    winnow("run", tmp_path / "r.yaml", tmp_path / "m.onnx", "-o", tmp_path / "q.onnx", "--data", tmp_path / "x.npz")
    fused, plain = (session.run(None, {"x": x})[0] for session in sessions(tmp_path / "q.onnx"))
    assert any(node.op_type == "QuantizeLinear" for node in onnx.load(tmp_path / "q.onnx").graph.node)
    assert distance(fused, plain) < 0.05


@pytest.mark.parametrize("groups", [2, 4, 8])
@pytest.mark.parametrize("opset", [18, 21])
def test_groups_that_go_take_their_scales_along(winnow, tmp_path, groups, opset):
    """Up to operator set 20 GroupNormalization has one scale a group."""
    net = Network(opset)
    count = groups if opset < 21 else 8
    scale, shift = net.constant("scale", net.random.uniform(0.5, 1.5, count)), net.constant("shift", net.random.normal(size=count))
    net.save(tmp_path / "m.onnx", net.add("GroupNormalization", net.value, scale, shift, num_groups=groups))
    x = net.random.normal(size=(2, 3, 8, 8)).astype(np.float32)
    found = []
    for name, setting in (("cut", []), ("zero", ["--set", "remove=false"])):
        text = winnow("apply", "structured-pruning", tmp_path / "m.onnx", "-o", tmp_path / f"{name}.onnx", *setting).stdout
        assert "it was not run" not in text
        found.append([session.run(None, {"x": x})[0] for session in sessions(tmp_path / f"{name}.onnx")])
    assert onnx.load(tmp_path / "cut.onnx").ByteSize() < onnx.load(tmp_path / "m.onnx").ByteSize()
    for cut, zero in zip(*found):
        assert distance(cut, zero) < 1e-5


def test_lists_stay_whole(winnow, tmp_path):
    """No Cast takes a sequence."""
    random = np.random.default_rng(1)
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["row"]), helper.make_node("SequenceInsert", ["list", "row"], ["longer"]),
            helper.make_node("Identity", ["go"], ["on"]),
        ],
        "body", [helper.make_tensor_value_info("step", INT64, []), helper.make_tensor_value_info("go", BOOL, []), helper.make_tensor_sequence_value_info("list", FLOAT, None)],
        [helper.make_tensor_value_info("on", BOOL, []), helper.make_tensor_sequence_value_info("longer", FLOAT, None)],
    )
    nodes = [
        helper.make_node("SequenceEmpty", [], ["empty"]), helper.make_node("Loop", ["count", "yes", "empty"], ["all"], body=body),
        helper.make_node("ConcatFromSequence", ["all"], ["wide"], axis=-1), helper.make_node("MatMul", ["wide", "v"], ["y"]),
    ]
    arrays = {"w": random.normal(size=(12, 8)), "v": random.normal(size=(24, 5))}
    graph = helper.make_graph(
        nodes, "lists", [helper.make_tensor_value_info("x", FLOAT, ["N", 12])], [helper.make_tensor_value_info("y", FLOAT, ["N", 5])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in arrays.items()]
        + [numpy_helper.from_array(np.array(3), "count"), numpy_helper.from_array(np.array(True), "yes")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    winnow("apply", "float16-conversion", tmp_path / "m.onnx", "-o", tmp_path / "half.onnx")
    onnx.checker.check_model(str(tmp_path / "half.onnx"), full_check=True)
    x = random.normal(size=(4, 12)).astype(np.float32)
    wanted = next(sessions(tmp_path / "m.onnx")).run(None, {"x": x})[0]
    for session in sessions(tmp_path / "half.onnx"):
        assert distance(session.run(None, {"x": x})[0], wanted) < 0.01


def test_mean_variance_normalization_stays_whole(winnow, tmp_path):
    """Its definition holds a float32 number."""
    net = Network(17)
    net.save(tmp_path / "m.onnx", net.add("MeanVarianceNormalization", net.value))
    winnow("apply", "float16-conversion", tmp_path / "m.onnx", "-o", tmp_path / "half.onnx")
    onnx.checker.check_model(str(tmp_path / "half.onnx"), full_check=True)


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("is_flat", [True, False])
def test_packed_codes_with_zero_points_stay_as_they_are(winnow, tmp_path, bits, is_flat):
    random = np.random.default_rng(2)
    blocks, width = 3, -(-3 * bits // 8)
    zeros = random.integers(0, 255, (24, width)).astype(np.uint8)
    arrays = {
        "codes": random.integers(0, 255, (24, blocks, 16 * bits // 8)).astype(np.uint8),
        "scales": random.uniform(0.01, 0.05, (24, blocks)).astype(np.float32), "zeros": zeros.reshape(-1) if is_flat else zeros,
        "w": random.normal(size=(24, 16)).astype(np.float32), "v": random.normal(size=(16, 5)).astype(np.float32),
    }
    if is_flat:
        arrays["scales"] = arrays["scales"].reshape(-1)
    nodes = [
        helper.make_node("MatMulNBits", ["x", "codes", "scales", "zeros"], ["h"], K=40, N=24, bits=bits, block_size=16, domain="com.microsoft"),
        helper.make_node("Relu", ["h"], ["r"]), helper.make_node("MatMul", ["r", "w"], ["k"]), helper.make_node("Relu", ["k"], ["s"]),
        helper.make_node("MatMul", ["s", "v"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "codes", [helper.make_tensor_value_info("x", FLOAT, ["N", 40])], [helper.make_tensor_value_info("y", FLOAT, ["N", 5])],
        [numpy_helper.from_array(value, name) for name, value in arrays.items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "m.onnx")
    winnow("apply", "structured-pruning", tmp_path / "m.onnx", "-o", tmp_path / "cut.onnx")
    shapes = {tensor.name: list(tensor.dims) for tensor in onnx.load(tmp_path / "cut.onnx").graph.initializer}
    assert shapes["codes"] == list(arrays["codes"].shape) and shapes["w"][1] == shapes["v"][0] < 16


def test_softmax_of_floats_keeps_its_own_range(winnow, tmp_path):
    """Sums of a product that nobody needs as codes stay floats, and so does what Softmax reads: its small results have small steps."""
    random = np.random.default_rng(3)
    arrays = {"k": 0.1 * random.normal(size=(16, 400)), "v": random.normal(size=(400, 8))}
    nodes = [
        helper.make_node("MatMul", ["x", "k"], ["scores"]), helper.make_node("Softmax", ["scores"], ["parts"], axis=-1),
        helper.make_node("MatMul", ["parts", "v"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "flat", [helper.make_tensor_value_info("x", FLOAT, ["N", 5, 16])], [helper.make_tensor_value_info("y", FLOAT, ["N", 5, 8])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in arrays.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    x = random.normal(size=(6, 5, 16)).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=x)
    wanted = next(sessions(tmp_path / "m.onnx")).run(None, {"x": x})[0]
    winnow("apply", "static-quantization", tmp_path / "m.onnx", "-o", tmp_path / "q.onnx", "--data", tmp_path / "x.npz")
    for session in sessions(tmp_path / "q.onnx"):
        assert distance(session.run(None, {"x": x})[0], wanted) < 0.05
