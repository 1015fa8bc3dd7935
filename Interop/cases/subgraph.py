"""microsoft/onnxruntime#8488, #19421 and #7300: weights inside the bodies of If and Loop are neither compressed nor reported."""
from .common import *

def graph(name, nodes, outs, weights=None, ins=()):
    return helper.make_graph(nodes, name, list(ins), [info(k, s) if isinstance(s, list) else s for k, s in outs.items()],
                             [tensor(k, v) for k, v in (weights or {}).items()])
def top(d, nodes, last, weights, k):
    w = {"w1": d.w(12, 8), "b1": d.w(8), **weights, "w2": d.w(k, 5)}
    return net([node("Gemm", "x w1 b1", "h0", "fc1"), node("Relu", "h0", "h"), *nodes, node("Gemm", f"{last} w2", "y", "fc2")], w, {"x": d.x(16, 12)},
               {"y": ["N", 5]})
def branch(d, yes, no, k, before=(), after=(), last="i", **w):
    choose = [node("ReduceSum", "x", "s", keepdims=0), node("Greater", "s zero", "c"), node("If", "c", "i", "if", then_branch=yes, else_branch=no)]
    return top(d, [*before, *choose, *after], last, {"zero": f32(0), **w}, k)

def no_branch(d): return graph("no", [node("Gemm", "h wb", "yb", "inB"), node("Relu", "yb", "yb2")], {"yb2": ["N", 6]}, {"wb": d.w(8, 6)})
def own(d): return branch(d, graph("yes", [node("Gemm", "h wa", "ya", "inA")], {"ya": ["N", 6]}, {"wa": d.w(8, 6)}), no_branch(d), 6)
def constant_node(d): return branch(d, graph("yes", [node("Constant", "", "wa", value=tensor("v", d.w(8, 6))), node("Gemm", "h wa", "ya")],
                                             {"ya": ["N", 6]}), no_branch(d), 6)
def shared(d): return branch(
    d, graph("yes", [node("Gemm", "h ws", "ya", "inA")], {"ya": ["N", 8]}),
    graph("no", [node("Gemm", "h ws", "yb", "inB", transB=1)], {"yb": ["N", 8]}), 8,
    [node("Gemm", "h ws", "k", "shared")], [node("Add", "i k", "m")], "m", ws=d.w(8, 8))
def loop(d):
    body = graph("body", [node("Gemm", "st ws b1", "hh", "fc1"), node("Relu", "hh", "st2"), node("Identity", "cin", "cout")],
                 {"cout": info("cout", [], T.BOOL), "st2": ["N", 8]}, ins=[info("it", [], T.INT64), info("cin", [], T.BOOL), info("st", ["N", 8])])
    return top(d, [node("Loop", ["n", "", "h"], "i", "loop", body=body)], "i", {"ws": d.w(8, 8), "n": np.array(3, np.int64)}, 8)

WHY = "body|bodies|branch|subgraph|loop|\\bif\\b|float"
MODELS = {"a-if-own": (own, "wa"), "b-if-shared": (shared, "ws"), "c-loop": (loop, "ws"), "d-if-constant": (constant_node, "wb")}
QUANT = {"weight-only-quantization": .03, "dynamic-quantization": .03, "static-quantization": .05, "palettization --set bits=8": .02}
CASES = [Case(f"{n}:{p.split()[0]}", b, p, valid(), outputs(rel), one_of(compressed(), finding(w, WHY)))
         for n, (b, w) in MODELS.items() for p, rel in QUANT.items()]
CASES += [Case(f"{n}:strict", b, "weight-only-quantization --strict", one_of(both(valid(), compressed()), refuses("strict|skipped|left")))
          for n, (b, _) in MODELS.items()]
CASES += [Case(f"{n}:{p.split()[0]}", b, p, valid(), check) for n, (b, _) in MODELS.items()
          for p, check in (("structured-pruning", masked_equals_shrunk()), ("fold-constants", outputs(1e-5)), ("remove-dead-nodes", outputs(1e-6)))]
