"""Writes quantization.json: scales, zero points, codes and outputs that torch.ao.quantization (2.13, engine fbgemm) gives, and the ranges
of ONNX Runtime's entropy calibration.

Data comes from the formulas below, which the tests repeat; scales and ranges are stored as the bits of float32, codes as FNV-1a hashes.
Run with torch: python3 make_quantization.py
"""
import json
import math
import pathlib
import warnings

import numpy as np
import torch
from onnxruntime.quantization.calibrate import HistogramCollector
from torch import nn
from torch.ao import quantization as tq
from torch.ao.quantization import observer as ob
from torch.ao.quantization.fx import _decomposed  # noqa: F401: registers quantized_decomposed

warnings.filterwarnings("ignore")
torch.backends.quantized.engine = "fbgemm"
torch.set_num_threads(1)

SCHEMES = {
    "uint8": (torch.quint8, torch.per_tensor_affine, False), "uint8-reduced": (torch.quint8, torch.per_tensor_affine, True),
    "int8": (torch.qint8, torch.per_tensor_affine, False), "int8-reduced": (torch.qint8, torch.per_tensor_affine, True),
    "uint8-symmetric": (torch.quint8, torch.per_tensor_symmetric, False), "int8-symmetric": (torch.qint8, torch.per_tensor_symmetric, False),
    "int8-symmetric-reduced": (torch.qint8, torch.per_tensor_symmetric, True),
}  # fmt: skip
CHANNEL_SCHEMES = {"uint8": (torch.quint8, torch.per_channel_affine), "int8-symmetric": (torch.qint8, torch.per_channel_symmetric)}
FACTORS = (1.0, 0.75, 1.5, 1.25)
SHAPE = (4, 5, 60)


def uniform(count, start=0):
    """Multiples of 2⁻²⁰ in (−1, 1] with mixed signs: a bijection of 20 bits."""
    x = np.arange(start, start + count, dtype=np.uint64) & 0xFFFFF
    for shift, factor in ((7, 0x9E375), (9, 0x2C1B3), (11, 0x97D2D)):
        x = ((x ^ (x >> np.uint64(shift))) * np.uint64(factor)) & np.uint64(0xFFFFF)
    x ^= x >> np.uint64(10)
    signs = np.where((x >> np.uint64(3)) & np.uint64(1), -1.0, 1.0)
    return signs * (x + np.uint64(1)).astype(np.float64) / 2**20


def normal(count, start=0):
    """Sums of four: exact in float32."""
    return sum(uniform(count, start + 20011 * part) for part in range(4))


KINDS = {
    "normal": lambda x: x, "rectified": lambda x: np.maximum(x, 0), "heavy": lambda x: x * x * x, "shifted": lambda x: x + 5,
    "negative": lambda x: x - 7, "outlier": lambda x: np.where(np.arange(len(x)) == 7, 60, x), "tiny": lambda x: x * 2.0**-25,
    "huge": lambda x: x * 2.0**40, "constant": lambda x: x * 0 + 3, "zero": lambda x: x * 0,
}  # fmt: skip


def batches(kind, seed):
    count = math.prod(SHAPE)
    for index, factor in enumerate(FACTORS):
        # A constant stays one in the first two batches.
        values = KINDS[kind](normal(count, 100_003 * seed + 7001 * index) * factor)
        yield torch.from_numpy(values.astype(np.float32).reshape(SHAPE))


def bits(values):
    return [int(x) for x in np.atleast_1d(np.asarray(values, dtype=np.float32)).view(np.uint32)]


def short(value):
    return float(f"{float(value):.8g}")


def fnv(data):
    value = 0xCBF29CE484222325
    for byte in bytes(data):
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def parameters(pair):
    scales, zeros = pair
    return [[bit, int(zero)] for bit, zero in zip(bits(scales.numpy()), zeros)]


def observed(make, data):
    observer = make()
    for batch in data:
        observer(batch)
    return observer


def entropy(data):
    """The range that ONNX Runtime's calibration finds of all data at once, as quantize_static has it collected."""
    collector = HistogramCollector("entropy", False, 128, 128, 0, "same")
    collector.collect({"x": [batch.numpy() for batch in data]})
    return bits([float(x) for x in collector.get_entropy_threshold(collector.histogram_dict["x"], 128)])


def observers():
    cases = []
    for kind in KINDS:
        for seed in range(5):
            data, found, made = list(batches(kind, seed)), None, {}
            for name, (dtype, scheme, reduced) in SCHEMES.items():
                args = {"dtype": dtype, "qscheme": scheme, "reduce_range": reduced}
                for key, observer in (("min-max", ob.MinMaxObserver), ("moving-average", ob.MovingAverageMinMaxObserver)):
                    made.setdefault(key, {})[name] = parameters(observed(lambda: observer(**args), data).calculate_qparams())
                histogram = observed(lambda: ob.HistogramObserver(**args), data)
                found = found or histogram._non_linear_param_search()
                made.setdefault("histogram", {})[name] = parameters(histogram._calculate_qparams(*found))
            for name, (dtype, scheme) in CHANNEL_SCHEMES.items():
                args = {"dtype": dtype, "qscheme": scheme, "ch_axis": 1}
                for key, observer in (("channels", ob.PerChannelMinMaxObserver), ("channel-averages", ob.MovingAveragePerChannelMinMaxObserver)):
                    made.setdefault(key, {})[name] = parameters(observed(lambda: observer(**args), data).calculate_qparams())
            cases.append({
                "kind": kind, "seed": seed, "range": bits([float(x) for x in found]), "parameters": made,
                "entropy": entropy(data),
            })  # fmt: skip
    return cases


def fixed():
    made = {"0to1": ob.default_fixed_qparams_range_0to1_observer(), "neg1to1": ob.default_fixed_qparams_range_neg1to1_observer()}
    return {name: parameters(one.calculate_qparams()) for name, one in made.items()}


def rounding():
    """Codes of random numbers, of all halves, of half a step and of infinities, by the rule of fake quantization and of PT2E:
    clamp(zero + nearbyint(x · (1/scale))).

    torch.quantize_per_tensor of 2.13 rounds x · (1/scale) + zero as one, which is the same where zero is 0, as in all weights.
    """
    cases = []
    for dtype, low, high, eager in ((torch.uint8, 0, 255, torch.quint8), (torch.int8, -128, 127, torch.qint8)):
        for scale in (0.00214854861, 0.1, 1 / 256, 0.37, 2.0**-23, 1234.5):
            for zero in (0, 3, 128, 255) if low == 0 else (0, -128, 5):
                scale32 = np.float32(scale)
                halves = (np.arange(-300, 300).astype(np.float32) + np.float32(0.5)) * scale32
                random = (uniform(100_000, 31) * float(scale32) * 200).astype(np.float32)
                ends = np.array([np.inf, -np.inf, scale32 / 2, -scale32 / 2, 0.273939937, 0, -0.0, 3e38, -3e38], dtype=np.float32)
                x = torch.from_numpy(np.concatenate([halves, random, ends]))
                codes = torch.ops.quantized_decomposed.quantize_per_tensor(x, float(scale32), zero, low, high, dtype)
                numbers = torch.ops.quantized_decomposed.dequantize_per_tensor(codes, float(scale32), zero, low, high, dtype)
                fake = torch.fake_quantize_per_tensor_affine(x[:-9], float(scale32), zero, low, high)
                assert torch.equal(numbers[:-9], fake)
                if zero == 0:
                    assert torch.equal(torch.quantize_per_tensor(x, float(scale32), zero, eager).int_repr(), codes)
                cases.append({
                    "isUnsigned": low == 0, "scale": bits(scale32)[0], "zero": zero, "codes": fnv(codes.numpy().tobytes()),
                    "numbers": fnv(numbers.numpy().tobytes()), "ends": [int(c) for c in codes[-len(ends):]],
                })
    return cases


def fill(module, start):
    with torch.no_grad():
        for parameter in module.parameters():
            values = normal(parameter.numel(), start).astype(np.float32).reshape(tuple(parameter.shape))
            parameter.copy_(torch.from_numpy(values) / 4)
            start += 5003


def tensor(shape, start):
    return torch.from_numpy(normal(math.prod(shape), start).astype(np.float32).reshape(shape))


def dynamic():
    cases = []
    for channels in (False, True):
        net = nn.Sequential(nn.Linear(24, 16), nn.ReLU(), nn.Linear(16, 10))
        fill(net, 9)
        qconfig = tq.per_channel_dynamic_qconfig if channels else tq.default_dynamic_qconfig
        quantized = tq.quantize_dynamic(net, {nn.Linear: qconfig}, dtype=torch.qint8)
        inputs = [tensor((6, 24), 300 + 977 * i) for i in range(4)]
        inputs += [inputs[0].abs(), -inputs[1].abs(), inputs[2] * 2.0**-14, inputs[3] * 0, inputs[3] * 2.0**20, inputs[0] + 9]
        cases.append({"perChannel": channels, "outputs": [[short(y) for y in quantized(x).flatten()] for x in inputs]})
    return cases


class Convolutional(nn.Module):
    def __init__(self):
        super().__init__()
        self.quant, self.dequant = tq.QuantStub(), tq.DeQuantStub()
        self.conv1, self.relu1 = nn.Conv2d(3, 8, 3, padding=1), nn.ReLU()
        self.conv2, self.relu2 = nn.Conv2d(8, 12, 3, stride=2), nn.ReLU()
        self.fc = nn.Linear(12 * 9, 10)

    def forward(self, x):
        x = self.relu2(self.conv2(self.relu1(self.conv1(self.quant(x)))))
        return self.dequant(self.fc(x.flatten(1)))


def static():
    cases = []
    for engine, observer, reduced, weight in (
        ("fbgemm", ob.HistogramObserver, True, ob.default_per_channel_weight_observer),
        ("qnnpack", ob.HistogramObserver, False, ob.default_weight_observer),
        ("fbgemm", ob.MinMaxObserver, True, ob.default_per_channel_weight_observer),
    ):
        net = Convolutional().eval()
        fill(net, 40)
        net.qconfig = tq.QConfig(activation=observer.with_args(reduce_range=reduced), weight=weight)
        net = tq.prepare(tq.fuse_modules(net, [["conv1", "relu1"], ["conv2", "relu2"]]))
        net(tensor((16, 3, 8, 8), 70_000))
        # With VNNI torch may take other kernels; the convention is that of fbgemm.
        torch.backends.quantized.engine = "fbgemm"
        net = tq.convert(net)
        kept = {}
        for name in ("conv1", "conv2", "fc"):
            getattr(net, name).register_forward_hook(lambda module, x, y, name=name: kept.__setitem__(name, y))
        net(tensor((64, 3, 8, 8), 170_000))
        layers = {}
        for name, value in kept.items():
            weights = getattr(net, name).weight()
            scales = weights.q_per_channel_scales() if weights.qscheme() == torch.per_channel_affine else torch.tensor([weights.q_scale()])
            layers[name] = {
                "scale": bits(value.q_scale())[0], "zero": int(value.q_zero_point()), "weightScales": bits(scales.float()),
                "weights": fnv(weights.int_repr().numpy().tobytes()),
            }
        codes = [int(c) for c in kept["fc"].int_repr().flatten()]
        cases.append({
            "range": "histogram" if observer is ob.HistogramObserver else "min-max", "isReduced": reduced, "layers": layers,
            "perChannel": weight is ob.default_per_channel_weight_observer, "codes": codes,
            "input": {"scale": bits(float(net.quant.scale))[0], "zero": int(net.quant.zero_point)},
        })
    return cases


def training():
    """Ten steps of prepare_qat's modules: scales of weights follow their moving average at each step, those of activations too or not."""
    from torch.ao.nn.qat import Linear
    cases = []
    for channels, moves in ((True, False), (False, False), (True, True), (False, True)):
        weight = tq.default_per_channel_weight_fake_quant if channels else tq.default_weight_fake_quant
        qconfig = tq.QConfig(activation=tq.default_fake_quant, weight=weight)
        first, last = Linear(12, 16, qconfig=qconfig), Linear(16, 5, qconfig=qconfig)
        for index, layer in enumerate((first, last)):
            with torch.no_grad():
                layer.weight.copy_(tensor(layer.weight.shape, 11 + 997 * index) / 4)
                layer.bias.copy_(tensor(layer.bias.shape, 5011 + 997 * index) / 4)
        make = tq.FakeQuantize.with_args(observer=ob.MovingAverageMinMaxObserver, quant_min=0, quant_max=255)
        before, between = make(), make()
        x, y = tensor((32, 12), 60_000), torch.arange(32) % 5

        def forward():
            return last(between(torch.relu(first(before(x)))))

        for one in (before, between):
            one.disable_fake_quant()
        for layer in (first, last):
            layer.weight_fake_quant.disable_fake_quant()
            layer.weight_fake_quant.disable_observer()
        forward()
        for one in (before, between):
            if not moves:
                one.disable_observer()
            one.enable_fake_quant()
            one.scale, one.zero_point = one.calculate_qparams()
        for layer in (first, last):
            layer.weight_fake_quant.enable_fake_quant()
            layer.weight_fake_quant.enable_observer()
        optimizer = torch.optim.SGD([*first.parameters(), *last.parameters()], lr=0.1)
        for _ in range(10):
            optimizer.zero_grad()
            nn.functional.cross_entropy(forward(), y).backward()
            optimizer.step()
        found = [bits(one.scale.numpy())[0] for one in (before, between)]
        forward()
        case = {"perChannel": channels, "moves": moves, "activations": found}
        for name, layer in (("fc1", first), ("fc2", last)):
            case[name] = {
                "weight": [short(w) for w in layer.weight.detach().flatten()], "bias": [short(b) for b in layer.bias.detach()],
                "scales": [short(s) for s in layer.weight_fake_quant.scale],
            }
        cases.append(case)
    return cases


def learnable():
    """Gradients of torch's learnable fake quantization, for a sum of outputs."""
    cases = []
    for scale, zero, low, high in ((0.11, 0, -128, 127), (0.01, 0, -128, 127), (0.02, 0, -8, 7), (0.015, 100, 0, 255), (0.3, 3, 0, 15)):
        x, s = tensor((500,), 90_000).requires_grad_(), torch.tensor([scale], requires_grad=True)
        z = torch.tensor([float(zero)], requires_grad=True)
        y = torch._fake_quantize_learnable_per_tensor_affine(x, s, z, low, high, 1.0)
        (y * tensor((500,), 95_000)).sum().backward()
        cases.append({"scale": bits(scale)[0], "zero": zero, "low": low, "high": high, "step": short(s.grad), "data": fnv((x.grad + 0.0).numpy().tobytes())})
    return cases


if __name__ == "__main__":
    result = {"observers": observers(), "fixed": fixed(), "rounding": rounding(), "dynamic": dynamic(), "static": static(), "training": training(), "learnable": learnable()}
    pathlib.Path(__file__).with_name("quantization.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")
