"""How far pruning moves the outputs of each layer, measured with ONNX Runtime on the inputs that the unpruned model gives it."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

LAYERS = ("MatMul", "Gemm", "Conv")


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def layer_errors(before: Path, after: Path, feeds: dict[str, np.ndarray]) -> dict[str, float]:
    """‖ΔY‖ / ‖Y‖ of every layer whose weight differs, Y its outputs without the bias, by the weight's name."""
    model, pruned = onnx.load(before), {tensor.name: tensor for tensor in onnx.load(after).graph.initializer}
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    layers = {
        node.input[1]: node
        for node in model.graph.node
        if node.op_type in LAYERS and node.input[1] in weights and pruned[node.input[1]] != weights[node.input[1]]
    }
    data = sorted({node.input[0] for node in layers.values()} - {entry.name for entry in model.graph.input})
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in data)
    values = dict(zip(data, session(model).run(data, feeds))) | feeds
    errors = {}
    for name, node in layers.items():
        outputs = [output(model, node, values[node.input[0]], tensor) for tensor in (weights[name], pruned[name])]
        errors[name] = float(np.linalg.norm(outputs[1] - outputs[0]) / np.linalg.norm(outputs[0]))
    return errors


def output(model: onnx.ModelProto, node: onnx.NodeProto, data: np.ndarray, weight: onnx.TensorProto) -> np.ndarray:
    """What one layer without its bias makes of data."""
    alone = onnx.NodeProto()
    alone.CopyFrom(node)
    del alone.input[2:]
    alone.input[:] = ["x", "w"]
    alone.output[:] = ["y"]
    x = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, data.shape)
    graph = onnx.helper.make_graph([alone], "layer", [x], [onnx.helper.make_empty_tensor_value_info("y")])
    graph.initializer.append(numpy_helper.from_array(numpy_helper.to_array(weight), "w"))
    layer = onnx.helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    return session(layer).run(None, {"x": data})[0].astype(np.float64)
