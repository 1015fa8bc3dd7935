"""ncnn: CPU, converted by pnnx for the batch (fp16=0), float32 throughout: no 16-bit packing, storage or arithmetic."""

import shutil
import tempfile
from pathlib import Path

from worker import arguments, checked, converted, needed, random_inputs, serve

ncnn = needed("ncnn")
pnnx = needed("pnnx")
TYPES = {"float32": "f32", "int32": "i32", "int64": "i64", "uint8": "u8", "bool": "bool"}


def convert(path: str, inputs: dict) -> "ncnn.Net":
    network = ncnn.Net()
    network.opt.num_threads = arguments.threads
    for name in dir(network.opt):
        if "fp16" in name or "bf16" in name:
            setattr(network.opt, name, False)
    shapes = ",".join(f"[{','.join(map(str, x.shape))}]{TYPES[x.dtype.name]}" for x in inputs.values())
    with tempfile.TemporaryDirectory() as folder:
        # It writes beside the file, and its graph may lie in several.
        shutil.copy(path, Path(folder) / "model.onnx")
        files = [Path(folder) / f"model.ncnn.{part}" for part in ("param", "bin")]
        command = [pnnx.EXEC_PATH, "model.onnx", f"inputshape={shapes}", "fp16=0"]
        parameters, weights = converted("pnnx", command, *files, folder=folder)
        if network.load_param(parameters) or network.load_model(weights):
            raise ValueError("ncnn cannot load what pnnx wrote")
    return network


def prepare(task):
    inputs = random_inputs(task["model"], task["batch"])
    network = convert(task["model"], inputs)
    sources = [(name, ncnn.Mat(x, batch_index=0).clone()) for name, x in zip(network.input_names(), inputs.values(), strict=True)]

    def run():
        with network.create_extractor() as extractor:
            for name, values in sources:
                extractor.input(name, values)
            return [extractor.extract(name)[1].numpy(batch_index=0).copy() for name in network.output_names()]

    return checked(run, task["model"], inputs)


serve(prepare)
