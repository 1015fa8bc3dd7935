"""microsoft/onnxruntime#18360, intel/neural-compressor#24 and NVIDIA/TensorRT#661 are the kind: a model of symbolic height and
width, halved twice by pools, is taken for one of size 1 and cannot be run, compared or pruned."""
from .common import *

def lines(d, labels=True):
    pool = lambda op, i, o: node(op, i, o, kernel_shape=[2, 2], strides=[2, 2])
    return net([node("Conv", "x w1 b1", "a", "c1", pads=[1] * 4), node("Relu", "a", "r"), pool("MaxPool", "r", "p"),
                node("Conv", "p w2", "b", "c2", pads=[1] * 4),
                node("Relu", "b", "s"), pool("AveragePool", "s", "q"), node("Conv", "q w3", "k", "c3"), node("GlobalAveragePool", "k", "g"),
                node("Flatten", "g", "y")],
               {"w1": d.w(8, 1, 3, 3), "b1": d.w(8), "w2": d.w(12, 8, 3, 3), "w3": d.w(5, 12, 1, 1)},
               {"x": d.x(6, 1, 48, 192), **({"labels": d.rng.integers(0, 5, 6)} if labels else {})}, {"y": ["N", 5]}, {"x": ["N", 1, "H", "W"]})

CASES = [
    Case("a-evaluate", lines, "evaluate m.onnx --data m.npz", prints("top-1")),
    Case("b-compare", lines, "compare m.onnx m.onnx --data m.npz", prints("top-1", "y:")),
    Case("c-structured", lines, "structured-pruning", valid(), masked_equals_shrunk(), shrinks("w1", "w2")),
    Case("d-structured-with-data", lines, "apply structured-pruning m.onnx -o out.onnx --data m.npz", valid(), shrinks("w1", "w2")),
    Case("e-static", lines, "static-quantization", valid(), outputs(.03), compressed()),
    Case("f-infer", lambda d: lines(d, False), "infer m.onnx --input m.npz -o out.npz", prints()),
]
