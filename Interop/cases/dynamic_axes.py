"""intel/neural-compressor#24 and microsoft/onnxruntime#10504 are the kind: a transformer block whose axes are all symbolic and
whose input is token ids gets one scale for a whole matrix, and its feed-forward part is never pruned."""
from .common import *

V, D, F = 50, 16, 32
def linear(i, w, b, o, width):
    """A layer over flattened rows, reshaped back by the shape of its input, as GPT-2 is exported."""
    return [node("Reshape", f"{i} {i}_rows", o + "r"), node("Gemm", f"{o}r {w} {b}", o + "g", w), node("Shape", i, o + "s"),
            node("Slice", f"{o}s i0v minus", o + "l"), node("Concat", f"{o}l {width}", o + "t", axis=0), node("Reshape", f"{o}g {o}t", o)]

def block(d, shape=("batch", "seq"), heads=False, rows=False):
    """Attention and feed-forward. `heads`: split by shapes from Shape nodes; `rows`: feed-forward by `linear`."""
    w = {"E": d.w(V, D, s=1), "P": d.w(20, D, s=1), "i0": np.array(0), "i1": np.array(1), "i0v": ints(0), "split": ints(2, D // 2), "whole": ints(D),
         **{f"w{k}": d.w(D, D) for k in "qkvo"}, "g": np.ones(D), "w1": d.w(D, F) * np.logspace(-2, 1, F), "b1": d.w(F), "w2": d.w(F, D),
         "wh": d.w(D, 7),
         "b2": d.w(D), "ln_rows": ints(-1, D), "f2_rows": ints(-1, F), "wide": ints(F), "minus": ints(-1)}
    nodes = [node("Gather", "E ids", "e0"), node("Shape", "ids", "idsh"), node("Gather", "idsh i1", "n"), node("Range", "i0 n i1", "at"),
             node("Gather", "P at", "e1"), node("Add", "e0 e1", "e"), *[node("MatMul", f"e w{k}", k, k) for k in "qkv"]]
    if heads:
        nodes += [node("Shape", "q", "sh"), *[node("Gather", f"sh i{k}", f"n{k}") for k in (0, 1)],
                  *[node("Unsqueeze", f"n{k} i0v", f"u{k}") for k in (0, 1)],
                  node("Concat", "u0 u1 split", "apart", axis=0), node("Concat", "u0 u1 whole", "together", axis=0)]
        for k in "qkv": nodes += [node("Reshape", f"{k} apart", k + "r"),
                                  node("Transpose", k + "r", k + "t", perm=[0, 2, 3, 1] if k == "k" else [0, 2, 1, 3])]
        nodes += [node("MatMul", "qt kt", "s"), node("Softmax", "s", "p", axis=-1), node("MatMul", "p vt", "ct"),
                  node("Transpose", "ct", "cr", perm=[0, 2, 1, 3]), node("Reshape", "cr together", "c")]
    else: nodes += [node("Transpose", "k", "kt", perm=[0, 2, 1]), node("MatMul", "q kt", "s"), node("Softmax", "s", "p", axis=-1),
                    node("MatMul", "p v", "c")]
    nodes += [node("MatMul", "c wo", "o", "o"), node("Add", "o e", "r")]
    nodes += [node("LayerNormalization", "r g", "ln", axis=-1)]
    if rows: nodes += [*linear("ln", "w1", "b1", "f1", "wide"), node("Relu", "f1", "f2"), *linear("f2", "w2", "b2", "f3", "whole")]
    else: nodes += [node("MatMul", "ln w1", "f0", "up"), node("Add", "f0 b1", "f1"), node("Relu", "f1", "f2"), node("MatMul", "f2 w2", "f3", "down")]
    nodes += [node("Add", "f3 r", "z"), node("MatMul", "z wh", "y", "head")]
    used = {i for n in nodes for i in n.input}
    return net(nodes, {k: v for k, v in w.items() if k in used}, {"ids": d.rng.integers(0, V, (6, 9))}, {"y": shape and [*shape, 7]}, {"ids": shape})

def scales(name, n):
    """The DequantizeLinear that stands for `name` has n scales."""
    @success
    def check(r):
        size = {i.name: int(np.prod(i.dims)) for i in r.after.graph.initializer}
        for x in r.after.graph.node:
            if x.op_type == "DequantizeLinear" and x.input[0].startswith(name) and size.get(x.input[0]):
                if size[x.input[1]] != n: raise Wrong(f"{name} has {size[x.input[1]]} scales, not {n}")
                return f"{n} scales for {name}"
        raise Wrong(f"{name} is not quantized")
    return check

W4 = "weight-only-quantization --set bits=4 --set block-size=8"
CASES = []
BLOCKS = {"a-block": block, "b-heads": lambda d: block(d, heads=True), "c-no-names": lambda d: block(d, (None, None), True),
          "d-no-rank": lambda d: block(d, None), "e-rows": lambda d: block(d, rows=True)}
for name, build in BLOCKS.items():
    CASES += [
        Case(f"{name}:int8-channels", build, "weight-only-quantization", valid(), outputs(.03), scales("w1", F), scales("w2", D), scales("wh", 7)),
        Case(f"{name}:int4-blocks", build, W4, valid(), outputs(.25), scales("w1", F * D // 8), scales("w2", D * F // 8)),
        Case(f"{name}:structured", build, "structured-pruning", valid(), masked_equals_shrunk(),
             one_of(shrinks("w1", "b1", "w2"), *([finding("w1", "skipped.*fixes")] if name == "e-rows" else []))),
        Case(f"{name}:static", build, "static-quantization", valid(), outputs(.05)),
        Case(f"{name}:dynamic", build, "dynamic-quantization", valid(), outputs(.03)),
        Case(f"{name}:svd", build, "svd-factorization --set rank-fraction=0.3", valid(), shrinks("w1"))]
