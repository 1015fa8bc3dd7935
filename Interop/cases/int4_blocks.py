"""microsoft/onnxruntime#28178 and #25362: blocks that do not divide the summed axis, odd counts and transposed weights give
wrong shapes or values of 4-bit weights; embedding tables are passed over."""
from .common import *

def dense(k, n, transposed=None, opset=17):
    op = node("MatMul", "x w", "y", "c") if transposed is None else node("Gemm", "x w", "y", "c", transB=transposed)
    return lambda d: net([op], {"w": d.w(n, k) if transposed else d.w(k, n)}, {"x": d.x(8, k)}, {"y": ["N", n]}, opset=opset)
def embedding(d):
    return net([node("Gather", "E ids", "e"), node("MatMul", "e w", "y", "c")], {"E": d.w(101, 33, s=1), "w": d.w(33, 9)},
               {"ids": d.rng.integers(0, 101, (8, 5))})

def reference(rel):
    """onnx's own reference evaluator reads the file and agrees."""
    @success
    def check(r):
        got = onnx.reference.ReferenceEvaluator(r.path(r.out)).run(None, r.data)[0]
        d = distance(next(iter(r.want.values())), np.asarray(got))
        if d > rel: raise Wrong(f"reference evaluator differs by {d:.3g}")
    return check
import onnx.reference

MODELS = {"a-k100": dense(100, 33), "b-k128": dense(128, 32), "c-transposed-k100": dense(100, 33, 1), "d-k7": dense(7, 5),
          "e-gemm-k64": dense(64, 31, 0),
          "f-opset22": dense(100, 33, opset=22), "g-embedding": embedding}
W4 = "weight-only-quantization --set bits=4 --set block-size="
PASSES = {"int4": (W4 + "0", .2), "int4-b16": (W4 + "16", .13), "int4-b32": (W4 + "32", .15), "int4-b100": (W4 + "100", .17),
          "int8-b32": ("weight-only-quantization --set bits=8 --set block-size=32", .01), "float4": ("float4-quantization", .2),
          "palette3": ("palettization --set bits=3", .25), "fixed12": ("fixed-point-quantization --set bits=12", .002)}
CASES = [Case(f"{n}:{k}", b, p, valid(), outputs(rel), *([reference(rel)] if k[:4] == "int4" else [])) for n, b in MODELS.items()
         for k, (p, rel) in PASSES.items()]
CASES += [Case("a-k100:six-bits", MODELS["a-k100"], "weight-only-quantization --set bits=6", refuses("bits|6")),
          Case("g-embedding:table-told", embedding, "weight-only-quantization", valid(), one_of(compressed(), finding("E", "skipped|kept")))]
