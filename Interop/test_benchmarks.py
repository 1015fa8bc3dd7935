"""What the benchmark relies on: peers answer one line a task, are timed only where their results are right, and say why they are missing;
results are those of a quiet machine unless others are asked for."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

BENCHMARKS = Path(__file__).resolve().parent.parent / "Benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import busy  # noqa: E402
import compressed  # noqa: E402
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


CONVERTING = """
import sys
from pathlib import Path

from worker import converted, serve


def prepare(task):
    path = Path(task["model"])
    (file,) = converted("the converter", [sys.executable, "-c", {program!r}], path, folder=path.parent)
    return Path(file).read_text


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


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("open('model', 'w').close()", None),
        ("import sys; open('model', 'w').close(); sys.exit('no such operator')", "refuses the file: no such operator"),
        ("print('nothing to do')", "refuses the file: nothing to do"),
    ],
)
def test_what_a_converter_says_is_why_a_peer_cannot(tmp_path, program, words):
    worker = tmp_path / "converting_worker.py"
    worker.write_text(CONVERTING.format(program=program))
    task = {"work": "inference", "model": str(tmp_path / "model"), "batch": 1, "seconds": 0.01, "coldRuns": 0}
    result = subprocess.run(
        [sys.executable, worker], input=json.dumps(task) + "\n", capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(BENCHMARKS / "peers")},
    )  # fmt: skip
    answer = json.loads(result.stdout)
    assert answer["error"] == f"the converter {words}" if words else "medianMilliseconds" in answer


def test_a_missing_peer_says_why(tmp_path):
    assert run(tmp_path, 1, "--check").returncode == 0
    result = run(tmp_path, 1, "--check", package="no_such_runtime")
    assert result.returncode == 1
    assert "no_such_runtime cannot be imported" in result.stderr


def test_a_peer_whose_environment_cannot_be_made_says_why(tmp_path):
    """The set-up's own function, with an installation that fails before there is a folder."""
    function = re.search(r"^install_peer\(\) \{.*?^\}", (BENCHMARKS.parent / "scripts/setup").read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / ".stamps").mkdir()
    (tmp_path / ".stamps/peers").write_text("1\n")
    program = f"""
        set -euo pipefail
        deps={tmp_path} work={tmp_path} python={sys.executable}
        say() {{ :; }}
        is_stamped() {{ return 1; }}
        install_requirements() {{ echo "ERROR: there is no venv" >&2; return 1; }}
        {function.group()}
        install_peer deepsparse peers-deepsparse
    """
    subprocess.run(["bash", "-c", program], cwd=BENCHMARKS.parent, check=True, capture_output=True)
    assert "there is no venv" in (tmp_path / "peers-deepsparse/deepsparse.missing").read_text()


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


@pytest.mark.parametrize("program", [compressed, busy])
@pytest.mark.parametrize("noisy", [True, False])
def test_results_of_a_busy_machine_are_written_where_that_is_asked_for(tmp_path, monkeypatch, program, noisy):
    """Nothing is measured: what counts is who asks whether the machine is quiet."""

    def complain():
        raise SystemExit("the machine is not quiet")

    monkeypatch.setattr(quiet, "watch", complain)
    monkeypatch.setattr(compressed, "PEERS", [])
    for name in ("measure_products", "measure_zeros", "measure_tiles"):
        monkeypatch.setattr(compressed, name, lambda arguments, folder: iter(["| measured |"]))
    monkeypatch.setattr(busy, "measure", lambda command, seconds: (1.0, 2.0))
    results = tmp_path / "RESULTS.md"
    words = ["--results", str(results), *(["--noisy"] if noisy else [])]
    if program is busy:
        words += ["model.onnx", "--loads", "quiet", "--rounds", "1"]
    monkeypatch.setattr(sys, "argv", ["program", *words])
    if noisy:
        program.main()
        assert program.HEADING in results.read_text()
    else:
        with pytest.raises(SystemExit, match="not quiet"):
            program.main()
        assert not results.exists()


@pytest.mark.parametrize(("words", "noisy"), [([], False), (["--quick"], False), (["--quick", "--noisy"], True)])
def test_all_parts_of_a_run_are_told_that_the_machine_may_be_busy(tmp_path, words, noisy):
    """Every program that it starts is one that notes how it was called."""
    (tmp_path / "Benchmarks").mkdir()
    shutil.copy(BENCHMARKS / "run", tmp_path / "Benchmarks/run")
    programs = ["scripts/setup", ".build/release/winnow", ".build-bench/release/winnow-bench", ".deps/peers/bin/python", "bin/swift"]
    for program in programs:
        path = tmp_path / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "$*" >> "{tmp_path}/calls"\n')
        path.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    subprocess.run(["bash", tmp_path / "Benchmarks/run", *words], check=True, capture_output=True, env=environment)
    calls = (tmp_path / "calls").read_text().splitlines()
    measured = [call for call in calls if "--results " in call or call.startswith("compare ")]
    assert len(measured) == 3
    assert [call.endswith(" --noisy") for call in measured] == [noisy] * 3
