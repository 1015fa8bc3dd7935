"""microsoft/onnxruntime#21277, inisis/OnnxSlim#28, onnxsim/onnxsim#309, huggingface/optimum#1326: a weight with
two readers is stored twice, left alone for a wrong reason, or gets a scale that fits one reader only."""
from .common import *

V, D = 64, 16
def language_model(d, tie):
    nodes = [node("Gather", "E ids", "e"), node("MatMul", "e w1", "h"), node("Relu", "h", "r"), node("MatMul", "r w2", "s")]
    w = {"E": d.w(V, D, s=1), "w1": d.w(D, D), "w2": d.w(D, D)}
    if tie == "transpose": nodes += [node("Transpose", "E", "Et", perm=[1, 0]), node("MatMul", "s Et", "y", "head")]
    if tie == "einsum": nodes += [node("Einsum", "s E", "y", "head", equation="bsd,vd->bsv")]
    if tie in ("gemm", "identity"):
        w["sh"] = ints(-1, D)
        nodes += [node("Identity", "E", "E2")] * (tie == "identity") + [node("Reshape", "s sh", "s2")]
        nodes += [node("Gemm", "s2 E2" if tie == "identity" else "s2 E", "y", "head", transB=1)]
    return net(nodes, w, {"ids": d.rng.integers(0, V, (24, 5))})

def autoencoder(d, n, m):
    spread = np.logspace(-2, 1, n)[:, None] * np.logspace(1, -1, m)[None]
    return net([node("Gemm", "x w b1", "h", "enc"), node("Relu", "h", "r"), node("Gemm", "r w b2", "y", "dec", transB=1)],
               {"w": d.w(n, m) * spread, "b1": d.w(m), "b2": d.w(n)}, {"x": d.x(32, n)})

def conv_and_back(d):
    w = d.w(6, 6, 3, 3) * np.logspace(-2, 0, 6)[:, None, None, None]
    return net([node("Conv", "x w", "h", pads=[1] * 4), node("Relu", "h", "r"), node("ConvTranspose", "r w", "y", pads=[1] * 4)],
               {"w": w}, {"x": d.x(16, 6, 8, 8)})

def elementwise(d):
    return net([node("Gemm", "x w", "h"), node("ReduceSum", "w", "s", keepdims=0), node("Add", "h s", "y")],
               {"w": d.w(12, 7)}, {"x": d.x(32, 12)})

def output_too(d):
    return net([node("Gemm", "x w", "y"), node("Identity", "w", "wo")], {"w": d.w(12, 7)}, {"x": d.x(32, 12)}, "y wo")

MODELS = {**{f"a-{t}": (lambda d, t=t: language_model(d, t)) for t in ("transpose", "einsum", "gemm", "identity")},
          "b-square": lambda d: autoencoder(d, 12, 12), "b-rectangle": lambda d: autoencoder(d, 12, 7),
          "c-conv-and-back": conv_and_back, "d-elementwise": elementwise, "e-output-too": output_too}
SHARED = "transpos|identity|tied|shared|gather|also|several|computed"     # true reasons to leave a shared weight
SIZE = one_of(bytes_at_most(), finding(r"E|head[\w.]*", "stays|float|larger|grow|two|cop|" + SHARED))
CASES = []
for name, build in MODELS.items():
    lm, own = name.startswith("a-"), name in ("a-transpose", "a-identity")
    for p, bound in (("weight-only-quantization", .03), ("dynamic-quantization", .03), ("static-quantization", .03)):
        more = [SIZE] if lm else []
        if own and p[0] == "w": more = [one_of(bytes_at_most(.6), finding("E", SHARED))]
        CASES.append(Case(f"{name}:{p}", build, p, valid(), outputs(bound), *more))
CASES += [Case(f"{n}:fold-constants", MODELS[n], "fold-constants", valid(), outputs(1e-5),
               one_of(bytes_at_most(1.05), finding("E|Et|E2", "stays|larger|grow|kept two|size|" + SHARED))) for n in ("a-transpose", "a-identity")]
CASES += [Case(f"{n}:{p.split()[0]}", MODELS[n], p, valid(), outputs(b)) for n in ("a-gemm", "b-rectangle", "d-elementwise")
          for p, b in (("palettization --set bits=8", .02), ("svd-factorization --set energy=0.999999", .01))]
CASES += [Case(f"{n}:structured-pruning", MODELS[n], "structured-pruning", valid(), masked_equals_shrunk(), told("w"))
          for n in ("b-square", "b-rectangle", "c-conv-and-back", "d-elementwise")]
