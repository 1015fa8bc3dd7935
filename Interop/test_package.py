"""Winnow as a library: a package that depends on it by URL and version builds and runs."""

import os
import subprocess
from pathlib import Path

MANIFEST = """// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "outside",
    dependencies: [.package(url: "file://{url}", from: "1.0.0")],
    targets: [.executableTarget(name: "outside", dependencies: [.product(name: "Winnow", package: "winnow")])])
"""

PROGRAM = """import Winnow

let model = Model(try Architecture.named("mlp").makeGraph(seed: 1, widths: [12, 16, 4]))
let (small, findings) = try model.applying("weight-only-quantization", ["bits": 8])
let session = try Session(small.graph)
for scale in [1, 2] {
    let rows = Tensor([Float](repeating: Float(scale), count: 24), shape: [2, 12])
    guard let scores = try session.run(["input": rows])["logits"] else { fatalError("no output") }
    print(scores.shape, findings.count)
}
"""


def run(*arguments, folder: Path, **environment) -> str:
    result = subprocess.run(
        list(map(str, arguments)), cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )  # fmt: skip
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
    return result.stdout


def test_a_package_that_depends_on_winnow(root, tmp_path):
    published = tmp_path / "winnow"
    published.mkdir()
    files = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, files):
        if (root / name).is_file():
            (published / name).parent.mkdir(parents=True, exist_ok=True)
            (published / name).write_bytes((root / name).read_bytes())
    who = {f"GIT_{part}_{field}": "winnow" for part in ("AUTHOR", "COMMITTER") for field in ("NAME", "EMAIL")}
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "A version"], ["tag", "1.0.0"]):
        run("git", *command, folder=published, **who)
    outside = tmp_path / "outside"
    (outside / "Sources/outside").mkdir(parents=True)
    (outside / "Package.swift").write_text(MANIFEST.format(url=published))
    (outside / "Sources/outside/main.swift").write_text(PROGRAM)
    libraries = root / ".deps/lib"
    paths = {"PKG_CONFIG_PATH": str(libraries / "pkgconfig"), "LD_LIBRARY_PATH": str(libraries)}
    run("swift", "build", folder=outside, **paths)
    assert run(outside / ".build/debug/outside", folder=outside, **paths).splitlines() == ["2×4 4", "2×4 4"]
