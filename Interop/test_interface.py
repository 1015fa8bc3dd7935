"""What a model says beside its arithmetic survives: inputs with default values, notes, functions, sparse initializers."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

PASSES = ["remove-dead-nodes", "fold-constants", "fold-batch-norm", "dynamic-quantization", "structured-pruning", "magnitude-pruning"]


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def arrays():
    random = np.random.default_rng(3)
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in (("w1", (12, 8)), ("b1", (8,)), ("w2", (8, 5)), ("b2", (5,)))}


def network(more_inputs=(), nodes=None, left_out=(), ir_version=8, **more):
    """12 → 8 → 5, with a threshold that a caller may choose."""
    nodes = nodes or [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["h"], "fc1"),
        helper.make_node("Relu", ["h"], ["r"], "relu"),
        helper.make_node("Gemm", ["r", "w2", "b2"], ["y"], "fc2"),
    ]
    weights = [numpy_helper.from_array(array, name) for name, array in arrays().items() if name not in left_out]
    graph = helper.make_graph(nodes, "g", [value("x", ["N", 12]), *more_inputs], [value("y", ["N", 5])], weights, **more)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=ir_version)


def run(model, **feeds):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    data = model.SerializeToString() if isinstance(model, onnx.ModelProto) else str(model)
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"]).run(None, feeds)[0]


@pytest.fixture
def x():
    return np.random.default_rng(4).normal(size=(6, 12)).astype(np.float32)


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("name", PASSES)
def test_inputs_with_default_values_stay(winnow, tmp_path, x, name, every):
    listed = [value(key, array.shape) for key, array in arrays().items() if every or key == "w2"]
    model = network(listed)
    onnx.save(model, tmp_path / "m.onnx")
    winnow("apply", name, tmp_path / "m.onnx", "-o", tmp_path / "out.onnx")
    out = onnx.load(tmp_path / "out.onnx")
    onnx.checker.check_model(out, full_check=True)
    assert [entry.name for entry in out.graph.input] == [entry.name for entry in model.graph.input]
    # What the caller supplies counts; what it leaves out has its default value.
    other = np.ones((8, 5), np.float32)
    if every or name in ("remove-dead-nodes", "fold-constants", "fold-batch-norm"):
        np.testing.assert_allclose(run(out, x=x), run(model, x=x), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(run(out, x=x, w2=other), run(model, x=x, w2=other), rtol=1e-4, atol=1e-5)
    np.savez(tmp_path / "x.npz", x=x)
    winnow("infer", tmp_path / "out.onnx", "--input", tmp_path / "x.npz", "-o", tmp_path / "y.npz")
    np.testing.assert_allclose(np.load(tmp_path / "y.npz")["y"], run(out, x=x), rtol=1e-2, atol=1e-2)
    np.savez(tmp_path / "x.npz", x=x, w2=other)
    winnow("infer", tmp_path / "out.onnx", "--input", tmp_path / "x.npz", "-o", tmp_path / "y.npz")
    np.testing.assert_allclose(np.load(tmp_path / "y.npz")["y"], run(out, x=x, w2=other), rtol=1e-2, atol=1e-2)


def test_default_values_become_constants_where_asked(winnow, tmp_path, x):
    model = network([value(key, array.shape) for key, array in arrays().items()])
    onnx.save(model, tmp_path / "m.onnx")
    said = winnow("apply", "weight-only-quantization", tmp_path / "m.onnx", "-o", tmp_path / "out.onnx").stdout
    assert "w1 and w2: skipped (it is an input with a default value" in said
    winnow("apply", "fold-constants", tmp_path / "m.onnx", "-o", tmp_path / "out.onnx", "--set", "defaults=true")
    out = onnx.load(tmp_path / "out.onnx")
    assert [entry.name for entry in out.graph.input] == ["x"]
    np.testing.assert_allclose(run(out, x=x), run(model, x=x), rtol=1e-6)


def test_before_format_version_4_a_listed_initializer_is_a_constant(winnow, tmp_path, x):
    model = network([value(key, array.shape) for key, array in arrays().items()], ir_version=3)
    onnx.save(model, tmp_path / "m.onnx")
    said = winnow("apply", "weight-only-quantization", tmp_path / "m.onnx", "-o", tmp_path / "out.onnx").stdout
    assert "w1: " in said and "default value" not in said
    np.testing.assert_allclose(run(onnx.load(tmp_path / "out.onnx"), x=x), run(model, x=x), rtol=0.1, atol=0.1)


def described():
    model = network()
    graph = model.graph
    graph.doc_string, model.doc_string = "a graph", "a model"
    graph.node[1].doc_string, graph.input[0].doc_string, graph.output[0].doc_string = "a function", "RGB", "logits"
    graph.input[0].type.tensor_type.shape.dim[0].denotation, graph.input[0].type.denotation = "DATA_BATCH", "TENSOR"
    for place in (model, graph, graph.node[1], graph.input[0]):
        place.metadata_props.add(key="labels", value="cat,dog")
    graph.initializer[1].doc_string = "a bias"
    annotation = graph.quantization_annotation.add(tensor_name="h")
    annotation.quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="b1")
    return model


def words(model):
    """All that `described` says, by where it is said."""
    graph, node = model.graph, next(node for node in model.graph.node if node.name == "relu")
    kind = graph.input[0].type
    said = {"graph": graph.doc_string, "model": model.doc_string, "node": node.doc_string, "input": graph.input[0].doc_string}
    said |= {"output": graph.output[0].doc_string, "type": kind.denotation, "axis": kind.tensor_type.shape.dim[0].denotation}
    said["bias"] = next((tensor.doc_string for tensor in graph.initializer if tensor.name == "b1"), None)
    for place, message in (("model", model), ("graph", graph), ("node", node), ("input", graph.input[0])):
        said[f"{place} properties"] = {entry.key: entry.value for entry in message.metadata_props}
    said["annotations"] = [
        (entry.tensor_name, [(pair.key, pair.value) for pair in entry.quant_parameter_tensor_names]) for entry in graph.quantization_annotation
    ]
    return said


@pytest.mark.parametrize("name", PASSES)
def test_notes_survive(winnow, tmp_path, name):
    model = described()
    onnx.save(model, tmp_path / "m.onnx")
    winnow("apply", name, tmp_path / "m.onnx", "-o", tmp_path / "out.onnx")
    out = onnx.load(tmp_path / "out.onnx")
    onnx.checker.check_model(out, full_check=True)
    assert words(out) == words(model)


def test_functions_are_inlined(winnow, tmp_path, x):
    inner = helper.make_function(
        "own", "Act", ["a"], ["b"], [helper.make_node("Elu", ["a"], ["t"]), helper.make_node("Add", ["t", "a"], ["b"])],
        [helper.make_opsetid("", 17)], attributes=["alpha"],
    )
    reference = inner.node[0].attribute.add()
    reference.name, reference.ref_attr_name, reference.type = "alpha", "alpha", onnx.AttributeProto.FLOAT
    outer = helper.make_function(
        "own", "Block", ["a", "w", "b"], ["c"],
        [helper.make_node("Gemm", ["a", "w", "b"], ["t"]), helper.make_node("Act", ["t"], ["c"], domain="own", alpha=0.5)],
        [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)],
    )
    nodes = [
        helper.make_node("Block", ["x", "w1", "b1"], ["t"], "first", domain="own"),
        helper.make_node("Block", ["t", "w2", "b2"], ["y"], "second", domain="own"),
    ]
    model = network(nodes=nodes)
    model.functions.extend([inner, outer])
    model.opset_import.append(helper.make_opsetid("own", 1))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, tmp_path / "m.onnx")
    winnow("apply", "remove-dead-nodes", tmp_path / "m.onnx", "-o", tmp_path / "out.onnx")
    out = onnx.load(tmp_path / "out.onnx")
    onnx.checker.check_model(out, full_check=True)
    assert not out.functions and [node.op_type for node in out.graph.node] == ["Gemm", "Elu", "Add"] * 2
    np.testing.assert_allclose(run(out, x=x), run(model, x=x), rtol=1e-5, atol=1e-6)


def test_sparse_initializers_become_dense(winnow, tmp_path, x):
    values = numpy_helper.from_array(np.array([1, -2, 3], np.float32), "w2")
    places = numpy_helper.from_array(np.array([[0, 1], [3, 4], [7, 0]]), "places")
    model = network(left_out=["w2"], sparse_initializer=[helper.make_sparse_tensor(values, places, [8, 5])])
    onnx.save(model, tmp_path / "m.onnx")
    winnow("apply", "remove-dead-nodes", tmp_path / "m.onnx", "-o", tmp_path / "out.onnx")
    out = onnx.load(tmp_path / "out.onnx")
    onnx.checker.check_model(out, full_check=True)
    np.testing.assert_allclose(run(out, x=x), run(model, x=x), rtol=1e-5, atol=1e-6)


def test_links_that_leave_the_folder_are_followed_where_allowed(winnow, tmp_path):
    """The layout of a model hub's cache: links in a folder of their own."""
    (tmp_path / "blobs").mkdir()
    (tmp_path / "snapshot").mkdir()
    onnx.save_model(network(), tmp_path / "blobs/m.onnx", save_as_external_data=True, location="m.onnx_data", size_threshold=0)
    for name in ("m.onnx", "m.onnx_data"):
        (tmp_path / "snapshot" / name).symlink_to(tmp_path / "blobs" / name)
    path = tmp_path / "snapshot/m.onnx"
    for command in (["inspect", path], ["apply", "fold-constants", path, "-o", tmp_path / "out.onnx"], ["compare", path, path]):
        result = winnow(*command, check=False)
        assert result.returncode == 1 and "m.onnx_data" in result.stderr and "--allow-links" in result.stderr, result.stderr
        winnow(*command, "--allow-links")
