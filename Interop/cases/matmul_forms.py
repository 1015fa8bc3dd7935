"""microsoft/onnxruntime#25489: weights of MatMul, Gemm, Einsum and recurrent layers in unusual forms (three axes, on the left,
transposed, scalar or full biases) give files that fail when run, or wrong scales."""
from .common import *

SPREAD = np.logspace(-2, 1, 8).astype(np.float32)      # output channels differ a thousandfold
def case(nodes, shape, ins=None, **weights):
    def build(d):
        w = {k: v(d) if callable(v) else v for k, v in weights.items()}
        return net(nodes, w, {"x": d.x(*shape)}, ins=ins)
    return build
right = lambda d: d.w(12, 8) * SPREAD
left = lambda k: lambda d: d.w(8, k) * SPREAD[:, None]
w = lambda *s, **kw: lambda d: d.w(*s, **kw)
back = w(8, 4)
mm = node("MatMul", "x w", "y")

def recurrent(op, gates, direction, **kw):
    def build(d):
        n, H = 2 if direction == "bidirectional" else 1, 7
        return net([node("Transpose", "xb", "x", perm=[1, 0, 2]), node(op, "x w r b", "o", hidden_size=H, direction=direction, **kw),
                    node("Transpose", "o", "ot", perm=[1, 0, 2, 3]), node("Reshape", "ot s", "f"), node("MatMul", "f wo", "y")],
                   {"w": d.w(n, gates * H, 12), "r": d.w(n, gates * H, H), "b": d.w(n, 2 * gates * H, s=.1), "s": ints(-1, n * H),
                    "wo": d.w(n * H, 3)},
                   {"xb": d.x(16, 5, 12)}, {"y": ["M", 3]})
    return build

X, X2 = (16, 6, 12), (16, 12)
MODELS = {
    "a-right-rank3": case([mm], X, w=right), "b-left": case([node("MatMul", "w x", "y")], X, w=left(6)),
    "c-batched": case([node("Unsqueeze", "x ax", "x4"), node("MatMul", "x4 w", "y")], X, ax=ints(1), w=lambda d: d.w(3, 12, 8, s=.3) * SPREAD),
    "d-batched-1": case([mm], X, w=lambda d: right(d)[None]), "e-vector": case([mm], X, w=w(12)),
    "f-gemm-transA": case([node("Transpose", "x", "xt", perm=[1, 0]), node("Gemm", "xt w b", "y", transA=1, alpha=.5, beta=2.)], X2, w=right, b=w(8)),
    "g-gemm-left": case([node("Gemm", "w x b", "y", transB=1)], X2, {"x": [16, 12]}, w=left(12), b=w(8, 1, s=1)),
    "h-gemm-scalar-bias": case([node("Gemm", "x w b", "h", transB=1), node("Relu", "h", "r"), node("Gemm", "r w2 b2", "y")], X2,
                               w=left(12), b=f32(.5), w2=back, b2=w(1, 4)),
    "i-gemm-full-bias": case([node("Gemm", "x w b", "y")], X2, {"x": [16, 12]}, w=right, b=w(16, 8, s=1)),
    "j-matmul-add": case([node("MatMul", "x w", "h"), node("Add", "b h", "k"), node("Relu", "k", "r"), node("MatMul", "r w2", "z"),
                          node("Add", "z b2", "y")], X,
                         w=right, b=w(8), w2=back, b2=w(4)),
    "k-einsum": case([node("Einsum", "x w", "h", equation="btd,dhe->bthe"), node("Einsum", "h v", "y", equation="bthe,hef->btf")], X, w=w(12, 2, 4),
                     v=w(2, 4, 5)),
    "l-einsum-batch": case([node("Reshape", "x s", "h"), node("Einsum", "h w", "y", equation="bthd,hde->bthe")], X, s=ints(0, 0, 3, 4), w=w(3, 4, 5)),
    "m-two-readers": case([node("MatMul", "x w", "h"), node("MatMul", "h w2", "a"), node("MatMul", "h w3", "b"), node("Mul", "a b", "y")], X, w=right,
                          w2=back, w3=back),
    "n-one-column": case([mm], X, w=w(12, 1)),
    "o-lstm": recurrent("LSTM", 4, "forward"), "o2-lstm-both-ways": recurrent("LSTM", 4, "bidirectional"),
    "p-gru": recurrent("GRU", 3, "forward", linear_before_reset=1), "q-rnn": recurrent("RNN", 1, "reverse"),
}
PASSES = {"static-quantization": .03, "dynamic-quantization": .03, "weight-only-quantization": .02,
          "weight-only-quantization --set bits=4 --set block-size=4": .15,
          "svd-factorization --set energy=0.999999": .01}
CASES = [Case(f"{n}:{p.split()[0]}" + "-4" * ("bits=4" in p), b, p, valid(), outputs(rel)) for n, b in MODELS.items() for p, rel in PASSES.items()]
CASES += [Case(f"{n}:structured-pruning", b, "structured-pruning", valid(), masked_equals_shrunk(), true_counts()) for n, b in MODELS.items()]
