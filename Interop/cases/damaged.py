"""onnx/onnx#6180 and #6185, microsoft/onnxruntime#24806, kraiskil/onnx2c#15: attributes, sizes or types that no good model has.
The answer is one sentence and exit 1, or a run; never a signal, endless work or memory without bounds."""
from .common import *

def damaged(op, data=None, consts=None, kind=T.FLOAT, opset=17, outs="y", **attributes):
    """One node on the arrays of `data` and then constants, as bytes: only winnow sees it."""
    data, consts = data or {}, consts or {}
    return raw([node(op, [*data, *consts], outs, **attributes)], data, consts, kind=kind, opset=opset)
def raw(nodes, data, consts, kind=T.FLOAT, opset=17, ins=None, y=None):
    def build(d):
        m, _ = net(nodes, consts, data, {"y": info("y", y, kind)}, ins or {k: list(v.shape) for k, v in data.items()}, opset, 10)
        return m.SerializeToString(), data
    return build
def loop():
    body = helper.make_graph([node("Identity", "c", "co"), node("Identity", "s", "so")], "b",
                             [info("i", [], T.INT64), info("c", [], T.BOOL), info("s", [1])], [info("co", [], T.BOOL), info("so", [1])])
    return raw([node("Loop", ["n", "", "x"], "y", body=body)], {"x": f32([1])}, {"n": np.array(1 << 62)}, y=[1])
def chain(n): return raw([node("Relu", f"v{k}" if k else "x", f"v{k + 1}" if k < n - 1 else "y") for k in range(n)], {"x": f32([1, -1, 2])}, {})
def parallel(n): return raw([*[node("Relu", "x", f"v{k}") for k in range(n)], node("Concat", [f"v{k}" for k in range(n)], "y", axis=0)],
                            {"x": f32([1, -1, 2])}, {})

INFER, BENCHMARK = "infer m.onnx --input m.npz -o out.npz", "benchmark m.onnx --seconds 0.01"
MAX, MIN, FOLD = (1 << 63) - 1, -1 << 63, "apply fold-constants m.onnx -o out.onnx"
LINE, BOX = {"x": f32([[1, 2, 3, 4, 5], [6, 7, 8, 9, 0]])}, np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
def case(name, build, step=INFER, **kw): return Case(name, build, step, ends, **kw)
def small(kind): return {"x": np.ones((64, 64), kind)}

CASES = [case(f"a-slice-step:{n}-{s.split()[0]}", damaged("Slice", LINE, {"s": ints(0), "e": ints(3), "a": ints(1), "st": ints(v)}), s)
         for n, v in (("max", MAX), ("min", MIN), ("half", 1 << 62)) for s in (INFER, "inspect m.onnx")]
CASES += [case(f"b-max-roi-pool-scale:{v:g}", damaged("MaxRoiPool", {"x": BOX}, {"r": f32([[0, 0, 0, 3, 3]])}, pooled_shape=[2, 2], spatial_scale=v))
          for v in (np.inf, np.nan, 1e38)]
CASES += [case(f"c-affine-grid:{n}", damaged("AffineGrid", {"x": f32([[[1, 0, 0], [0, 1, 0]]])}, {"s": ints(*s)}, opset=20), seconds=15)
          for n, s in {"2^40": (1, 1, 1 << 20, 1 << 20), "2^124": (1, 1, 1 << 62, 1 << 62), "negative": (1, 1, -2, 3)}.items()]
CASES += [case(f"d-split-outputs:{n}", damaged("Split", LINE, opset=18, outs="y z", axis=1, num_outputs=n)) for n in (1 << 31, MAX, 0)]
CASES += [case("d-split-sizes", damaged("Split", LINE, {"s": ints(MIN + 1, -1 << 62, 3)}, opset=13, outs="y z v", axis=1))]
CASES += [case(f"e-constant-of-shape:{n}-{s.split()[0]}", damaged("ConstantOfShape", consts={"s": ints(*v)}), s)
          for n, v in {"2^40": (1 << 40,), "2^64": (1 << 62, 4), "negative": (-3,)}.items()
          for s in (BENCHMARK, FOLD, "inspect m.onnx")]
CASES += [case(f"f-reshape-constant:{n}", damaged("Reshape", consts={"c": f32([1, 2, 3, 4]), "s": ints(*v)}), FOLD)
          for n, v in {"2^80": (1 << 40, 1 << 40), "2^64": (1 << 62, 4), "negative": (-4, -1), "min": (MIN,), "zero": (0, 0, -1)}.items()]
CASES += [case("f-reshape-constant:no-numbers", damaged("Reshape", consts={"c": np.zeros(0, bool), "s": np.zeros(0, bool)}, kind=T.BOOL), FOLD)]
CASES += [case(f"g-{op.lower()}-of:{k}", damaged(op, small(k), kind=helper.np_dtype_to_tensor_dtype(np.dtype(k))), seconds=15)
          for op in ("RandomUniformLike", "RandomNormalLike", "Bernoulli") for k in ("bool", "int8", "uint8") if (op[:7], k) != ("RandomN", "uint8")]
CASES += [case(f"h-hamming-window:{n}", damaged("HammingWindow", consts={"n": np.array(v)}), BENCHMARK, seconds=15)
          for n, v in (("2^40", 1 << 40), ("max", MAX), ("negative", -5))]
CASES += [case("i-roi-align-sampling", damaged("RoiAlign", {"x": BOX}, {"r": f32([[0, 0, 3, 3]]), "b": ints(0)}, output_height=2, output_width=2,
                                               sampling_ratio=65536), seconds=15),
          Case("j-loop-endless", loop(), f'sh timeout -k 5 3 "$W" {INFER}; s=$?; [ $s -eq 124 ] || [ $s -le 1 ]', prints(), seconds=15)]
CASES += [case(f"k-input-extent:{n}", raw([node("ReduceSum", "x", "y")], {}, {}, ins={"x": [1 << n]}), BENCHMARK, seconds=15) for n in (36, 40, 62)]
CASES += [Case("l-relu-chain", chain(20000), INFER, prints(), seconds=10), Case("l-relu-parallel", parallel(20000), INFER, prints(), seconds=10)]
