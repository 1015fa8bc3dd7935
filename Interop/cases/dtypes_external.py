"""microsoft/onnxruntime#15341, zhenhuaw-me/tflite2onnx#35: weights in float16 or double, behind a Cast, or in external files
are left alone for a false reason or lost."""
from .common import *

NUMPY = {T.FLOAT16: np.float16, T.DOUBLE: np.float64}
def mlp(d, kind, cast=False):
    w = {k: numpy_helper.from_array(v.astype(NUMPY[kind]), k) for k, v in (("w1", d.w(12, 32)), ("b1", d.w(32)), ("w2", d.w(32, 5)), ("b2", d.w(5)))}
    i, o = ("xi", "yi") if cast else ("x", "y")
    nodes = [node("Gemm", f"{i} w1 b1", "h", "fc1"), node("Relu", "h", "r"), node("Gemm", "r w2 b2", o, "fc2")]
    if cast: nodes = [node("Cast", "x", "xi", to=kind), *nodes, node("Cast", "yi", "y", to=T.FLOAT)]
    return net(nodes, w, {"x": d.x(16, 12).astype(np.float32 if cast else NUMPY[kind])})
def stored_half(d):
    return net([node("Cast", "w1h", "w1", "widen", to=T.FLOAT), node("Gemm", "x w1 b1", "h", "fc1"), node("Relu", "h", "r"),
                node("Gemm", "r w2", "y", "fc2")],
               {"w1h": numpy_helper.from_array(d.w(12, 64).astype(np.float16), "w1h"), "b1": d.w(64), "w2": d.w(64, 5)}, {"x": d.x(16, 12)})
def plain(d): return net([node("Gemm", "x w1 b1", "h", "fc1"), node("Relu", "h", "r"), node("Gemm", "r w2", "y", "fc2")],
                         {"w1": d.w(12, 512), "b1": d.w(512), "w2": d.w(512, 5)}, {"x": d.x(16, 12)})

QUANT = ["static-quantization", "weight-only-quantization", "dynamic-quantization", "palettization --set bits=8"]
MODELS = {"a-float16": (lambda d: mlp(d, T.FLOAT16), "float16|float32"), "b-float16-casts": (lambda d: mlp(d, T.FLOAT16, True), "float16|float32"),
          "c-double": (lambda d: mlp(d, T.DOUBLE), "float64|double|float32")}
CASES = [Case(f"{n}:{p.split()[0]}", b, p, valid(), outputs(.03), one_of(compressed(), finding("w1|fc1", why))) for n, (b, why) in MODELS.items()
         for p in QUANT]
CASES += [Case(f"{n}:structured-pruning", b, "structured-pruning", valid(), masked_equals_shrunk(.01), shrinks("w1")) for n, (b, _) in MODELS.items()]
CASES += [Case(f"d-stored-half:{p.split()[0]}", stored_half, p, valid(), outputs(.03),
               one_of(compressed(), finding("w1h|w1|fc1", "cast|float16|computed|constants"))) for p in QUANT]
CASES += [Case("d-stored-half:fold-then-static", stored_half, ["fold-constants", "static-quantization"], valid(), outputs(.03), compressed())]
for folder, file in (("e-external", "e weights.bin"), ("f-external-folder", "sub dir/w.bin")):
    CASES += [Case(f"{folder}:{p}", plain, p, valid(), check, external=file) for p, check in (
        ("static-quantization", outputs(.03)), ("weight-only-quantization", outputs(.02)), ("magnitude-pruning --set sparsity=0", outputs(1e-6)),
        ("fold-constants", outputs(1e-6)), ("structured-pruning", masked_equals_shrunk()))]
CASES += [Case("e-external:onto-itself", plain, "apply magnitude-pruning m.onnx -o m.onnx --set sparsity=0", valid(), outputs(1e-6),
               external="w.bin")]
