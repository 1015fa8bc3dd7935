"""winnow.h from other languages: a C program is built and run, and Python calls the same functions."""

import ctypes
import os
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).resolve().parent.parent
INCLUDE = ROOT / "Sources/CWinnow/include"


@pytest.fixture(scope="module")
def library_path():
    path = Path(os.environ.get("WINNOW", ROOT / ".build/release/winnow")).parent / "libWinnowC.so"
    if not path.exists():
        # `make test` names its build and makes the library; `make interop` makes `winnow` alone.
        (pytest.fail if "WINNOW" in os.environ else pytest.skip)("the library is not built; run `make library`")
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    random = np.random.default_rng(1)
    arrays = {"w": random.normal(size=(6, 8)), "t": random.normal(size=(10, 8))}
    nodes = [
        helper.make_node("Gather", ["t", "ids"], ["rows"]), helper.make_node("Add", ["x", "rows"], ["sum"]),
        helper.make_node("Gemm", ["sum", "w"], ["y"], transB=1), helper.make_node("ArgMax", ["y"], ["class"], axis=1, keepdims=0),
    ]  # fmt: skip
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "two inputs", [info("x", TensorProto.FLOAT, ["N", 8]), info("ids", TensorProto.INT64, ["N"])],
        [info("y", TensorProto.FLOAT, ["N", 6]), info("class", TensorProto.INT64, ["N"])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in arrays.items()],
    )  # fmt: skip
    path = tmp_path_factory.mktemp("c") / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def expected(model, x, ids):
    return onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"]).run(None, {"x": x, "ids": ids})


def test_a_c_program_runs_sessions_side_by_side(library_path, model, tmp_path):
    compiler = shutil.which("cc") or shutil.which("clang") or shutil.which("gcc")
    assert compiler, "there is no C compiler"
    # Installed, the library is called so; the program finds it by that name.
    (tmp_path / "libwinnow.so.0").symlink_to(library_path)
    program = tmp_path / "run"
    subprocess.run(
        [compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", f"-I{INCLUDE}", ROOT / "Examples/C/run.c", tmp_path / "libwinnow.so.0", "-lgcc_s", f"-Wl,-rpath,{tmp_path}",
         "-lpthread", "-o", program], check=True)  # fmt: skip
    result = subprocess.run([program, model, "8"], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    y = expected(model, np.zeros((1, 8), np.float32), np.zeros(1, np.int64))[0]
    scores = [line for line in lines if line.startswith("y:")]
    assert len(lines) == 16 and len(set(scores)) == 1
    np.testing.assert_allclose([float(word) for word in scores[0].split()[1:]], y[0, :5], rtol=1e-4)
    result = subprocess.run([program, tmp_path / "none.onnx"], capture_output=True, text=True)
    assert result.returncode == 1 and "load: " in result.stderr and "none.onnx" in result.stderr and len(result.stderr.splitlines()) == 1


def installed(target, prefix, built):
    """What `make install…` copies of a build that is there."""
    command = ["make", "-C", ROOT, "--assume-old=library", "--assume-old=build", "--assume-old=setup", target, f"PREFIX={prefix}", f"BUILT={built}"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return prefix


def test_an_installed_library_is_found_by_pkg_config(library_path, model, tmp_path):
    """A program is built with nothing but what was installed, and runs."""
    if shutil.which("pkg-config") is None or shutil.which("make") is None:
        pytest.skip("there is no pkg-config or no make")
    prefix = installed("install-library", tmp_path / "winnow", library_path.parent)
    environment = {**os.environ, "PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig")}
    version, flags = (
        subprocess.run(["pkg-config", *options, "winnow"], env=environment, capture_output=True, text=True, check=True).stdout.split()
        for options in (["--modversion"], ["--cflags", "--libs"])
    )  # fmt: skip
    compiler = shutil.which("cc") or shutil.which("clang") or shutil.which("gcc")
    subprocess.run([compiler, ROOT / "Examples/C/run.c", *flags, "-lpthread", f"-Wl,-rpath,{prefix}/lib", "-o", tmp_path / "run"], check=True)
    result = subprocess.run([tmp_path / "run", model, "4"], capture_output=True, text=True, timeout=120, cwd="/")
    assert result.returncode == 0 and len(result.stdout.splitlines()) == 8, result.stderr
    assert ctypes.CDLL(str(prefix / "lib/libwinnow.so"))
    assert version[0].count(".") == 2


def test_an_installed_program_has_manual_completions_and_guides(library_path, model, tmp_path):
    if shutil.which("make") is None:
        pytest.skip("there is no make")
    prefix = installed("install", tmp_path / "winnow", library_path.parent)
    program = prefix / "bin/winnow"
    result = subprocess.run([program, "inspect", model], capture_output=True, text=True, cwd="/")
    assert result.returncode == 0 and "Gemm" in result.stdout, result.stderr
    for file in ["share/man/man1/winnow.1", "share/man/man1/winnow-compress.1", "share/bash-completion/completions/winnow", "share/zsh/site-functions/_winnow",
                 "share/fish/vendor_completions.d/winnow.fish", "share/doc/winnow/Guides/Data.md"]:  # fmt: skip
        assert (prefix / file).stat().st_size > 200, file
    complaint = subprocess.run([program, "evaluate", model, "--data", "/nowhere"], capture_output=True, text=True).stderr
    page = complaint.strip().split("see ")[-1]
    assert (prefix / "share/doc/winnow" / page).exists(), complaint


def test_the_header_is_one_of_c_plus_plus_too(tmp_path):
    compiler = shutil.which("c++") or shutil.which("clang++") or shutil.which("g++")
    if compiler is None:
        pytest.skip("there is no C++ compiler")
    (tmp_path / "a.cpp").write_text('#include "winnow.h"\nint main() { winnow_array array = {}; return array.rank; }\n')
    subprocess.run([compiler, "-fsyntax-only", "-Wall", "-Werror", f"-I{INCLUDE}", tmp_path / "a.cpp"], check=True)


class Array(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int32), ("rank", ctypes.c_int32), ("extents", ctypes.c_int64 * 16), ("data", ctypes.c_void_p), ("byte_count", ctypes.c_size_t)]


TYPES = {np.dtype(np.float32): 1, np.dtype(np.int64): 7}


@pytest.fixture(scope="module")
def library(library_path):
    library = ctypes.CDLL(str(library_path))
    for name in ("winnow_version", "winnow_error", "winnow_input_name", "winnow_output_name"):
        getattr(library, name).restype = ctypes.c_char_p
    for name in ("winnow_model_load", "winnow_session_new"):
        getattr(library, name).restype = ctypes.c_void_p
    for name in ("winnow_input_count", "winnow_output_count"):
        getattr(library, name).restype = ctypes.c_size_t
        getattr(library, name).argtypes = [ctypes.c_void_p]
    library.winnow_model_load.argtypes = [ctypes.c_char_p]
    for name in ("winnow_model_free", "winnow_session_new", "winnow_session_free", "winnow_run"):
        getattr(library, name).argtypes = [ctypes.c_void_p]
    for name in ("winnow_input_name", "winnow_output_name"):
        getattr(library, name).argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    library.winnow_input_info.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(Array)]
    for name in ("winnow_set_input", "winnow_get_output"):
        getattr(library, name).argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(Array)]
    return library


def array(values, byte_count=None):
    result = Array(TYPES[values.dtype], values.ndim, (ctypes.c_int64 * 16)(*values.shape), values.ctypes.data, values.nbytes if byte_count is None else byte_count)
    result.keep = values
    return result


def run(library, session, inputs):
    for name, values in inputs.items():
        assert library.winnow_set_input(session, name, array(values)) == 0, library.winnow_error()
    assert library.winnow_run(session) == 0, library.winnow_error()
    results = []
    for name, kind in ((b"y", np.float32), (b"class", np.int64)):
        out = Array()
        assert library.winnow_get_output(session, name, out) == 0, library.winnow_error()
        bytes = ctypes.string_at(out.data, out.byte_count)
        results.append(np.frombuffer(bytes, kind).reshape(out.extents[: out.rank]))
    return results


def test_python_gets_what_onnxruntime_gives(library, model):
    handle = library.winnow_model_load(str(model).encode())
    assert handle and library.winnow_version().decode().count(".") == 2
    assert [library.winnow_input_name(handle, n) for n in range(3)] == [b"x", b"ids", None]
    assert [library.winnow_output_name(handle, n) for n in range(library.winnow_output_count(handle))] == [b"y", b"class"]
    info = Array()
    assert library.winnow_input_info(handle, 0, info) == 0
    assert (info.type, info.extents[: info.rank], info.data) == (1, [-1, 8], None)
    session, random = library.winnow_session_new(handle), np.random.default_rng(2)
    library.winnow_model_free(handle)  # Sessions stay valid.
    for count in (1, 3, 7, 3):
        x, ids = random.normal(size=(count, 8)).astype(np.float32), random.integers(0, 10, size=count)
        for own, other in zip(run(library, session, {b"x": x, b"ids": ids}), expected(model, x, ids)):
            np.testing.assert_allclose(own, other, atol=1e-5)
    library.winnow_session_free(session)
    library.winnow_session_free(None)
    library.winnow_model_free(None)


def test_threads_share_a_model(library, model):
    """Each thread its session, and one session that all use in turn."""
    handle = library.winnow_model_load(str(model).encode())
    shared, problems = library.winnow_session_new(handle), []

    def work(seed):
        try:
            own, random = library.winnow_session_new(handle), np.random.default_rng(seed)
            for _ in range(50):
                x, ids = random.normal(size=(seed + 1, 8)).astype(np.float32), random.integers(0, 10, size=seed + 1)
                wanted = expected_by[seed](x, ids)
                np.testing.assert_allclose(run(library, own, {b"x": x, b"ids": ids})[0], wanted, atol=1e-5)
                library.winnow_set_input(shared, b"nothing", array(x))
                assert b"nothing" in library.winnow_error()
                library.winnow_run(shared)  # Inputs may be missing, as no thread has set them.
            library.winnow_session_free(own)
        except Exception as error:  # noqa: BLE001
            problems.append(error)

    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(model).graph.initializer}
    expected_by = {seed: lambda x, ids: (x + weights["t"][ids]) @ weights["w"].T for seed in range(6)}
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    library.winnow_session_free(shared)
    library.winnow_model_free(handle)


def test_wrong_calls_are_answered_in_one_sentence(library, model):
    handle = library.winnow_model_load(str(model).encode())
    session = library.winnow_session_new(handle)
    x, out = np.zeros((2, 8), np.float32), Array()
    deep = array(x)
    deep.rank = 17
    negative = array(x)
    negative.extents[0] = -3
    huge = array(x)
    huge.extents[0] = 1 << 60
    strange = array(x)
    strange.type = 8
    empty = array(x)
    empty.data = None
    calls = [
        (lambda: library.winnow_set_input(session, b"z", array(x)), "its inputs are x, ids"), (lambda: library.winnow_set_input(session, None, array(x)), "name"),
        (lambda: library.winnow_set_input(session, b"x", array(x, 12)), "64"), (lambda: library.winnow_set_input(session, b"x", deep), "rank 17"),
        (lambda: library.winnow_set_input(session, b"x", negative), "-3"), (lambda: library.winnow_set_input(session, b"x", huge), "memory"),
        (lambda: library.winnow_set_input(session, b"x", strange), "type 8"), (lambda: library.winnow_set_input(session, b"x", empty), "no data"),
        (lambda: library.winnow_set_input(None, b"x", array(x)), "NULL"), (lambda: library.winnow_run(None), "NULL"), (lambda: library.winnow_run(session), "is missing"),
        (lambda: library.winnow_get_output(session, b"y", out), "winnow_run"), (lambda: library.winnow_get_output(session, b"q", out), "its outputs are y, class"),
        (lambda: library.winnow_get_output(session, b"y", None), "nowhere"), (lambda: library.winnow_input_info(handle, 5, out), "input 5"),
        (lambda: library.winnow_set_threads(-1), "threads"),
    ]  # fmt: skip
    for call, words in calls:
        assert call() == -1
        message = library.winnow_error().decode()
        assert words in message and "\n" not in message, message
    assert library.winnow_model_load(b"/nowhere.onnx") is None and "/nowhere.onnx" in library.winnow_error().decode()
    library.winnow_session_free(session)
    library.winnow_model_free(handle)
