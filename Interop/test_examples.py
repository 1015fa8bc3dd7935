"""Every program of Examples/, on little data: it runs, and what it claims holds in the numbers it prints."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BINARIES = Path(os.environ.get("WINNOW", ROOT / ".build/release/winnow")).parent
UNITS = {"B": 1, "kB": 1e3, "MB": 1e6}


def run(name):
    """Runs an example with `--quick`; fails the test when it is not built or does not succeed."""
    binary = BINARIES / name
    if not binary.exists():
        # `make test` names its build and makes every example; `make interop` makes `winnow` alone.
        missing = pytest.fail if "WINNOW" in os.environ else pytest.skip
        missing(f"{name} is not built; run `swift build -c release --product {name}`")
    result = subprocess.run(
        [binary, "--quick"], capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=ROOT, timeout=300
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def table(text):
    """The rows of the comparison an example ends with, by stage: bytes, zipped bytes, top-1 and sparsity in percent."""
    rows = {}
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("stage "))
    for line in lines[start + 2 :]:
        cells = re.split(r"\s{2,}", line.strip())
        if len(cells) < 7:
            break
        number, unit = cells[1].split(" ")
        zipped, zipped_unit = cells[2].split(" ")
        rows[cells[0]] = {
            "bytes": float(number.replace(",", "")) * UNITS[unit],
            "zipped": float(zipped.replace(",", "")) * UNITS[zipped_unit],
            "sparsity": float(cells[3].split(" ")[0]),
            "parameters": int(cells[4].replace(",", "")),
            "top1": float(cells[6].split(" ")[0]),
        }
    return rows


def test_every_example_is_tested_and_listed():
    folders = {path.parent.name for path in (ROOT / "Examples").glob("*/main.swift")}
    source = Path(__file__).read_text()
    listed = (ROOT / "Examples/README.md").read_text()
    for name in folders:
        assert f'run("{name}")' in source, name
        assert f"]({name}/" in listed, name
        assert (ROOT / "Examples" / name / "README.md").exists(), name


def test_pruned_weights_stay_zero():
    text = run("ThresholdPruning")
    kept, total = map(int, re.search(r"stayed zero: (\d+) of (\d+)", text).groups())
    assert kept == total > 10_000
    rows = table(text)
    assert rows["pruned"]["sparsity"] == rows["trained on"]["sparsity"] > 30
    assert rows["trained on"]["zipped"] < 0.8 * rows["dense"]["zipped"]
    assert rows["trained on"]["top1"] > rows["dense"]["top1"] - 2


def test_fixed_point_keeps_accuracy_and_takes_its_bits():
    rows = table(run("FixedPointQuantization"))
    float32 = rows["float32"]
    for stage, bits, loss in [("8 bits", 8, 0.5), ("8 bits, Qm.f", 8, 0.5), ("4 bits, a scale per unit", 4, 5)]:
        assert rows[stage]["bytes"] < (bits + 1) / 32 * float32["bytes"], stage
        assert rows[stage]["top1"] > float32["top1"] - loss, stage
    assert rows["FP4 (E2M1)"]["bytes"] < 6 / 32 * float32["bytes"]
    assert rows["FP4 (E2M1)"]["top1"] > float32["top1"] - 3


def test_student_is_half_its_teacher():
    rows = table(run("Distillation"))
    assert rows["student, taught"]["parameters"] == rows["student alone"]["parameters"] == 101_770
    assert rows["teacher"]["parameters"] == 203_530
    assert min(row["top1"] for row in rows.values()) > 50
    assert rows["student, taught"]["top1"] != rows["student alone"]["top1"]


def test_unprune_changes_no_output():
    text = run("PrunerObject")
    assert re.search(r"logits after unprune: 0\.0$", text, re.MULTILINE)
    assert table(text)["pruned"]["sparsity"] == 50


def test_percentile_pruning_halves_in_each_round():
    text = run("PercentilePruning")
    assert "Total params: 512,810" in text
    assert "weights of the pruned network" in text
    rounds = len(re.findall(r"^round \d+", text, re.MULTILINE)) - text.count("out of bounds")
    assert table(text)["pruned"]["sparsity"] == pytest.approx(100 * (1 - 0.5**rounds), abs=0.1)


def test_factors_are_fewer_parameters():
    rows = table(run("LowRank"))
    assert rows["trained on"]["parameters"] == rows["factorized"]["parameters"] < rows["full"]["parameters"]
    assert rows["trained on"]["bytes"] < rows["full"]["bytes"]


def test_int8_is_a_quarter_and_as_right():
    rows = table(run("IntegerQuantization"))
    for stage in rows.keys() - {"float32"}:
        assert rows[stage]["bytes"] < 0.3 * rows["float32"]["bytes"], stage
        assert rows[stage]["top1"] > rows["float32"]["top1"] - 1, stage
