"""Every pass on small networks as torch's two exporters write them: its file passes the checker and runs in ONNX Runtime."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

import onnxruntime  # noqa: E402
from small_networks import EXPORTERS, NETWORKS, export  # noqa: E402

SAMPLES = 16
SHORT = ["epochs=1", "batch-size=8"]


@dataclass
class Run:
    """A pass with settings, and how far the outputs may move (‖difference‖ / ‖output‖); None: they need only be finite."""

    name: str
    settings: tuple[str, ...] = ()
    tolerance: float | None = None

    def __str__(self) -> str:
        return "-".join([self.name, *self.settings])


EXACT, CLOSE, INTEGER = 1e-5, 1e-3, 0.15
#: What a pass says where a network has nothing for it.
REFUSALS = {("feature-hint", "table"): "the model has no layer behind another"}
RUNS = [
    Run("fold-batch-norm", (), CLOSE),
    Run("fold-constants", (), CLOSE),
    Run("remove-dead-nodes", (), EXACT),
    Run("remove-identity", (), EXACT),
    Run("fold-masks", (), EXACT),
    Run("unprune", (), EXACT),
    Run("magnitude-pruning", ("sparsity=0",), EXACT),
    Run("magnitude-pruning"),
    Run("magnitude-pruning", ("keep-mask=true",)),
    Run("magnitude-pruning", ("importance=sparsegpt",)),
    Run("magnitude-pruning", ("importance=fisher", "scope=global", "repair=ridge")),
    Run("structured-pruning", ("sparsity=0",), EXACT),
    Run("structured-pruning"),
    Run("structured-pruning", ("remove=false",)),
    Run("structured-pruning", ("budget=parameters", "scope=global")),
    Run("channel-search", ("candidates=2", "tolerance=50")),
    Run("batch-norm-reestimation"),
    Run("block-removal"),
    Run("block-removal", ("ranking=metric",)),
    Run("structured-pruning", ("importance=taylor", "scope=isomorphic")),
    Run("structured-pruning", ("importance=apoz", "repair=ridge", "sparsity=0.3")),
    Run("weight-only-quantization", (), INTEGER),
    Run("weight-only-quantization", ("bits=4",), 2 * INTEGER),
    Run("weight-only-quantization", ("bits=4", "block-size=32")),
    Run("weight-only-quantization", ("bits=4", "block-size=32", "rounding=gptq")),
    Run("weight-only-quantization", ("rounding=adaround", "rounding-steps=20", "sequential=true"), INTEGER),
    Run("cross-layer-equalization", ("clips=per-channel",), CLOSE),
    Run("cross-layer-equalization", ("absorb-biases=data", "samples=16"), 0.05),
    Run("smooth-quant", (), CLOSE),
    Run("activation-aware-scaling", (), CLOSE),
    Run("weight-only-quantization", ("scheme=int4-g32",)),
    Run("weight-only-quantization", ("scheme=nf4",)),
    Run("weight-only-quantization", ("scheme=mxfp4",)),
    Run("weight-only-quantization", ("scheme=mxfp6",), 2 * INTEGER),
    Run("weight-only-quantization", ("scheme=nvfp4",)),
    Run("weight-only-quantization", ("size=0.9",)),
    Run("weight-only-quantization", ("scheme=palette-2", "max-drop=20")),
    Run("fixed-point-quantization", (), INTEGER),
    Run("float4-quantization"),
    Run("palettization", ("bits=8",), INTEGER),
    Run("palettization"),
    Run("dynamic-quantization", (), 2 * INTEGER),
    Run("dynamic-quantization", ("convention=torch",), 2 * INTEGER),
    Run("dynamic-quantization", ("scales=power-of-two",), 2 * INTEGER),
    Run("static-quantization", ("convention=torch", "range=histogram"), 2 * INTEGER),
    Run("static-quantization", ("fixed-ranges=true", "range=entropy-onnxruntime"), 2 * INTEGER),
    Run("static-quantization", (), 2 * INTEGER),
    Run("svd-factorization", ("energy=1",), CLOSE),
    Run("svd-factorization"),
    Run("svd-factorization", ("size=0.7",)),
    Run("svd-factorization", ("tables=true", "energy=0.99")),
    Run("merge-factors", (), CLOSE),
    Run("merge-factors", ("always=true",), CLOSE),
    Run("low-rank-compensation", ("rank=2",), 2 * INTEGER),
    Run("low-rank-compensation", ("rank=1", "weighting=activations")),
    Run("svd-factorization", ("ranks=evbmf", "convolutions=spatial", "weighting=fisher")),
    Run("svd-factorization", ("max-drop=20", "budget=parameters", "convolutions=tucker-2")),
    Run("svd-factorization", ("rank-fraction=0.3", "convolutions=cp", "weighting=activations")),
    Run("finetune", ("epochs=1", "batch-size=8")),
    Run("gradual-pruning", ("interval=1",)),
    Run("iterative-pruning", ("sparsities=[0.5]", "max-drop=100")),
    Run("iterative-pruning", ("sparsities=[0.5]", "max-drop=100", "rewind=start")),
    Run("dynamic-sparse-training", ("interval=1",)),
    Run("sparse-training"),
    Run("sparse-training", ("of=weights", "penalty=group-lasso", "sparsity=0.25", "fade=0.5")),
    Run("quantization-aware-training"),
    Run("quantization-aware-training", ("convention=torch", "moving-ranges=true")),
    Run("learned-step-quantization"),
    Run("learned-step-quantization", ("activation-learning=offsets",)),
    Run("learned-step-quantization", ("activation-learning=clipping", "activations=uint4")),
    Run("distillation"),
    Run("feature-hint"),
    Run("bias-correction"),
    Run("bias-correction", ("method=analytic",)),
    Run("float16-conversion", (), INTEGER),
    Run("float16-conversion", ("arithmetic=float32",), INTEGER),
    Run("palettization", ("bits=3", "start=density", "weighting=fisher")),
    Run("learned-step-quantization", ("weights=int2", "activations=uint2", "first-and-last=int8")),
]


def session(path: Path, optimizes: bool) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    if not optimizes:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class Exported:
    """A network as one exporter wrote it, data for it, and what ONNX Runtime computes."""

    def __init__(self, name: str, exporter: str, folder: Path):
        self.path, self.data = folder / f"{name}-{exporter}.onnx", folder / f"{name}-{exporter}.npz"
        export(name, self.path, exporter)
        small = NETWORKS[name]
        self.feeds = {key: value.numpy() for key, value in small.samples(small.batch).items()}
        self.outputs = {optimizes: session(self.path, optimizes).run(None, self.feeds) for optimizes in (False, True)}
        arrays = {key: value.numpy() for key, value in small.samples(SAMPLES).items()}
        if len(self.outputs[False]) == 1 and self.outputs[False][0].ndim == 2:
            arrays["labels"] = np.arange(SAMPLES) % self.outputs[False][0].shape[1]
        np.savez(self.data, **arrays)

    def check(self, path: Path, tolerance: float | None) -> None:
        """The file is valid, runs both ways, and has the inputs and outputs it had."""
        onnx.checker.check_model(str(path), full_check=True)
        assert faces(path) == faces(self.path)
        for optimizes, before in self.outputs.items():
            after = session(path, optimizes).run(None, self.feeds)
            for a, b in zip(before, after, strict=True):
                assert a.shape == b.shape and a.dtype == b.dtype and np.isfinite(b).all()
                assert tolerance is None or np.linalg.norm(a - b) <= tolerance * np.linalg.norm(a)


def faces(path: Path) -> list[tuple[str, int, int]]:
    """Names, element types and ranks of the inputs, then of the outputs."""
    graph = onnx.load(path, load_external_data=False).graph
    return [
        (value.name, value.type.tensor_type.elem_type, len(value.type.tensor_type.shape.dim)) for value in [*graph.input, *graph.output]
    ]


def parameters(path: Path) -> int:
    """Elements of the float constants of two axes or more, where both exporters agree."""
    graph = onnx.load(path).graph
    tensors = [*graph.initializer, *(attribute.t for node in graph.node for attribute in node.attribute if attribute.HasField("t"))]
    return sum(int(np.prod(tensor.dims)) for tensor in tensors if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) > 1)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A network by name and exporter, exported once."""
    folder, networks = tmp_path_factory.mktemp("exported"), {}

    def network(name: str, exporter: str) -> Exported:
        if (name, exporter) not in networks:
            networks[name, exporter] = Exported(name, exporter, folder)
        return networks[name, exporter]

    return network


def test_every_pass_is_run(winnow):
    assert {entry["name"] for entry in json.loads(winnow("passes", "--json").stdout)} == {run.name for run in RUNS}


@pytest.mark.parametrize("run", RUNS, ids=str)
@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_files_are_valid_and_run(winnow, exported, tmp_path, name, exporter, run):
    network = exported(name, exporter)
    settings = [part for setting in run.settings for part in ("--set", setting)]
    refusal = REFUSALS.get((run.name, name))
    arguments = ("apply", run.name, network.path, "-o", tmp_path / "out.onnx", "--data", network.data, *settings)
    result = winnow(*arguments, check=refusal is None)
    if refusal is not None:
        assert result.returncode in (1, 2) and refusal in result.stderr and not (tmp_path / "out.onnx").exists()
        return
    network.check(tmp_path / "out.onnx", run.tolerance)


@pytest.mark.parametrize("name", NETWORKS)
def test_both_exporters_networks_shrink_alike(winnow, exported, tmp_path, name):
    left = []
    for exporter in EXPORTERS:
        before = exported(name, exporter).path
        winnow("apply", "structured-pruning", before, "-o", tmp_path / "out.onnx")
        left.append(parameters(tmp_path / "out.onnx") / parameters(before))
    assert abs(left[0] - left[1]) <= 0.03


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", ["bert", "gpt", "llama", "vit", "unet-transposed", "text-line"])
def test_open_axes_cost_nothing(winnow, exported, tmp_path, name, exporter):
    """A network loses the same widths and gets the same scales whether its axes are open or fixed. Tables whose rows a fixed export
    has looked up already are not compared."""
    network, fixed = exported(name, exporter), tmp_path / "fixed.onnx"
    export(name, fixed, exporter, is_open=False)
    forms = []
    for path in (network.path, fixed):
        out = tmp_path / "out.onnx"
        findings = json.loads(winnow("apply", "structured-pruning", path, "-o", out, "--json").stdout)
        tables = {node.input[0] for node in onnx.load(path).graph.node if node.op_type == "Gather"}
        cut = [finding for finding in findings if finding["quantity"] == "output channels" and finding["subject"] not in tables]
        widths = sorted((finding["before"], finding["after"]) for finding in cut)
        winnow("apply", "static-quantization", path, "-o", out, "--data", network.data, "--set", "output-sqnr=0")
        forms.append((widths, scales(out)))
    assert forms[0] == forms[1] and forms[0][0] and forms[0][1]


def scales(path: Path) -> list[tuple[int, ...]]:
    """The shapes of the scales of weights that have one a channel."""
    graph = onnx.load(path).graph
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    read = {node.input[1] for node in graph.node if node.op_type == "DequantizeLinear" and len(shapes.get(node.input[0], ())) > 1}
    return sorted(shapes[name] for name in read if shapes[name])
