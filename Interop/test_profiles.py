"""What the export profiles of static quantization promise: which layers ONNX Runtime and OpenVINO run in integers."""

import re

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from runtimes import executed_operators

PROFILES = ["onnxruntime", "openvino", "tensorrt", "portable", "coreml"]


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Four convolutions with a residual sum, a resize, pooling and a Gemm, and samples for it."""
    random, folder = np.random.default_rng(4), tmp_path_factory.mktemp("profiles")
    tensors, nodes = [], []

    def constant(name, shape):
        tensors.append(numpy_helper.from_array((random.normal(size=shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32), name))
        return name

    def conv(x, name, channels, inputs, group=1):
        weight = constant(f"{name}.weight", (channels, inputs // group, 3, 3))
        bias = constant(f"{name}.bias", (channels, 1))
        tensors[-1] = numpy_helper.from_array(numpy_helper.to_array(tensors[-1]).ravel(), bias)
        nodes.append(helper.make_node("Conv", [x, weight, bias], [name], pads=[1] * 4, group=group))
        nodes.append(helper.make_node("Relu", [name], [f"{name}.relu"]))
        return f"{name}.relu"

    stem = conv("x", "stem", 16, 3)
    inner = conv(conv(stem, "depthwise", 16, 16, group=16), "inner", 16, 16)
    nodes.append(helper.make_node("Add", [inner, stem], ["sum"]))
    tensors.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales"))
    nodes.append(helper.make_node("Resize", ["sum", "", "scales"], ["large"], mode="nearest"))
    last = conv("large", "last", 24, 16)
    nodes += [
        helper.make_node("MaxPool", [last], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["pooled"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", constant("head.weight", (10, 24))], ["y"], transB=1),
    ]
    shape = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 16, 16])]
    graph = helper.make_graph(nodes, "network", shape, [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 10])], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "model.onnx")
    np.savez(folder / "x.npz", x=random.normal(size=(64, 3, 16, 16)).astype(np.float32))
    return folder


def text(info, key):
    return info[key].astype(str)


def quantized(winnow, network, tmp_path, profile):
    out = tmp_path / f"{profile}.onnx"
    settings = ("--set", f"profile={profile}", "--set", "output-sqnr=0")
    winnow("apply", "static-quantization", network / "model.onnx", "-o", out, "--data", network / "x.npz", *settings)
    return out


@pytest.mark.parametrize("profile", PROFILES)
def test_files_run_alike(winnow, network, tmp_path, profile):
    """Valid, and the same in ONNX Runtime as it stands, optimized there, and in winnow, but for roundings on an edge."""
    out, inputs = quantized(winnow, network, tmp_path, profile), np.load(network / "x.npz")
    onnx.checker.check_model(str(out), full_check=True)
    winnow("infer", out, "--input", network / "x.npz", "-o", tmp_path / "y.npz")
    ours = np.load(tmp_path / "y.npz")["y"]
    (exact,) = onnxruntime.InferenceSession(network / "model.onnx").run(None, dict(inputs))
    assert np.linalg.norm(ours - exact) < 0.1 * np.linalg.norm(exact)
    for level in (onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL, onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = level
        (theirs,) = onnxruntime.InferenceSession(out, options).run(None, dict(inputs))
        assert np.abs(ours - theirs).max() < 0.03 * np.abs(exact).max()


def node(kind, inputs, output, **attributes):
    return helper.make_node(kind, inputs.split(), [output], **attributes)


# Nodes from x [N, 24], matrices w and v [24, 24], a row b and a column to y, and how many layers ONNX Runtime and OpenVINO compute in integers.
MATRICES = {
    "residual": (
        [node("MatMul", "x w", "a"), node("Add", "a b", "s"), node("Relu", "s", "r"), node("MatMul", "r v", "m"), node("Add", "m x", "y")], 2, 2),
    "two products": ([node("MatMul", "x w", "a"), node("MatMul", "x v", "m"), node("Add", "a m", "y")], 2, 2),
    "a product behind Relu": (
        [node("MatMul", "x w", "a"), node("MatMul", "x v", "m"), node("Relu", "m", "r"), node("Add", "a r", "y")], 1, 2),
    "Gemm with data": ([node("Gemm", "x w x", "y", alpha=0.5)], 1, 1),
    "Gemm with scaled data": ([node("Gemm", "x w x", "y", beta=0.5)], 0, 1),
    "Gemm and Sum": ([node("Gemm", "x w", "a"), node("Sum", "a x", "y")], 1, 1),
    "Relu for one": ([node("MatMul", "x w", "a"), node("Relu", "a", "r"), node("Tanh", "r", "y")], 0, 1),
    "weight first": ([node("Transpose", "x", "t"), node("MatMul", "w t", "a"), node("Transpose", "a", "y")], 0, 0),
    "weight first in Gemm": ([node("Transpose", "x", "t"), node("Gemm", "w t column", "a"), node("Transpose", "a", "y")], 0, 0),
}


def predicted(winnow, model, samples, out, profile):
    """How many layers the findings say a runtime will compute in integers."""
    settings = ("--set", f"profile={profile}", "--set", "output-sqnr=0", "--verbose")
    said = winnow("apply", "static-quantization", model, "-o", out, "--data", samples, *settings).stdout
    return int(re.search(rf"{profile} will compute (\d+) of \d+ layers in integers", said)[1])


def integer_layers(out, folder, profile):
    """How many layers a runtime computes in integers."""
    if profile == "onnxruntime":
        operators = executed_operators(out, folder)
        return sum(operators.count(name) for name in ("QLinearConv", "QGemm", "QLinearMatMul", "MatMulIntegerToFloat"))
    openvino = pytest.importorskip("openvino")
    compiled = openvino.compile_model(openvino.Core().read_model(out), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    infos = [node.get_rt_info() for node in compiled.get_runtime_model().get_ops()]
    layers = ("Convolution", "Deconvolution", "FullyConnected", "MatMul")
    return sum(text(info, "layerType") in layers and text(info, "runtimePrecision") in ("i8", "u8") for info in infos)


@pytest.mark.parametrize("profile", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("name", MATRICES)
def test_products_of_matrices_are_predicted(winnow, tmp_path, name, profile):
    """What stands around a product decides, and what was told is what is executed."""
    random = np.random.default_rng(6)
    nodes, *counts = MATRICES[name]
    used = {value for node in nodes for value in node.input}
    shapes = {"w": (24, 24), "v": (24, 24), "b": (24,), "column": (24, 1)}
    tensors = [numpy_helper.from_array(random.normal(size=shape).astype(np.float32), key) for key, shape in shapes.items() if key in used]
    ends = [[helper.make_tensor_value_info(end, TensorProto.FLOAT, ["N", 24])] for end in ("x", "y")]
    model = helper.make_model(helper.make_graph(nodes, "matrices", *ends, tensors), opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    samples, source, out = tmp_path / "x.npz", tmp_path / "model.onnx", tmp_path / "coded.onnx"
    onnx.save(model, source)
    np.savez(samples, x=random.normal(size=(64, 24)).astype(np.float32))
    count = counts[0 if profile == "onnxruntime" else 1]
    assert predicted(winnow, source, samples, out, profile) == count
    assert integer_layers(out, tmp_path, profile) == count
    exact, coded = (onnxruntime.InferenceSession(path).run(None, dict(np.load(samples)))[0] for path in (source, out))
    assert np.linalg.norm(coded - exact) < 0.05 * np.linalg.norm(exact)


@pytest.mark.parametrize("profile", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("groups, isLimited, openvinoLayers", [(1, True, 2), (1, False, 1), (2, True, 1)])
def test_transposed_convolutions_are_predicted(winnow, tmp_path, profile, groups, isLimited, openvinoLayers):
    """ONNX Runtime has no such integer kernel; OpenVINO has one for data whose code of 0 is 0, as behind Relu, and for one group."""
    random = np.random.default_rng(7)
    shapes = {"w": (16, 3, 3, 3), "v": (16, 8 // groups, 2, 2)}
    tensors = [numpy_helper.from_array(random.normal(size=shape).astype(np.float32), key) for key, shape in shapes.items()]
    limits = [node("Relu", "a", "r")] if isLimited else []
    nodes = [node("Conv", "x w", "a"), *limits, node("ConvTranspose", "r v" if isLimited else "a v", "y", strides=[2, 2], group=groups)]
    ends = [[helper.make_tensor_value_info(*end)] for end in (("x", TensorProto.FLOAT, ["N", 3, 12, 12]), ("y", TensorProto.FLOAT, None))]
    model = helper.make_model(helper.make_graph(nodes, "transposed", *ends, tensors), opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    samples, source, out = tmp_path / "x.npz", tmp_path / "model.onnx", tmp_path / "coded.onnx"
    onnx.save(model, source)
    np.savez(samples, x=random.normal(size=(16, 3, 12, 12)).astype(np.float32))
    count = 1 if profile == "onnxruntime" else openvinoLayers
    assert predicted(winnow, source, samples, out, profile) == count
    assert integer_layers(out, tmp_path, profile) == count


def test_what_onnxruntime_will_do_is_told(winnow, network, tmp_path):
    """The layers and functions that findings predict are those that run in integers, also where some cannot."""
    model = onnx.load(network / "model.onnx")
    place = next(i for i, node in enumerate(model.graph.node) if node.output[0] == "pooled")
    model.graph.node[place].input[0] = "curved"
    model.graph.node.insert(place, helper.make_node("Sigmoid", ["last.relu"], ["curved"]))
    model.graph.node.insert(place, helper.make_node("HardSwish", ["stem.relu"], ["bent"]))
    model.graph.output.append(helper.make_tensor_value_info("bent", TensorProto.FLOAT, None))
    onnx.save(model, tmp_path / "model.onnx")
    for file, settings in (("plain", []), ("except", ["--set", "except=inner.weight"])):
        out = tmp_path / f"{file}.onnx"
        said = winnow(
            "apply", "static-quantization", tmp_path / "model.onnx", "-o", out, "--data", network / "x.npz", "--set", "output-sqnr=0",
            *settings, "--verbose").stdout
        words = re.search(r"onnxruntime will compute (\d+) of (\d+) layers in integers", said)
        operators = executed_operators(out, tmp_path)
        layers = sum(operators.count(name) for name in ("QLinearConv", "QGemm", "QLinearMatMul", "MatMulIntegerToFloat"))
        assert layers == int(words[1]) and int(words[2]) == 5
        # It takes HardSwish apart.
        assert "HardSwish 1" in said
        assert ("Sigmoid 1" in said.replace("HardSigmoid", "")) == ("QLinearSigmoid" not in operators)


@pytest.mark.parametrize("profile", ["onnxruntime", "portable"])
def test_onnxruntime_runs_every_layer_in_integers(winnow, network, tmp_path, profile):
    operators = executed_operators(quantized(winnow, network, tmp_path, profile), tmp_path)
    assert operators.count("QLinearConv") == 4 and "Conv" not in operators and "FusedConv" not in operators
    # Resize moves codes: nothing but the model's own ends is turned into codes and back.
    assert "Resize" in operators and operators.count("QuantizeLinear") == 1 and operators.count("DequantizeLinear") <= 1
    assert "QLinearAdd" in operators and "QLinearGlobalAveragePool" in operators
    assert "QGemm" in operators or "MatMulIntegerToFloat" in operators


@pytest.mark.parametrize("profile", ["openvino", "onnxruntime", "portable", "coreml"])
def test_openvino_runs_every_layer_in_integers(winnow, network, tmp_path, profile):
    openvino = pytest.importorskip("openvino")
    out = quantized(winnow, network, tmp_path, profile)
    compiled = openvino.compile_model(openvino.Core().read_model(out), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    infos = [node.get_rt_info() for node in compiled.get_runtime_model().get_ops()]
    layers = [text(info, "runtimePrecision") for info in infos if text(info, "layerType") in ("Convolution", "FullyConnected")]
    assert len(layers) == 5
    assert all(precision in ("i8", "u8") for precision in layers), layers
    found = compiled(dict(np.load(network / "x.npz")))[0]
    winnow("infer", out, "--input", network / "x.npz", "-o", tmp_path / "y.npz")
    ours = np.load(tmp_path / "y.npz")["y"]
    assert np.abs(found - ours).max() < 0.03 * np.abs(ours).max()
