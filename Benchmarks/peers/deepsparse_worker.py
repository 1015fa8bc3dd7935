"""DeepSparse, whose last version with kernels for everyone is 1.8 (end of life): CPU, latency scheduler, as the file has it."""

import os
import sys
import tempfile
from pathlib import Path

# It needs older packages than the others: an environment of its own beside theirs.
OWN = Path(f"{sys.prefix}-deepsparse")
if (OWN / "bin/python").exists():
    os.execv(OWN / "bin/python", [str(OWN / "bin/python"), *sys.argv])

from worker import arguments, checked, needed, random_inputs, serve  # noqa: E402

os.environ["NM_DISABLE_ANALYTICS"] = "1"
deepsparse = needed("deepsparse")
# The newest that it reads; what is newer are types it does not have.
LATEST_IR_VERSION = 9


def prepare(task):
    import onnx

    inputs = random_inputs(task["model"], task["batch"])
    model = onnx.load(task["model"])
    model.ir_version = min(model.ir_version, LATEST_IR_VERSION)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.onnx")
        onnx.save(model, path)
        engine = deepsparse.Engine(path, batch_size=task["batch"], num_cores=arguments.threads)
    values = [inputs[name] for name in engine.input_names]
    return checked(lambda: engine.run(values, val_inp=False), task["model"], inputs)


serve(prepare)
