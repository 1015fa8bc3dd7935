"""ONNX's own test cases for every operator that Winnow knows, run by `winnow infer`."""

import re
import warnings
from collections import defaultdict

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

warnings.filterwarnings("ignore")
from onnx.backend.test.case.node import collect_testcases  # noqa: E402

NEWEST = 28
TYPES = {"float32", "float64", "float16", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool"}

# What Winnow leaves out or means otherwise.
LEFT_OUT = re.compile(
    "|".join(
        [
            r"training_dropout|bernoulli",  # random numbers of another generator
            r"resize_downsample_scales_(linear|cubic)_align_corners$",  # align a fraction of an element; onnxruntime doesn't either
        ]
    )
)
# Operators whose result's shape follows from the elements of their inputs.
BY_CONTENT = {"Compress", "CumProd", "NonMaxSuppression", "NonZero", "Resize", "Unique", "Upsample"}


def known_operators(root):
    """The names in Winnow's operator sources."""
    pattern = re.compile(r'static let type = OperatorType\("(\w+)"\)')
    files = (root / "Sources/WinnowOperators").rglob("*.swift")
    return {name for file in files for name in pattern.findall(file.read_text())}


def cases(root):
    """Test cases whose operators are known and whose operands are plain tensors, by operator-set version."""
    known = known_operators(root)
    result = defaultdict(list)
    for case in collect_testcases(None):
        model = case.model
        version = next((opset.version for opset in model.opset_import if opset.domain in ("", "ai.onnx")), 0)
        if LEFT_OUT.search(case.name) or not {node.op_type for node in model.graph.node} <= known or version < 7:
            continue
        if any(node.domain not in ("", "ai.onnx") for node in model.graph.node):
            continue
        inputs, outputs = case.data_sets[0]
        if not all(isinstance(value, np.ndarray) and value.dtype.name in TYPES for value in [*inputs, *outputs]):
            continue
        result[min(version, NEWEST)].append(case)
    return result


def rename(node, renamed):
    """Gives every value that a node or its bodies name another name."""
    node.input[:] = map(renamed, node.input)
    node.output[:] = map(renamed, node.output)
    for body in [graph for attribute in node.attribute for graph in [attribute.g, *attribute.graphs]]:
        for value in [*body.input, *body.output, *body.initializer, *body.value_info]:
            value.name = renamed(value.name)
        for inner in body.node:
            rename(inner, renamed)


def joined(cases, version):
    """One model of many cases: names get the case's name in front; integers that may be shapes become initializers."""
    nodes, inputs, outputs, initializers, arrays, expected = [], [], [], [], {}, {}
    for case in cases:
        graph, (given, wanted) = case.model.graph, case.data_sets[0]

        def renamed(name):
            return f"{case.name}/{name}" if name else ""

        for node in graph.node:
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            copy.name = renamed(node.name or node.op_type)
            rename(copy, renamed)
            nodes.append(copy)
        for index, (info, value) in enumerate(zip(graph.input, given)):
            name = renamed(info.name)
            may_be_shape = (index > 0 or len(given) == 1) and value.dtype == np.int64 and value.ndim <= 1
            if may_be_shape or any(node.op_type in BY_CONTENT for node in graph.node):
                initializers.append(numpy_helper.from_array(value, name))
            else:
                inputs.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape))
                arrays[name] = value
        for info, value in zip(graph.output, wanted):
            name = renamed(info.name)
            outputs.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape))
            expected[name] = (value, case.rtol, case.atol)
    graph = helper.make_graph(nodes, "cases", inputs, outputs, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)], ir_version=10), arrays, expected


def differences(winnow, folder, cases, version):
    """What is wrong with these cases run as one model."""
    model, arrays, expected = joined(cases, version)
    onnx.save(model, folder / "cases.onnx")
    np.savez(folder / "x.npz", **arrays)
    result = winnow("infer", folder / "cases.onnx", "--input", folder / "x.npz", "-o", folder / "y.npz", check=False)
    if result.returncode != 0:
        if len(cases) == 1:
            return [f"{cases[0].name}: {result.stderr.strip()}"]
        middle = len(cases) // 2
        return differences(winnow, folder, cases[:middle], version) + differences(winnow, folder, cases[middle:], version)
    found = np.load(folder / "y.npz")
    wrong = []
    for name, (value, rtol, atol) in expected.items():
        actual = found[name]
        if actual.dtype != value.dtype or actual.shape != value.shape:
            wrong.append(f"{name}: {actual.dtype}{actual.shape} is not {value.dtype}{value.shape}")
        elif not np.allclose(
            actual.astype(np.float64), value.astype(np.float64), rtol=max(rtol, 1e-4),
            atol=max(atol, 1e-3 if value.dtype == np.float16 else 1e-5), equal_nan=True
        ):
            wrong.append(f"{name}: differs by {np.nanmax(np.abs(actual.astype(np.float64) - value.astype(np.float64)))}")
    return wrong


def test_onnx_cases(winnow, root, tmp_path):
    by_version = cases(root)
    assert sum(map(len, by_version.values())) > 400
    wrong = [line for version, some in sorted(by_version.items()) for line in differences(winnow, tmp_path, some, version)]
    assert not wrong, "\n".join(wrong)
