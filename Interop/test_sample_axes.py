"""Models whose samples do not lie along the first axis, and inputs that all samples share: every command takes them apart rightly."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

COUNT, STEPS, WIDTH, HIDDEN, CLASSES = 48, 7, 6, 16, 5


class Numbers:
    def __init__(self):
        self.random = np.random.default_rng(3)

    def __call__(self, *shape):
        return self.random.normal(size=shape).astype(np.float32)

    def weights(self, **shapes):
        return [numpy_helper.from_array(self(*shape) / np.float32(np.sqrt(shape[-1])), name) for name, shape in shapes.items()]


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def written(path, nodes, inputs, outputs, weights):
    graph = helper.make_graph(nodes, "samples", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return path


def recurrent(path, numbers, extents):
    """Time × samples × features to scores."""
    nodes = [
        helper.make_node("GRU", ["x", "w", "r"], ["", "final"], hidden_size=HIDDEN),
        helper.make_node("Squeeze", ["final", "zero"], ["last"]),
        helper.make_node("Gemm", ["last", "o", "b"], ["y"], transB=1),
    ]
    weights = numbers.weights(w=(1, 3 * HIDDEN, WIDTH), r=(1, 3 * HIDDEN, HIDDEN), o=(CLASSES, HIDDEN), b=(CLASSES,))
    zero = numpy_helper.from_array(np.array([0]), "zero")
    return written(path, nodes, [value("x", extents)], [value("y", [extents[1], CLASSES])], [*weights, zero])


def detector(path, numbers):
    """Like a voice detector: frames, a state (2, samples, hidden) and a rate, which chooses a branch that holds the weights."""

    def branch(name):
        nodes = [
            helper.make_node("Unsqueeze", ["x", "zero"], ["frames"]),
            helper.make_node("Split", ["state"], ["h", "c"], axis=0),
            helper.make_node("LSTM", ["frames", f"w{name}", f"r{name}", "", "", "h", "c"], ["", "hn", "cn"], hidden_size=HIDDEN),
            helper.make_node("Squeeze", ["hn", "zero"], ["last"]),
            helper.make_node("MatMul", ["last", f"o{name}"], ["logit"]),
            helper.make_node("Sigmoid", ["logit"], [f"p{name}"]),
            helper.make_node("Concat", ["hn", "cn"], [f"s{name}"], axis=0),
        ]
        shapes = {f"w{name}": (1, 4 * HIDDEN, WIDTH), f"r{name}": (1, 4 * HIDDEN, HIDDEN), f"o{name}": (HIDDEN, 1)}
        outputs = [value(f"p{name}", ["batch", 1]), value(f"s{name}", [2, "batch", HIDDEN])]
        for node in nodes:
            for names in (node.input, node.output):
                names[:] = [f"{entry}.{name}" if entry in ("frames", "h", "c", "hn", "cn", "last", "logit") else entry for entry in names]
        return helper.make_graph(nodes, name, [], outputs, numbers.weights(**shapes))

    nodes = [
        helper.make_node("Equal", ["sr", "rate"], ["is16"]),
        helper.make_node("If", ["is16"], ["p", "stateN"], then_branch=branch("a"), else_branch=branch("b")),
    ]
    constants = [numpy_helper.from_array(np.array(16000), "rate"), numpy_helper.from_array(np.array([0]), "zero")]
    inputs = [value("x", ["batch", WIDTH]), value("state", [2, "batch", HIDDEN]), value("sr", [], TensorProto.INT64)]
    return written(path, nodes, inputs, [value("p", ["batch", 1]), value("stateN", [2, "batch", HIDDEN])], constants)


def outputs(path, arrays):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return dict(zip([entry.name for entry in session.get_outputs()], session.run(None, arrays)))


def error(a, b):
    return max(float(np.linalg.norm(b[name] - a[name]) / np.linalg.norm(a[name])) for name in a)


@pytest.mark.parametrize("extents", [["T", "N", WIDTH], [STEPS, "N", WIDTH], [STEPS, 1, WIDTH], [STEPS, 5, WIDTH]])
@pytest.mark.parametrize("lies", [(0, 1, 2), (1, 0, 2)])
def test_samples_behind_time(winnow, tmp_path, extents, lies):
    """The labels are what ONNX Runtime says, so every sample must be found and judged by its own."""
    numbers = Numbers()
    model = recurrent(tmp_path / "m.onnx", numbers, extents)
    open_model = recurrent(tmp_path / "open.onnx", Numbers(), ["T", "N", WIDTH])
    x = numbers(STEPS, COUNT, WIDTH)
    labels = outputs(open_model, {"x": x})["y"].argmax(1)
    np.savez(tmp_path / "d.npz", x=x.transpose(lies), labels=labels)
    result = json.loads(winnow("evaluate", model, "--data", tmp_path / "d.npz", "--split", "all", "--json").stdout)[0]
    assert result["top1"] == 1.0
    recipe = "version: 1\nsteps:\n  - finetune: {epochs: 2, batch-size: 8}\n  - weight-only-quantization: {}\n  - static-quantization: {}\n"
    (tmp_path / "r.yaml").write_text(recipe)
    winnow("run", tmp_path / "r.yaml", model, "--data", tmp_path / "d.npz", "-o", tmp_path / "o.onnx")
    onnx.checker.check_model(str(tmp_path / "o.onnx"), full_check=True)
    few = x[:, : extents[1] if isinstance(extents[1], int) else COUNT]
    assert (outputs(tmp_path / "o.onnx", {"x": few})["y"].argmax(1) == labels[: few.shape[1]]).mean() > 0.8


@pytest.mark.parametrize("rate", ["one", "rows", "two rates"])
def test_states_and_rates(winnow, tmp_path, rate):
    numbers = Numbers()
    model = detector(tmp_path / "m.onnx", numbers)
    rates = {"one": np.array(16000), "rows": np.full(COUNT, 16000), "two rates": np.where(np.arange(COUNT) % 2, 16000, 8000)}[rate]
    arrays = {"x": numbers(COUNT, WIDTH), "state": numbers(2, COUNT, HIDDEN)}
    np.savez(tmp_path / "d.npz", **arrays, sr=rates)
    result = json.loads(winnow("compare", model, model, "--data", tmp_path / "d.npz", "--json").stdout)
    assert [output["deviation"]["maximumDifference"] for output in result["outputs"]] == [0, 0]
    winnow("apply", "dynamic-quantization", model, "--data", tmp_path / "d.npz", "-o", tmp_path / "o.onnx")
    found = json.loads(winnow("compare", model, tmp_path / "o.onnx", "--data", tmp_path / "d.npz", "--json").stdout)["outputs"]
    if rate != "two rates":
        one = {**arrays, "sr": np.array(16000)}
        assert error(outputs(model, one), outputs(tmp_path / "o.onnx", one)) < 0.05
    assert len(found) == 2 and all(output["deviation"]["cosine"] > 0.99 for output in found)


def test_one_state_serves_all(winnow, tmp_path):
    numbers = Numbers()
    model = detector(tmp_path / "m.onnx", numbers)
    np.savez(tmp_path / "d.npz", x=numbers(COUNT, WIDTH), state=np.zeros((2, 1, HIDDEN), np.float32), sr=np.array(16000))
    told = winnow("evaluate", model, "--data", tmp_path / "d.npz").stdout
    assert f"{COUNT} samples of sr int64 1 for all, state float32 2×{HIDDEN} along axis 1, x float32 {WIDTH}" in told


def test_exported_recurrent_layers(winnow, tmp_path):
    """As torch's two exporters write them, whatever they fix."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")

    class Tagger(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.scores = torch.nn.GRU(WIDTH, HIDDEN), torch.nn.Linear(HIDDEN, CLASSES)

        def forward(self, x):
            return self.scores(self.layer(x)[0][-1])

    torch.manual_seed(0)
    network, x = Tagger().eval(), Numbers()(STEPS, COUNT, WIDTH)
    labels = network(torch.from_numpy(x)).argmax(1).numpy()
    np.savez(tmp_path / "d.npz", x=x, labels=labels)
    for axes in ({0: "time", 1: "batch"}, {1: "batch"}, {}):
        sample = torch.from_numpy(x[:, : 3 if axes else 1].copy())
        for options in ({"dynamo": False, "dynamic_axes": {"x": axes}},
                        {"dynamo": True, "verbose": False, "dynamic_shapes": (dict.fromkeys(axes, torch.export.Dim.DYNAMIC),)}):  # fmt: skip
            path = tmp_path / "m.onnx"
            torch.onnx.export(network, (sample,), str(path), input_names=["x"], output_names=["y"], **options)
            result = winnow("evaluate", path, "--data", tmp_path / "d.npz", "--split", "all", "--json").stdout
            assert json.loads(result)[0]["top1"] == 1.0, (axes, options["dynamo"])
