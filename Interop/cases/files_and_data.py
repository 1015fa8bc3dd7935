"""microsoft/onnxruntime#3600 (NHWC data, NCHW model) and microsoft/winml-cli#185 (output there already) are the kind: what the
command line is given does not fit, and is taken without a word."""
from .common import *

def mlp(d): return net([node("Gemm", "x w1 b1", "h", "fc1"), node("Relu", "h", "r"), node("Gemm", "r w2", "y", "fc2")],
                       {"w1": d.w(12, 8), "b1": d.w(8), "w2": d.w(8, 5)}, {"x": d.x(32, 12)})
def labelled(d): m, a = mlp(d); return m, {**a, "labels": d.rng.integers(0, 5, 32)}
def images(shape, labels=True):
    """An NCHW model and images as `shape` has them."""
    def build(d):
        m, a = net([node("Conv", "x w1", "a", "c1", pads=[1] * 4), node("Relu", "a", "r"), node("GlobalAveragePool", "r", "g"),
                    node("Flatten", "g", "f"), node("Gemm", "f w2", "y", "fc")],
                   {"w1": d.w(8, 3, 3, 3), "w2": d.w(8, 5)}, {"x": d.x(16, 3, 8, 8)})
        return m, {"x": a["x"].reshape(16, *shape), **({"labels": d.rng.integers(0, 5, 16)} if labels else {})}
    return build
def untouched(r):
    """A command that fails leaves the model as it was."""
    if not r.rc: raise Wrong("succeeds")
    if r.load("m.onnx") != r.before: raise Wrong("the model was changed")

STATIC, ITSELF = "static-quantization", one_of(refuses("m.onnx"), both(valid(), outputs(.03)))
CASES = [
    Case("a-compare-unlabelled", mlp, ["weight-only-quantization", "compare m.onnx s1.onnx --data m.npz"], prints("cosine|difference|signal")),
    Case("a2-compare-labelled", labelled, "compare m.onnx m.onnx --data m.npz", prints("top-1")),
    *[Case(f"b-output-{e}", mlp, f"apply weight-only-quantization m.onnx -o x.{e}", refuses(rf"{e}|onnx")) for e in ("gguf", "tflite", "npz")],
    Case("c-onto-itself", mlp, "apply weight-only-quantization m.onnx -o m.onnx", ITSELF),
    Case("c2-onto-itself-by-another-path", mlp, "apply static-quantization m.onnx -o ./m.onnx --data m.npz", ITSELF),
    Case("c3-onto-itself-failing", mlp, "apply static-quantization m.onnx -o m.onnx", untouched),
    *[Case(f"d-nhwc-{n}", images((8, 8, 3)), c, refuses(r"\bx\b|shape|8.8.3")) for n, c in (
        ("static", STATIC), ("evaluate", "evaluate m.onnx --data m.npz"), ("compare", "compare m.onnx m.onnx --data m.npz"),
        ("train", "train m.onnx -o out.onnx --data m.npz --epochs 1"))],
    Case("e-nchw-static", images((3, 8, 8)), STATIC, valid(), outputs(.03)),
]
