"""apple/coremltools#2269: weights that have at most 2^n values already are not stored exactly, and small tensors grow."""
from .common import *

def layer(make): return lambda d: net([node("Gemm", "x w", "y", "c", transB=1)], {"w": make(d)}, {"x": d.x(16, 40)})
def pick(values): return lambda d: f32(values(d))[d.rng.integers(0, len(values(d)), (30, 40))]
LEVELS = [-2.1, -1.3, -.9, -.71, -.5, -.33, -.2, -.05, .04, .11, .3, .42, .77, 1.02, 1.4, 1.9]
def sparse(d): w = f32([0, *LEVELS[1:]])[d.rng.integers(0, 16, (30, 40))]; w[d.rng.random(w.shape) < .7] = 0; return w
def outlier(d): return np.where(d.rng.random((30, 40)) < .002, np.float32(1000), f32(LEVELS[:15])[d.rng.integers(0, 15, (30, 40))])

P = "palettization --set bits="
CASES = [Case(n, layer(w), P + bits, valid(), outputs(1e-6)) for n, w, bits in (
    ("a-16-levels", pick(lambda d: LEVELS), "4"), ("b-powers-of-2", pick(lambda d: np.outer([1, -1], 2. ** -np.arange(8)).ravel()), "4"),
    ("c-15-levels-and-0", sparse, "4"), ("d-ternary", pick(lambda d: [-.3, 0, .7]), "2"), ("f-outlier", outlier, "4"))]
CASES += [Case("e-240-weights", layer(lambda d: d.w(6, 40)), P + "8", valid(), outputs(.01),
               one_of(bytes_at_most(1.2), finding("w", "kept|skipped|stays")))]
