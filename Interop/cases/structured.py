"""VainF/Torch-Pruning#366, #146, #481 and #125, microsoft/nni#5416, onnxsim/onnxsim#1170: removing channels through
split, concat, shuffle, gates or reductions over channels changes what the network computes, or reports wrong numbers."""
from .common import *

def cnn(d, nodes, weights, c=6, tail="gap", x="x", opset=17, outs=None):
    """`nodes` lead to z with c channels; a head gives y."""
    if tail == "gap": nodes, weights = nodes + [node("GlobalAveragePool", "z", "ga"), node("Flatten", "ga", "fl"),
        node("Gemm", "fl wf bf", "y", "head", transB=1)], {**weights, "wf": d.w(5, c), "bf": d.w(5)}
    if tail == "conv": nodes, weights = nodes + [node("Conv", "z wf", "y", "head")], {**weights, "wf": d.w(5, c, 1, 1)}
    return net(nodes, weights, {"x": d.x(4, 3, 8, 8)}, outs or "y", opset=opset)

def conv(i, o, w, p=1, **kw): return node("Conv", f"{i} {w}", o, "conv_" + w, pads=[p] * 4, **kw)
FIRST, LAST = conv("x", "a", "w1"), lambda i: conv(i, "z", "w2")
def mid(nodes, last="m", k=8, first=8, **weights):
    """conv w1, `nodes` from a to `last`, conv w2 on k channels; weights given by their shapes or as arrays."""
    def build(d):
        w = {n: d.w(*s) if isinstance(s, tuple) else s for n, s in weights.items()}
        opset = 18 if any(n.op_type == "Split" and len(n.input) == 1 for n in nodes) else 17
        return cnn(d, [FIRST, *nodes, LAST(last)], {"w1": d.w(first, 3, 3, 3), **w, "w2": d.w(6, k, 3, 3)}, opset=opset)
    return build
relu = lambda i="a", o="r": node("Relu", i, o)

def flatten(shape): return lambda d: cnn(
    d, [FIRST, node("Reshape", "a s1", "f"), node("MatMul", "f w3", "y", "head")], {"w1": d.w(8, 3, 3, 3), "s1": ints(*shape), "w3": d.w(512, 5)},
    tail=None)

def output_inside(d): return cnn(d, [FIRST, relu(), conv("r", "b", "w2"), relu("b", "z")], {"w1": d.w(8, 3, 3, 3), "w2": d.w(6, 8, 3, 3)},
                                 outs={"y": ["N", 5], "r": ["N", 8, 8, 8]})
def unet(d): return cnn(d, [
    FIRST, relu(), conv("r", "b", "w2", strides=[2, 2]), relu("b", "rb"),
    node("ConvTranspose", "rb wt", "u", "up", strides=[2, 2], kernel_shape=[2, 2]),
    node("Concat", "u r", "k", axis=1), conv("k", "z", "w3")],
    {"w1": d.w(8, 3, 3, 3), "w2": d.w(12, 8, 3, 3), "wt": d.w(12, 8, 2, 2), "w3": d.w(6, 16, 3, 3)}, tail="conv")
def channels_last(d): return cnn(d, [
    FIRST, node("Transpose", "a", "tt", perm=[0, 2, 3, 1]), node("LayerNormalization", "tt lg lb", "n", axis=-1), node("MatMul", "n wl", "h", "mm"),
    relu("h", "g"), node("MatMul", "g wl2", "h2", "mm2"), node("Transpose", "h2", "z", perm=[0, 3, 1, 2])],
    {"w1": d.w(8, 3, 3, 3), "lg": d.w(8), "lb": d.w(8), "wl": d.w(8, 16), "wl2": d.w(16, 6)})
def attention(d):
    D, H, L = 8, 2, 6
    nodes = [node("MatMul", f"x w{s}", s + "0", s) for s in "qkv"]
    for s in "qkv": nodes += [node("Reshape", f"{s}0 hs", s + "1"), node("Transpose", s + "1", s + "2", perm=[0, 2, 3, 1]
        if s == "k" else [0, 2, 1, 3])]
    nodes += [node("MatMul", "q2 k2", "sc"), node("Div", "sc dk", "sd"), node("Softmax", "sd", "p", axis=-1), node("MatMul", "p v2", "o"),
              node("Transpose", "o", "o2", perm=[0, 2, 1, 3]), node("Reshape", "o2 bs", "o3"), node("MatMul", "o3 wo", "o4", "o"),
              node("Add", "o4 x", "r"),
              node("MatMul", "r w1", "h", "f1"), relu("h", "hr"), node("MatMul", "hr w2", "y", "f2")]
    w = {**{f"w{s}": d.w(D, D) for s in "qkvo"}, "hs": ints(-1, L, H, D // H), "bs": ints(-1, L, D), "dk": f32(2), "w1": d.w(D, 16), "w2": d.w(16, 5)}
    return net(nodes, w, {"x": d.x(4, L, D)}, {"y": ["N", L, 5]})
def over_channels(op, **kw):
    return mid([relu(), node(op, "r", "m", axes=[1], keepdims=1, **kw)], k=1)
def dead(op):
    """Four of eight filters are zero: without them nothing may change."""
    def build(d):
        w = d.w(8, 3, 3, 3); w[[0, 2, 5, 7]] = 0
        reduce = node("ReduceSum", "r ax", "m", keepdims=1) if op == "ReduceSum" else node(op, "r", "m", axes=[1], keepdims=1)
        return cnn(d, [FIRST, relu(), reduce, LAST("m")], {"w1": w, "w2": d.w(6, 1, 3, 3), "ax": ints(1)})
    return build

gate = [node("Sigmoid", "v", "s"), node("Mul", "u s", "g")]
MODELS = {
    "a-concat-twice": mid([relu(), node("Concat", "r r", "k", axis=1)], "k", 16),
    "b-glu": mid([node("Split", "a sp", "u v", axis=1), *gate], "g", 8, 16, sp=ints(8, 8)),
    "b2-glu-outputs": mid([node("Split", "a", "u v", axis=1, num_outputs=2), *gate], "g", 8, 16),
    "c-shuffle": mid([node("Reshape", "a s1", "p"), node("Transpose", "p", "q", perm=[0, 2, 1, 3, 4]), node("Reshape", "q s2", "s")], "s",
                     s1=ints(-1, 2, 4, 8, 8), s2=ints(-1, 8, 8, 8)),
    **{f"d-pixel-shuffle-{m}": mid([node("DepthToSpace", "a", "d", blocksize=2, mode=m), relu("d")], "r", 4, 16) for m in ("CRD", "DCR")},
    "e-squeeze-excite": mid([relu(), node("GlobalAveragePool", "r", "g"), conv("g", "h", "s1", 0), relu("h", "h2"), conv("h2", "e", "s2", 0),
                             node("HardSigmoid", "e", "hs"), node("Mul", "r hs", "m")], s1=(4, 8, 1, 1), s2=(8, 4, 1, 1)),
    "f-depthwise-2x": mid([conv("a", "d", "wd", group=8), relu("d")], "r", 16, wd=(16, 1, 3, 3)),
    "f2-grouped": mid([conv("a", "d", "wd", group=4), relu("d")], "r", 12, wd=(12, 2, 3, 3)),
    "f3-depthwise": mid([conv("a", "d", "wd", group=8), relu("d")], "r", wd=(8, 1, 3, 3)),
    "g-flatten-fixed": flatten((-1, 512)), "g2-flatten-0": flatten((0, 512)),
    "i-prelu-scale": mid([node("PRelu", "a sl", "p"), node("Mul", "p ls", "m"), node("InstanceNormalization", "m ig ib", "n")], "n",
                         sl=(8, 1, 1), ls=(1, 8, 1, 1), ig=(8,), ib=(8,)),
    "j-group-norm": mid([node("Reshape", "a s1", "p"), node("InstanceNormalization", "p ig ib", "n"), node("Shape", "a", "sh"),
                         node("Reshape", "n sh", "q"), node("Mul", "q gw", "m")], s1=ints(0, 4, -1), ig=np.ones(4), ib=np.zeros(4), gw=(8, 1, 1)),
    "k-slice": mid([node("Slice", "a st en ax", "u"), node("Slice", "a en e2 ax", "v"), conv("u", "u2", "w3"), node("Concat", "u2 v", "k", axis=1)],
                   "k", w3=(4, 4, 3, 3), st=ints(0), en=ints(4), e2=ints(8), ax=ints(1)),
    "l-softmax-channels": mid([node("Softmax", "a", "s", axis=1)], "s"),
    "m-spatial-gate": mid([node("ReduceMean", "a", "rm", axes=[1]), node("ReduceMax", "a", "rx", axes=[1]), node("Concat", "rm rx", "c2", axis=1),
                           conv("c2", "at", "w3"), node("Sigmoid", "at", "sg"), node("Mul", "a sg", "m")], w3=(1, 2, 3, 3)),
    "n-broadcast-lrn": mid([conv("x", "o", "w3"), node("Add", "a o", "m"), node("LRN", "m", "l", size=3)], "l", w3=(1, 3, 3, 3)),
    "o-output-inside": output_inside, "p-unet": unet, "q-layer-norm": channels_last, "s-attention": attention,
    "r-mean": over_channels("ReduceMean"), "r5-log-sum-exp": over_channels("ReduceLogSumExp"),
    "r2-argmax": mid([node("ArgMax", "a", "am", axis=1, keepdims=1), node("Cast", "am", "m", to=T.FLOAT)], k=1),
    "r3-max": mid([node("Sub", "a big", "ab"), node("ReduceMax", "ab", "m", axes=[1], keepdims=1)], k=1, big=f32(3)),
    "r4-l2-norm": mid([node("LpNormalization", "a", "m", axis=1, p=2)]),
    "r6-top-k": mid([node("TopK", "a kk", "m mi", axis=1)], k=2, kk=ints(2)),
    "r7-exp-sum": mid([node("Exp", "a", "e"), node("ReduceSum", "e ax", "m", keepdims=1)], k=1, ax=ints(1)),
}
SHRINK = {"a-concat-twice": ["w1"], "e-squeeze-excite": ["w1", "s1"], "f-depthwise-2x": ["w1", "wd"], "f2-grouped": ["w1"],
          "f3-depthwise": ["w1", "wd"], "i-prelu-scale": ["w1", "sl"], "p-unet": ["w1", "w2", "wt"], "q-layer-norm": ["wl"], "s-attention": ["w1"]}
PRUNE = "structured-pruning --set sparsity=0.5"
CASES = [Case(n, b, PRUNE, valid(), masked_equals_shrunk(), true_counts(), *([shrinks(*SHRINK[n])] if n in SHRINK else []))
         for n, b in MODELS.items()]
CASES += [Case(f"t-dead-{op[6:].lower()}", dead(op), PRUNE + " --set only=w1", valid(), outputs(1e-4))
          for op in ("ReduceMean", "ReduceSum", "ReduceLogSumExp", "ReduceL2", "ReduceMin")]
CASES += [Case("u-report-of-head", MODELS["f3-depthwise"], PRUNE, told("w1", "wd", "w2", "wf"))]
