"""microsoft/onnxscript#2235, onnx/onnx#1449, onnxsim/onnxsim#428 and #320, inisis/OnnxSlim#38: inputs with a
default, metadata, functions and odd outputs of a model get lost on the way through a tool."""
from .common import *

def mlp(d, nodes=(), more=None, outs=None, ins=None, mid=None, data=None, **kw):
    w = {"w1": d.w(12, 8), "b1": d.w(8), "w2": d.w(8, 5), "b2": d.w(5), **(more or {})}
    return net([node("Gemm", "x w1 b1", "h", "fc1"), mid or node("Relu", "h", "r"), node("Gemm", "r w2 b2", "y", "fc2"), *nodes], w,
               {"x": d.x(16, 12), **(data or {})}, {"y": ["batch", 5], **(outs or {})}, {"x": ["batch", 12], **(ins or {})}, **kw)

def default_input(d): return mlp(d, [node("Greater", "y th", "gt"), node("Cast", "gt", "z", to=T.FLOAT)], {"th": f32(.5)},
                                 {"z": ["batch", 5]}, {"th": []})
def default_weight(d): return mlp(d, ins={"w2": [8, 5]})

def described(d):
    m, data = mlp(d); g = m.graph
    m.doc_string, m.producer_name, m.domain, m.model_version, g.doc_string, g.name = "doc", "me", "org.x", 7, "gdoc", "my graph"
    g.node[0].doc_string, g.input[0].doc_string, g.output[0].doc_string, g.initializer[0].doc_string = "layer", "RGB 0..1", "logits", "weight"
    g.input[0].type.tensor_type.shape.dim[0].denotation = "DATA_BATCH"; g.input[0].type.denotation = "TENSOR"
    for place in (m, g, g.node[0]): place.metadata_props.add(key="labels", value="cat,dog")
    q = g.quantization_annotation.add(tensor_name="h"); q.quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="b1")
    return m, data

def description(r):
    """What is written beside the numbers survives."""
    if r.rc: raise Wrong(message(r))
    props = lambda o: {p.key: p.value for p in o.metadata_props}
    def facts(m):
        g, first = m.graph, next((n for n in m.graph.node if n.name == "fc1"), None)
        t = g.input[0].type
        return {"model doc": m.doc_string, "domain": m.domain, "version": m.model_version, "properties": props(m), "graph name": g.name,
                "graph doc": g.doc_string,
                "graph properties": props(g), "node doc": first and first.doc_string, "node properties": first and props(first),
                "input doc": g.input[0].doc_string,
                "output doc": g.output[0].doc_string, "denotations": (t.denotation, t.tensor_type.shape.dim[0].denotation),
                "quantization annotation": len(g.quantization_annotation)}
    a, b = facts(r.before), facts(r.after)
    lost = [k for k in a if a[k] != b[k] and not (k == "quantization annotation" and "quantization" in r.case.steps[-1])]
    if lost: raise Wrong("lost: " + ", ".join(lost))

def function(d, used):
    m, data = mlp(d)
    m.functions.append(helper.make_function("loc", "Act", ["a"], ["b"], [node("Relu", "a", "b")], [helper.make_opsetid("", 17)]))
    m.opset_import.append(helper.make_opsetid("loc", 1))
    if used: m.graph.node[1].op_type, m.graph.node[1].domain = "Act", "loc"
    return m, data
def sparse(d):
    m, data = mlp(d)
    m.graph.initializer.remove(next(i for i in m.graph.initializer if i.name == "w2"))
    m.graph.sparse_initializer.append(helper.make_sparse_tensor(tensor("w2", f32([1, 2])), tensor("w2i", ints(7, 25)), [8, 5]))
    return m, data
def strings(d): return mlp(d, [node("ArgMax", "y", "am", axis=1, keepdims=0), node("Gather", "names am", "lab")],
                           {"names": helper.make_tensor("names", T.STRING, [5], [b"a", b"b", b"c", b"d", b"e"])},
                           {"lab": info("lab", ["batch"], T.STRING)})
def pass_through(d): return mlp(d, [node("Identity", "x", "xo")], {"unused": d.w(300, 30), "empty": np.zeros((0, 4), np.float32)},
                                {"xo": ["batch", 12]})
def initializer_out(d): return mlp(d, outs={"w1": [12, 8]})
def unused_input(d): return mlp(d, ins={"mask": ["batch", "2*seq+1"]}, data={"mask": np.zeros((16, 3), np.float32)})
def scaler_after(d): return mlp(d, [node("Scaler", "y", "ys", offset=[0.] * 5, scale=[1.] * 5, domain="ai.onnx.ml")], outs={"ys": ["batch", 5]},
                                domains=[("ai.onnx.ml", 3)])
def constants(d): return mlp(d, [
    node("Constant", "", "c1", value_float=2.), node("Constant", "", "c2", value_floats=[1., 2., 3., 4., 5.]),
    node("Constant", "", "c3", value_ints=[0]),
    node("Mul", "y c1", "q"), node("Add", "q c2", "q2"), node("Unsqueeze", "q2 c3", "z")], outs={"z": [1, "batch", 5]})
def unknown(op, domain, version, **kw): return lambda d: mlp(d, mid=node(op, "h", "r", "mid", domain=domain, **kw), domains=[(domain, version)])
custom = unknown("FancyAct", "com.acme", 1)

STATIC, PRUNE, DEAD, FOLD = "static-quantization", "structured-pruning", "remove-dead-nodes", "fold-constants"
SAFE = {STATIC: outputs(.03, only="y"), PRUNE: masked_equals_shrunk(), DEAD: outputs(1e-6), FOLD: outputs(1e-6)}
EASY = {"e-pass-through": pass_through, "e2-initializer-output": initializer_out, "f-unused-input": unused_input, "i-scaler-after": scaler_after,
        "j-constants": constants}
CASES = [Case(f"{n}:{p}", b, p, one_of(both(valid(), SAFE[p]), refuses(i)))
         for n, b, i in (("a-default-input", default_input, "th"), ("a2-default-weight", default_weight, "w2")) for p in SAFE]
CASES += [Case(f"b-description:{p}", described, p, valid(), description) for p in SAFE]
CASES += [Case(f"{n}:{p}", b, p, valid(), SAFE[p]) for n, b in EASY.items() for p in SAFE if (n[0], p) != ("e", STATIC)]
CASES += [Case(f"{n}:{STATIC}", b, STATIC, valid(), outputs(.03), outputs(1e-6, only=o)) for n, b, o in (
    ("e-pass-through", pass_through, "xo"), ("e2-initializer-output", initializer_out, "w1"))]
CASES += [Case(f"{n}:{p}", b, p, one_of(both(valid(), SAFE[p]), refuses(word))) for n, b, word in (
    ("c-function-unused", lambda d: function(d, False), "function"), ("c2-function-used", lambda d: function(d, True), "function"),
    ("d-sparse", sparse, "sparse"), ("g-strings", strings, "string")) for p in (STATIC, PRUNE)]
CASES += [
    Case("h-unknown-operator:static", custom, STATIC, refuses("FancyAct")),
    Case("h-unknown-operator:structured", custom, PRUNE, valid(runs=False), told("w2")),
    *[Case(f"l-unknown-{op}:static", unknown(op, dom, v, **kw), STATIC, one_of(both(valid(), outputs(.03)), refuses(op))) for op, dom, v, kw in (
        ("Scaler", "ai.onnx.ml", 3, dict(offset=[0.] * 8, scale=[1.] * 8)), ("QuickGelu", "com.microsoft", 1, dict(alpha=1.7)),
        ("FastGelu", "com.microsoft", 1, {}))],
]
