"""pytorch/pytorch#45185, NVIDIA/TensorRT-LLM#1100: calibration data of the wrong name, shape, type or order; the answer is one
clear sentence or right ranges."""
import io
from .common import *

def mlp(d, data=lambda x: {"x": x}):
    m, a = net([node("Gemm", "x w1 b1", "h", "fc1"), node("Relu", "h", "r"), node("Gemm", "r w2 b2", "y", "fc2")],
               {"w1": d.w(12, 8), "b1": d.w(8), "w2": d.w(8, 5), "b2": d.w(5)}, {"x": d.x(16, 12)})
    return m, data(a["x"])
def fixed(rows, last=1.):
    def build(d):
        x = d.x(rows, 12); x[-1] *= last
        return net([node("MatMul", "x w1", "h"), node("Relu", "h", "r"), node("MatMul", "r w2", "y")], {"w1": d.w(12, 8), "w2": d.w(8, 2)}, {"x": x},
                   ins={"x": [4, 12]})
    return build
def two(rows): return lambda d: net(
    [node("MatMul", "a w1", "h"), node("MatMul", "b w2", "k"), node("Add", "h k", "s"), node("Relu", "s", "r"), node("MatMul", "r w3", "y")],
    {"w1": d.w(6, 8), "w2": d.w(3, 8), "w3": d.w(8, 2)}, {"a": d.x(10, 6), "b": d.x(rows, 3)}, {"y": ["N", 2]}, {"a": ["N", 6], "b": [1, 3]})
def sequence(d): return net([node("MatMul", "x w1", "h"), node("Relu", "h", "r"), node("ReduceMean", "r", "p", axes=[1], keepdims=0),
                             node("MatMul", "p w2", "y")],
                            {"w1": d.w(12, 8), "w2": d.w(8, 2)}, {"x": d.x(9, 5, 12)}, {"y": ["N", 2]}, {"x": ["N", "T", 12]})
def zipped(x): f = io.BytesIO(); np.savez_compressed(f, x=x); return f.getvalue()
def outlier(rows):
    def data(x):
        many = np.random.default_rng(1).standard_normal((rows, 12)).astype(np.float32); many[-1] *= 50
        return {"x": many}
    return lambda d: mlp(d, data)

GOOD = {"a-plain": lambda x: {"x": x}, "f-float64": lambda x: {"x": x.astype(np.float64)}, "f-fortran": lambda x: {"x": np.asfortranarray(x)},
        "f-big-endian": lambda x: {"x": x.astype(">f4")}, "f-labels": lambda x: {"x": x, "labels": np.zeros(16, np.int64)},
        "f-labels-out-of-range": lambda x: {"x": x, "labels": np.full(16, 7)}, "f-compressed": zipped}
BAD = {"b-empty": (lambda x: {"x": x[:0]}, "data"), "c-wrong-name": (lambda x: {"z": x}, r"\bz\b.*\bx\b"),
       "d-wrong-width": (lambda x: {"x": x[:, :11]}, r"\bx\b.*11.*12"),
       "e-int32": (lambda x: {"x": (x * 100).astype(np.int32)}, r"\bx\b.*int32"),
       "e-seven-labels": (lambda x: {"x": x, "labels": np.zeros(7, np.int64)}, "labels.*7"),
       "e-one-axis": (lambda x: {"x": x[0]}, r"\bx\b.*(samples of [\d([]|shape [\d([]|axis|axes|rank)"),
       "e-no-zip": (lambda x: b"PK\x03\x04garbage", "m.npz")}
Q = "static-quantization"
def ranges_ok(r):
    """The output of the float model, computed from the clean array where the data file is not one onnxruntime takes."""
    clean = {"x": np.asarray(np.load(r.path("m.npz"))["x"], np.float32)}
    d = distance(next(iter(infer(r.path("m.onnx"), clean).values())), next(iter(infer(r.path(r.out), clean).values()))) if not r.rc else None
    if d is None or d > .03: raise Wrong(message(r)[:160] if r.rc else f"relative error {d:.3g}")
    return f"relative error {d:.2g}"
CASES = [Case(n, lambda d, f=f: mlp(d, f), Q, valid(), ranges_ok) for n, f in GOOD.items()]
CASES += [Case(n, lambda d, f=f: mlp(d, f), Q, refuses(why)) for n, (f, why) in BAD.items()]
CASES += [
    Case("e-extra-array", lambda d: mlp(d, lambda x: {"x": x, "z": x}), Q, one_of(both(valid(), outputs(.03)), refuses(r"\bz\b"))),
    Case("h-no-data", mlp, "apply static-quantization m.onnx -o out.onnx", refuses("data")),
    Case("h-no-file", mlp, "apply static-quantization m.onnx -o out.onnx --data nothere.npz", refuses("nothere.npz")),
    Case("i-two-inputs-one-row", two(1), Q, one_of(both(valid(), outputs(.03)), refuses(r"\bb\b"))),
    Case("i-two-inputs-same-rows", two(10), Q, one_of(valid(), refuses(r"\bb\b"))),
    Case("j-fixed-batch", fixed(12), Q, valid(), outputs(.03)), Case("j-fixed-batch-rest", fixed(21, 50.), Q, valid(), finding("x", "range")),
    Case("k-outlier-last", outlier(21), Q, valid(), outputs(.053)),
    Case("k-outlier-last-of-2000", outlier(2000), Q + " --set samples=100000", valid(), outputs(.26)),
    Case("l-sequence", sequence, Q, valid(), outputs(.03)),
    Case("m-evaluate-labels", lambda d: mlp(d, GOOD["f-labels-out-of-range"]), "evaluate m.onnx --data m.npz", refuses("label.*7")),
]
