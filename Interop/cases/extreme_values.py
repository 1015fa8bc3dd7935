"""NVIDIA/TensorRT#3112, vllm-project/compressed-tensors#523, microsoft/onnxruntime#23749: NaN, infinite or huge numbers in
weights, data or masks give crashes, hangs or a false success."""
from .common import *

LOW = np.float32(-3.4028235e38)
def mlp(d, w1=None, x=None):
    w, data = d.w(12, 8), d.x(32, 12)
    if w1: w = w1(w)
    if x: data = x(data)
    return net([node("Gemm", "x w1 b1", "h", "fc1"), node("Relu", "h", "r"), node("Gemm", "r w2 b2", "y", "fc2")],
               {"w1": w, "b1": d.w(8), "w2": d.w(8, 5), "b2": d.w(5)}, {"x": data})
def put(value, at=(0, 0)):
    def change(a): a[at] = value; return a
    return change
def spread(a): a[0, 0], a[1, 1] = 3e38, -3e38; return a

WEIGHTS = {"a-nan-weight": put(np.nan, (3, 2)), "b-inf-weight": put(np.inf), "c-huge-weight": put(3.4e38), "d-outlier-weight": put(1e6),
           "e-constant-weight": lambda w: np.full_like(w, .25), "f-zero-weight": np.zeros_like, "g-denormal-weight": lambda w: np.full_like(w, 1e-41)}
DATA = {"k-zero-data": np.zeros_like, "l-constant-data": lambda x: np.full_like(x, 5), "m-negative-data": lambda x: -np.abs(x) - 3,
        "n-one-sample": lambda x: x[:1],
        "o-tiny-data": lambda x: x * np.float32(1e-38)}
PASSES = ["weight-only-quantization", "dynamic-quantization", "palettization", "fixed-point-quantization", "float4-quantization", "svd-factorization",
          "weight-only-quantization --set bits=4 --set block-size=4"]
NOT_FINITE = {"a": "nan|not a number|finite", "b": "inf|finite"}
short = lambda p: p.replace("-quantization", "").replace(" --set bits=4 --set block-size=4", "-4")
CASES = [Case(f"{n}:{short(p)}", lambda d, c=c: mlp(d, c), p, one_of(refuses("w1|value", NOT_FINITE[n[0]]),
    finding("w1", f"(skipped|kept|stays|fell back).*({NOT_FINITE[n[0]]})")), seconds=15)
         for n, c in WEIGHTS.items() if n[0] in "ab" for p in [*PASSES, "static-quantization"]]
CASES += [Case(f"{n}:{short(p)}", lambda d, c=c: mlp(d, c), p, one_of(valid(), refuses("w1|fc1")), seconds=15)
          for n, c in WEIGHTS.items() if n[0] in "cdefg" for p in [*PASSES, "magnitude-pruning", "structured-pruning"]]
CASES += [Case(f"{n}:{short(p)}-error", lambda d, c=c: mlp(d, c), p, valid(), outputs(.03)) for n, c in WEIGHTS.items() if n[0] in "efg"
          for p in ("weight-only-quantization", "static-quantization")]
CASES += [Case(f"{n}:{how}", lambda d, c=c: mlp(d, None, c), "static-quantization --set range=" + how, refuses("x|h", "nan|inf|finite|not a number"))
          for n, c in {"h-nan-data": put(np.nan, (5, 3)), "i-inf-data": put(-np.inf, (5, 3))}.items() for how in ("min-max", "percentile")]
CASES += [Case(f"j-huge-data:{how}", lambda d: mlp(d, lambda w: w * np.float32(1e-30), spread), "static-quantization --set range=" + how,
               one_of(valid(), refuses("x|range|large"))) for how in ("min-max", "percentile")]
CASES += [Case(n, lambda d, c=c: mlp(d, None, c), "static-quantization", valid(), outputs(.03)) for n, c in DATA.items()]

def attention(d, low, where=False):
    L, D = 6, 8
    mask = [node("Unsqueeze", "mask ax", "m1"), node("Sub", "one m1", "m2"), node("Mul", "m2 low", "m3"), node("Add", "s m3", "sm")]
    if where: mask = [node("Unsqueeze", "mask ax", "m1"), node("Cast", "m1", "mb", to=T.BOOL), node("Where", "mb s low", "sm")]
    given = np.ones((16, L), np.float32); given[1:, 4:] = 0
    return net([*[node("MatMul", f"x w{k}", k, k) for k in "qkv"], node("Transpose", "k", "kt", perm=[0, 2, 1]), node("MatMul", "q kt", "s", "qk"),
                *mask,
                node("Softmax", "sm", "p", axis=-1), node("MatMul", "p v", "o", "pv"), node("MatMul", "o wo", "y", "out")],
               {**{f"w{k}": d.w(D, D) for k in "qkvo"}, "ax": ints(1), "one": f32(1), "low": f32(low)}, {"x": d.x(16, L, D), "mask": given})
CASES += [Case(n, lambda d, a=a: attention(d, *a), "static-quantization", valid(), outputs(.04)) for n, a in {
    "p-mask-lowest": (LOW,), "p2-mask-infinite": (-np.inf, True), "p3-mask-1e4": (-1e4,)}.items()]
CASES += [Case("q-huge-branch", lambda d: net(
    [node("Conv", "x w1", "a", "c1"), node("Conv", "x w2", "b", "c2"), node("Add", "a b", "s"), node("Conv", "s w3", "y", "c3")],
    {"w1": d.w(4, 3, 1, 1), "w2": d.w(4, 3, 1, 1) * 1e4, "w3": d.w(4, 4, 1, 1)}, {"x": d.x(8, 3, 6, 6)}), "static-quantization", valid(),
    outputs(.03))]
