"""Every attribute of every operator that Winnow knows is written back, or refused by name: none is dropped."""

import re

import onnx
from onnx import defs, helper
from test_operators import cases


def candidates(attribute):
    """Values of an attribute that are not its default."""
    default = helper.get_attribute_value(attribute.default_value) if attribute.default_value.name else None
    if attribute.type == defs.OpSchema.AttrType.INT:
        return [value for value in (1, 0, 2) if value != default][:2]
    if attribute.type == defs.OpSchema.AttrType.FLOAT:
        return [0.25 if default != 0.25 else 0.5]
    return []


def variants(root):
    """Cases' models with one attribute more, or of another value."""
    seen = set()
    for version, some in sorted(cases(root).items()):
        for case in some:
            if len(case.model.graph.node) != 1:
                continue
            node = case.model.graph.node[0]
            schema = defs.get_schema(node.op_type, version, "")
            for name, attribute in sorted(schema.attributes.items()):
                for value in candidates(attribute):
                    key = (node.op_type, name, value)
                    if key in seen or schema.deprecated:
                        continue
                    seen.add(key)
                    model = onnx.ModelProto()
                    model.CopyFrom(case.model)
                    changed = model.graph.node[0]
                    kept = [entry for entry in changed.attribute if entry.name != name]
                    del changed.attribute[:]
                    changed.attribute.extend([*kept, helper.make_attribute(name, value)])
                    yield key, model


def test_no_attribute_is_dropped(winnow, root, tmp_path):
    wrong, count = [], 0
    for (operator, name, value), model in variants(root):
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
    assert count > 150
    assert not wrong, "\n".join(wrong)


def test_an_attribute_nobody_knows_is_refused_by_name(winnow, tmp_path):
    node = helper.make_node("Relu", ["x"], ["y"], strength=2.0)
    value = lambda name: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2])  # noqa: E731
    onnx.save(helper.make_model(helper.make_graph([node], "g", [value("x")], [value("y")])), tmp_path / "m.onnx")
    result = winnow("inspect", tmp_path / "m.onnx", check=False)
    assert result.returncode == 1 and re.search("attribute strength", result.stderr), result.stderr
