"""What the interop tests share: where things are, and how to run the `winnow` command."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Fashion-MNIST, found in the same order as `winnow` looks for it."""
    candidates = [
        Path(os.environ["WINNOW_DATA"]) if "WINNOW_DATA" in os.environ else None,
        Path("/usr/share/datasets/fashion-mnist"),
        ROOT / ".deps/usr/share/datasets/fashion-mnist",
    ]
    for folder in candidates:
        if folder is not None and folder.is_dir():
            return folder
    pytest.fail("Fashion-MNIST is not installed; run `make setup`")


@pytest.fixture(scope="session")
def winnow_path() -> Path:
    """The `winnow` program under test."""
    command = Path(os.environ.get("WINNOW", ROOT / ".build/release/winnow"))
    if not command.exists():
        pytest.fail("winnow is not built; run `make build`")
    return command


@pytest.fixture(scope="session")
def winnow(winnow_path):
    """Runs `winnow` with arguments and returns the completed process; fails the test when the command fails."""

    def run(*arguments, check: bool = True) -> subprocess.CompletedProcess:
        result = subprocess.run(
            [winnow_path, *map(str, arguments)], capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=ROOT
        )
        if check and result.returncode != 0:
            pytest.fail(f"winnow {' '.join(map(str, arguments))} exited with {result.returncode}:\n{result.stderr}")
        return result

    return run


@pytest.fixture(scope="session")
def models(root) -> Path:
    """The folder of published models."""
    folder = Path(os.environ.get("WINNOW_MODELS", root / ".deps/models"))
    if not folder.is_dir():
        pytest.skip("the models are not installed; run `scripts/setup models`")
    return folder
