"""MNN: CPU, precision high: float32 throughout. Its converter chooses sparse kernels where it finds zeros (detectSparseSpeedUp)."""

import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx

from worker import arguments, checked, converted, needed, random_inputs, serve

MNN = needed("MNN")
# The converter alone: the command `mnnconvert` installs packages and sends what was converted. Files it cannot read bring it down.
CONVERT = "import sys, _tools; _tools.mnnconvert(sys.argv[1:])"
TYPES = {MNN.Halide_Type_Float: np.float32, MNN.Halide_Type_Int: np.int32, MNN.Halide_Type_Uint8: np.uint8}


def convert(path: str) -> "MNN.Interpreter":
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "model.mnn"
        options = ["-f", "ONNX", "--modelFile", path, "--MNNModel", str(target), "--bizCode", "winnow", "--detectSparseSpeedUp"]
        (file,) = converted("the converter", [sys.executable, "-c", CONVERT, "mnnconvert", *options], target)
        return MNN.Interpreter(file)


def host(tensor, values=None) -> "MNN.Tensor":
    """A tensor in the file's own layout, to copy into or out of one that the session holds."""
    kind = tensor.getDataType()
    values = np.zeros(tensor.getShape(), TYPES[kind]) if values is None else values.astype(TYPES[kind])
    return MNN.Tensor(values.shape, kind, values, MNN.Tensor_DimensionType_Caffe)


def prepare(task):
    inputs = random_inputs(task["model"], task["batch"])
    network = convert(task["model"])
    session = network.createSession({"backend": "CPU", "numThread": arguments.threads, "precision": "high"})
    sources = {name: network.getSessionInput(session, name) for name in inputs}
    for name, source in sources.items():
        network.resizeTensor(source, inputs[name].shape)
    network.resizeSession(session)
    sources = [(source, host(source, inputs[name])) for name, source in sources.items()]
    names = [value.name for value in onnx.load(task["model"], load_external_data=False).graph.output]
    targets = [network.getSessionOutput(session, name) for name in names]
    targets = [(target, host(target)) for target in targets]

    def run():
        for source, values in sources:
            source.copyFrom(values)
        if code := network.runSession(session):
            raise RuntimeError(f"runSession returned {code}")
        for target, values in targets:
            target.copyToHostTensor(values)
        return [values.getNumpyData() for _, values in targets]

    return checked(run, task["model"], inputs)


serve(prepare)
