"""pytorch/pytorch#45185, IntelLabs/distiller#136: only the first samples are used for calibration, so that data sorted by class
gives ranges of the first class."""
from .common import *

def sorted_classes(d, shuffled=False, n=1500):
    """Class 0 has small values, classes 1 and 2 large ones."""
    a, b, c = d.x(n, 8), d.x(n, 8) * 40, d.x(n, 8) * 40
    a[:, 0], b[:, 0], c[:, 0] = np.abs(a[:, 0]), np.abs(b[:, 0]) + 60, np.minimum(np.abs(c[:, 0]) + 20, 45)
    x, y = np.concatenate([a, b, c]).astype(np.float32), np.repeat([0, 1, 2], n)
    if shuffled: p = d.rng.permutation(3 * n); x, y = x[p], y[p]
    w1 = np.zeros((8, 2), np.float32); w1[0] = 1
    return net([node("Gemm", "x w1 b1", "h", "fc1"), node("Relu", "h", "r"), node("Gemm", "r w2 b2", "y", "fc2")],
               {"w1": w1, "b1": f32([-5, -52]), "w2": f32([[-1, 0, 1], [0, 8, -3]]), "b2": f32([4, -12, 0])}, {"x": x, "labels": y})

CASES = [Case(n, lambda d, s=s: sorted_classes(d, s), p, valid(), accuracy(.99)) for n, s, p in (
    ("a-shuffled", True, "static-quantization"), ("b-sorted", False, "static-quantization"),
    ("c-sorted-all-samples", False, "static-quantization --set samples=4500"))]
