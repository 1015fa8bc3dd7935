"""webonnx/wonnx#94 and onnxruntime/onnxruntime-qnn#741 (Gemm's third input in other shapes), microsoft/onnxruntime#11496 (Resize):
an operator runs and computes other numbers than onnxruntime."""
from .common import *

def one(op, data, kind=None, opset=17, outs="y", ins=None, consts={}, **attributes):
    """One node on the arrays of `data`, then `consts`; the first output has the first array's type or `kind`, others int64."""
    def build(d):
        arrays = data(d) if callable(data) else data
        fixed = {k: list(v.shape) for k, v in arrays.items()}
        first = kind or helper.np_dtype_to_tensor_dtype(next(iter(arrays.values())).dtype)
        return net([node(op, ins or [*arrays, *consts], outs, **attributes)], consts, arrays,
                   {o: info(o, None, T.INT64 if k else first) for k, o in enumerate(outs.split())}, fixed, opset,
                   domains=[(attributes["domain"], 1)] if "domain" in attributes else ())
    return build
def gemm(kind, bias, **kw): return one("Gemm", lambda d: {k: d.x(*s).astype(kind) for k, s in {"a": (4, 3), "b": (3, 2), "c": bias}.items()}, **kw)
def fp8(kind):
    """To an 8-bit type without saturation and back: what is too large becomes NaN or infinite."""
    return lambda d: net([node("Cast", "x", "q", to=kind, saturate=0), node("Cast", "q", "y", to=T.FLOAT)], {},
                         {"x": f32([1, 1e4, -1e6, np.inf, np.nan, .3, -448, 500])}, {"y": [8]}, {"x": [8]}, 19, 9)
def not_finite(*values): return lambda d: net([node("DynamicQuantizeLinear", "x", "y s z")], {}, {"x": f32(values)}, "y s z", {"x": [len(values)]})
def times(kind): return lambda d: {"x": d.rng.integers(0, 9, (3, 4)).astype(kind), "w": d.rng.integers(0, 9, (4, 2)).astype(kind)}
def pool(kind): return lambda d: {"x": (d.x(1, 2, 4, 4) * 50).astype(kind)}
def image(d): return {"x": d.rng.integers(0, 255, (1, 1, 3, 4)).astype(np.uint8)}
def line(n): return {"x": np.arange(1, n + 1, dtype=np.float32).reshape(1, 1, 1, n)}

INFER = "infer m.onnx --input m.npz -o out.npz"
def same(name, build, rel, *expect): return Case(name, build, INFER, *(expect or [numbers(rel)]))
def rare(name, build, word): return same(name, build, 0, one_of(numbers(0), refuses(word)))

CASES = [same(f"a-gemm-{k}:{'x'.join(map(str, c)) or 'scalar'}{'-beta' * bool(kw)}", gemm(k, c, **kw), rel)
         for k, rel in (("float16", 3e-3), ("float64", 1e-12)) for c, kw in (
             ((4, 1), {}), ((4, 2), {}), ((1,), {}), ((1, 1), {}), ((), {}), ((2,), {"beta": .5}), ((4, 2), {"beta": .5, "alpha": 2.}))]
CASES += [
    same("b-pow-integer-base", one("Pow", {"x": np.array([3, 2, 5, 7], np.int32), "e": f32([1.94, .5, 2.5, 1.1])}), 0),
    same("b-pow-integer-base-const", one("Pow", {"x": np.array([3, 2, 5, 7], np.int64)}, consts={"e": f32(1.94)}), 0),
    *[same(f"c-resize-10-down:{n}x{s}", one("Resize", line(n), opset=10, consts={"s": f32([1, 1, 1, s])}), 0)
      for n, s in ((4, .5), (5, .6), (7, .5), (4, .75))],
    *[same(f"d-matmul-{k}", one("MatMul", times(k)), 0) for k in ("int32", "int64")],
    rare("d-matmul-uint32", one("MatMul", times("uint32")), "MatMul"),
    *[rare(f"e-cast-no-saturation:{n.lower()}", fp8(getattr(T, "FLOAT8" + n)), "Cast") for n in ("E4M3FN", "E5M2", "E4M3FNUZ", "E5M2FNUZ")],
    *[same(f"f-dynamic-quantize:{n}", not_finite(1, v, 2), 0, ends) for n, v in (("inf", np.inf), ("minus-inf", -np.inf), ("nan", np.nan))],
    *[same(f"g-{op.lower()}-1-axis:{o}", one(op, lambda d: {"x": d.x(5)}, opset=o), 0, ends)      # onnxruntime refuses axis 1 here
      for op, o in (("Softmax", 11), ("LogSoftmax", 11), ("Softmax", 1))],
    *[same(f"h-hardmax-{o}", one("Hardmax", lambda d: {"x": d.x(2, 3, 4)}, opset=o), 0) for o in (11, 13)],
    *[same(f"i-average-pool-dilated:{k}-{s}", one("AveragePool", lambda d, k=k: {"x": d.x(1, 2, 5, 5).astype(k)}, opset=19, kernel_shape=[s, s],
                                                  dilations=[2, 2]), 2e-3) for k, s in (("float16", 1), ("float16", 2), ("float32", 1))],
    *[rare(f"j-resize-uint8-{m}", one("Resize", image, ins=["x", "", "s"], consts={"s": f32([1, 1, 2, 1.5])}, mode=m), "Resize")
      for m in ("nearest", "linear")],
    *[rare(f"k-max-pool-indices:{k}", one("MaxPool", pool(k), outs="y i", kernel_shape=[2, 2]), "MaxPool") for k in ("uint8", "int8", "float16")],
    same("l-gelu", one("Gelu", lambda d: {"x": d.x(3, 4)}, domain="com.microsoft"), 1e-5),
]
