"""ONNX's own test cases as Debian installs them, run by `winnow conformance`.

`conformance.txt` lists the cases that do not pass, each with its reason. The list may only shrink: a case that fails and is
not listed fails the test, and so does a listed case that passes.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

FOLDERS = ["node", "simple", "pytorch-converted", "pytorch-operator"]


@pytest.fixture(scope="module")
def cases(root):
    folders = [Path("/usr/share/libonnx-testdata/data"), root / ".deps/usr/share/libonnx-testdata/data"]
    found = next((folder for folder in folders if folder.is_dir()), None)
    if found is None:
        pytest.fail("ONNX's test cases are not installed; run `make setup`")
    return found


@pytest.fixture(scope="module")
def outcomes(winnow, cases):
    """Case names with their folders' to outcome and reason."""
    result = winnow("conformance", *(cases / name for name in FOLDERS), "--json", check=False)
    assert result.returncode in (0, 1), result.stderr
    return {
        f"{Path(folder['folder']).name}/{case['name']}": (case["outcome"], case["reason"])
        for folder in json.loads(result.stdout)
        for case in folder["cases"]
    }


@pytest.fixture(scope="module")
def listed(root):
    """Cases to the reasons why they do not pass."""
    lines = [line for line in (root / "Interop/conformance.txt").read_text().splitlines() if line and line[0] != "#"]
    entries = dict(line.split(maxsplit=1) for line in lines)
    assert len(entries) == len(lines) and list(entries) == sorted(entries)
    return entries


def test_every_case_runs(cases, outcomes):
    assert len(outcomes) == sum(1 for name in FOLDERS for _ in (cases / name).glob("*/model.onnx"))


def test_only_listed_cases_do_not_pass(outcomes, listed):
    wrong = [f"{name}: {reason}" for name, (outcome, reason) in outcomes.items() if outcome != "passed" and name not in listed]
    assert not wrong, "\n".join(wrong)


def test_listed_cases_do_not_pass(outcomes, listed):
    wrong = [name for name in listed if outcomes.get(name, ("is gone",))[0] in ("passed", "is gone")]
    assert not wrong, "passes, or is gone; take it off the list:\n" + "\n".join(wrong)


@pytest.fixture(scope="module")
def narrow_cases(tmp_path_factory):
    """The cases about integers of 2 and 4 bits that the onnx package makes; Debian's are older."""
    node = pytest.importorskip("onnx.backend.test.case.node")
    folder = tmp_path_factory.mktemp("narrow")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = [case for case in node.collect_testcases(None) if "int2" in case.name.lower() or "int4" in case.name.lower()]
    for case in cases:
        data = folder / case.name / "test_data_set_0"
        data.mkdir(parents=True)
        onnx.save(case.model, data.parent / "model.onnx")
        for kind, values, infos in zip(["input", "output"], case.data_sets[0], [case.model.graph.input, case.model.graph.output]):
            for place, (value, info) in enumerate(zip(values, infos)):
                tensor = value if isinstance(value, onnx.TensorProto) else numpy_helper.from_array(np.asarray(value), info.name)
                (data / f"{kind}_{place}.pb").write_bytes(tensor.SerializeToString())
    return folder, len(cases)


def test_integers_of_2_and_4_bits(winnow, narrow_cases):
    folder, count = narrow_cases
    result = winnow("conformance", folder, "--json", check=False)
    own = json.loads(result.stdout)[0]["cases"]
    assert len(own) == count > 50
    wrong = [f"{case['name']}: {case['reason']}" for case in own if case["outcome"] != "passed"]
    assert not wrong, "\n".join(wrong)
