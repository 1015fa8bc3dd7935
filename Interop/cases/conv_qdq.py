"""microsoft/onnxruntime-inference-examples#84, microsoft/onnxruntime#11634, SonySemiconductorSolutions/mct-model-optimization#907:
int8 convolutions around pads, pools, concat, clips and residuals lose more than they need to. Bounds: max(0.03, 1.5 times
the error of onnxruntime's quantize_static with the same types)."""
from .common import *

P = [1, 1, 1, 1]
def spread(*s): return lambda d: d.w(*s) * np.logspace(-1.5, .5, s[0]).reshape([-1] + [1] * (len(s) - 1))
def w(*s, by=1.): return lambda d: d.w(*s) * np.float32(by)
def conv(i, o, name, bias="", **kw): return node("Conv", f"{i} {name} {bias}", o, "c_" + name, **kw)
def case(*nodes, outs="y", batch="N", **weights):
    return lambda d: net(nodes, {k: v(d) if callable(v) else v for k, v in weights.items()},
                         {"x": d.x(16, 4, 9, 9) * np.float32(1.5) + np.float32(2)}, outs, {"x": [batch, 4, 9, 9]})
first, relu, last = conv("x", "a", "w1", pads=P), node("Relu", "a", "r"), lambda i: conv(i, "y", "w2")
W8, L8, B8 = w(8, 4, 3, 3), w(6, 8, 1, 1), w(8)

MODELS = {
    "b-depthwise": case(conv("x", "a", "w1", "b1", group=4, pads=P), node("Clip", "a lo hi", "r"), last("r"), w1=spread(4, 1, 3, 3), b1=w(4),
                        w2=w(6, 4, 1, 1), lo=f32(0), hi=f32(6)),
    "c-transposed": case(node("ConvTranspose", "x w1 b1", "a", strides=[2, 2], pads=P, output_padding=[1, 1]), relu, last("r"), w1=w(4, 8, 3, 3),
                         b1=B8, w2=L8),
    "d-concat-twice": case(first, node("Concat", "a a", "k", axis=1), last("k"), w1=spread(8, 4, 3, 3), w2=w(6, 16, 1, 1)),
    "d2-concat-constant": case(first, node("Concat", "a kc", "k", axis=1), last("k"), batch=16, w1=spread(8, 4, 3, 3), w2=w(6, 9, 1, 1),
                               kc=np.full((16, 1, 9, 9), 3, np.float32)),
    "d3-concat-scales": case(first, conv("x", "b", "w3", pads=P), node("Concat", "a b x", "k", axis=1), last("k"), w1=w(8, 4, 3, 3, by=.01),
                             w3=w(8, 4, 3, 3, by=10), w2=w(6, 20, 1, 1)),
    "e-average-pool": case(conv("x", "a", "w1"), node("AveragePool", "a", "p", kernel_shape=[3, 3], pads=P, count_include_pad=1, strides=[2, 2]),
                           last("p"), w1=w(8, 4, 1, 1), w2=L8),
    "e2-max-pool-negative": case(conv("x", "a", "w1", "b1"), node("MaxPool", "a", "p", kernel_shape=[3, 3], pads=P, strides=[2, 2], ceil_mode=1),
                                 last("p"),
                                 w1=lambda d: -np.abs(d.w(8, 4, 1, 1)), b1=np.full(8, -3, np.float32), w2=L8),
    "f-resize": case(first, relu, node("Resize", ["r", "", "sc"], "u", mode="linear", coordinate_transformation_mode="half_pixel"),
                     conv("u", "y", "w2", pads=P), w1=W8, w2=w(6, 8, 3, 3), sc=f32([1, 1, 2, 2])),
    "g-pad-value": case(conv("x", "a", "w1"), node("Pad", "a pd pv", "p"), last("p"), w1=w(8, 4, 1, 1), w2=w(6, 8, 3, 3),
                        pd=ints(0, 0, 1, 1, 0, 0, 1, 1), pv=f32(-7.5)),
    "g2-pad-outside": case(node("Relu", "x", "xr"), node("Pad", "xr pd pv", "p"), last("p"), w2=w(6, 4, 3, 3), pd=ints(0, 0, 1, 1, 0, 0, 1, 1),
                           pv=f32(-1e4)),
    "h-hard-swish": case(conv("x", "a", "w1", "b1", pads=P), node("HardSwish", "a", "r"), conv("r", "b", "w2", "b2"),
                         node("LeakyRelu", "b", "l", alpha=.1), conv("l", "c", "w3"), node("Sigmoid", "c", "y"),
                         w1=spread(8, 4, 3, 3), b1=B8, w2=L8, b2=w(6), w3=w(3, 6, 1, 1)),
    "i-residual": case(conv("x", "a", "w1", "b1", pads=P), relu, conv("r", "b", "w2", "b2", pads=P), node("Add", "b r", "s"), node("Relu", "s", "s2"),
                       conv("s2", "c", "w3"), node("Add", "c c", "d"), node("Mul", "d c", "y"),
                       w1=W8, b1=B8, w2=w(8, 8, 3, 3), b2=B8, w3=w(8, 8, 1, 1)),
    "j-broadcast-add": case(first, node("GlobalAveragePool", "a", "g"), conv("g", "h", "w2"), node("Add", "a h", "s"), node("Mul", "s h", "m"),
                            conv("m", "y", "w3"), w1=W8, w2=w(8, 8, 1, 1), w3=L8),
    "k-split-slice": case(first, node("Split", "a sp", "u v", axis=1), node("Slice", "u st en ax", "us"), node("Concat", "v us", "k", axis=1),
                          last("k"),
                          w1=spread(8, 4, 3, 3), sp=ints(3, 5), st=ints(0), en=ints(2), ax=ints(1), w2=w(6, 7, 1, 1)),
    "l-three-outputs": case(first, relu, last("r"), node("GlobalMaxPool", "r", "z"), outs="y z a", w1=spread(8, 4, 3, 3), w2=L8),
    "m-shared-filter": case(node("Relu", "x", "r"), conv("r", "a", "w1", pads=P), node("Conv", "x w1", "b", "c_again", pads=P),
                            node("Sub", "a b", "s"), last("s"), w1=spread(8, 4, 3, 3), w2=L8),
    "n-clip": case(first, node("Clip", "a lo hi", "r"), conv("r", "b", "w2"), node("Clip", ["b", "", "hi"], "y"), w1=spread(8, 4, 3, 3), lo=f32(-1),
                   hi=f32(1), w2=L8),
    "o-conv1d": case(node("Reshape", "x s1", "q"), conv("q", "a", "w1", "b1", pads=[2, 2], dilations=[2]), relu, last("r"), s1=ints(0, 4, 81),
                     w1=spread(8, 4, 3), b1=B8, w2=w(6, 8, 1)),
    "p-transposed-1d": case(node("Reshape", "x s1", "q"), node("ConvTranspose", "q w1", "a", strides=[2]), relu, last("r"), s1=ints(0, 4, 81),
                            w1=w(4, 8, 4), w2=w(6, 8, 1)),
}
BOUNDS = {("b-depthwise", "uint8"): .055, ("b-depthwise", "int8-per-tensor"): .091, ("d2-concat-constant", "int8-per-tensor"): .034,
          ("m-shared-filter", "uint8"): .24, ("m-shared-filter", "int8-per-tensor"): .24, ("n-clip", "int8-per-tensor"): .072,
          ("p-transposed-1d", "uint8"): .033}
INT8 = " --set activations=int8 --set per-channel=false"
CASES = [Case(f"{n}:{k}", b, "static-quantization" + more, valid(), outputs(BOUNDS.get((n, k), .03)))
         for n, b in MODELS.items() for k, more in (("uint8", ""), ("int8-per-tensor", INT8))]
