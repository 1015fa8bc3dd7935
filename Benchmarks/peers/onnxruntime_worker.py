"""ONNX Runtime: CPU, all graph optimizations."""

import onnxruntime

from worker import random_inputs, serve, thread_count

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = thread_count()
options.inter_op_num_threads = 1
# Threads that wait must not take processor time from the others.
options.add_session_config_entry("session.intra_op.allow_spinning", "1")
options.add_session_config_entry("session.force_spinning_stop", "1")
options.log_severity_level = 3


def prepare(task):
    session = onnxruntime.InferenceSession(task["model"], options, providers=["CPUExecutionProvider"])
    inputs = random_inputs(task["model"], task["batch"])
    return lambda: session.run(None, inputs)


serve(prepare)
