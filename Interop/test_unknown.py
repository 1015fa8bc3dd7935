"""A model with an operator that Winnow doesn't know: everything but running it works."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper


@pytest.fixture
def model(tmp_path):
    """MatMul, an operator of nobody's domain with attributes of every kind, one a graph that reads a tensor around, MatMul."""
    weights = np.random.default_rng(0).normal(size=(2, 64, 64)).astype(np.float32)
    inner = helper.make_graph(
        [helper.make_node("Add", ["h", "seen"], ["sum"], name="inner")], "inner", [], [helper.make_tensor_value_info("sum", TensorProto.FLOAT, None)]
    )
    odd = helper.make_node(
        "Oddity", ["h"], ["g", "extra"], name="odd", domain="org.nobody", strength=0.5, labels=["a", "b"], sizes=[1, 2],
        table=numpy_helper.from_array(np.arange(3), "a named table"),
        tables=[numpy_helper.from_array(np.arange(2), name) for name in ("one", "two")],
        kind=helper.make_tensor_type_proto(TensorProto.FLOAT16, [2]), code=b"\xff\x00", inner=inner, inners=[inner, inner],
    )
    nodes = [helper.make_node("MatMul", ["x", "w0"], ["h"], name="first"), odd, helper.make_node("MatMul", ["g", "w1"], ["y"], name="last")]
    graph = helper.make_graph(
        nodes, "odd", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 64])],
        [numpy_helper.from_array(weights[index], f"w{index}") for index in range(2)] + [numpy_helper.from_array(weights[0, 0], "seen")],
    )
    path = tmp_path / "odd.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("org.nobody", 3)], ir_version=8), path)
    return path


def test_prints(winnow, model):
    assert "Oddity" in winnow("inspect", model).stdout


@pytest.mark.parametrize("method", ["weight-only-quantization", "magnitude-pruning", "palettization"])
def test_takes_weight_only_passes(winnow, model, tmp_path, method):
    winnow("apply", method, model, "-o", tmp_path / "small.onnx")
    old, new = onnx.load(model), onnx.load(tmp_path / "small.onnx")
    kept = next(node for node in new.graph.node if node.op_type == "Oddity")
    before = next(node for node in old.graph.node if node.op_type == "Oddity")
    for node in (before, kept):
        node.attribute.sort(key=lambda attribute: attribute.name)
    assert kept == before
    seen = next(tensor for tensor in new.graph.initializer if tensor.name == "seen")
    assert np.array_equal(numpy_helper.to_array(seen), numpy_helper.to_array(old.graph.initializer[2]))
    assert {entry.domain: entry.version for entry in new.opset_import}["org.nobody"] == 3
    changed = [numpy_helper.to_array(tensor) for tensor in new.graph.initializer if tensor.name == "w0"]
    assert not changed or not np.array_equal(changed[0], numpy_helper.to_array(old.graph.initializer[0]))


def test_running_names_operator_node_and_opset(winnow, model, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.zeros((1, 64), np.float32))
    result = winnow("infer", model, "--input", tmp_path / "x.npz", "-o", tmp_path / "y.npz", check=False)
    assert result.returncode != 0
    for word in ("org.nobody.Oddity", "odd", "opset 3"):
        assert word in result.stderr


@pytest.fixture
def texts(tmp_path):
    """Classes by name, as skl2onnx and coremltools write them: a text among the inputs, constants, and outputs, one a list of maps."""
    random = np.random.default_rng(1)
    ml = {"domain": "ai.onnx.ml"}
    nodes = [
        helper.make_node("OneHotEncoder", ["kind"], ["hot"], cats_strings=["red", "green", "blue"], zeros=1, **ml),
        helper.make_node("Flatten", ["hot"], ["flat"]),
        helper.make_node("Concat", ["x", "flat"], ["both"], axis=1),
        helper.make_node("MatMul", ["both", "w0"], ["h"], name="first"),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("MatMul", ["r", "w1"], ["z"], name="last"),
        helper.make_node("Softmax", ["z"], ["p"], axis=1),
        helper.make_node("ArgMax", ["p"], ["best"], axis=1, keepdims=0),
        helper.make_node("ArrayFeatureExtractor", ["names", "best"], ["row"], **ml),
        helper.make_node("Reshape", ["row", "list"], ["label"]),
        helper.make_node("Constant", [], ["more"], value_strings=["one", "two"]),
        helper.make_node("Concat", ["names", "more"], ["all"], axis=0),
        helper.make_node("Cast", ["best"], ["digits"], to=TensorProto.STRING),
        helper.make_node("ZipMap", ["p"], ["maps"], classlabels_strings=["a", "b", "c", "d"], **ml),
    ]
    weights = [random.normal(scale=0.2, size=size).astype(np.float32) for size in ((11, 64), (64, 4))]
    initializers = [numpy_helper.from_array(weight, f"w{index}") for index, weight in enumerate(weights)]
    initializers.append(numpy_helper.from_array(np.array([-1]), "list"))
    initializers.append(helper.make_tensor("names", TensorProto.STRING, [4], [name.encode() for name in "abcd"]))
    maps = helper.make_sequence_type_proto(helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, None)))
    graph = helper.make_graph(
        nodes, "texts",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 8]), helper.make_tensor_value_info("kind", TensorProto.STRING, ["N", 1])],
        [helper.make_tensor_value_info("label", TensorProto.STRING, ["N"]), helper.make_value_info("maps", maps)]
        + [helper.make_tensor_value_info(name, TensorProto.STRING, [extent]) for name, extent in (("all", 6), ("digits", "N"))],
        initializers,
    )  # fmt: skip
    path = tmp_path / "texts.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 1)], ir_version=8), path)
    return path


def run(path):
    feeds = {"x": np.linspace(-2, 2, 40, dtype=np.float32).reshape(5, 8), "kind": np.array([["red"], ["blue"], ["green"], ["grey"], ["red"]], object)}
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, feeds)


@pytest.mark.parametrize("method", ["fold-constants", "weight-only-quantization", "magnitude-pruning", "structured-pruning", "float16-conversion"])
def test_texts_and_maps_stay(winnow, texts, tmp_path, method):
    winnow("apply", method, texts, "-o", tmp_path / "small.onnx", *(["--set", "sparsity=0.5"] if "pruning" in method else []))
    old, new = onnx.load(texts), onnx.load(tmp_path / "small.onnx")
    onnx.checker.check_model(new)
    assert list(old.graph.input) == list(new.graph.input) and list(old.graph.output) == list(new.graph.output)
    before, after = run(texts), run(tmp_path / "small.onnx")
    assert list(before[2]) == list(after[2]) == ["a", "b", "c", "d", "one", "two"]
    if "pruning" not in method:
        assert np.array_equal(before[0], after[0]) and np.array_equal(before[3], after[3])
        for a, b in zip(before[1], after[1]):
            assert a.keys() == b.keys() and np.allclose(list(a.values()), list(b.values()), atol=0.02)
    if method == "structured-pruning":
        width = {tensor.name: tensor.dims[0] for tensor in new.graph.initializer}["w1"]
        assert width == 32


def test_verbs_leave_out_what_needs_running(winnow, texts, tmp_path):
    result = winnow("quantize", texts, "-o", tmp_path / "small.onnx")
    assert "no latency" in result.stdout and "only numbers are computed" in result.stdout
    assert (tmp_path / "small.onnx").stat().st_size < 0.6 * texts.stat().st_size


def test_texts_are_not_computed(winnow, texts, tmp_path):
    assert "string[N, 1]" in winnow("inspect", texts).stdout
    np.savez(tmp_path / "x.npz", x=np.zeros((1, 8), np.float32))
    result = winnow("infer", texts, "--input", tmp_path / "x.npz", "-o", tmp_path / "y.npz", check=False)
    assert result.returncode == 1 and "only numbers are computed" in result.stderr


@pytest.fixture(params=["gather", "encoder"])
def named(tmp_path, request):
    """A classifier whose first output is the name of the class."""
    random = np.random.default_rng(2)
    weights = {name: random.normal(scale=0.3, size=size).astype(np.float32) for name, size in (("w0", (12, 32)), ("b0", 32), ("w1", (32, 3)))}
    if request.param == "gather":
        last = helper.make_node("Gather", ["names", "best"], ["label"])
    else:
        last = helper.make_node("LabelEncoder", ["best"], ["label"], domain="ai.onnx.ml", keys_int64s=[0, 1, 2], values_strings=["cat", "dog", "cow"])
    nodes = [
        helper.make_node("Gemm", ["x", "w0", "b0"], ["h"]), helper.make_node("Relu", ["h"], ["r"]), helper.make_node("MatMul", ["r", "w1"], ["s"]),
        helper.make_node("ArgMax", ["s"], ["best"], axis=1, keepdims=0), last,
    ]
    constants = [numpy_helper.from_array(weight, name) for name, weight in weights.items()]
    if request.param == "gather":
        constants.append(helper.make_tensor("names", TensorProto.STRING, [3], [b"cat", b"dog", b"cow"]))
    graph = helper.make_graph(
        nodes, "named", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 12])],
        [helper.make_tensor_value_info("label", TensorProto.STRING, ["N"]), helper.make_tensor_value_info("s", TensorProto.FLOAT, ["N", 3])], constants,
    )  # fmt: skip
    path = tmp_path / "named.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)], ir_version=8), path)
    samples = random.normal(size=(120, 12)).astype(np.float32)
    scores = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(["s"], {"x": samples})[0]
    np.savez(tmp_path / "x.npz", x=samples)
    np.savez(tmp_path / "xy.npz", x=samples, labels=scores.argmax(1))
    return path, samples, scores


def test_names_of_classes_are_left_out(winnow, named, tmp_path):
    model, _, scores = named
    assert "label: string[N]" in winnow("inspect", model).stdout
    result = winnow("infer", model, "--data", tmp_path / "x.npz", "-o", tmp_path / "y.npz")
    assert "output label (string[N]) left out: only numbers are computed" in result.stdout
    given = np.load(tmp_path / "y.npz")
    assert given.files == ["s"] and np.allclose(given["s"], scores, atol=1e-5)
    assert "100" in winnow("evaluate", model, "--data", tmp_path / "xy.npz").stdout
    assert "s: " in winnow("compare", model, model, "--data", tmp_path / "x.npz").stdout


@pytest.mark.parametrize("data", ["x.npz", "xy.npz"])
@pytest.mark.parametrize("verb", [["quantize"], ["apply", "float16-conversion"], ["finetune", "--epochs", "1"]])
def test_models_that_name_classes_are_compressed(winnow, named, tmp_path, verb, data):
    model, samples, scores = named
    winnow(*verb, model, "--data", tmp_path / data, "-o", tmp_path / "small.onnx")
    label, others = onnxruntime.InferenceSession(str(tmp_path / "small.onnx"), providers=["CPUExecutionProvider"]).run(["label", "s"], {"x": samples})
    names = np.array(["cat", "dog", "cow"])
    assert list(label) == list(names[others.argmax(1)]), "the names follow the scores still"
    assert (others.argmax(1) == scores.argmax(1)).mean() > 0.9
