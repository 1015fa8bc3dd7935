"""microsoft/onnxruntime#24705 and #7707: names that the tool makes up collide with names in the file; and a file that is
quantized already is quantized again."""
import logging, tempfile
from .common import *

STD = "x w1 b1 h r w2 b2 y".split()
def mlp(d, names=STD, nodes=("fc1", "act", "fc2"), more=()):
    x, w1, b1, h, r, w2, b2, y = names
    w = {w1: d.w(12, 8), b1: d.w(8), w2: d.w(8, 5), b2: d.w(5)}
    return net([node("Gemm", [x, w1, b1], [h], nodes[0]), node("Relu", [h], [r], nodes[1]), node("Gemm", [r, w2, b2], [y], nodes[2])],
               w, {x: d.x(32, 12)}, {y: ["N", 5]})

def collide(d): return mlp(d, ("x", "w1", "w1.codes", "w1.dequantized", "x.quantized", "w1.scale", "x.scale", "y"),
                           ("x.quantize", "w1.dequantize", "fc1.bias"))
def odd(d): return mlp(d, ("in put/0:0", "model/[0]*?/kernel", "ζ-bias\n", "/h/../1", " r ", "w" * 400, "%20", "y;rm"), ("/a/b[1]", "*", "?"))
def mask_name(d): return mlp(d, ("x", "w1", "b1", "h", "r", "w1.mask", "b2", "y"))

def by_onnxruntime(d):
    """The file onnxruntime's own quantize_static writes."""
    from onnxruntime.quantization import CalibrationDataReader, quantize_static
    logging.disable(logging.WARNING)
    model, data = mlp(d)
    class Reader(CalibrationDataReader):
        rows = iter([{"x": r[None]} for r in data["x"]])
        def get_next(self): return next(self.rows, None)
    with tempfile.TemporaryDirectory() as f:
        onnx.save(model, f + "/a.onnx"); quantize_static(f + "/a.onnx", f + "/b.onnx", Reader(), per_channel=True)
        return onnx.load(f + "/b.onnx"), data

TAKEN = "already|taken|exists|in use|collid"
PASSES = {"static-quantization": .03, "dynamic-quantization": .03, "weight-only-quantization": .03, "palettization --set bits=8": .02,
          "palettization": .3, "svd-factorization --set energy=0.999999": .01}
def case(name, build, p, rel): return Case(name, build, p, one_of(both(valid(), outputs(rel)), refuses(TAKEN)))
label = lambda p: re.sub(r" --set [^=]*=", "-", p)
CASES = [case(f"{n}:{label(p)}", b, p, rel) for n, b in (("b-collide", collide), ("c-odd", odd)) for p, rel in PASSES.items()]
CASES += [Case(f"{n}:structured-pruning", b, "structured-pruning", valid(), masked_equals_shrunk(), true_counts())
          for n, b in (("b-collide", collide), ("c-odd", odd))]
CASES += [Case(f"{n}:keep-mask", b, "magnitude-pruning --set keep-mask=true", one_of(valid(), refuses(TAKEN)))
          for n, b in (("b-collide", collide), ("c-odd", odd), ("e-no-names", lambda d: mlp(d, nodes=("", "", ""))), ("f-mask-name", mask_name))]
twice = ["static-quantization --set only=fc1", "static-quantization"]
CASES += [
    Case("c-odd:only", odd, "static-quantization --set only=/a/b[[]1]", valid(), outputs(.03)),
    Case("d-one-name:static", lambda d: mlp(d, nodes=("n", "n", "n")), "static-quantization", one_of(valid(), refuses("n"))),
    Case("e-no-names:static", lambda d: mlp(d, nodes=("", "", "")), "static-quantization", valid(), outputs(.03)),
    Case("f-mask-name:static", mask_name, "static-quantization", valid(), outputs(.03)),
    Case("a2-one-layer-then-all", mlp, twice, valid(), outputs(.03)),
    *[Case(f"a3-int8-then-{p}", mlp, [*twice, p], valid(), outputs(1e-6, of="s2.onnx"),
           finding(r"w1[\w.]*|fc1", "int8|already|quantized|not float32"))
      for p in ("static-quantization", "weight-only-quantization", "dynamic-quantization")],
    *[Case(f"a3-{p}-then-static", mlp, [f"{p}-quantization", "static-quantization"], valid(), outputs(.03),
           finding(r"w1[\w.]*|fc1", "int8|already|quantized|not float32|kept"))
      for p in ("dynamic", "weight-only")],
    Case("a4-int8-then-structured", mlp, [*twice, "structured-pruning"], valid(), masked_equals_shrunk(.02)),
    Case("a5-weight-only-then-static", mlp, ["weight-only-quantization --set only=fc1", "static-quantization"], valid(), outputs(.03)),
    Case("o-onnxruntime-int8:static", by_onnxruntime, "static-quantization", valid(), outputs(1e-6), finding(r"w1[\w.]*", "int8|already|quantized")),
    Case("o-onnxruntime-int8:structured", by_onnxruntime, "structured-pruning", valid(), masked_equals_shrunk(.02)),
    Case("o-onnxruntime-int8:fold", by_onnxruntime, "fold-constants", valid(), outputs(1e-6), bytes_at_most(1.2)),
]
