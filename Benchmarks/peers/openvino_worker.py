"""OpenVINO: CPU, latency hint, float32 inference precision as the file has it."""

import openvino

from worker import arguments, random_inputs, serve

core = openvino.Core()


def prepare(task):
    inputs = random_inputs(task["model"], task["batch"])
    model = core.read_model(task["model"])
    model.reshape({name: list(array.shape) for name, array in inputs.items()})
    compiled = core.compile_model(
        model,
        "CPU",
        {
            "INFERENCE_NUM_THREADS": arguments.threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
        },
    )
    request = compiled.create_infer_request()
    return lambda: request.infer(inputs, share_inputs=True, share_outputs=True)


serve(prepare)
