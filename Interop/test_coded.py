"""Weights that stay codes and zeros that are left out: products and convolutions beside ONNX Runtime, and the memory of a 4-bit model."""

import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper


def save(path, nodes, constants, shape, opset=21, external=False):
    values = [value if isinstance(value, TensorProto) else numpy_helper.from_array(value, name) for name, value in constants.items()]
    infos = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *shape[1:]]), onnx.ValueInfoProto(name="y")]
    graph = helper.make_graph(nodes, "coded", infos[:1], infos[1:], values)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, ir_version=10, opset_imports=opsets)
    onnx.save(model, path, save_as_external_data=external, location=f"{path.name}.data")


def compare(winnow, path, x, tolerance):
    """The largest difference from ONNX Runtime, in parts of its largest number."""
    np.savez(path.with_suffix(".npz"), x=x)
    winnow("infer", path, "--input", path.with_suffix(".npz"), "-o", path.with_suffix(".out.npz"))
    ours = np.load(path.with_suffix(".out.npz"))["y"]
    # Optimized, DequantizeLinear and Gemm become a MatMulNBits that rounds data to 8 bits.
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    theirs = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= tolerance * np.abs(theirs).max()


def steps(winnow, path, *arguments):
    return winnow("benchmark", path, "--plan", "--seconds", "0.01", *arguments).stdout


def packed(random, path, depth, columns, bits, block, zeros, level=0):
    blocks = -(-depth // block)
    constants = {
        "w": random.integers(0, 256, (columns, blocks, block * bits // 8), dtype=np.uint8),
        "s": random.uniform(0.1, 1, columns * blocks).astype(np.float32),
    }
    if zeros:
        constants["z"] = random.integers(0, 256, columns * -(-blocks * bits // 8), dtype=np.uint8)
    node = helper.make_node(
        "MatMulNBits", ["x", *constants], ["y"], domain="com.microsoft", K=depth, N=columns, bits=bits, block_size=block, accuracy_level=level
    )
    save(path, [node], constants, [None, depth])


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("depth, columns, block, zeros", [(64, 48, 32, False), (200, 37, 16, True), (256, 100, 128, True)])
def test_packed_matrices(winnow, tmp_path, bits, depth, columns, block, zeros):
    random = np.random.default_rng(depth)
    for level in (0, 4):
        path = tmp_path / f"{level}.onnx"
        packed(random, path, depth, columns, bits, block, zeros, level)
        assert f"[{bits}-bit codes" in steps(winnow, path)
        for rows in (1, 3, 40):
            x = random.standard_normal((rows, depth)).astype(np.float32)
            compare(winnow, path, x, 2e-2 if level == 4 else 1e-5)


@pytest.mark.parametrize("kind", ["INT4", "UINT4", "INT8", "UINT8"])
@pytest.mark.parametrize("transposed", [False, True])
def test_dequantized_matrices(winnow, tmp_path, kind, transposed):
    random = np.random.default_rng(1)
    depth, columns = 96, 34
    shape, scales = ([columns, depth], [columns, 3]) if transposed else ([depth, columns], [3, columns])
    bits = int(kind[-1])

    def codes(name, shape):
        count = int(np.prod(shape))
        return helper.make_tensor(name, getattr(TensorProto, kind), shape, random.bytes(count * bits // 8), raw=True)

    constants = {"w": codes("w", shape), "s": random.uniform(0.1, 1, scales).astype(np.float32), "z": codes("z", scales)}
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s", "z"], ["f"], axis=1 if transposed else 0, block_size=32),
        helper.make_node("Gemm", ["x", "f", "b"], ["g"], transB=int(transposed)),
        helper.make_node("Relu", ["g"], ["y"]),
    ]
    constants["b"] = random.standard_normal(columns).astype(np.float32)
    path = tmp_path / "m.onnx"
    save(path, nodes, constants, [None, depth])
    assert f"[{bits}-bit codes" in steps(winnow, path)
    for rows in (1, 5):
        compare(winnow, path, random.standard_normal((rows, depth)).astype(np.float32), 1e-5)


@pytest.mark.parametrize(
    "settings", ["weight-only-quantization bits=4 block-size=32", "weight-only-quantization bits=8", "palettization bits=4", "float4-quantization"]
)
def test_what_winnow_writes(winnow, tmp_path, settings):
    random = np.random.default_rng(2)
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["h"], transB=1), helper.make_node("MatMul", ["h", "v"], ["y"])]
    constants = {
        "w": random.standard_normal((64, 96)).astype(np.float32),
        "b": random.standard_normal(64).astype(np.float32),
        "v": random.standard_normal((64, 50)).astype(np.float32),
    }
    save(tmp_path / "m.onnx", nodes, constants, [None, 96])
    name, *options = settings.split()
    winnow("apply", name, tmp_path / "m.onnx", "-o", tmp_path / "c.onnx", *[word for option in options for word in ("--set", option)])
    plan = steps(winnow, tmp_path / "c.onnx")
    # float4's blocks of 32 lie across the outputs of a MatMul, whose weight then is decoded.
    assert plan.count("-bit codes") + plan.count("-bit table") == (1 if name == "float4-quantization" else 2), plan
    for rows in (1, 7):
        compare(winnow, tmp_path / "c.onnx", random.standard_normal((rows, 96)).astype(np.float32), 1e-5)


def convolutions(random, kept, block):
    """Three convolutions of which so many weights stay, in blocks along the sum."""
    nodes, constants, value = [], {}, "x"
    for index, (outputs, inputs, size, stride) in enumerate([(64, 64, 1, 1), (96, 64, 3, 2), (128, 96, 1, 1)]):
        mask = random.random((outputs, inputs // block, size, size)) < kept
        constants[f"w{index}"] = (random.standard_normal((outputs, inputs, size, size)) * np.repeat(mask, block, 1) / 4).astype(np.float32)
        constants[f"b{index}"] = random.standard_normal(outputs).astype(np.float32)
        nodes += [
            helper.make_node(
                "Conv", [value, f"w{index}", f"b{index}"], [f"c{index}"], kernel_shape=[size] * 2, strides=[stride] * 2, pads=[size // 2] * 4
            ),
            helper.make_node("Relu", [f"c{index}"], [f"r{index}" if index < 2 else "y"]),
        ]
        value = f"r{index}"
    return nodes, constants


def test_zeros(winnow, tmp_path):
    random = np.random.default_rng(3)
    nodes, constants = convolutions(random, 0.1, 1)
    path = tmp_path / "m.onnx"
    save(path, nodes, constants, [None, 64, 15, 17], opset=17)
    assert steps(winnow, path, "--batch", "2").count("[sparse") == 3
    for batch in (1, 3):
        compare(winnow, path, random.standard_normal((batch, 64, 15, 17)).astype(np.float32), 1e-5)


def test_zeros_of_codes(winnow, tmp_path):
    random = np.random.default_rng(4)
    nodes, constants = convolutions(random, 0.1, 4)
    save(tmp_path / "m.onnx", nodes, constants, [None, 64, 15, 17], opset=17)
    np.savez(tmp_path / "data.npz", x=random.standard_normal((8, 64, 15, 17)).astype(np.float32))
    winnow("apply", "static-quantization", tmp_path / "m.onnx", "-o", tmp_path / "q.onnx", "--data", tmp_path / "data.npz")
    if "avx512_vnni" in open("/proc/cpuinfo").read():
        assert "[sparse" in steps(winnow, tmp_path / "q.onnx", "--batch", "2")
    # A code more or less where a sum lies between two.
    compare(winnow, tmp_path / "q.onnx", random.standard_normal((3, 64, 15, 17)).astype(np.float32), 2e-2)


@pytest.mark.parametrize("external", [True, False])
def test_memory_of_four_bits(winnow, winnow_path, tmp_path, external):
    """No float32 copy, and no second one of the file: a run takes hardly more memory than there are codes, beside the model or in it."""
    random = np.random.default_rng(5)
    size, layers = 4096, 16
    nodes, constants = [], {}
    for layer in range(layers):
        constants |= {
            f"w{layer}": np.frombuffer(random.bytes(size * size // 2), np.uint8).reshape(size, size // 32, 16),
            f"s{layer}": random.uniform(0.1, 1, size * size // 32).astype(np.float32),
        }
        names = ["x" if layer == 0 else f"y{layer}", "y" if layer == layers - 1 else f"y{layer + 1}"]
        nodes.append(
            helper.make_node(
                "MatMulNBits", [names[0], f"w{layer}", f"s{layer}"], names[1:], domain="com.microsoft", K=size, N=size, bits=4, block_size=32
            )
        )
    path = tmp_path / "m.onnx"
    save(path, nodes, constants, [None, size], external=external)
    count = (tmp_path / "m.onnx.data" if external else path).stat().st_size

    def peak(model):
        # A process of its own counts its child alone.
        code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        words = [sys.executable, "-c", code, winnow_path, "benchmark", model, "--seconds", "0.1"]
        return int(subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True).stdout) << 10

    small = tmp_path / "small.onnx"
    packed(random, small, 64, 64, 4, 32, False)
    used, program = peak(path), peak(small)
    print(f"{count / 1e6:.0f} MB of codes and scales; {used / 1e6:.0f} MB resident at most, {program / 1e6:.0f} MB of them the program")
    # Scales inside the model's file may lie where float32 may not be read; they are copied.
    assert used - program < (1.15 if external else 1.6) * count
    if not external:
        # Codes are read where they lie in the file, at any place. Sixteen layers make numbers 10³⁵ times as large.
        compare(winnow, path, 1e-20 * random.standard_normal((2, size)).astype(np.float32), 1e-3)


TWO_BITS = {
    "weight-only-quantization": ["scheme=uint2-g16", "mixed=false"],
    "palettization": ["bits=2"],
    "fixed-point-quantization": ["bits=2", "per-channel=true"],
}


@pytest.mark.parametrize("columns", [22, 24])
@pytest.mark.parametrize("name", TWO_BITS)
def test_two_bits(winnow, tmp_path, name, columns):
    """Files with types of 2 bits are what Winnow computes, in ONNX Runtime with and without its optimizations."""
    random = np.random.default_rng(columns)

    def normal(*shape):
        return random.standard_normal(shape).astype(np.float32)

    nodes = [
        helper.make_node("Conv", ["x", "filter"], ["features"]), helper.make_node("Flatten", ["features"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["hidden"]), helper.make_node("Gemm", ["hidden", "head"], ["y"], transB=1),
    ]  # fmt: skip
    constants = {"filter": normal(8, 16, 2, 2), "matrix": normal(32, columns), "head": normal(12, columns)}
    save(tmp_path / "model.onnx", nodes, constants, [None, 16, 3, 3], opset=17)
    settings = [argument for setting in [*TWO_BITS[name], "two-bit-codes=int2"] for argument in ("--set", setting)]
    path = tmp_path / "codes.onnx"
    told = winnow("apply", name, tmp_path / "model.onnx", "-o", path, *settings).stdout
    model = onnx.load(path)
    types = {value.name: value.data_type for value in model.graph.initializer if value.name.endswith(".codes")}
    narrow = {TensorProto.INT2, TensorProto.UINT2}
    wide = {"matrix.codes"} if columns % 4 and name != "palettization" else set()
    assert {code for code, kind in types.items() if kind not in narrow} == wide and len(types) == 3
    assert ("computes wrong products" in told) == bool(wide)
    x = normal(5, 16, 3, 3)
    compare(winnow, path, x, 1e-5)
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.qdq_matmulnbits_accuracy_level", "1")
    theirs = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    assert np.abs(np.load(path.with_suffix(".out.npz"))["y"] - theirs).max() <= 1e-5 * np.abs(theirs).max()


def test_rows_of_two_bits(tmp_path):
    """What the rule above is for; once this fails, ONNX Runtime computes such products right."""
    random = np.random.default_rng(0)
    codes = random.integers(0, 4, (32, 22))
    constants = {"w": helper.make_tensor("w", TensorProto.UINT2, codes.shape, codes.ravel().tolist()), "s": np.float32(1)}
    nodes = [helper.make_node("DequantizeLinear", ["w", "s"], ["numbers"]), helper.make_node("MatMul", ["x", "numbers"], ["y"])]
    save(tmp_path / "model.onnx", nodes, constants, [None, 32], opset=25)
    x = random.standard_normal((3, 32)).astype(np.float32)
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.qdq_matmulnbits_accuracy_level", "1")
    theirs = onnxruntime.InferenceSession(tmp_path / "model.onnx", options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    assert np.abs(theirs - x @ codes.astype(np.float32)).max() > 1


@pytest.mark.parametrize("scheme", ["int8", "int4", "palette-4"])
def test_no_rows_are_no_trouble(winnow, tmp_path, scheme):
    """Data that has no rows, as a slice of nothing or a search that finds nothing has, goes through weights in codes."""
    random = np.random.default_rng(2)
    constants = {"w": random.standard_normal((64, 48)).astype(np.float32), "zero": np.array([0], np.int64)}
    nodes = [helper.make_node("Slice", ["x", "zero", "zero", "zero"], ["none"]), helper.make_node("MatMul", ["none", "w"], ["y"])]
    path, coded = tmp_path / "none.onnx", tmp_path / "coded.onnx"
    save(path, nodes, constants, [None, 64])
    winnow("quantize", path, "--scheme", scheme, "-o", coded)
    np.savez(tmp_path / "x.npz", x=random.standard_normal((3, 64)).astype(np.float32))
    winnow("infer", coded, "--input", tmp_path / "x.npz", "-o", tmp_path / "y.npz")
    assert np.load(tmp_path / "y.npz")["y"].shape == (0, 48)
