"""Single operators with random operands: what `winnow infer` computes is what onnxruntime computes."""

import warnings

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

warnings.filterwarnings("ignore")
CONTRIBUTED = "com.microsoft"


class Case:
    """One node: fed inputs, constant inputs, and what outputs it has. An input that is None is left out; `more` are attributes whose names are parameters here."""

    def __init__(self, op, inputs, outputs=1, fixed=(), opset=17, domain="", tolerance=1e-4, more=None, **attributes):
        self.op, self.inputs, self.outputs, self.fixed = op, inputs, outputs, set(fixed)
        self.opset, self.domain, self.tolerance, self.attributes = opset, domain, tolerance, {**attributes, **(more or {})}

    def model(self):
        names = [f"x{index}" if value is not None else "" for index, value in enumerate(self.inputs)]
        outputs = [f"y{index}" for index in range(self.outputs)]
        node = helper.make_node(self.op, names, outputs, name="node", domain=self.domain, **self.attributes)
        fed, constants = {}, []
        for index, value in enumerate(self.inputs):
            if value is None:
                continue
            if index in self.fixed:
                constants.append(numpy_helper.from_array(value, names[index]))
            else:
                fed[names[index]] = value
        infos = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for n, v in fed.items()]
        empty = [onnx.ValueInfoProto(name=name) for name in outputs]
        graph = helper.make_graph([node], "case", infos, empty, constants)
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid(CONTRIBUTED, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9), fed


def real(*shape, seed=0, low=-1.0, high=1.0):
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


def codes(*shape, seed=0, dtype=np.uint8):
    info = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(info.min, info.max, shape, endpoint=True).astype(dtype)


def scalar(value, dtype=np.float32):
    return np.array(value, dtype)


def recurrent(op, gates, states, direction="forward", extra=(), lengths=None, **attributes):
    directions = 2 if direction == "bidirectional" else 1
    t, n, i, h = 5, 3, 4, 6
    weights = [real(directions, gates * h, i, seed=2), real(directions, gates * h, h, seed=3), real(directions, 2 * gates * h, seed=4)]
    inputs = [real(t, n, i, seed=1), *weights, None if lengths is None else np.array(lengths, np.int32), *extra]
    return Case(op, inputs, 1 + states, fixed=[1, 2, 3], hidden_size=h, direction=direction, **attributes)


def quantized(*shape, seed, scale, zero, dtype=np.uint8):
    return [codes(*shape, seed=seed, dtype=dtype), scalar(scale), scalar(zero, dtype)]


def padded(mode, seed):
    """Random pads, negative ones among them."""
    generator = np.random.default_rng(seed)
    pads = generator.integers(-2, 4, 4)
    return Case("Pad", [real(*generator.integers(4, 7, 2), seed=seed), pads], fixed=[1], opset=19, mode=mode)


DIRECTIONS = ["forward", "reverse", "bidirectional"]
RECURRENT = [
    *[recurrent("LSTM", 4, 2, d) for d in DIRECTIONS],
    *[recurrent("GRU", 3, 1, d, linear_before_reset=k) for d in DIRECTIONS for k in (0, 1)],
    *[recurrent("RNN", 1, 1, d) for d in DIRECTIONS],
    *[recurrent(*op, "bidirectional", lengths=[5, 2, 3]) for op in [("LSTM", 4, 2), ("GRU", 3, 1), ("RNN", 1, 1)]],
    recurrent("LSTM", 4, 2, extra=[real(1, 3, 6, seed=5), real(1, 3, 6, seed=6), real(1, 18, seed=7)]),
    recurrent("LSTM", 4, 2, clip=0.3),
    recurrent("LSTM", 4, 2, activations=["HardSigmoid", "Softsign", "Relu"]),
    recurrent("GRU", 3, 1, "reverse", lengths=[1, 5, 4], extra=[real(1, 3, 6, seed=5)]),
    recurrent("RNN", 1, 1, activations=["LeakyRelu"], activation_alpha=[0.3]),
    *[
        recurrent(op, gates, states, "bidirectional", activations=names, activation_alpha=alphas, activation_beta=betas)
        for op, gates, states, names, alphas, betas in [
            ("LSTM", 4, 2, ["HardSigmoid", "Tanh", "Tanh"] * 2, [0.17, 0.3], [0.4, 0.6]),
            ("LSTM", 4, 2, ["Sigmoid", "Elu", "ScaledTanh", "HardSigmoid", "Softsign", "LeakyRelu"], [0.7, 0.6, 0.3], [0.4]),
            ("GRU", 3, 1, ["Affine", "Tanh", "Sigmoid", "ThresholdedRelu"], [0.3, 0.05], [0.5]),
            ("RNN", 1, 1, ["ScaledTanh", "Affine"], [0.7, 0.6], [0.4, 0.1]),
        ]
    ],
]

image = real(2, 4, 9, 10, seed=1)
VISION = [
    Case("RoiAlign", [image, real(3, 4, seed=2, low=0, high=9), np.array([0, 1, 1])], output_height=3, output_width=2, sampling_ratio=0, spatial_scale=0.8),
    Case("RoiAlign", [image, real(3, 4, seed=2, low=0, high=9), np.array([0, 1, 1])], output_height=2, output_width=2, sampling_ratio=2, coordinate_transformation_mode="output_half_pixel"),
    Case("MaxRoiPool", [image, np.array([[0, 1, 1, 6, 7], [1, 0, 2, 9, 8]], np.float32)], pooled_shape=[3, 2], spatial_scale=0.9),
    *[
        Case("GridSample", [image, real(2, 5, 6, 2, seed=3, low=-1.4, high=1.4)], mode=mode, padding_mode=padding, align_corners=corners)
        for mode in ("bilinear", "nearest", "bicubic") for padding in ("zeros", "border", "reflection") for corners in (0, 1)
    ],
    Case("LRN", [image], size=3, alpha=0.1),
    Case("LpPool", [image], kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1], p=3),
    Case("GlobalLpPool", [image], p=2),
    *[
        Case(op, [real(2, 4, *shape, seed=1)], kernel_shape=[3] * len(shape), strides=[2] * len(shape), opset=19, **attributes)
        for op in ("AveragePool", "MaxPool") for shape in ([9], [9, 8], [7, 8, 9])
        for attributes in ({"ceil_mode": 1}, {"auto_pad": "SAME_UPPER"}, {"auto_pad": "SAME_LOWER"}, {"pads": [1, 1] * len(shape), "ceil_mode": 1})
    ],
    *[Case("AveragePool", [real(2, 4, 9, 8)], kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1, ceil_mode=c, strides=[2, 2], opset=19) for c in (0, 1)],
    *[Case("MaxPool", [real(2, 4, *shape)], kernel_shape=[2] * len(shape), dilations=[2] * len(shape)) for shape in ([9], [9, 8], [7, 8, 9])],
    *[
        Case("Conv", [real(2, 4, *shape), real(6, 2, *[3] * len(shape), seed=2), real(6, seed=3)], group=2, dilations=[2] * len(shape), pads=[1, 2] * len(shape), fixed=fixed)
        for shape in ([9], [9, 8], [7, 8, 9]) for fixed in ([], [1, 2])
    ],
    *[
        Case("ConvTranspose", [real(2, 4, *shape), real(4, 3, *[3] * len(shape), seed=2), real(6, seed=3)], group=2, strides=[2] * len(shape), dilations=[2] * len(shape), output_padding=[1] * len(shape), fixed=fixed)
        for shape in ([9], [9, 8], [5, 4, 6]) for fixed in ([], [1, 2])
    ],
    Case("Einsum", [real(2, 3, 4, seed=1), real(4, 3, 5, seed=2)], equation="bij,jik->bk"),
    Case("Det", [real(3, 4, 4)]),
    Case("STFT", [real(2, 64, 1), scalar(8, np.int64), real(16, seed=2)], fixed=[1]),
    Case("STFT", [real(2, 64), scalar(8, np.int64), real(16, seed=2)], fixed=[1]),
    Case("DFT", [real(2, 12, 1)], axis=1, onesided=1),
]

INTEGER = [
    Case("MatMulInteger", [codes(3, 4, 8), codes(8, 5, seed=2, dtype=np.int8), scalar(7, np.uint8), scalar(3, np.int8)]),
    Case("MatMulInteger", [codes(2, 4, 300), codes(2, 300, 5, seed=2)]),
    *[
        # Sums over nothing.
        Case(op, inputs, fixed=fixed) for fixed in ([], [1])
        for op, inputs in (
            ("MatMul", [real(3, 0), real(0, 4)]), ("MatMul", [real(2, 3, 0), real(2, 0, 4)]), ("MatMul", [real(2, 3, 0), real(0, 4)]),
            ("Gemm", [real(3, 0), real(0, 4), real(4, seed=3)]),
        )
    ],
    Case("MatMulInteger", [codes(4, 8), codes(8, 5, seed=2, dtype=np.int8), scalar(7, np.uint8), codes(5, seed=3, dtype=np.int8)], fixed=[1, 3]),
    Case("ConvInteger", [codes(1, 3, 7, 7), codes(4, 3, 3, 3, seed=2), scalar(100, np.uint8)], pads=[1, 1, 1, 1]),
    Case("ConvInteger", [codes(1, 3, 7, 7), codes(4, 3, 3, 3, seed=2), scalar(100, np.uint8), scalar(9, np.uint8)], fixed=[1, 2, 3]),
    *[
        Case("QLinearConv", [*quantized(1, 4, 7, 7, seed=1, scale=0.02, zero=120), codes(6, 2, 3, 3, seed=2, dtype=np.int8), real(6, low=0.01, high=0.02), np.zeros(6, np.int8), scalar(0.1), scalar(128, np.uint8), np.arange(6, dtype=np.int32)], group=2, fixed=fixed, tolerance=1)
        for fixed in ([], range(1, 9))
    ],
    *[
        Case("QLinearMatMul", [*quantized(4, 8, seed=1, scale=0.02, zero=120), *quantized(8, 5, seed=2, scale=0.03, zero=3, dtype=np.int8), scalar(0.1), scalar(128, np.uint8)], fixed=fixed, tolerance=1)
        for fixed in ([], range(1, 8))
    ],
    *[
        Case(op, [*quantized(2, 3, 4, seed=1, scale=0.02, zero=120), *quantized(3, 4, seed=2, scale=0.03, zero=100), scalar(0.05), scalar(110, np.uint8)], domain=CONTRIBUTED, fixed=[1, 2, 4, 5, 6, 7], tolerance=1)
        for op in ("QLinearAdd", "QLinearMul")
    ],
    Case("QLinearConcat", [scalar(0.05), scalar(110, np.uint8), *quantized(2, 3, seed=1, scale=0.02, zero=120), *quantized(2, 4, seed=2, scale=0.03, zero=100)], domain=CONTRIBUTED, fixed=[0, 1, 3, 4, 6, 7], axis=1, tolerance=1),
    Case("QLinearGlobalAveragePool", [*quantized(2, 3, 5, 5, seed=1, scale=0.02, zero=120), scalar(0.01), scalar(110, np.uint8)], domain=CONTRIBUTED, fixed=[1, 2, 3, 4], tolerance=1),
    Case("QGemm", [*quantized(4, 8, seed=1, scale=0.02, zero=120), *quantized(8, 5, seed=2, scale=0.03, zero=128), np.arange(5, dtype=np.int32), scalar(0.1), scalar(128, np.uint8)], domain=CONTRIBUTED, fixed=range(1, 9), tolerance=1),
    Case("DynamicQuantizeMatMul", [real(4, 8), codes(8, 5, seed=2), scalar(0.02), scalar(120, np.uint8), real(5)], domain=CONTRIBUTED, fixed=[1, 2, 3, 4]),
    Case(
        "DynamicQuantizeLSTM",
        [real(5, 3, 4), codes(1, 4, 24, seed=2), codes(1, 6, 24, seed=3), real(1, 48), None, None, None, None, real(1, low=0.01, high=0.02), codes(1), real(1, low=0.01, high=0.02), codes(1)],
        3, fixed=[1, 2, 3, 8, 9, 10, 11], domain=CONTRIBUTED, hidden_size=6, tolerance=2e-3,
    ),
]

TEXT = [
    Case("BiasGelu", [real(2, 3, 8), real(8, seed=2)], domain=CONTRIBUTED),
    Case("FastGelu", [real(2, 3, 8), real(8, seed=2)], domain=CONTRIBUTED, tolerance=1e-3),
    Case("QuickGelu", [real(2, 3, 8)], domain=CONTRIBUTED),
    Case("SkipLayerNormalization", [real(2, 3, 8), real(2, 3, 8, seed=2), real(8, seed=3), real(8, seed=4), real(8, seed=5)], domain=CONTRIBUTED, fixed=[2, 3, 4]),
    Case(
        "EmbedLayerNormalization",
        [codes(2, 3).astype(np.int32) % 5, codes(2, 3, seed=2).astype(np.int32) % 2, real(5, 8), real(6, 8, seed=2), real(2, 8, seed=3), real(8, seed=4), real(8, seed=5), np.array([[1, 1, 0], [1, 1, 1]], np.int32)],
        2, domain=CONTRIBUTED, fixed=range(2, 7),
    ),
    Case("RotaryEmbedding", [real(2, 3, 5, 8), real(2, 5, 4, seed=2), real(2, 5, 4, seed=3)], opset=23),
    Case("Attention", [real(2, 4, 5, 8), real(2, 2, 6, 8, seed=2), real(2, 2, 6, 8, seed=3)], opset=23, is_causal=1),
    Case("RMSNormalization", [real(2, 3, 8), real(8, seed=2)], opset=23),
]

# Numbers that some integers do not hold; infinities of unsigned 32 bits depend on the place in ONNX Runtime.
UNFIT = [-2.7, -1, -0.9, 256.5, 300, 65504, 70000, 3.9, -129, 65535.9, 3e9, 4294967040, -32769.5]

NUMBERS = [
    *[
        Case("Gemm", [real(4, 3).astype(kind), real(3, 2, seed=2).astype(kind), real(*term, seed=3).astype(kind)], tolerance=tolerance, alpha=alpha, beta=beta)
        for kind, tolerance in ((np.float16, 4e-3), (np.float64, 1e-12)) for term in ((4, 1), (4, 2), (1,), (1, 1), (), (2,))
        for alpha, beta in ((1.0, 1.0), (2.0, 0.5))
    ],
    *[
        Case("MatMul", [codes(*left).astype(kind), codes(*right, seed=2).astype(kind)])
        for kind in (np.int32, np.int64, np.uint32, np.uint64) for left, right in (((3, 4), (4, 2)), ((2, 3, 4), (4, 2)), ((4,), (2, 4, 3)))
    ],
    *[Case("Pow", [np.array([3, 2, 5, 7]).astype(kind), np.array([1.94, 0.5, 2.5, 1.1], exponent)]) for kind in (np.int32, np.int64) for exponent in (np.float32, np.float64)],
    *[Case("Pow", [real(5, low=0.5, high=2), np.array([1, 2, 3, 0, 4], kind)]) for kind in (np.int32, np.int64, np.float64)],
    *[
        Case("Resize", [codes(1, 2, n, n).astype(kind), np.array([1, 1, s, t], np.float32)], fixed=[1], opset=10, mode=mode)
        for kind in (np.float32, np.uint8, np.int32) for mode in ("nearest", "linear") for n, s, t in ((5, 0.6, 0.7), (7, 0.75, 1.5), (10, 0.3, 0.9))
    ],
    *[
        Case("Resize", [codes(1, 2, 5, 6).astype(kind), None, np.array([1, 1, 1.6, 0.7], np.float32)], fixed=[2], mode=mode, coordinate_transformation_mode=place)
        for kind in (np.float32, np.uint8, np.int8, np.int32) for mode in ("nearest", "linear", "cubic") for place in ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
        if kind == np.float32 or mode != "cubic"
    ],
    *[
        Case("Resize", [np.arange(n, dtype=np.float32), None, np.array([scale], np.float32)], fixed=[2], opset=19, coordinate_transformation_mode=place, nearest_mode=rounding)
        for place in ("half_pixel", "half_pixel_symmetric", "asymmetric", "pytorch_half_pixel", "align_corners")
        for rounding in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil") for n, scale in ((5, 0.6), (5, 2.5), (7, 1.7), (9, 1.2), (17, 0.3), (16, 1.3))
    ],
    *[
        Case("Cast", [np.array(UNFIT, np.float32).astype(kind)], opset=21, to=helper.np_dtype_to_tensor_dtype(np.dtype(target)))
        for kind in (np.float16, np.float32, np.float64) for target in (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32)
    ],
    *[Case("MaxPool", [(50 * real(1, 2, 6, 7)).astype(kind)], 2, kernel_shape=[2, 3], strides=[2, 1]) for kind in (np.uint8, np.int8, np.float16, np.float32, np.float64)],
    *[padded(mode, seed) for mode in ("constant", "edge", "reflect", "wrap") for seed in range(12)],
    *[
        Case(op, [real(*shape)], opset=opset, axis=axis) for op in ("Softmax", "LogSoftmax", "Hardmax") for opset in (11, 13)
        for shape, axis in (((2, 1, 0, 0), -4), ((0, 3), 1), ((2, 0, 3), 1), ((2, 3, 0), 2), ((2, 0), 0))
    ],
    *[Case(op, [real(5)], opset=opset, axis=axis) for op in ("Softmax", "LogSoftmax", "Hardmax") for opset in (1, 11, 13) for axis in (0, -1)],
]

CONTRIBUTIONS = [
    Case("Gelu", [real(2, 3, 8)], domain=CONTRIBUTED),
    Case("SimplifiedLayerNormalization", [real(2, 3, 8), real(8, seed=2)], axis=-1, epsilon=1e-5),
    Case("SkipLayerNormalization", [real(2, 3, 8), real(3, 8, seed=2), real(8, seed=3)], domain=CONTRIBUTED),
    *[
        Case("SkipSimplifiedLayerNormalization", [real(2, 3, 8), real(2, 3, 8, seed=2), real(8, seed=3), *bias], domain=CONTRIBUTED)
        for bias in ([], [real(8, seed=4)])
    ],
    *[
        Case("RotaryEmbedding", [real(*shape), positions, real(16, 2, seed=2), real(16, 2, seed=3)], domain=CONTRIBUTED, interleaved=interleaved, **heads)
        for shape in ((2, 3, 8), (2, 2, 3, 4)) for positions in (np.array([3]), np.array([[0, 1, 2], [4, 9, 6]])) for interleaved in (0, 1)
        for heads in ({}, {"num_heads": 2})
    ],
    *[
        Case("RotaryEmbedding", [real(2, 3, 12), np.array([3]), real(16, 2, seed=2), real(16, 2, seed=3)], domain=CONTRIBUTED, interleaved=k, num_heads=2, rotary_embedding_dim=4)
        for k in (0, 1)
    ],
    *[
        Case("QLinearSoftmax", [codes(2, 3, 4), scalar(0.05), scalar(100, np.uint8), scalar(1 / 256), scalar(0, np.uint8)], domain=CONTRIBUTED, fixed=[1, 2, 3, 4], tolerance=1, axis=axis, more={"opset": opset})
        for axis in (-1, 1) for opset in (12, 13)
    ],
]

CASES = NUMBERS + CONTRIBUTIONS + RECURRENT + VISION + INTEGER + TEXT


@pytest.mark.parametrize("case", CASES, ids=[f"{index}-{case.op}" for index, case in enumerate(CASES)])
def test_equals_onnxruntime(winnow, tmp_path, case):
    model, fed = case.model()
    path = tmp_path / "case.onnx"
    onnx.save(model, path)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # more of them quantize parts of a batch by ranges of their own
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        wanted = session.run(None, fed)
    except Exception as error:  # noqa: BLE001
        pytest.skip(f"onnxruntime refuses it: {str(error)[:120]}")
    np.savez(tmp_path / "x.npz", **fed)
    winnow("infer", path, "--input", tmp_path / "x.npz", "-o", tmp_path / "y.npz")
    found = np.load(tmp_path / "y.npz")
    for index, value in enumerate(wanted):
        actual = found[f"y{index}"]
        assert actual.shape == value.shape and actual.dtype == value.dtype
        scale = 1 if np.issubdtype(value.dtype, np.integer) else max(1e-3, float(np.abs(value).max(initial=0)))
        difference = float(np.abs(actual.astype(np.float64) - value.astype(np.float64)).max(initial=0))
        assert difference <= case.tolerance * scale, f"output {index} differs by {difference}"


@pytest.mark.parametrize("fixed", [[], [1]])
def test_sums_of_no_codes_are_zero(winnow, tmp_path, fixed):
    """onnxruntime gives what lies in memory."""
    model, fed = Case("MatMulInteger", [codes(3, 0), codes(0, 5, dtype=np.int8)], fixed=fixed).model()
    onnx.save(model, tmp_path / "case.onnx")
    np.savez(tmp_path / "x.npz", **fed)
    winnow("infer", tmp_path / "case.onnx", "--input", tmp_path / "x.npz", "-o", tmp_path / "y.npz")
    found = np.load(tmp_path / "y.npz")["y0"]
    assert found.shape == (3, 5) and not found.any()
