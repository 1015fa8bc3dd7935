"""pytorch/pytorch#121893 and onnxsim/onnxsim#1001 in kind: forms that exporters write by habit (a Split without sizes, a Reshape
to fixed numbers, token types made by Expand) stop a pass or break its file."""
from .common import *

def glu(d):
    """Operator set 17: Split without sizes; newer sets ask for num_outputs."""
    return net([node("MatMul", "x w1", "a"), node("Split", "a", "p q", axis=1), node("Mul", "p q", "b"), node("MatMul", "b w2", "y")],
               {"w1": d.w(16, 64), "w2": d.w(32, 4)}, {"x": d.x(8, 16)})

def fixed_reshape(d):
    """What newer torch exporters write behind global pooling: numbers instead of Flatten."""
    return net([node("Conv", "x w1 cb", "a", "c1", pads=[1] * 4), node("Relu", "a", "r"), node("ReduceMean", "r", "b", axes=[2, 3], keepdims=1),
                node("Reshape", "b s", "c"), node("Gemm", "c w2 b2", "y", transB=1)],
               {"w1": d.w(8, 3, 3, 3), "cb": d.w(8), "s": ints(2, 8), "w2": d.w(4, 8), "b2": d.w(4)}, {"x": d.x(2, 3, 8, 8)},
               {"y": [2, 4]}, {"x": [2, 3, 8, 8]})

def fixed_reshape_chain(d):
    """Three convolutions, then Reshape [-1, C·H·W] and Gemm."""
    nodes, weights, name, c = [], {}, "x", 3
    for k in (1, 2, 3):
        nodes += [node("Conv", f"{name} k{k} b{k}", f"a{k}", f"c{k}", pads=[1] * 4), node("Relu", f"a{k}", f"r{k}")]
        weights |= {f"k{k}": d.w(8, c, 3, 3), f"b{k}": d.w(8)}; name, c = f"r{k}", 8
    nodes += [node("Reshape", f"{name} s", "f"), node("Gemm", "f w2 g2", "y", transB=1)]
    return net(nodes, weights | {"s": ints(-1, 8 * 64), "w2": d.w(4, 512), "g2": d.w(4)}, {"x": d.x(4, 3, 8, 8)})

def token_types(d):
    """Token types of zeros made by Shape, Mul and Expand, as BERT exports have them: the rank is known all the same."""
    return net([node("Shape", "ids", "s"), node("Mul", "s one", "t"), node("Expand", "zero t", "z"), node("Gather", "e2 z", "b"),
                node("Gather", "e1 ids", "a"), node("Add", "a b", "c"), node("MatMul", "c w", "d", "up"), node("Relu", "d", "r"),
                node("MatMul", "r w2", "y", "down")],
               {"one": ints(1, 1), "zero": np.zeros((1, 1), np.int64), "e1": d.w(50, 32, s=1), "e2": d.w(2, 32, s=1),
                "w": d.w(32, 64) * np.linspace(.01, 3, 64, dtype=np.float32), "w2": d.w(64, 32)},
               {"ids": d.rng.integers(0, 50, (6, 9))}, {"y": ["N", "S", 32]}, {"ids": ["N", "S"]})

def u_net(d):
    """Open height and width, two poolings, up-sampling and a skip."""
    return net([node("Conv", "x w1 b1", "a", "c1", pads=[1] * 4), node("Relu", "a", "e1"), node("MaxPool", "e1", "p1", kernel_shape=[2, 2], strides=[2, 2]),
                node("Conv", "p1 w2 b2", "b", "c2", pads=[1] * 4), node("Relu", "b", "e2"), node("MaxPool", "e2", "p2", kernel_shape=[2, 2], strides=[2, 2]),
                node("Conv", "p2 w3 b3", "m0", "c3", pads=[1] * 4), node("Relu", "m0", "m"), node("ConvTranspose", "m w4 b4", "u", "c4", strides=[2, 2]),
                node("Concat", "u e2", "k", axis=1), node("Conv", "k w5 b5", "v0", "c5", pads=[1] * 4), node("Relu", "v0", "v"),
                node("Conv", "v w6", "y", "c6")],
               {"w1": d.w(8, 3, 3, 3), "b1": d.w(8), "w2": d.w(12, 8, 3, 3), "b2": d.w(12), "w3": d.w(16, 12, 3, 3), "b3": d.w(16),
                "w4": d.w(16, 12, 2, 2, s=.1), "b4": d.w(12), "w5": d.w(10, 24, 3, 3), "b5": d.w(10), "w6": d.w(2, 10, 1, 1)},
               {"x": d.x(4, 3, 16, 24)}, {"y": ["N", 2, "h", "w"]}, {"x": ["N", 3, "H", "W"]})

CASES = [Case(f"a-split-raised:{p.split()[0]}", glu, p, valid(), outputs(rel)) for p, rel in (
    ("palettization --set bits=8", .02), ("float4-quantization", .3), ("weight-only-quantization --set bits=4 --set block-size=16", .2))]
CASES += [Case("b-fixed-reshape", fixed_reshape, "structured-pruning", valid(), masked_equals_shrunk(), shrinks("w1", "cb", "w2")),
          Case("b-fixed-reshape-chain", fixed_reshape_chain, "structured-pruning", valid(), masked_equals_shrunk(), shrinks("k1", "k2", "k3", "w2")),
          Case("c-token-types:int8", token_types, "weight-only-quantization", valid(), outputs(.015)),
          Case("c-token-types:int4", token_types, "weight-only-quantization --set bits=4 --set block-size=16", valid(), outputs(.2)),
          Case("c-token-types:structured", token_types, "structured-pruning", valid(), masked_equals_shrunk(), shrinks("w", "w2")),
          Case("d-u-net:structured", u_net, "structured-pruning", valid(), masked_equals_shrunk(), shrinks("w1", "w2", "w3", "w4", "w5", "w6")),
          Case("d-u-net:static", u_net, "static-quantization", valid(), outputs(.03)),
          Case("d-u-net:compare", u_net, "compare m.onnx m.onnx --data m.npz", prints("cosine|SQNR"))]
