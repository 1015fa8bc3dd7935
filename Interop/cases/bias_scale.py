"""microsoft/onnxruntime#21000, #22020, #25278, #11415 and #22969: an int32 bias of a channel whose weights are zero or
tiny is lost or overflows, since its step is the product of two tiny scales. Bounds: twice the error of a plain layer."""
from .common import *

def conv(d, change=lambda w, b: None):
    w, b = d.w(8, 4, 3, 3) * np.float32(.02), d.u(-.3, .3, 8)
    change(w, b)
    return net([node("Conv", "x w b", "c", pads=[1] * 4), node("Relu", "c", "r"), node("Conv", "r w2", "y")],
               {"w": w, "b": b, "w2": d.w(3, 8, 1, 1)}, {"x": d.u(-20, 20, 32, 4, 8, 8)}, opset=13)

def dead(w, b): w[[1, 3, 5]] = 0
def all_dead(w, b): w[:] = 0; b[:] = np.abs(b)
def tiny(w, b): w[2] *= 1e-9
def denormal(w, b): w[2] = 1e-40
def near_limit(w, b): w[:] = 1e-6; b[:] = 2147483000 * (40 / 255) * (1e-6 / 127)

CASES = [Case(n, lambda d, c=c: conv(d, c), "static-quantization", valid(), outputs(.03)) for n, c in {
    "a-plain": lambda w, b: None, "b-dead-filters": dead, "c-all-dead": all_dead, "d-tiny-filter": tiny,
    "e-denormal": denormal, "f-near-2e31": near_limit}.items()]
CASES += [
    Case("b2-dead-per-tensor", lambda d: conv(d, dead), "static-quantization --set per-channel=false", valid(), outputs(.03)),
    Case("h-masked", conv, ["structured-pruning --set sparsity=0.5 --set remove=false", "static-quantization"],
         valid(), outputs(.03, of="s1.onnx")),
]
