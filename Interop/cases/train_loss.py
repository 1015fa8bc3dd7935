"""tflearn/tflearn#562 is the kind: softmax counted twice in the loss. An Identity behind the Softmax, as exporters leave it,
hides it from the loss, which then starts at another value."""
from .common import *

def classifier(d, tail):
    ops = [node("Gemm", "x w1 b1", "h"), node("Relu", "h", "r"), node("Gemm", "r w2 b2", "v0")]
    ops += [node(op, f"v{k}", f"v{k + 1}", **({"axis": -1} if "oftmax" in op else {})) for k, op in enumerate(tail)]
    ops[-1].output[0] = "y"
    return net(ops, {"w1": d.w(12, 8), "b1": d.w(8), "w2": d.w(8, 5) * 4, "b2": d.w(5)}, {"x": d.x(64, 12), "labels": d.rng.integers(0, 5, 64)})

ONCE = " --data m.npz --epochs 1 --learning-rate 0"
def same_loss(r):
    """One epoch that changes nothing tells the same loss for the model and for same.onnx."""
    losses = []
    for again in (False, True):
        if again: r.step("train same.onnx -o same-out.onnx" + ONCE, "")
        if r.rc: raise Wrong(message(r))
        losses.append([float(x) for x in re.findall(r"loss ([\d.]+)", r.text)][-1])
    if abs(losses[0] - losses[1]) > .002 * losses[1]: raise Wrong(f"loss {losses[0]} instead of {losses[1]}")
    return f"loss {losses[0]}"

CASES = [Case("-".join(t).lower(), lambda d, t=t: classifier(d, t), "train m.onnx -o out.onnx" + ONCE, same_loss,
              same_as=lambda d: classifier(d, ["Softmax"]))
         for t in ([], ["Softmax"], ["Softmax", "Identity"], ["Softmax", "Identity", "Identity"], ["Identity", "Softmax"],
                   ["LogSoftmax", "Identity"])]
CASES[0].name = "logits"
