"""The same samples give the same accuracy whatever form they come in, and `inspect` counts what ONNX counts."""

import csv
import gzip
import json
import math
import struct
import zlib

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

COUNT = 60


@pytest.fixture(scope="module")
def samples(data_folder):
    images = gzip.open(data_folder / "t10k-images-idx3-ubyte.gz").read()[16:]
    labels = gzip.open(data_folder / "t10k-labels-idx1-ubyte.gz").read()[8:]
    return (
        np.frombuffer(images, np.uint8).reshape(-1, 28, 28)[:COUNT],
        np.frombuffer(labels, np.uint8)[:COUNT].astype(np.int64),
    )


@pytest.fixture(scope="module")
def model(winnow, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m.onnx"
    winnow("new", "lenet-5", "-o", path, "--seed", "1")
    return path


def png(image, *chunks):
    """A grey PNG of 8 or 16 bits with other chunks in it, each row filtered by its difference to the row above where bits are 8."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    if image.dtype == np.uint8:
        above = np.vstack([np.zeros_like(image[:1]), image[:-1]])
        rows = b"".join(b"\x02" + row.tobytes() for row in image - above)
    else:
        rows = b"".join(b"\x00" + row.astype(">u2").tobytes() for row in image)
    header = struct.pack(">IIBBBBB", image.shape[1], image.shape[0], 8 * image.itemsize, 0, 0, 0, 0)
    others = b"".join(chunk(*other) for other in chunks)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + others + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def write_npz(folder, images, labels):
    np.savez(folder / "d.npz", input=images[:, None] / np.float32(255), labels=labels)
    return folder / "d.npz"


def write_wide_npz(folder, images, labels):
    np.savez_compressed(folder / "w.npz", input=images.reshape(-1, 784) / 255.0, labels=labels.astype(np.int32))
    return folder / "w.npz"


def write_arrays(folder, images, labels):
    (folder / "arrays").mkdir()
    np.save(folder / "arrays/input.npy", images[:, None] / np.float32(255))
    np.save(folder / "arrays/labels.npy", labels)
    return folder / "arrays"


def write_table(folder, images, labels):
    with open(folder / "d.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow([f"p{i}" for i in range(784)] + ["label"])
        table.writerows([*(image.reshape(-1) / np.float32(255)), label] for image, label in zip(images, labels))
    (folder / "d.csv.gz").write_bytes(gzip.compress((folder / "d.csv").read_bytes()))
    return folder / "d.csv.gz"


def write_images(folder, images, labels):
    for index, (image, label) in enumerate(zip(images, labels)):
        place = folder / "images" / str(label)
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{index}.png").write_bytes(png(image))
    (folder / "images/images.yaml").write_text("colour: grey\n")
    return folder / "images"


@pytest.mark.parametrize("write", [write_npz, write_wide_npz, write_arrays, write_table, write_images])
def test_the_same_samples_in_every_form(winnow, model, samples, tmp_path, write):
    source = write(tmp_path, *samples)
    found = json.loads(winnow("evaluate", model, "--data", source, "--split", "all", "--json").stdout)[0]["top1"]
    expected = winnow("evaluate", model, "--data", write_npz(tmp_path, *samples), "--split", "all", "--json").stdout
    assert found == json.loads(expected)[0]["top1"]
    assert len(np.unique(samples[1])) == 10 and math.isclose(found * COUNT, round(found * COUNT), abs_tol=1e-6)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("chunks", [[], [(b"gAMA", struct.pack(">I", 100000))], [(b"sRGB", b"\0")]])
def test_numbers_of_pictures_are_taken_as_they_are(winnow, tmp_path, kind, chunks):
    levels = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
    (tmp_path / "images").mkdir()
    (tmp_path / "images/images.yaml").write_text("colour: grey\n")
    picture = levels if kind == np.uint8 else levels.astype(np.uint16) * 257
    for index in range(4):
        (tmp_path / f"images/{index}.png").write_bytes(png(picture, *chunks))
    value = onnx.helper.make_tensor_value_info
    expected = onnx.numpy_helper.from_array((levels / np.float32(255)).astype(np.float32)[None, None], "expected")
    zero = onnx.numpy_helper.from_array(np.zeros(1, np.float32), "zero")
    for name, nodes in (
        ("as-read", [onnx.helper.make_node("Identity", ["x"], ["y"])]),
        ("expected", [onnx.helper.make_node("Mul", ["x", "zero"], ["n"]), onnx.helper.make_node("Add", ["n", "expected"], ["y"])]),
    ):
        ends = [value(end, onnx.TensorProto.FLOAT, ["N", 1, 8, 8]) for end in "xy"]
        used = [zero, expected] if name == "expected" else []
        graph = onnx.helper.make_graph(nodes, name, ends[:1], ends[1:], used)
        onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), tmp_path / f"{name}.onnx")
    result = winnow("compare", tmp_path / "expected.onnx", tmp_path / "as-read.onnx", "--data", tmp_path / "images", "--json")
    assert json.loads(result.stdout)["outputs"][0]["deviation"]["maximumDifference"] < 1e-6


def test_infer_takes_and_gives_safetensors(winnow, model, samples, tmp_path):
    images = samples[0][:3, None] / np.float32(255)
    np.savez(tmp_path / "x.npz", input=images)
    header = json.dumps({"input": {"dtype": "F32", "shape": images.shape, "data_offsets": [0, images.nbytes]}}).encode()
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + images.tobytes())
    winnow("infer", model, "--input", tmp_path / "x.npz", "-o", tmp_path / "y.npz")
    winnow("infer", model, "--input", tmp_path / "x.safetensors", "-o", tmp_path / "y.safetensors")
    written = (tmp_path / "y.safetensors").read_bytes()
    expected = np.load(tmp_path / "y.npz")["logits"]
    assert written.endswith(expected.tobytes())


def test_inspect_counts_parameters(winnow, model):
    summary = json.loads(winnow("inspect", model, "--json", "--tensors").stdout)
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(model).graph.initializer}
    assert summary["parameters"] == sum(tensor.size for tensor in tensors.values())
    assert {row["name"] for row in summary["tensors"]} == tensors.keys()
    for row in summary["tensors"]:
        assert row["minimum"] == pytest.approx(tensors[row["name"]].min())
        assert row["standardDeviation"] == pytest.approx(tensors[row["name"]].std(), rel=1e-4)
        assert sum(row["histogram"]["counts"]) == np.count_nonzero(tensors[row["name"]])


def test_compare_finds_where_int8_parts(winnow, model, samples, tmp_path):
    data = write_npz(tmp_path, *samples)
    winnow("apply", "weight-only-quantization", model, "-o", tmp_path / "q.onnx", "--set", "only=fc2*")
    result = winnow("compare", model, tmp_path / "q.onnx", "--data", data, "--nodes", "--json")
    divergence = json.loads(result.stdout)["divergence"]
    assert divergence["firstNode"] == "fc2"
    errors = {value["node"]: value["deviation"]["relativeError"] for value in divergence["values"]}
    assert errors["fc1"] == 0 < errors["fc2"] < 0.05
    assert "+ tensor fc2.weight" in winnow("diff", model, tmp_path / "q.onnx").stdout


@pytest.fixture
def lonely(tmp_path):
    """A model that names its batch as if any number of samples went through it, and takes one: as traced exports often do."""
    random = np.random.default_rng(2)
    weights = {"w": random.normal(size=(6, 4)).astype(np.float32), "state": np.ones((1, 1, 6), np.float32)}
    nodes = [
        helper.make_node("Concat", ["state", "x"], ["more"], axis=1),
        helper.make_node("MatMul", ["more", "w"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "lonely", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 5, 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 6, 4])], [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    np.savez(tmp_path / "d.npz", x=random.normal(size=(4, 5, 6)).astype(np.float32))
    return tmp_path


def test_samples_one_by_one(winnow, lonely):
    winnow("quantize", lonely / "m.onnx", "--data", lonely / "d.npz", "-o", lonely / "q.onnx")
    old, new = onnx.load(lonely / "m.onnx"), onnx.load(lonely / "q.onnx")
    assert list(old.graph.output) == list(new.graph.output)
    winnow("infer", lonely / "m.onnx", "--data", lonely / "d.npz", "-o", lonely / "y.npz")
    session = onnxruntime.InferenceSession(str(lonely / "m.onnx"), providers=["CPUExecutionProvider"])
    wanted = [session.run(None, {"x": sample[None]})[0] for sample in np.load(lonely / "d.npz")["x"]]
    assert np.allclose(np.load(lonely / "y.npz")["y"], np.concatenate(wanted), atol=1e-5)


def test_names_in_archives_are_classes(winnow, model, samples, tmp_path):
    images, labels = samples
    arrays = {"input": images[:, None] / np.float32(255)}
    names = np.array([f"class {label}" for label in range(10)])[labels]
    results = []
    for kind in (labels, labels.astype(np.float64), names, names.astype("S")):
        np.savez_compressed(tmp_path / "d.npz", labels=kind, **arrays)
        results.append(winnow("evaluate", model, "--data", tmp_path / "d.npz", "--split", "all", "--json").stdout)
    assert len({json.dumps([row.get("top1") for row in json.loads(text)]) for text in results}) == 1
