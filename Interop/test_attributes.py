"""Every attribute of every operator that Winnow knows is written back, or refused by name: none is dropped."""

import re

import numpy as np
import onnx
from onnx import defs, helper
from onnx.reference import ReferenceEvaluator
from test_operators import cases

RANDOM = {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
# Where the reference is another's way, and why.
OTHERWISE = {
    ("GRU", "clip"): "leaves it out",
    ("LSTM", "clip"): "leaves it out",
    ("RNN", "clip"): "leaves it out",
    ("MaxPool", "ceil_mode"): "gives nine windows for five; onnxruntime gives five",
}


def candidates(attribute):
    """Values of an attribute that are not its default."""
    default = helper.get_attribute_value(attribute.default_value) if attribute.default_value.name else None
    if attribute.type == defs.OpSchema.AttrType.INT:
        # Flags are 0 or 1.
        return [1 - default if default in (0, 1) else 1 if default is None else default + 1]
    if attribute.type == defs.OpSchema.AttrType.FLOAT:
        return [0.25 if default != 0.25 else 0.5]
    return []


def variants(root):
    """Cases with one attribute more, or of another value: what is changed, the model, and arrays for its inputs."""
    seen = set()
    for version, some in sorted(cases(root).items()):
        for case in some:
            if len(case.model.graph.node) != 1:
                continue
            node = case.model.graph.node[0]
            schema = defs.get_schema(node.op_type, version, "")
            # A Constant becomes an initializer.
            if schema.deprecated or node.op_type == "Constant":
                continue
            for name, attribute in sorted(schema.attributes.items()):
                for value in candidates(attribute):
                    key = (node.op_type, name, value)
                    if key in seen:
                        continue
                    seen.add(key)
                    model = onnx.ModelProto()
                    model.CopyFrom(case.model)
                    changed = model.graph.node[0]
                    kept = [entry for entry in changed.attribute if entry.name != name]
                    del changed.attribute[:]
                    changed.attribute.extend([*kept, helper.make_attribute(name, value)])
                    yield key, model, {entry.name: array for entry, array in zip(model.graph.input, case.data_sets[0][0])}


def test_no_attribute_is_dropped(winnow, root, tmp_path):
    wrong, count = [], 0
    for (operator, name, value), model, _ in variants(root):
        onnx.save(model, tmp_path / "m.onnx")
        result = winnow("apply", "remove-dead-nodes", tmp_path / "m.onnx", "-o", tmp_path / "out.onnx", check=False)
        count += 1
        if result.returncode != 0:
            if result.returncode not in (1, 2) or len(result.stderr.strip().splitlines()) != 1:
                wrong.append(f"{operator} {name} = {value}: {result.stderr[:200]}")
            continue
        written = [entry for node in onnx.load(tmp_path / "out.onnx").graph.node for entry in node.attribute if entry.name == name]
        if [helper.get_attribute_value(entry) for entry in written] != [value]:
            wrong.append(f"{operator} {name} = {value} became {written}")
    assert count > 100
    assert not wrong, "\n".join(wrong)


def reference(model, arrays):
    """The outputs by ONNX's reference; None where it cannot give them."""
    try:
        with np.errstate(all="ignore"):
            return ReferenceEvaluator(model).run(None, arrays)
    except Exception:  # noqa: BLE001
        return None


def test_every_attribute_counts(winnow, root, tmp_path):
    wrong, count = [], 0
    for (operator, name, value), model, arrays in variants(root):
        expected = reference(model, arrays)
        if expected is None or operator in RANDOM or (operator, name) in OTHERWISE:
            continue
        for info in model.graph.output:
            info.type.tensor_type.ClearField("shape")
        onnx.save(model, tmp_path / "m.onnx")
        np.savez(tmp_path / "x.npz", **arrays)
        result = winnow("infer", tmp_path / "m.onnx", "--input", tmp_path / "x.npz", "-o", tmp_path / "y.npz", check=False)
        if result.returncode != 0:
            continue
        count += 1
        found = np.load(tmp_path / "y.npz")
        for info, array in zip(model.graph.output, expected):
            actual, array = found[info.name].astype(np.float64), np.asarray(array).astype(np.float64)
            if actual.shape != array.shape or not np.allclose(actual, array, rtol=1e-3, atol=1e-4, equal_nan=True):
                wrong.append(f"{operator} {name} = {value}: {info.name} is {actual.ravel()[:4]}, not {array.ravel()[:4]}")
    assert count > 50
    assert not wrong, "\n".join(wrong)


def test_an_attribute_nobody_knows_is_refused_by_name(winnow, tmp_path):
    node = helper.make_node("Relu", ["x"], ["y"], strength=2.0)
    value = lambda name: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2])  # noqa: E731
    onnx.save(helper.make_model(helper.make_graph([node], "g", [value("x")], [value("y")])), tmp_path / "m.onnx")
    result = winnow("inspect", tmp_path / "m.onnx", check=False)
    assert result.returncode == 1 and re.search("attribute strength", result.stderr), result.stderr
