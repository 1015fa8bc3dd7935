"""Measures what bits, zeros and tiles gain: products with weights of few bits, networks of which most weights are zero, and 3×3
convolutions.

Each row: Winnow, its peers and, for products, a probe that reads as many bytes as the codes and scales have, in turns; the lowest of
all rounds' medians. Networks with zeros are compared with themselves before pruning, those of 3×3 convolutions with themselves in exact
arithmetic. Weights are random, which times do not depend on. Results are written only where nobody else used the cores, or with `--noisy`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import quiet

HEADING = "## Zeros, bits and tiles"
INTRODUCTION = """Written by `{}`: milliseconds of one execution on {} thread(s), the lowest median of {} rounds. Four matrices of
4096 × 4096 with scales for blocks of 32 follow each other; bandwidth is the part of what a probe reads in the same rounds. MobileNetV1 at
224 × 224 has 90 % of its 1×1 weights zero, in float32 anywhere and in int8 in blocks of four along the sum. The last table has networks of
3×3 convolutions at 224 × 224 in float32, with `--exact` and without. The last column of the other two tables is the time of the fastest
peer over ours. All take the same file; MNN, ncnn and DeepSparse are timed only where their results are ONNX Runtime's to 0.001 (0.05 in
int8). MNN's converter looks for zeros (`detectSparseSpeedUp`), ncnn packs, stores and computes nothing in 16 bits.

"""
PEERS = ["onnxruntime", "openvino", "mnn", "ncnn", "deepsparse"]
SIZE, BLOCK, LAYERS = 4096, 32, 4


def model(nodes, initializers, source, target, opset=21):
    graph = helper.make_graph(
        nodes,
        "compressed",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, source)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, target)],
        [numpy_helper.from_array(value, name) if isinstance(value, np.ndarray) else value for name, value in initializers.items()],
    )
    return helper.make_model(
        graph, ir_version=10, opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    )


def products(form: str, bits: int, level: int = 0):
    """Four products with coded weights, and the bytes of these."""
    random = np.random.default_rng(0)
    nodes, constants, count = [], {}, SIZE * SIZE // BLOCK
    for layer in range(LAYERS):
        x, y = ("x" if layer == 0 else f"y{layer - 1}"), ("y" if layer == LAYERS - 1 else f"y{layer}")
        codes = random.integers(0, 256, (SIZE, SIZE * bits // 8), dtype=np.uint8)
        scales = random.uniform(0.5, 1.5, count).astype(np.float32) / (SIZE * 2 ** (bits - 1)) ** 0.5
        if form == "packed":
            constants |= {f"w{layer}": codes.reshape(SIZE, SIZE // BLOCK, -1), f"s{layer}": scales}
            nodes.append(
                helper.make_node(
                    "MatMulNBits", [x, f"w{layer}", f"s{layer}"], [y], domain="com.microsoft", K=SIZE, N=SIZE, bits=bits,
                    block_size=BLOCK, accuracy_level=level,
                )
            )
            continue
        kind = {4: TensorProto.INT4, 8: TensorProto.INT8}[bits] if form == "dequantized" else TensorProto.UINT4
        constants[f"w{layer}"] = helper.make_tensor(f"w{layer}", kind, [SIZE, SIZE], codes.tobytes(), raw=True)
        if form == "dequantized":
            constants[f"s{layer}"] = scales.reshape(SIZE // BLOCK, SIZE)
            nodes.append(
                helper.make_node("DequantizeLinear", [f"w{layer}", f"s{layer}"], [f"f{layer}"], axis=0, block_size=BLOCK)
            )
        else:
            constants |= {"one": np.array(1, np.float32), f"t{layer}": np.linspace(-0.02, 0.02, 16).astype(np.float32)}
            nodes += [
                helper.make_node("DequantizeLinear", [f"w{layer}", "one"], [f"n{layer}"]),
                helper.make_node("Cast", [f"n{layer}"], [f"i{layer}"], to=TensorProto.INT32),
                helper.make_node("Gather", [f"t{layer}", f"i{layer}"], [f"f{layer}"]),
            ]
        nodes.append(helper.make_node("MatMul", [x, f"f{layer}"], [y]))
    scale_bytes = 0 if form == "palette" else 4 * count
    return model(nodes, constants, ["batch", SIZE], ["batch", SIZE]), LAYERS * (SIZE * SIZE * bits // 8 + scale_bytes)


class Network:
    """A graph of convolutions with random weights, written layer by layer; `value` is the last result."""

    def __init__(self):
        self.random = np.random.default_rng(0)
        self.nodes, self.constants, self.value = [], {}, "x"

    def add(self, operator: str, *inputs: str, constants: dict | None = None, **attributes) -> str:
        """Adds a node that takes the inputs, or the last result, and constants behind them."""
        output = f"{operator}{len(self.nodes)}"
        names = {f"{output}.{name}": array for name, array in (constants or {}).items()}
        self.constants |= names
        self.nodes.append(helper.make_node(operator, [*(inputs or [self.value]), *names], [output], **attributes))
        self.value = output
        return output

    def conv(self, outputs: int, inputs: int, size: int = 3, stride: int = 1, groups: int = 1, change=lambda weight: weight) -> str:
        weight = self.random.standard_normal((outputs, inputs // groups, size, size)).astype(np.float32)
        weight *= (2 / (inputs // groups * size * size)) ** 0.5
        bias = self.random.standard_normal(outputs).astype(np.float32) * 0.1
        return self.add(
            "Conv", constants={"weight": change(weight), "bias": bias}, kernel_shape=[size] * 2, strides=[stride] * 2,
            pads=[size // 2] * 4, group=groups,
        )

    def classifier(self, inputs: int):
        self.add("GlobalAveragePool")
        self.add("Flatten")
        weight = self.random.standard_normal((1000, inputs)).astype(np.float32) * 0.03
        self.add("Gemm", constants={"weight": weight, "bias": np.zeros(1000, np.float32)}, transB=1)
        return self.model([1000])

    def model(self, extents):
        self.nodes[-1].output[0] = "y"
        return model(self.nodes, self.constants, ["batch", 3, 224, 224], ["batch", *extents], opset=17)


def mobilenet(kept: float, block: int = 1):
    """MobileNetV1 with folded normalizations, of whose 1×1 weights the largest stay, in blocks along the sum."""
    net = Network()

    def pruned(weight):
        outputs, inputs = weight.shape[:2]
        blocks = np.abs(weight).reshape(outputs, inputs // block, block).sum(2)
        return weight * np.repeat(blocks >= np.quantile(blocks, 1 - kept), block, 1)[..., None, None] / np.float32(max(kept, 0.05) ** 0.5)

    net.conv(32, 3, stride=2)
    net.add("Relu")
    channels = 32
    for outputs, stride in [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]:
        net.conv(channels, channels, stride=stride, groups=channels)
        net.add("Relu")
        net.conv(outputs, channels, size=1, change=pruned)
        net.add("Relu")
        channels = outputs
    return net.classifier(1024)


def vgg_11():
    net, channels = Network(), 3
    for outputs in [64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0]:
        if outputs == 0:
            net.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
            continue
        net.conv(outputs, channels)
        net.add("Relu")
        channels = outputs
    return net.classifier(512)


def resnet_18():
    net, channels = Network(), 64
    net.conv(64, 3, size=7, stride=2)
    net.add("Relu")
    net.add("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    for outputs, stride in [(64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)]:
        start = net.value
        shortcut = start if stride == 1 else net.conv(outputs, channels, size=1, stride=stride)
        net.value = start
        net.conv(outputs, channels, stride=stride)
        net.add("Relu")
        net.add("Add", net.conv(outputs, outputs), shortcut)
        net.add("Relu")
        channels = outputs
    return net.classifier(512)


def u_net():
    """Three levels of 32, 64 and 128 channels."""
    net = Network()

    def level(outputs, inputs):
        for channels in (inputs, outputs):
            net.conv(outputs, channels)
            net.add("Relu")
        return net.value

    def up(outputs, inputs, other):
        weight = net.random.standard_normal((inputs, outputs, 2, 2)).astype(np.float32) * 0.05
        net.add("ConvTranspose", constants={"weight": weight}, kernel_shape=[2, 2], strides=[2, 2])
        net.add("Concat", net.value, other, axis=1)

    first = level(32, 3)
    net.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    second = level(64, 32)
    net.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    level(128, 64)
    up(64, 128, second)
    level(64, 128)
    up(32, 64, first)
    level(32, 64)
    net.conv(1, 32, size=1)
    return net.model([1, 224, 224])


class Peer:
    """A worker of the folder `peers`; it waits while others work."""

    def __init__(self, name: str, threads: int):
        self.name = name
        self.command = [sys.executable, str(Path(__file__).parent / "peers" / f"{name}_worker.py"), "--threads", str(threads)]
        self.process = None

    def why_missing(self) -> str:
        """Why it is not here; empty where it is."""
        check = subprocess.run([*self.command, "--check"], capture_output=True, text=True)
        return " ".join(check.stderr.split())[-200:] if check.returncode else ""

    def milliseconds(self, path: Path, batch: int, seconds: float) -> float:
        """The median of one execution."""
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        task = {"work": "inference", "model": str(path), "batch": batch, "seconds": seconds, "coldRuns": 0}
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or '{"error": "the worker ended"}')
        if "error" in answer:
            raise ValueError(f"{self.name}: {answer['error']}")
        return answer["medianMilliseconds"]

    def close(self) -> None:
        if self.process:
            self.process.communicate()


def probe(count: int, seconds: float) -> float:
    """The median time to read so many bytes on one thread."""
    numbers = np.ones(count // 8, np.int64)
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        numbers.max()
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times[1:]))


def own(winnow: str, path: Path, batch: int, threads: int, seconds: float, *flags: str) -> float:
    command = [winnow, "benchmark", path, "--batch", batch, "--threads", threads, "--seconds", seconds, "--json", *flags]
    result = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
    return json.loads(result.stdout)[0]["latency"]["medianMilliseconds"]


def lowest(rounds: int, *contestants):
    """What each gives, in turns; nan where one cannot run the file, which it then tries once."""
    found = [[] for _ in contestants]
    for _ in range(rounds):
        for times, contestant in zip(found, contestants):
            if np.isnan(times).any():
                continue
            try:
                times.append(contestant())
            except Exception as error:  # A runtime that refuses a file is a result.
                print(error, file=sys.stderr)
                times.append(float("nan"))
    return [min(times) if not np.isnan(times).any() else float("nan") for times in found]


def against(arguments, path: Path, batch: int):
    """A contestant of every peer for a file."""
    return [lambda peer=peer: peer.milliseconds(path, batch, arguments.seconds) for peer in arguments.peers]


def header(arguments, *names: str):
    """The first lines of a table whose last columns are the peers' and how many times faster ours is than the fastest."""
    cells = [*names, *(peer.name for peer in arguments.peers), "÷ best peer"]
    return [f"| {' | '.join(cells)} |", f"| {' | '.join('---' for _ in cells)} |"]


def compared(ours: float, others) -> str:
    """The cells below these columns; a peer that cannot run the file has a dash."""
    ran = [time for time in others if not np.isnan(time)]
    cells = ["–" if np.isnan(time) else f"{time:.2f}" for time in others]
    return " | ".join([*cells, f"{min(ran) / ours:.2f}" if ran else "–"])


def measure_products(arguments, folder: Path):
    reference = next(peer for peer in arguments.peers if peer.name == "onnxruntime")
    yield "| weights | rows | winnow | onnxruntime | ÷ onnxruntime | of the bandwidth |"
    yield "| --- | --- | --- | --- | --- | --- |"
    kinds = [
        ("MatMulNBits, 4 bits, accuracy level 4", "packed", 4, 4),
        ("MatMulNBits, 4 bits", "packed", 4, 0),
        ("MatMulNBits, 8 bits, accuracy level 4", "packed", 8, 4),
        ("MatMulNBits, 2 bits, accuracy level 4", "packed", 2, 4),
        ("DequantizeLinear, int4", "dequantized", 4, 0),
        ("DequantizeLinear, int8", "dequantized", 8, 0),
        ("table of 16 numbers", "palette", 4, 0),
    ]
    for name, form, bits, level in kinds:
        graph, count = products(form, bits, level)
        path = folder / f"products-{form}-{bits}-{level}.onnx"
        onnx.save(graph, path)
        for rows in (1, 8, 32):
            contestants = [
                lambda: own(arguments.winnow, path, rows, arguments.threads, arguments.seconds),
                lambda: reference.milliseconds(path, rows, arguments.seconds),
            ]
            if rows == 1 and arguments.threads == 1:
                contestants.append(lambda: probe(count, arguments.seconds))
            times = lowest(arguments.rounds, *contestants)
            part = f"{100 * times[2] / times[0]:.0f} %" if len(times) > 2 else ""
            yield f"| {name} | {rows} | {times[0]:.2f} | {times[1]:.2f} | {times[1] / times[0]:.2f} | {part} |"


def measure_zeros(arguments, folder: Path):
    yield from header(arguments, "MobileNetV1", "batch", "winnow, dense", "90 % zero", "dense ÷ zero")
    data = folder / "data.npz"
    np.savez(data, x=np.random.default_rng(1).standard_normal((16, 3, 224, 224)).astype(np.float32))
    for name, block in (("float32", 1), ("int8, blocks of 4", 4)):
        paths = [folder / f"{part}-{block}.onnx" for part in ("dense", "zero")]
        for path, kept in zip(paths, (1, 0.1)):
            onnx.save(mobilenet(kept, block), path)
            if block > 1:
                command = [arguments.winnow, "apply", "static-quantization", path, "-o", path, "--data", data]
                subprocess.run([str(word) for word in command], check=True, capture_output=True)
        for batch in (1, 16):
            times = lowest(
                arguments.rounds,
                *[lambda path=path: own(arguments.winnow, path, batch, arguments.threads, arguments.seconds) for path in paths],
                *against(arguments, paths[1], batch),
            )
            dense, zero, *others = times
            yield f"| {name} | {batch} | {dense:.2f} | {zero:.2f} | {dense / zero:.2f} | {compared(zero, others)} |"


def measure_tiles(arguments, folder: Path):
    yield from header(arguments, "3×3 convolutions", "batch", "winnow, exact", "winnow", "exact ÷ winnow")
    for name, network in (("VGG-11", vgg_11), ("ResNet-18", resnet_18), ("U-Net", u_net)):
        path = folder / f"{name}.onnx"
        onnx.save(network(), path)
        for batch in (1, 8):
            exact, fast, *others = lowest(
                arguments.rounds,
                lambda: own(arguments.winnow, path, batch, arguments.threads, arguments.seconds, "--exact"),
                lambda: own(arguments.winnow, path, batch, arguments.threads, arguments.seconds),
                *against(arguments, path, batch),
            )
            yield f"| {name} | {batch} | {exact:.2f} | {fast:.2f} | {exact / fast:.2f} | {compared(fast, others)} |"


def write(path: Path, section: str) -> None:
    """Puts the section into a file in the place of the one that is there, else behind the others."""
    parts = ("\n" + path.read_text()).split("\n## ") if path.exists() else [""]
    heading = HEADING.removeprefix("## ")
    kept = [part.rstrip() for part in parts if not part.startswith(heading)]
    busy = next((index for index, part in enumerate(kept) if part.startswith("Beside busy")), len(kept))
    kept.insert(busy, f"{heading}\n\n{section.rstrip()}")
    path.write_text("\n\n## ".join(kept).lstrip() + "\n")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--winnow", default=".build/release/winnow")
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--seconds", type=float, default=0.3)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--only", choices=["products", "zeros", "tiles"])
    arguments.add_argument("--results", type=Path, help="a file of results whose section about these is written anew")
    arguments.add_argument("--noisy", action="store_true", help="write results although others use the cores")
    arguments = arguments.parse_args()
    watch = quiet.watch() if arguments.results and not arguments.noisy else None
    arguments.peers = [Peer(name, arguments.threads) for name in PEERS]
    missing = {peer: why for peer in arguments.peers if (why := peer.why_missing())}
    arguments.peers = [peer for peer in arguments.peers if peer not in missing]
    lines = [f"Without {peer.name}: {why}\n" for peer, why in missing.items()]
    print("\n".join(lines), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for part, measure in (("products", measure_products), ("zeros", measure_zeros), ("tiles", measure_tiles)):
            if arguments.only not in (None, part):
                continue
            for line in measure(arguments, Path(folder)):
                lines.append(line)
                print(line, flush=True)
            lines.append("")
    for peer in arguments.peers:
        peer.close()
    if arguments.results:
        quiet.refuse(watch)
        command = f"Benchmarks/compressed.py --threads {arguments.threads} --rounds {arguments.rounds} --seconds {arguments.seconds}"
        write(arguments.results, INTRODUCTION.format(command, arguments.threads, arguments.rounds) + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
