"""Full disks, kills and second writers: a file is the old one or the new one, whole, and nothing else is left."""

import os
import resource
import signal
import subprocess
import time

import numpy as np
import pytest

RECIPE = "version: 1\nsteps:\n  - magnitude-pruning\n  - save: pruned\n  - static-quantization\n"
BYTES = 100 << 10


@pytest.fixture(scope="module")
def source(winnow, tmp_path_factory):
    """A model of about 1 MB with data for it and a recipe."""
    folder = tmp_path_factory.mktemp("source")
    winnow("new", "mlp", "--widths", "256,512,256,10", "-o", folder / "m.onnx")
    random = np.random.default_rng(0)
    np.savez(folder / "d.npz", input=random.standard_normal((64, 256)).astype(np.float32), labels=np.arange(64) % 10)
    np.savez(folder / "x.npz", input=random.standard_normal((8192, 256)).astype(np.float32))
    (folder / "r.yaml").write_text(RECIPE)
    return folder


#: Commands that write more than there is room for, and the file they write.
WRITING = {
    "new": lambda f, out: ["new", "mlp", "--widths", "256,512,256,10", "-o", out / "o.onnx"],
    "apply": lambda f, out: ["apply", "magnitude-pruning", f / "m.onnx", "-o", out / "o.onnx"],
    "run": lambda f, out: ["run", f / "r.yaml", f / "m.onnx", "-o", out / "o.onnx", "--data", f / "d.npz", "--report", out / "r.html"],
    "train": lambda f, out: ["train", f / "m.onnx", "-o", out / "o.onnx", "--data", f / "d.npz", "--epochs", "2"],
    "infer": lambda f, out: ["infer", f / "m.onnx", "--input", f / "x.npz", "-o", out / "o.npz"],
}


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={BYTES}", "tmpfs", folder], capture_output=True).returncode != 0:
        pytest.skip("mounting takes privileges")
    yield folder
    subprocess.run(["umount", folder], check=True)


def refuses(result, *words):
    assert result.returncode == 1, result.stderr
    messages = [line for line in result.stderr.splitlines() if line.startswith(("winnow:", "Error:"))]
    assert len(messages) == 1 and any(word in messages[0].lower() for word in words), result.stderr


@pytest.mark.parametrize("command", WRITING)
def test_a_full_disk(winnow, source, small_disk, command):
    (small_disk / "o.onnx").write_bytes(b"mine")
    refuses(winnow(*WRITING[command](source, small_disk), check=False), "no space left")
    assert (small_disk / "o.onnx").read_bytes() == b"mine"
    # What a run had finished is kept for when there is room.
    assert [name for name in os.listdir(small_disk) if name != "o.onnx" and not name.endswith(".state")] == []


@pytest.mark.parametrize("command", WRITING)
def test_a_limit_of_file_size(winnow_path, source, tmp_path, command):
    (tmp_path / "o.onnx").write_bytes(b"mine")
    result = subprocess.run(
        [winnow_path, *map(str, WRITING[command](source, tmp_path))], capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (BYTES, BYTES)))  # fmt: skip
    refuses(result, "file too large")
    assert (tmp_path / "o.onnx").read_bytes() == b"mine"
    assert [name for name in os.listdir(tmp_path) if name != "o.onnx" and not name.endswith(".state")] == []


@pytest.mark.parametrize("command", ["new", "apply", "infer"])
def test_a_device_that_is_full(winnow, source, tmp_path, command):
    arguments = WRITING[command](source, tmp_path)
    refuses(winnow(*arguments[:-1], "/dev/full", check=False), "no space left")


@pytest.mark.parametrize("command", ["apply", "infer"])
def test_kills_leave_the_old_file_or_the_new_one(winnow, winnow_path, source, tmp_path, command):
    arguments = WRITING[command](source, tmp_path)
    winnow(*arguments)
    output = arguments[-1]
    whole = output.read_bytes()
    start = time.monotonic()
    winnow(*arguments)
    seconds = time.monotonic() - start
    for part in np.linspace(0.1, 1, 12):
        output.write_bytes(b"mine")
        process = subprocess.Popen([winnow_path, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(seconds * part)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert output.read_bytes() in (b"mine", whole)
        assert os.listdir(tmp_path) == [output.name]


def test_writers_at_once(winnow, winnow_path, source, tmp_path):
    """Readers meanwhile see one whole file or another; at last it is one of theirs, and nothing is left over."""
    output, results = tmp_path / "o.onnx", []
    commands = [["apply", "magnitude-pruning", source / "m.onnx", "-o", output, "--set", f"sparsity={share}"] for share in (0.3, 0.6, 0.9)]
    for command in commands:
        winnow(*command)
        results.append(output.read_bytes())
    assert len(set(results)) == 3
    for _ in range(3):
        running = [subprocess.Popen([winnow_path, *map(str, command)], stdout=subprocess.DEVNULL) for command in commands]
        while any(process.poll() is None for process in running):
            assert output.read_bytes() in results
        assert [process.returncode for process in running] == [0, 0, 0]
        assert output.read_bytes() in results and os.listdir(tmp_path) == ["o.onnx"]


def test_runs_at_once_over_one_state(winnow, winnow_path, source, tmp_path):
    """Each ends with the right model, or in words."""
    output = tmp_path / "o.onnx"
    command = WRITING["run"](source, tmp_path)[:-2]
    winnow(*command)
    whole = output.read_bytes()
    output.unlink()
    for name in list(os.listdir(tmp_path)):
        assert name.startswith(("o.", "pruned"))
    running = [subprocess.Popen([winnow_path, *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    messages = [process.communicate()[1] for process in running]
    assert any(process.returncode == 0 for process in running), messages
    for process, message in zip(running, messages):
        assert process.returncode == 0 or (process.returncode == 1 and "winnow:" in message), message
    assert output.read_bytes() == whole


def test_a_folder_for_temporary_files_that_is_not_there(winnow_path, source, tmp_path):
    """The model for a program of one's own is such a file; the error names the folder and what sets it."""
    result = subprocess.run(
        [winnow_path, "evaluate", source / "m.onnx", "--data", source / "d.npz", "--metric", "echo 1 # {model}"], capture_output=True,
        text=True, env={**os.environ, "TMPDIR": str(tmp_path / "none")})  # fmt: skip
    refuses(result, "set tmpdir to a folder that is there")
    assert str(tmp_path / "none") in result.stderr
