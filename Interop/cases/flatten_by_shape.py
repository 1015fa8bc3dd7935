"""onnxsim/onnxsim#1130: a flatten written as Reshape to [batch, -1], with the batch read by a Shape node from the value
itself, keeps every channel before it."""
from .common import *

def view(read, pool=False, head="MatMul"):
    """conv, relu, flatten whose batch is `read` from r, head."""
    def build(d):
        read_batch = {"gather": [node("Shape", "r", "sh"), node("Gather", "sh i0", "b0"), node("Unsqueeze", "b0 ax", "b1")],
                      "slice": [node("Shape", "r", "sh"), node("Slice", "sh ax one", "b1")],
                      "shape-end": [node("Shape", "r", "b1", start=0, end=1)]}[read]
        k = 128 if pool else 512
        nodes = [node("Conv", "x w1 cb", "a", "c1", pads=[1] * 4), node("Relu", "a", "r0")]
        nodes += [node("MaxPool", "r0", "r", kernel_shape=[2, 2], strides=[2, 2]) if pool else node("Identity", "r0", "r")]
        nodes += [*read_batch, node("Concat", "b1 rest", "to", axis=0), node("Reshape", "r to", "f")]
        nodes += [node("MatMul", "f w3", "y", "head") if head == "MatMul" else node("Gemm", "f w3 b3", "y", "head", transB=1)]
        w = {"w1": d.w(8, 3, 3, 3), "cb": d.w(8), "i0": np.array(0, np.int64), "ax": ints(0), "one": ints(1), "rest": ints(-1)}
        w |= {"w3": d.w(k, 5)} if head == "MatMul" else {"w3": d.w(5, k), "b3": d.w(5)}
        used = {i for n in nodes for i in n.input}
        return net(nodes, {n: v for n, v in w.items() if n in used}, {"x": d.x(4, 3, 8, 8)}, {"y": ["N", 5]})
    return build

CASES = [Case(n, b, p, valid(), masked_equals_shrunk(), shrinks("w1", "cb", "w3")) for n, b, p in (
    ("a-gather", view("gather"), "structured-pruning"), ("b-gather-pool-gemm", view("gather", True, "Gemm"), "structured-pruning"),
    ("c-slice", view("slice", True), "structured-pruning"), ("d-shape-end", view("shape-end"), "structured-pruning"))]
CASES += [Case("e-static", view("gather", True, "Gemm"), "static-quantization", valid(), outputs(.03), compressed())]
