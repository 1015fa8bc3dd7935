"""ONNX Runtime: CPU, all graph optimizations."""

import contextlib
import io
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime import quantization

from worker import arguments, random_inputs, serve

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = arguments.threads
options.inter_op_num_threads = 1
# Threads that wait must not take processor time from the others.
options.add_session_config_entry("session.intra_op.allow_spinning", "1")
options.add_session_config_entry("session.force_spinning_stop", "1")
options.log_severity_level = 3


def prepare(task):
    session = onnxruntime.InferenceSession(task["model"], options, providers=["CPUExecutionProvider"])
    inputs = random_inputs(task["model"], task["batch"])
    return lambda: session.run(None, inputs)


class Samples(quantization.CalibrationDataReader):
    """The samples of an npz, one at a time as in ONNX Runtime's own examples."""

    def __init__(self, path: str):
        arrays = dict(np.load(path))
        count = len(next(iter(arrays.values())))
        self.batches = iter([{name: x[i : i + 1] for name, x in arrays.items()} for i in range(count)])

    def get_next(self):
        return next(self.batches, None)


def quantize(task):
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        quantization.quantize_static(
            task["model"],
            Path(folder) / "int8.onnx",
            Samples(task["data"]),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )


serve(prepare, quantize)
