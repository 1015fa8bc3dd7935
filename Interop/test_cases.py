"""The cases: each is a small model, one or more commands, and what must hold of the result."""

import importlib
from pathlib import Path

import pytest

from cases.common import Case, Run, Wrong

FILES = sorted(path.stem for path in (Path(__file__).parent / "cases").glob("*.py") if path.stem not in ("__init__", "common"))
CASES = {f"{file}/{case.name}": case for file in FILES for case in importlib.import_module(f"cases.{file}").CASES}


@pytest.mark.parametrize("name", CASES)
def test_case(name, winnow_path, tmp_path):
    case: Case = CASES[name]
    try:
        Run(case, str(winnow_path), str(tmp_path)).go()
    except Wrong as wrong:
        pytest.fail(f"{name}: {wrong}", pytrace=False)
