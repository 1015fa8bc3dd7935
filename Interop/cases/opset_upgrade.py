"""microsoft/onnxruntime#9197 and #24896: a pass that needs a newer operator set rewrites old operators wrongly."""
from .common import *

def cnn(d, opset, mid, ir=4, f=6 * 64, **weights):
    """Conv, then `mid` from c to f, then Gemm."""
    w = {"w": d.w(6, 4, 3, 3), "b": d.w(6), "wf": d.w(5, f), "bf": d.w(5), **weights}
    return net([node("Conv", "x w b", "c", pads=[1] * 4), *mid, node("Gemm", "f wf bf", "y", transB=1)],
               w, {"x": d.x(8, 4, 8, 8)}, {"y": [8, 5]}, {"x": [8, 4, 8, 8]}, opset, ir)

def flat(i): return node("Flatten", i, "f")
def softmax4d(d): return cnn(d, 9, [node("Softmax", "c", "s", axis=1), flat("s")])
def upsample(d): return cnn(d, 9, [node("Upsample", "c sc", "u", mode="nearest"), node("MaxPool", "u", "p", kernel_shape=[2, 2], strides=[2, 2]),
                                   flat("p")], sc=f32([1, 1, 2, 2]))
def slices(d): return cnn(d, 9, [
    node("Slice", "c", "s", axes=[2, 3], starts=[0, 1], ends=[8, 9]), node("Pad", "s", "p", pads=[0] * 7 + [1], mode="constant", value=.25),
    node("Clip", "p", "q", min=0., max=6.), node("Dropout", "q", "d", ratio=.3), flat("d")])
def squeeze(d): return cnn(d, 11, [node("ReduceSum", "c", "r", axes=[2, 3], keepdims=1), node("Squeeze", "r", "s", axes=[2, 3]),
                                   node("Unsqueeze", "s", "u", axes=[1]), node("LogSoftmax", "u", "l", axis=1), flat("l")], 6, 6)
def split(d): return cnn(d, 11, [
    node("Split", "c", "s1 s2", axis=1, split=[3, 3]), node("Concat", "s2 s1", "k", axis=1), node("HardSigmoid", "k", "hs"),
    node("Hardmax", "hs", "hm", axis=1), node("Add", "hm k", "ad"), flat("ad")], 6)
def norm_sum(d): return cnn(d, 8, [
    node("BatchNormalization", "c g1 g2 g3 g4", "n"), node("Relu", "n", "r"), node("Sum", "r c", "k"), node("GlobalAveragePool", "k", "ga"),
    flat("ga")], 3, 6, **{f"g{i}": d.u(.5, 1.5, 6) for i in (1, 2, 3, 4)})
def broadcast(d):
    m, data = cnn(d, 6, [flat("c")], 3, ad=d.w(5))
    m.graph.node[-1].output[0] = "q"; m.graph.node[-1].attribute.append(helper.make_attribute("broadcast", 1))
    m.graph.node.append(node("Add", "q ad", "y", broadcast=1, axis=1)); return m, data

def broadcast_now(d):
    """The same in operator set 11; onnxruntime knows no Gemm of set 6."""
    m, data = cnn(d, 11, [flat("c")], ad=d.w(5))
    m.graph.node[-1].output[0] = "q"; m.graph.node.append(node("Add", "q ad", "y")); return m, data

MODELS = {"a-softmax4d": softmax4d, "b-upsample": upsample, "c-slice-pad-clip": slices, "d-squeeze": squeeze, "f-split-hardmax": split,
          "g-norm-sum": norm_sum, "h-gemm-broadcast": broadcast}
PASSES = {"static-quantization": .05, "dynamic-quantization": .03, "palettization --set bits=8": .02,
          "weight-only-quantization --set bits=4 --set block-size=32": .2}
MORE = {"fixed-point-quantization": .05, "float4-quantization": .3, "remove-identity": 1e-5, "weight-only-quantization": .02}
CASES = [Case(f"{n}:{p.split()[0]}" + "-4" * ("bits=4" in p), b, p, valid(), outputs(rel), same_as=broadcast_now if b is broadcast else None)
         for n, b in MODELS.items()
         for p, rel in {**PASSES, **(MORE if n == "b-upsample" else {})}.items()]
CASES += [Case(f"{n}:structured-pruning", b, "structured-pruning", valid(), masked_equals_shrunk()) for n, b in MODELS.items()]
