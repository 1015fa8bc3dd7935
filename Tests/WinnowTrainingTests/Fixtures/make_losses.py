"""Writes losses.json: losses of torch and their gradients for the prediction, in float64.

Run: python3 make_losses.py (needs torch).
"""
import json
import pathlib

import torch
from torch.nn import functional as F

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
cases = []


def case(name, prediction, target, loss, **settings):
    prediction = prediction.clone().requires_grad_(True)
    value = loss(prediction)
    value.backward()
    cases.append({
        "name": name, "shape": list(prediction.shape), "prediction": prediction.detach().flatten().tolist(),
        "targetShape": list(target.shape), "isClasses": target.dtype == torch.int64, "target": [float(x) for x in target.flatten()],
        "settings": {key.replace("_", "-"): settings[key] for key in settings}, "loss": value.item(), "gradient": prediction.grad.flatten().tolist(),
    })  # fmt: skip


def distances(x):
    """sqrt(max(|a|² + |b|² − 2ab, 1e-12)), so that the diagonal has a gradient of 0."""
    squares = (x * x).sum(1)
    return torch.sqrt(torch.clamp(squares[:, None] + squares[None] - 2 * x @ x.T, min=1e-12))


scores, classes = torch.randn(6, 5), torch.tensor([0, 4, 2, 2, 1, 3])
case("cross-entropy", scores, classes, lambda p: F.cross_entropy(p, classes))
case("cross-entropy", scores, classes, lambda p: F.cross_entropy(p, classes, label_smoothing=0.2), label_smoothing=0.2)
case("cross-entropy", scores, classes, lambda p: F.cross_entropy(p, classes, ignore_index=2), ignore=2)
weights = [1.0, 2.0, 0.5, 3.0, 0.25]
case("cross-entropy", scores, classes, lambda p: F.cross_entropy(p, classes, weight=torch.tensor(weights)), class_weights=weights)
maps, places = torch.randn(2, 3, 4, 2), torch.randint(0, 3, (2, 4, 2))
case("cross-entropy", maps, places, lambda p: F.cross_entropy(p, places))
for own in ({"ignore": 2}, {"class_weights": weights}, {"ignore": 2, "class_weights": weights}):
    factors = torch.tensor(own["class_weights"]) if "class_weights" in own else None
    case("cross-entropy", scores, classes, lambda p: F.cross_entropy(
        p, classes, weight=factors, ignore_index=own.get("ignore", -100), label_smoothing=0.2), label_smoothing=0.2, **own)  # fmt: skip
case("cross-entropy", maps, places, lambda p: F.cross_entropy(
    p, places, weight=torch.tensor([1.0, 2.0, 0.5]), ignore_index=0, label_smoothing=0.1), label_smoothing=0.1, ignore=0, class_weights=[1.0, 2.0, 0.5])  # fmt: skip
soft = torch.softmax(torch.randn(6, 5), 1)
case("cross-entropy", scores, soft, lambda p: F.cross_entropy(p, soft))
case("cross-entropy", scores, soft, lambda p: F.cross_entropy(p, soft, label_smoothing=0.1), label_smoothing=0.1)
bits = torch.rand(3, 4, 2)
case("binary-cross-entropy", 5 * torch.randn(3, 4, 2), bits, lambda p: F.binary_cross_entropy_with_logits(p, bits))
wanted = torch.randn(4, 6)
case("mse", torch.randn(4, 6), wanted, lambda p: F.mse_loss(p, wanted))
case("l1", torch.randn(4, 6), wanted, lambda p: F.l1_loss(p, wanted))
for delta in (1.0, 0.3):
    case("huber", torch.randn(4, 6), wanted, lambda p: F.huber_loss(p, wanted, delta=delta), delta=delta)
case("cosine", torch.randn(4, 6), wanted, lambda p: F.cosine_embedding_loss(p, wanted, torch.ones(4)))
case("kl", scores, soft, lambda p: F.kl_div(torch.log_softmax(p, 1), soft, reduction="batchmean"))
times, letters = torch.randn(3, 7, 5), torch.tensor([[1, 2, 2], [3, -1, -1], [4, 1, -1]])
for blank in (0, 4):
    own = letters if blank == 0 else torch.tensor([[1, 2, 2], [3, -1, -1], [0, 1, -1]])
    lengths = (own >= 0).sum(1)
    case("ctc", times, own, lambda p: F.ctc_loss(
        torch.log_softmax(p, 2).transpose(0, 1), torch.where(own < 0, 1, own), torch.full((3,), 7), lengths, blank=blank), blank=blank)  # fmt: skip
embeddings, kinds = torch.randn(7, 3), torch.tensor([0, 1, 0, 2, 1, 0, 2])
same = (kinds[:, None] == kinds[None]).double()
for margin in (1.0, 2.5):
    case("contrastive", embeddings, kinds, lambda p: (
        same * distances(p) ** 2 + (1 - same) * torch.relu(margin - distances(p)) ** 2).sum() / (7 * 6), margin=margin)  # fmt: skip
    case("triplet", embeddings, kinds, lambda p: torch.relu(
        margin + (distances(p) * same).max(1).values - (distances(p) + 1e6 * same).min(1).values).mean(), margin=margin)  # fmt: skip
others = torch.randn(7, 3)
for temperature in (0.1, 0.5):
    case("info-nce", embeddings, others, lambda p: F.cross_entropy(
        F.normalize(p) @ F.normalize(others).T / temperature, torch.arange(7)), temperature=temperature)  # fmt: skip
values, goals = torch.randn(5, 4, 3, 2), torch.randn(5, 6, 3, 2)


def attention(x):
    return F.normalize((x * x).sum(1).flatten(1))


def similarity(x):
    rows = x.flatten(1)
    return F.normalize(rows @ rows.T)


def relative(x):
    all = distances(x.flatten(1))
    return all / (all.sum() / (len(x) * (len(x) - 1)))


def angles(x):
    rows = x.flatten(1)
    directions = F.normalize(rows[None] - rows[:, None], dim=2, eps=1e-8)
    return directions @ directions.transpose(1, 2)


case("attention", values, goals, lambda p: F.mse_loss(attention(p), attention(goals)))
case("similarity", values, goals, lambda p: F.mse_loss(similarity(p), similarity(goals)))
case("relation-distance", values, goals, lambda p: F.smooth_l1_loss(relative(p), relative(goals)))
case("relation-angle", values, goals, lambda p: F.smooth_l1_loss(angles(p), angles(goals)))
# The second has 5 letters, 2 of which follow themselves, for 5 times: no path spells it.
times, letters = torch.randn(3, 5, 4), torch.tensor([[1, 2, 2, -1, -1], [3, 3, 1, 1, 2], [2, -1, -1, -1, -1]])
lengths = (letters >= 0).sum(1)
case("ctc", times, letters, lambda p: F.ctc_loss(
    torch.log_softmax(p, 2).transpose(0, 1), torch.where(letters < 0, 1, letters), torch.full((3,), 5), lengths, zero_infinity=True), zero_infinity=1)  # fmt: skip
(pathlib.Path(__file__).parent / "losses.json").write_text(json.dumps(cases) + "\n")
