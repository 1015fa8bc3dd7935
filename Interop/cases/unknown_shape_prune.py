"""qualcomm/aimet#1968, VainF/Torch-Pruning#451: behind an operator the tool does not know, channels of the model's own output are
removed."""
from .common import *

def mid(op, domain, version, told_shape=False, **kw):
    return lambda d: net(
        [node("Gemm", "x w1 b1", "h", "fc1"), node(op, "h", "r", "mid", domain=domain, **kw), node("Gemm", "r w2 b2", "y", "fc2")],
        {"w1": d.w(12, 8), "b1": d.w(8), "w2": d.w(8, 5), "b2": d.w(5)}, {"x": d.x(16, 12)}, {"y": ["batch", 5]}, domains=[(domain, version)],
        values=[info("r", ["batch", 8])] if told_shape else [])
scaler = dict(op="Scaler", domain="ai.onnx.ml", version=3, offset=[0.] * 8, scale=[1.] * 8)
def shape_input(d): return net(
    [node("Reshape", "x shape", "xr"), node("MatMul", "xr w1", "h", "fc1"), node("Relu", "h", "r"), node("MatMul", "r w2", "y", "fc2")],
    {"w1": d.w(6, 8), "w2": d.w(8, 5)}, {"x": d.x(16, 12), "shape": ints(32, 6)}, {"y": ["B", 5]}, {"x": ["batch", 12], "shape": [2]})
def convolution(d): return net(
    [node("Conv", "x w1", "h", "c1", pads=[1] * 4), node("Inverse", "h", "r", "mid", domain="com.microsoft"),
     node("Conv", "r w2", "g", "c2", pads=[1] * 4),
     node("Relu", "g", "gr"), node("Conv", "gr w3", "y", "c3")],
    {"w1": d.w(4, 3, 3, 3), "w2": d.w(8, 4, 3, 3), "w3": d.w(5, 8, 1, 1)}, {"x": d.x(4, 3, 8, 8)}, {"y": ["batch", 5, 8, 8]},
    domains=[("com.microsoft", 1)])
def data_dependent(d): return net(
    [node("Gemm", "x w1", "h", "fc1"), node("NonZero", "h", "nz"), node("Transpose", "nz", "nt", perm=[1, 0]), node("GatherND", "h nt", "gv"),
     node("Unsqueeze", "gv ax", "gu"),
     node("MatMul", "gu w2", "k", "fc2"), node("Relu", "k", "kr"), node("MatMul", "kr w3", "y", "fc3")],
    {"w1": d.w(12, 8), "w2": d.w(1, 6), "w3": d.w(6, 5), "ax": ints(1)}, {"x": d.x(16, 12)}, {"y": info("y", None)})

P = "structured-pruning"
CASES = [Case(n, b, P, valid(), outputs(1e-6)) for n, b in {
    "a-scaler": mid(**scaler), "a2-scaler-shape-told": mid(told_shape=True, **scaler),
    "a3-quick-gelu": mid("QuickGelu", "com.microsoft", 1, alpha=1.7),
    "a4-fast-gelu": mid("FastGelu", "com.microsoft", 1)}.items()]
CASES += [Case(n, b, P, valid(), masked_equals_shrunk(), shrinks(*w)) for n, b, w in (
    ("c-shape-is-input", shape_input, ["w1"]), ("d-conv", convolution, ["w2"]), ("e-data-dependent", data_dependent, ["w2"]))]
