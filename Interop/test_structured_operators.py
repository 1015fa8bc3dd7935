"""Structured pruning through ONNX Runtime's own operators, odd channel shuffles and branches: what is written runs there, and computes
what the network computes with its channels at zero."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

MICROSOFT = "com.microsoft"
FLOAT = TensorProto.FLOAT


class Layers:
    """Nodes and weights of a small network; x is (3, 5, 6) unless said."""

    def __init__(self, shape=(3, 5, 6)):
        self.random, self.nodes, self.weights, self.shape, self.inputs = np.random.default_rng(0), [], [], shape, []

    def weight(self, name, *shape):
        return self.constant(name, self.random.normal(size=shape).astype(np.float32) * 0.5)

    def constant(self, name, array):
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def add(self, operator, *inputs, outputs=1, domain="", **how):
        name = f"{operator.lower()}.{len(self.nodes)}"
        results = [f"{name}.{place}" for place in range(outputs)]
        self.nodes.append(helper.make_node(operator, list(inputs), results, name=name, domain=domain, **how))
        return results[0] if outputs == 1 else results

    def linear(self, x, name, width, outputs):
        return self.add("MatMul", x, self.weight(name, width, outputs))

    def model(self, result, others=()):
        self.nodes.append(helper.make_node("Identity", [result], ["y"], name="result"))
        inputs = [helper.make_tensor_value_info("x", FLOAT, self.shape), *others]
        graph = helper.make_graph(self.nodes, "layers", inputs, [helper.make_tensor_value_info("y", FLOAT, None)], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid(MICROSOFT, 1)])
        model.ir_version = 9
        return model


def packed(widths, masked):
    g = Layers()
    columns = sum(widths) if widths else 48
    inputs = ["x", g.weight("w", 6, columns), g.weight("bias", columns)]
    if masked:
        inputs += [g.constant("mask", np.array([4, 5, 3], np.int32)), "", g.weight("added", 1, 2, 5, 5)]
    how = {"qkv_hidden_sizes": widths} if widths else {}
    y = g.add("Attention", *inputs, domain=MICROSOFT, num_heads=2, unidirectional=int(masked), **how)
    return g.model(g.linear(y, "wo", widths[2] if widths else 16, 3)), {"w", "wo"}


def separate():
    g = Layers()
    parts = [g.linear("x", f"w{name}", 6, width) for name, width in zip("qkv", (16, 16, 12))]
    y = g.add("MultiHeadAttention", *parts, g.weight("bias", 44), domain=MICROSOFT, num_heads=2)
    return g.model(g.linear(y, "wo", 12, 3)), {"wq", "wk", "wv", "bias", "wo"}


def grouped(heads, shared, rotary, packed=False):
    g = Layers()
    counts = (heads, shared, shared)
    if packed:
        parts = [g.linear("x", "w", 6, sum(counts) * 16), "", ""]
    else:
        parts = [g.linear("x", f"w{name}", 6, count * 16) for name, count in zip("qkv", counts)]
    tables = [g.weight("cosines", 8, 8), g.weight("sines", 8, 8)] if rotary else []
    inputs = [*parts, "", "", g.constant("last", np.array([4, 4, 4], np.int32)), g.constant("total", np.array(5, np.int32)), *tables]
    how = {"num_heads": heads, "kv_num_heads": shared, "do_rotary": int(rotary)}
    y = g.add("GroupQueryAttention", *inputs, outputs=3, domain=MICROSOFT, **how)[0]
    smaller = {"w"} if packed else {"wq"} | ({"wk", "wv"} if shared > 1 else set())
    return g.model(g.linear(y, "wo", heads * 16, 3)), {"wo"} | smaller


def rotary():
    g = Layers()
    tables = [g.weight("cosines", 8, 8), g.weight("sines", 8, 8)]
    positions = g.constant("positions", np.tile(np.arange(5), (3, 1)))
    turned = [
        g.add("RotaryEmbedding", g.linear("x", name, 6, 32), positions, *tables, domain=MICROSOFT, num_heads=2) for name in ("wq", "wk")
    ]
    y = g.add("MultiHeadAttention", *turned, g.linear("x", "wv", 6, 32), domain=MICROSOFT, num_heads=2)
    return g.model(g.linear(y, "wo", 32, 3)), {"wq", "wk", "wv", "cosines", "sines", "wo"}


def recurrent(per_row, directions):
    g = Layers((5, 3, 6))
    inputs = ["x"]
    for name, rows in (("w", 6), ("r", 8)):
        inputs.append(g.constant(name, g.random.integers(-100, 100, (directions, rows, 32)).astype(np.int8)))
    scales = []
    for name in ("w", "r"):
        shape = (directions, 32) if per_row else (directions,)
        scales.append(g.constant(f"{name}.scale", g.random.uniform(0.002, 0.01, shape).astype(np.float32)))
        scales.append(g.constant(f"{name}.zero", np.zeros(shape, np.int8)))
    inputs += [g.weight("bias", directions, 64), "", "", "", "", *scales]
    how = {"hidden_size": 8, "direction": "bidirectional" if directions == 2 else "forward"}
    h = g.add("DynamicQuantizeLSTM", *inputs, outputs=3, domain=MICROSOFT, **how)[0]
    rows = g.add("Reshape", g.add("Transpose", h, perm=[0, 2, 1, 3]), g.constant("shape", np.array([5, 3, directions * 8])))
    return g.model(g.linear(rows, "wo", directions * 8, 3)), {"w", "r", "bias", "wo"}


def dequantized(per_row):
    g = Layers((5, 3, 6))
    weights = []
    for name, columns in (("w", 6), ("r", 8)):
        codes = g.constant(name, g.random.integers(-100, 100, (1, 32, columns)).astype(np.int8))
        scale = g.random.uniform(0.002, 0.01, 32).astype(np.float32) if per_row else np.float32(0.005)
        how = {"axis": 1} if per_row else {}
        weights.append(g.add("DequantizeLinear", codes, g.constant(f"{name}.scale", scale), **how))
    h = g.add("LSTM", "x", *weights, g.weight("bias", 1, 64), outputs=3, hidden_size=8)[0]
    return g.model(g.linear(g.add("Squeeze", h, g.constant("one", np.array([1]))), "wo", 8, 3)), {"w", "r", "bias", "wo"}


def shuffled(width, stated):
    """Halves of an odd number of shuffled pairs, three blocks of them."""
    g = Layers((5, 6))
    half = width // 2
    h = g.linear("x", "w0", 6, width)
    for block in range(1, 4):
        sizes = [g.constant(f"sizes{block}", np.array([half, half]))] if stated else []
        halves = g.add("Split", h, *sizes, outputs=2, axis=1, **({} if stated else {"num_outputs": 2}))
        both = g.add("Concat", halves[0], g.add("Relu", g.linear(halves[1], f"w{block}", half, half)), axis=1)
        pairs = g.add("Reshape", both, g.constant(f"pairs{block}", np.array([0, 2, half])))
        h = g.add("Reshape", g.add("Transpose", pairs, perm=[0, 2, 1]), g.constant(f"flat{block}", np.array([0, width])))
    return g.model(g.linear(h, "w4", width, 3)), {f"w{block}" for block in range(5)}


def branches():
    g = Layers((5, 6))
    h = g.add("Relu", g.linear("x", "w1", 6, 8))
    bodies = []
    for name in ("then", "else"):
        nodes = [helper.make_node("MatMul", [h, f"{name}.w"], [f"{name}.t"]), helper.make_node("Tanh", [f"{name}.t"], [f"{name}.y"])]
        weight = numpy_helper.from_array(g.random.normal(size=(8, 8)).astype(np.float32), f"{name}.w")
        bodies.append(helper.make_graph(nodes, name, [], [helper.make_tensor_value_info(f"{name}.y", FLOAT, (5, 8))], [weight]))
    y = g.add("If", "condition", then_branch=bodies[0], else_branch=bodies[1])
    model = g.model(g.linear(y, "w2", 8, 3), [helper.make_tensor_value_info("condition", TensorProto.BOOL, ())])
    return model, {"w1", "w2"}


def flattened(batch):
    """A flatten computed from a batch that has no name."""
    g = Layers((batch, 3, 6, 6))
    h = g.add("GlobalAveragePool", g.add("Relu", g.add("Conv", "x", g.weight("w1", 8, 3, 3, 3))))
    count = g.add("Slice", g.add("Shape", h), g.constant("zero", np.array([0])), g.constant("one", np.array([1])))
    flat = g.add("Reshape", h, g.add("Concat", count, g.constant("rest", np.array([-1])), axis=0))
    return g.model(g.linear(flat, "w2", 8, 3)), {"w1", "w2"}


def positions():
    """As many rows of a table as there are steps, as decoders take them."""
    g = Layers((3, "T", 6))
    ends = g.add("Shape", "x", start=1, end=2)
    rows = g.add("Slice", g.weight("table", 32, 8), g.constant("zero", np.array([0])), ends, g.constant("axis", np.array([0])))
    return g.model(g.linear(g.add("Relu", g.add("Add", g.linear("x", "w1", 6, 8), rows)), "w2", 8, 3)), {"w1", "table", "w2"}


CASES = {
    "packed": lambda: packed([], False),
    "packed-masked": lambda: packed([], True),
    "packed-widths": lambda: packed([16, 16, 12], False),
    "separate": separate,
    "grouped": lambda: grouped(8, 4, False),
    "grouped-rotary": lambda: grouped(8, 4, True),
    "grouped-one": lambda: grouped(4, 1, True),
    "grouped-packed": lambda: grouped(8, 4, True, packed=True),
    "grouped-packed-one": lambda: grouped(4, 1, False, packed=True),
    "rotary": rotary,
    "recurrent": lambda: recurrent(False, 1),
    "recurrent-rows": lambda: recurrent(True, 2),
    "dequantized": lambda: dequantized(False),
    "dequantized-rows": lambda: dequantized(True),
    "shuffled-20": lambda: shuffled(20, True),
    "shuffled-28": lambda: shuffled(28, False),
    "branches": branches,
    "nameless": lambda: flattened(None),
    "negative": lambda: flattened(-1),
    "positions": positions,
}


def outputs(path, arrays, optimized):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]).run(None, arrays)[0]


@pytest.mark.parametrize("name", CASES)
def test_shrunk_equals_masked(winnow, tmp_path, name):
    model, smaller = CASES[name]()
    onnx.save(model, tmp_path / "model.onnx")
    for kind, removes in (("shrunk", "true"), ("masked", "false")):
        winnow(
            "apply", "structured-pruning", tmp_path / "model.onnx", "-o", tmp_path / f"{kind}.onnx", "--set", "sparsity=0.5",
            "--set", f"remove={removes}", "--set", "standard-only=false",
        )  # fmt: skip
        onnx.checker.check_model(str(tmp_path / f"{kind}.onnx"))
    sizes = [
        {tensor.name: int(np.prod(tensor.dims)) for tensor in onnx.load(tmp_path / file).graph.initializer}
        for file in ("model.onnx", "shrunk.onnx")
    ]
    for weight in smaller:
        assert sizes[1][weight] < sizes[0][weight], weight
    shape = [max(extent.dim_value, 0) or 4 for extent in model.graph.input[0].type.tensor_type.shape.dim]
    arrays = {"x": np.random.default_rng(1).normal(size=shape).astype(np.float32)}
    for condition in [np.array(True), np.array(False)] if name == "branches" else [None]:
        if condition is not None:
            arrays["condition"] = condition
        # The range of what an LSTM quantizes at each step may differ by rounding alone.
        tolerance = 2e-2 if "recurrent" in name else 1e-4
        wanted = outputs(tmp_path / "masked.onnx", arrays, False)
        for optimized in (False, True):
            found = outputs(tmp_path / "shrunk.onnx", arrays, optimized)
            assert np.linalg.norm(found - wanted) <= tolerance * np.linalg.norm(wanted), optimized
        dense = outputs(tmp_path / "model.onnx", arrays, False)
        assert np.linalg.norm(dense - wanted) > 1e-2 * np.linalg.norm(wanted)


def test_statistics_of_batches_go_along(winnow, tmp_path):
    """BatchNormalization in training mode gives new statistics too, of as many channels. Below 12 ONNX Runtime's optimizations change any."""
    g = Layers(("N", 3, 6, 6))
    x = g.add("Conv", "x", g.weight("w1", 32, 3, 3, 3), pads=[1] * 4)
    scale = [g.constant(name, np.linspace(0.5, 1.5, 32, dtype=np.float32)) for name in ("s", "b", "m", "v")]
    x = g.add("BatchNormalization", x, *scale, outputs=3, training_mode=1)[0]
    model = g.model(g.add("Conv", g.add("Relu", x), g.weight("w2", 5, 32, 1, 1)))
    path, small = tmp_path / "m.onnx", tmp_path / "s.onnx"
    onnx.save(model, path)
    winnow("apply", "structured-pruning", path, "-o", small, "--set", "sparsity=0.5")
    onnx.checker.check_model(onnx.load(small), full_check=True)
    shapes = {tensor.name: list(tensor.dims) for tensor in onnx.load(small).graph.initializer}
    assert shapes["w1"][0] == shapes["m"][0] == shapes["w2"][1] == 16
    images = np.random.default_rng(1).normal(size=(4, 3, 6, 6)).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=images)
    winnow("infer", small, "--input", tmp_path / "x.npz", "-o", tmp_path / "y.npz")
    for level in ("ORT_ENABLE_ALL", "ORT_DISABLE_ALL"):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        found = onnxruntime.InferenceSession(str(small), options, providers=["CPUExecutionProvider"]).run(None, {"x": images})[0]
        np.testing.assert_allclose(np.load(tmp_path / "y.npz")["y"], found, atol=1e-4)
