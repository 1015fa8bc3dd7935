"""What the benchmark relies on: peers answer one line a task, are timed only where their results are right, and say why they are missing."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

BENCHMARKS = Path(__file__).resolve().parent.parent / "Benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import quiet  # noqa: E402

WORKER = """
import numpy as np
from worker import checked, needed, random_inputs, serve

{package} = needed("{package}")
print("runtimes talk")


def prepare(task):
    inputs = random_inputs(task["model"], task["batch"])
    return checked(lambda: [{factor} * inputs["x"] @ np.eye(4, dtype=np.float32)], task["model"], inputs)


serve(prepare)
"""


def run(folder: Path, factor: float, *flags: str, package: str = "numpy", task: dict | None = None):
    """A worker, in the process that a benchmark would start."""
    program = folder / "some_worker.py"
    program.write_text(WORKER.format(factor=factor, package=package))
    return subprocess.run(
        [sys.executable, program, *flags], input=json.dumps(task) + "\n" if task else "", capture_output=True, text=True,
        env={"PYTHONPATH": str(BENCHMARKS / "peers")},
    )  # fmt: skip


@pytest.mark.parametrize(("factor", "right"), [(1, True), (1.0001, True), (1.01, False)])
def test_a_peer_is_timed_only_where_its_results_are_those_of_onnxruntime(tmp_path, factor, right):
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "identity",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(np.eye(4, dtype=np.float32), "w")],
    )
    model = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)])
    onnx.save(model, tmp_path / "identity.onnx")
    task = {"work": "inference", "model": str(tmp_path / "identity.onnx"), "batch": 3, "seconds": 0.01, "coldRuns": 0}
    (line,) = run(tmp_path, factor, task=task).stdout.splitlines()
    answer = json.loads(line)
    assert ("medianMilliseconds" in answer) == right, answer
    assert right or "computes something else" in answer["error"]


def test_a_missing_peer_says_why(tmp_path):
    assert run(tmp_path, 1, "--check").returncode == 0
    result = run(tmp_path, 1, "--check", package="no_such_runtime")
    assert result.returncode == 1
    assert "no_such_runtime cannot be imported" in result.stderr


@pytest.mark.parametrize(("others", "kept"), [(0, True), (0.5, True), (1.5, False)])
def test_results_are_kept_only_where_others_leave_the_cores_alone(monkeypatch, others, kept):
    """Ten seconds in which we took twelve of processor time on two cores, and others so many."""
    watch = quiet.Watch(1, {"clock": 100, "all": 1000, "own": 50})
    monkeypatch.setattr(watch, "now", lambda: {"clock": 110, "all": 1012 + others, "own": 62})
    if kept:
        quiet.refuse(watch)
    else:
        with pytest.raises(SystemExit, match="not quiet"):
            quiet.refuse(watch)


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="only Linux tells")
def test_the_time_of_children_that_ended_is_our_own():
    watch = quiet.Watch(quiet.os.getpid(), {"clock": 0, "all": 0, "own": 0})
    before = watch.now()
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.5: pass"], check=True)
    after = watch.now()
    assert after["own"] - before["own"] >= 0.4
    assert after["all"] - before["all"] >= 0.4
