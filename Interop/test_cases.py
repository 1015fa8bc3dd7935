"""The cases: each is a small model, one or more commands, and what must hold of the result."""

import importlib
from pathlib import Path

import pytest

from cases.common import Case, Run, Wrong

FILES = sorted(path.stem for path in (Path(__file__).parent / "cases").glob("*.py") if path.stem not in ("__init__", "common"))
CASES = {f"{file}/{case.name}": case for file in FILES for case in importlib.import_module(f"cases.{file}").CASES}

#: Faults that are known and not mended yet, with the reason.
KNOWN: dict[str, str] = {}


@pytest.mark.parametrize("name", CASES)
def test_case(name, winnow_path, tmp_path, request):
    case: Case = CASES[name]
    if name in KNOWN:
        request.applymarker(pytest.mark.xfail(reason=KNOWN[name], strict=True))
    try:
        Run(case, str(winnow_path), str(tmp_path)).go()
    except Wrong as wrong:
        pytest.fail(f"{name}: {wrong}", pytrace=False)
