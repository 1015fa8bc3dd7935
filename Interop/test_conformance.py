"""ONNX's own test cases as Debian installs them, run by `winnow conformance`.

`conformance.txt` lists the cases that do not pass, each with its reason. The list may only shrink: a case that fails and is
not listed fails the test, and so does a listed case that passes.
"""

import json
from pathlib import Path

import pytest

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
