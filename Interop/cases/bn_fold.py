"""microsoft/onnxruntime#17915, intel/analytics-zoo#953, SonySemiconductorSolutions/mct-model-optimization#907 and #1115:
folding BatchNormalization breaks the file or the numbers for a factor of 1, a MatMul, a column bias or a shared filter."""
from .common import *

def norm(d, c, unit=False):
    values = [d.u(.5, 2, c), d.x(c) * .5, d.x(c) * .3, d.u(.3, 2, c)]
    if unit: values[0], values[3] = np.ones(c, np.float32), np.ones(c, np.float32)
    return dict(zip(("g", "b", "m", "v"), values))
def bn(i="c", o="n", **kw): return node("BatchNormalization", f"{i} g b m v", o, name=f"{o}_bn", **kw)
def relu(): return node("Relu", "n", "y")
P = [1, 1, 1, 1]

def conv(d, c=8, unit=False, bias=False, opset=17, ir=8, zero=False, outs="y", **kw):
    w = {"w": d.w(c, 4 // kw.get("group", 1), 3, 3), **({"cb": d.w(c)} if bias else {}), **norm(d, c, unit)}
    if zero: w["g"][1] = 0; w["v"][2] = 0
    return net([node("Conv", "x w cb" if bias else "x w", "c", pads=P, **kw), bn(epsilon=1e-10 if unit else 1e-5), relu()],
               w, {"x": d.x(16, 4, 9, 9)}, outs, opset=opset, ir=ir)

def transposed(d):
    return net([node("ConvTranspose", "x w cb", "c", group=2, strides=[2, 2]), bn(), relu()],
               {"w": d.w(4, 3, 2, 2, s=.4), "cb": d.w(6), **norm(d, 6)}, {"x": d.x(16, 4, 9, 9)})

def shared(d):
    return net([node("Conv", "x w cb", "c1", pads=P), bn("c1", "n1"), node("Conv", "n1 w cb", "c2", pads=P), bn("c2", "n2"),
                node("Conv", "n2 w cb", "y", pads=P)],
               {"w": d.w(4, 4, 3, 3), "cb": d.w(4), **norm(d, 4)}, {"x": d.x(16, 4, 9, 9)})

def spatial0(d):
    nodes = [node("Conv", "x w", "c"), bn(spatial=0), relu()]
    w = {"w": d.w(8, 4, 3, 3), **{k: d.u(.5, 2, 8, 7, 7) for k in "gbmv"}}
    return net(nodes, w, {"x": d.x(16, 4, 9, 9)}, {"y": ["N", 8, 7, 7]}, opset=7, ir=4)

def before(d):
    return net([bn("x", "n"), node("Conv", "n w", "c", pads=P), node("Relu", "c", "y")],
               {"w": d.w(8, 4, 3, 3), **norm(d, 4)}, {"x": d.x(16, 4, 9, 9)})

def dense(d, op="MatMul", k=6, c=5, bias=None, unit=False, x=None, ins=None, tail=False, **kw):
    w = {"w": d.w(c, k) if kw.get("transB") else d.w(k, c), **({} if bias is None else {"cb": d.w(*bias)}), **norm(d, c, unit)}
    nodes = [node(op, "x w cb" if bias and op == "Gemm" else "x w", "c", **kw)]
    if tail: nodes += [node("Add", "c cb", "d"), bn("d"), node("Relu", "n", "h"), node("MatMul", "h w2", "y")]; w["w2"] = d.w(c, 3)
    else: nodes += [bn(epsilon=1e-10 if unit else 1e-5), relu()]
    return net(nodes, w, {"x": d.x(*(x or (16, k)))}, ins=ins)

def column(d): return dense(d, "Gemm", 10, 6, (6, 1), x=(18, 10), ins={"x": [6, 10]}, transB=1)

def engine(rel):
    """winnow infer gives what onnxruntime gives."""
    def check(r):
        if r.rc: raise Wrong(message(r)[:160])
        got = np.load(r.path("out.npz")); worst = max(distance(v, got[k]) for k, v in r.want.items())
        if worst > rel: raise Wrong(f"winnow infer differs by {worst:.3g}")
        return f"winnow infer differs by {worst:.2g}"
    return check

def column_once(d): m, data = column(d); return m, {"x": data["x"][:6]}

FOLD = {
    "a-unit-scale": lambda d: conv(d, unit=True), "a2-unit-scale-bias": lambda d: conv(d, unit=True, bias=True),
    "b-transposed-groups": transposed, "d-matmul-rank3": lambda d: dense(d, k=10, c=6, x=(16, 6, 10)),
    "e-gemm-alpha-beta": lambda d: dense(d, "Gemm", 10, 6, (1, 6), alpha=.5, beta=3., transB=1), "f-gemm-column-bias": column,
    "g-output-before": lambda d: conv(d, outs={"y": ["N", 8, 9, 9], "c": ["N", 8, 9, 9]}),
    "h-depthwise-zero": lambda d: conv(d, 4, group=4, opset=9, ir=4, zero=True), "j-bn-before": before,
    "k-matmul-unit": lambda d: dense(d, c=6, unit=True), "l-gemm-unit": lambda d: dense(d, "Gemm", bias=(5,), unit=True),
    "m-matmul": dense, "n-matmul-add": lambda d: dense(d, bias=(5,), tail=True),
}
CASES = [Case(k, b, "fold-batch-norm", valid(), outputs(1e-4),
              *([gone("BatchNormalization")] if k[0] in "abel" else [])) for k, b in FOLD.items()]
CASES += [
    Case("c-shared", shared, "fold-batch-norm", valid(), outputs(1e-4), one_of(elements(), finding("w", "cop|dupl|split|shared"))),
    Case("i-per-activation", spatial0, "fold-batch-norm", one_of(refuses("spatial|BatchNorm"), finding("n_bn|c|w", "spatial|skipped|kept"))),
    Case("f2-engine-column-bias", column_once, "infer m.onnx --input m.npz -o out.npz", engine(1e-4)),
    Case("m2-matmul-static", dense, "static-quantization", valid(), outputs(.03)),
    Case("n2-matmul-add-static", lambda d: dense(d, bias=(5,), tail=True), "static-quantization", valid(), outputs(.03)),
]
