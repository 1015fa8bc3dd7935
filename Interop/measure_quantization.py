"""Prints the table of Guides/StaticQuantization.md: published models in int8 with default options, run by ONNX Runtime.

    measure_quantization.py [NAME…] [--work DIR] [--photographs DIR…] [--words FILE] [--sounds DIR] [--files DIR…] [--set K=V…]

Each model is quantized on samples like those it is judged on, but others, by winnow and by ONNX Runtime's own `quantize_static`
(QDQ, uint8 and int8 a channel, min-max) and `quantize_dynamic`. Photographs are cut into crops; lines of text come from WordNet
(Debian wordnet-base) in DejaVu and Liberation, sounds from Debian's asterisk-core-sounds-en-wav, files from this machine.
"""

import argparse
import collections
import dataclasses
import json
import os
import pickle
import random
import statistics
import subprocess
import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from PIL import Image, ImageDraw, ImageFilter, ImageFont

ROOT = Path(__file__).resolve().parent.parent
WINNOW = os.environ.get("WINNOW", ROOT / ".build/release/winnow")
MODELS = Path(os.environ.get("WINNOW_MODELS", ROOT / ".deps/models"))
Arrays = dict[str, np.ndarray]


@dataclasses.dataclass
class Case:
    """A model, arrays to calibrate with, inputs to judge with, and how: `score(outputs, float outputs)`, a list of each."""

    path: Path
    calibration: Arrays
    tests: list[Arrays]
    measure: str
    score: Callable[[list, list], float]
    # Axis of the samples in each array; None: all samples share it.
    axes: dict[str, int | None] = dataclasses.field(default_factory=dict)

    def samples(self) -> list[Arrays]:
        def axis(name: str) -> int | None:
            return self.axes.get(name, 0)

        first = next(name for name in self.calibration if axis(name) is not None)
        return [
            {n: a if axis(n) is None else np.take(a, [i], axis(n)) for n, a in self.calibration.items()}
            for i in range(self.calibration[first].shape[axis(first)])
        ]


# Scores


def agreement(outputs: list, originals: list) -> float:
    return float(np.mean([np.mean(a[0].argmax(-1) == b[0].argmax(-1)) for a, b in zip(outputs, originals)]))


def least_cosine(outputs: list, originals: list) -> float:
    """Of all outputs, the least cosine over all samples together."""
    pairs = [[np.concatenate([run[k].ravel() for run in runs]).astype(float) for k in range(len(outputs[0]))] for runs in (outputs, originals)]
    return min(float(a @ b / np.sqrt((a @ a) * (b @ b))) for a, b in zip(*pairs))


def map_overlap(outputs: list, originals: list) -> float:
    """Intersection over union of what is text, at the threshold that the detector's users have."""
    maps = [np.concatenate([run[0].ravel() for run in runs]) > 0.3 for runs in (outputs, originals)]
    return float((maps[0] & maps[1]).sum() / (maps[0] | maps[1]).sum())


# Photographs


def crops(photographs: list[Image.Image], count: int, size: int, seed: int) -> np.ndarray:
    """Squares of any place and size, scaled and some of them mirrored: 0…255, (count, size, size, 3)."""
    rng, result = random.Random(seed), []
    for _ in range(count):
        image = rng.choice(photographs)
        side = int(min(image.size) * rng.uniform(0.4, 1))
        x, y = rng.randint(0, image.width - side), rng.randint(0, image.height - side)
        crop = image.crop((x, y, x + side, y + side)).resize((size, size), Image.BICUBIC)
        result.append(np.asarray(crop)[:, :: rng.choice((1, -1))])
    return np.stack(result)


def photographs(folders: list[Path]) -> list[Image.Image]:
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if path.suffix in (".jpg", ".png")]
    images = [Image.open(path) for path in paths]
    large = [image.convert("RGB") for image in images if image.mode == "RGB" and min(image.size) >= 240]
    return [image for image in large if np.asarray(image).std() > 20]


def efficientnet(options) -> Case:
    from trained_networks import export

    path = options.work / "efficientnet_lite0.onnx"
    if not path.exists():
        export("efficientnet-lite0", MODELS, path)
    images = photographs(options.photographs)

    def pixels(count: int, seed: int) -> np.ndarray:
        return ((crops(images, count, 224, seed).transpose(0, 3, 1, 2).astype(np.float32) - 127) / 128).astype(np.float32)

    tests = pixels(1600, 2)
    name = onnx.load(path).graph.input[0].name
    return Case(path, {name: pixels(options.samples, 1)}, batches(name, tests), "agreement of top-1", agreement)


def batches(name: str, array: np.ndarray, size: int = 20) -> list[Arrays]:
    return [{name: array[i : i + size]} for i in range(0, len(array), size)]


def ddddocr_det(options) -> Case:
    images = photographs(options.photographs)

    def pixels(count: int, seed: int) -> np.ndarray:
        rng, result = random.Random(seed), []
        for crop in crops(images, count, 416, seed):
            image = Image.fromarray(crop)
            draw = ImageDraw.Draw(image)
            for _ in range(rng.randint(2, 6)):
                font = ImageFont.truetype(rng.choice(fonts()), rng.randint(24, 70))
                color = tuple(rng.randint(0, 255) for _ in range(3))
                draw.text((rng.randint(0, 350), rng.randint(0, 350)), rng.choice("abcdefghijkmnpqrstuvwxyz23456789"), font=font, fill=color)
            result.append(np.asarray(image)[:, :, ::-1].transpose(2, 0, 1).astype(np.float32))
        return np.stack(result)

    path = MODELS / "ddddocr/common_det.onnx"
    return Case(
        path, {"images": pixels(min(options.samples, 64), 1)}, batches("images", pixels(24, 2), 1), "cosine of the boxes", least_cosine
    )


# Text


def fonts() -> list[str]:
    paths = sorted(Path("/usr/share/fonts").rglob("*.ttf"))
    return [str(path) for path in paths if "DejaVu" in path.name or "Liberation" in path.name]


class Lines:
    """Rendered lines of text, blurred and noisy."""

    def __init__(self, options, seed: int):
        self.rng, self.noise = random.Random(seed), np.random.default_rng(seed)
        lines = options.words.read_text(encoding="latin-1").splitlines()
        glosses = [line.rstrip().split(" | ", 1)[1].split(";")[0].replace('"', "").strip()[:32].strip() for line in lines if " | " in line]
        self.glosses = [gloss for gloss in glosses if len(gloss) > 24 and gloss.isascii()]

    def image(self, text: str) -> np.ndarray:
        font = ImageFont.truetype(self.rng.choice(fonts()), self.rng.randint(18, 34))
        left, top, right, bottom = font.getbbox(text)
        image = Image.new("L", (right - left + 12, bottom - top + 10), 255 - self.rng.randint(0, 60))
        ImageDraw.Draw(image).text((6 - left, 5 - top), text, font=font, fill=self.rng.randint(0, 90))
        pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(self.rng.uniform(0.3, 1.6))), np.float32)
        return np.clip(pixels + self.noise.normal(0, self.rng.uniform(2, 18), pixels.shape), 0, 255)

    def line(self) -> tuple[str, np.ndarray]:
        text = self.rng.choice(self.glosses)
        return text, self.image(text)

    def page(self, size: int) -> np.ndarray:
        """Lines at random places of a page: (1, 3, size, size), 0…255."""
        page = Image.new("L", (size, size), 255 - self.rng.randint(0, 80))
        y = self.rng.randint(5, 60)
        while y < size - 40:
            part = Image.fromarray(self.line()[1].astype(np.uint8))
            page.paste(part, (self.rng.randint(0, max(1, size - part.width)), y))
            y += part.height + self.rng.randint(2, 60)
        pixels = np.asarray(page, np.float32) + self.noise.normal(0, 4, (size, size))
        return np.broadcast_to(np.clip(pixels, 0, 255), (1, 3, size, size)).astype(np.float32)


def scaled(pixels: np.ndarray, width: int | None = None, height: int = 48) -> np.ndarray:
    """(1, 3, height, width) in −1…1, padded with zeros."""
    image = Image.fromarray(pixels.astype(np.uint8)).convert("RGB")
    natural = max(16, round(image.width * height / image.height))
    width = width or natural
    image = image.resize((min(natural, width), height), Image.BILINEAR)
    result = np.zeros((1, 3, height, width), np.float32)
    result[0, :, :, : image.width] = (np.asarray(image, np.float32).transpose(2, 0, 1) / 255 - 0.5) / 0.5
    return result


def distance(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        row, last = [i], row
        for j, other in enumerate(b, 1):
            row.append(min(last[j] + 1, row[-1] + 1, last[j - 1] + (letter != other)))
    return row[-1]


def ppocr_rec(options) -> Case:
    path = MODELS / "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx"
    stored = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    letters = ["", *stored["character"].splitlines(), " "]
    lines = Lines(options, 7)
    pairs = [lines.line() for _ in range(200)]

    def accuracy(outputs: list, _: list) -> float:
        errors = total = 0
        for (text, _), (output,) in zip(pairs, outputs):
            best = output[0].argmax(1)
            read = "".join(letters[i] for k, i in enumerate(best) if i and (k == 0 or best[k - 1] != i))
            errors += distance(text.replace(" ", ""), read.replace(" ", ""))
            total += len(text.replace(" ", ""))
        return 1 - errors / total

    other = Lines(options, 11)
    calibration = np.concatenate([scaled(other.line()[1], 320) for _ in range(options.samples)])
    return Case(path, {"x": calibration}, [{"x": scaled(image)} for _, image in pairs], "characters read", accuracy)


def ppocr_cls(options) -> Case:
    lines, other = Lines(options, 7), Lines(options, 11)
    tests = [{"x": scaled(turned, 192)} for image in (lines.line()[1] for _ in range(200)) for turned in (image, image[::-1, ::-1])]

    def accuracy(outputs: list, _: list) -> float:
        return float(np.mean([int(output[0][0].argmax()) == place % 2 for place, output in enumerate(outputs)]))

    calibration = np.concatenate([scaled(other.line()[1], 192) for _ in range(options.samples)])
    path = MODELS / "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx"
    return Case(path, {"x": calibration}, tests, "directions told", accuracy)


def ppocr_det(options) -> Case:
    def pages(count: int, seed: int) -> np.ndarray:
        lines = Lines(options, seed)
        pixels = np.concatenate([lines.page(480) for _ in range(count)]) / 255
        means, deviations = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
        return ((pixels - means[:, None, None]) / deviations[:, None, None]).astype(np.float32)

    path = MODELS / "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx"
    return Case(path, {"x": pages(min(options.samples, 48), 11)}, batches("x", pages(24, 7), 1), "overlap of the map", map_overlap)


# Files


def magika(options) -> Case:
    """Files by their first and last 1024 bytes, without white space around them; a file's class is what the float model gives most
    files of its extension."""
    paths = [path for folder in options.files for path in sorted(folder.rglob("*.*")) if path.is_file() and not path.is_symlink()]
    random.Random(0).shuffle(paths)
    kinds: dict[str, list[Path]] = collections.defaultdict(list)
    for path in paths:
        if path.stat().st_size > 100 and len(kinds[path.suffix]) < 60:
            kinds[path.suffix].append(path)
    known = [(kind, path) for kind, found in sorted(kinds.items()) if len(found) >= 8 for path in found]
    random.Random(1).shuffle(known)

    def content(path: Path) -> np.ndarray:
        data = path.read_bytes()
        first, last = data[:4096].lstrip()[:1024], data[-4096:].rstrip()[-1024:]
        row = np.full(2048, 256, np.int32)
        row[: len(first)] = list(first)
        row[2048 - len(last) :] = list(last)
        return row

    split = options.samples
    arrays = np.stack([content(path) for _, path in known[: split + 3000]])
    extensions = [kind for kind, _ in known[split : split + 3000]]

    def accuracy(outputs: list, originals: list) -> float:
        found, original = (np.concatenate([run[0] for run in runs]).argmax(-1) for runs in (outputs, originals))
        votes: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
        for kind, own in zip(extensions, original):
            votes[kind][own] += 1
        return float(np.mean([own == votes[kind].most_common(1)[0][0] for kind, own in zip(extensions, found)]))

    path = MODELS / "magika/models/standard_v3_3/model.onnx"
    return Case(path, {"bytes": arrays[:split]}, batches("bytes", arrays[split:], 50), "files told", accuracy)


# Sounds


def voice(options, seed: int, seconds: int, rate: int) -> np.ndarray:
    """Prompts one after the other with pauses and noise between them."""
    paths, rng = sorted(options.sounds.rglob("*.wav")), np.random.default_rng(seed)
    parts, length = [], 0
    while length < seconds * rate:
        with wave.open(str(paths[rng.integers(len(paths))])) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768
            own = file.getframerate()
        times = np.arange(int(len(samples) * rate / own)) * own / rate
        sound = np.interp(times, np.arange(len(samples)), samples) * rng.uniform(0.2, 1.5)
        parts += [sound, np.zeros(int(rng.uniform(0.1, 1) * rate))]
        length += len(parts[-1]) + len(sound)
    whole = np.concatenate(parts)[: seconds * rate]
    return np.clip(whole + rng.normal(0, rng.uniform(0.001, 0.01), len(whole)), -1, 1).astype(np.float32)


def silero(options) -> Case:
    """Frames of 32 ms behind the 4 ms before each, with the state that the float model has there; judged on whole streams."""
    path = MODELS / "silero_vad/data/silero_vad_16k_op15.onnx"
    model, rate = session(path), np.array(16_000, np.int64)

    def frames(sound: np.ndarray):
        for place in range(64, len(sound) - 512, 512):
            yield sound[None, place - 64 : place + 512]

    state, inputs, states = np.zeros((2, 1, 128), np.float32), [], []
    for frame in frames(voice(options, 1, 120, 16_000)):
        inputs.append(frame)
        states.append(state)
        _, state = model.run(None, {"input": frame, "state": state, "sr": rate})
    chosen = np.random.default_rng(0).permutation(len(inputs))[: options.samples]
    calibration = {
        "input": np.concatenate([inputs[i] for i in chosen]), "state": np.concatenate([states[i] for i in chosen], 1), "sr": rate
    }
    tests = [{"input": frame, "state": np.zeros((2, 1, 128), np.float32), "sr": rate} for frame in frames(voice(options, 2, 60, 16_000))]
    return Case(path, calibration, tests, "cosine over a stream", least_cosine, axes={"state": 1, "sr": None})


def basic_pitch(options) -> Case:
    """Two seconds of chords of plucked harmonics."""

    def music(count: int, seed: int) -> np.ndarray:
        rng, result = np.random.default_rng(seed), []
        for _ in range(count):
            times, sound = np.arange(43844) / 22050, np.zeros(43844)
            for _ in range(rng.integers(2, 14)):
                start, pitch = rng.uniform(0, 1.8), 440 * 2 ** ((rng.integers(36, 90) - 69) / 12)
                shape = np.where(times >= start, np.exp(-(times - start) * rng.uniform(1, 8)), 0)
                for harmonic in range(1, 8):
                    if harmonic * pitch < 11_000:
                        part = np.sin(2 * np.pi * harmonic * pitch * times) / harmonic ** rng.uniform(0.8, 2)
                        sound += rng.uniform(0.02, 0.3) * shape * part
            result.append(sound + rng.normal(0, 0.002, 43844))
        return np.clip(np.stack(result), -1, 1).astype(np.float32)[:, :, None]

    path = MODELS / "basic_pitch/saved_models/icassp_2022/nmp.onnx"
    name = "serving_default_input_2:0"
    return Case(path, {name: music(min(options.samples, 64), 1)}, batches(name, music(24, 2), 1), "least cosine of three outputs", least_cosine)


def minilm(options) -> Case:
    from trained_networks import export, tokens

    path = options.work / "minilm.onnx"
    if not path.exists():
        export("minilm", MODELS, path)
    lines = options.words.read_text(encoding="latin-1").splitlines()
    glosses = [line.split(" | ", 1)[1].split(";")[0].strip() for line in lines if " | " in line]
    random.Random(3).shuffle(glosses)
    calibration, tests = tokens(MODELS, glosses[: options.samples]), [tokens(MODELS, [gloss]) for gloss in glosses[-100:]]
    return Case(path, calibration, tests, "least cosine of two outputs", least_cosine)


CASES = {case.__name__: case for case in (efficientnet, magika, ppocr_rec, ppocr_cls, ppocr_det, ddddocr_det, basic_pitch, silero, minilm)}


# Measuring


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def outputs(path: Path, case: Case) -> list:
    """What each test gives; a recurrent model gets its state from the test before."""
    model, results, state = session(path), [], None
    for arrays in case.tests:
        arrays = {**arrays, "state": state} if state is not None else arrays
        results.append(model.run(None, arrays))
        state = results[-1][1] if "state" in arrays else None
    return results


def latency(path: Path, arrays: Arrays, seconds: float = 1.0) -> float:
    model, times = session(path), []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        model.run(None, arrays)
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def own_latency(path: Path, inputs: Path) -> float:
    command = [WINNOW, "benchmark", path, "--json", "--threads", "1", "--seconds", "1", "--input", inputs]
    found = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout
    return json.loads(found)[0]["latency"]["medianMilliseconds"]


class Reader(CalibrationDataReader):
    def __init__(self, samples: list[Arrays]):
        self.samples = iter(samples)

    def get_next(self):
        return next(self.samples, None)


def layers(path: Path) -> str:
    """How many layers have dequantized weights and data."""
    graph = onnx.load(path).graph
    producers = {output: node for node in graph.node for output in node.output}
    found = [node for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul", "ConvTranspose")]
    coded = [node for node in found if all(producers.get(i, node).op_type == "DequantizeLinear" for i in node.input[:2])]
    return f"{len(coded)} of {len(found)}"


def measure(name: str, options) -> str:
    case = CASES[name](options)
    data = options.work / f"{name}.npz"
    np.savez(data, **case.calibration)
    kept = options.work / f"{name}.pickle"
    originals = pickle.loads(kept.read_bytes()) if kept.exists() else outputs(case.path, case)
    kept.write_bytes(pickle.dumps(originals))
    ours, static, dynamic = (options.work / f"{name}.{kind}.onnx" for kind in ("winnow", "static", "dynamic"))
    settings = [part for setting in options.set for part in ("--set", setting)]
    start = time.perf_counter()
    command = [WINNOW, "apply", "static-quantization", case.path, "-o", ours, "--data", data, *settings]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    seconds = time.perf_counter() - start
    columns = [name, case.measure, f"{case.score(originals, originals):.4f}", f"{case.score(outputs(ours, case), originals):.4f}"]
    if not options.quick:
        kinds = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8, "per_channel": True}
        for path, quantize in ((static, lambda: quantize_static(case.path, static, Reader(case.samples()), QuantFormat.QDQ, **kinds)),
                               (dynamic, lambda: quantize_dynamic(case.path, dynamic))):
            try:
                if not path.exists():
                    quantize()
                columns.append(f"{case.score(outputs(path, case), originals):.4f}")
            except Exception as error:
                columns.append(f"fails: {str(error)[:60]}")
    columns += [layers(ours), f"{seconds:.1f}"]
    if options.speed:
        one = options.work / f"{name}.one.npz"
        np.savez(one, **case.tests[0])
        theirs, own = [[measure_(path) for path in (case.path, ours)] for measure_ in (lambda path: latency(path, case.tests[0]), lambda path: own_latency(path, one))]
        columns += [f"{before:.3g} → {after:.3g}" for before, after in (theirs, own)]
    return f"| {' | '.join(columns)} |"


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CASES))
    parser.add_argument("--work", type=Path, default=Path("out/measure_quantization"))
    parser.add_argument("--photographs", type=Path, nargs="*", default=[MODELS / "skimage/data"])
    parser.add_argument("--words", type=Path, default=Path("/usr/share/wordnet/data.noun"))
    parser.add_argument("--sounds", type=Path, default=Path("/usr/share/asterisk/sounds"))
    parser.add_argument("--files", type=Path, nargs="*", default=[Path("/usr/share"), Path("/usr/lib")])
    parser.add_argument("--samples", type=int, default=256)
    parser.add_argument("--set", action="append", default=[], metavar="HYPERPARAMETER=VALUE")
    parser.add_argument("--quick", action="store_true", help="winnow alone")
    parser.add_argument("--speed", action="store_true", help="milliseconds before and after as well, one thread")
    return parser.parse_args()


if __name__ == "__main__":
    options = parse()
    options.work.mkdir(parents=True, exist_ok=True)
    print("| model | measure | float | winnow | quantize_static | quantize_dynamic | layers | seconds | ONNX Runtime, ms | winnow, ms |")
    print("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for name in options.names or CASES:
        print(measure(name, options), flush=True)
