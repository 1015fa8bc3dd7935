"""Winnow as a library: a package that depends on it by URL and version builds, and does what the documentation shows."""

import os
import re
import subprocess
import textwrap
from pathlib import Path

import numpy as np
import onnx
import pytest

MANIFEST = """// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "outside",
    dependencies: [.package(url: "file://{url}", from: "1.0.0")],
    targets: [.executableTarget(name: "outside", dependencies: [.product(name: "Winnow", package: "winnow")])])
"""

WRITTEN = {
    "CompressAFile": {"light.onnx", "small.onnx"},
    "YourOwnData": {"small.onnx"},
    "ARecipeInSwift": {"small.onnx", "pruned.onnx"},
    "PruneByMasks": {"masked.onnx"},
}
ARTICLES = ["CompressAFile", "YourOwnData", "YourOwnMetric", "YourOwnLoss", "ARecipeInSwift", "PruneByMasks", "RunTheResult"]

PROGRAM = """import Foundation
import Winnow

/// A pass and a training pass of one's own.
struct Remark: Pass {
    static let name = "remark"
    static let summary = "says which seed it was given"

    func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        PassResult(graph: graph, findings: [Finding("graph", .kept, reason: "seed \\(context.seed)")])
    }
}

struct SmallScores: TrainingPass {
    static let name = "small-scores"
    static let summary = "pulls scores towards 0"
    @Hyperparameter("weight of the pull", in: 0...1) var weight = 0.1

    func extendObjective(_ setup: inout TrainingSetup, in context: PassContext) throws {
        guard let objective = setup.objective else { return }
        setup.objective = try objective.extended { b in
            let size = try b.add("ReduceMean", b.add("Mul", "logits", "logits"), attributes: ["keepdims": 0])
            return try b.add("Add", objective.loss, b.add("Mul", size, b.constant("pull", Tensor(scalar: Float(weight)))))
        }
    }
}

func extending() async throws {
    let data = try DataSplits(reading: "data.npz")
    let recipe = Recipe {
        Remark()
        Finetune { $0.epochs = 1; $0.with = [PassStep(SmallScores { $0.weight = 0.5 })] }
    }
    print(recipe)
    print(try await recipe.run(on: Model(reading: "model.onnx"), data: data).findings[0])
}

let parts: [String: () async throws -> Void] = [
    "extending": extending,
ENTRIES
]

await Program.run {
    for name in CommandLine.arguments.dropFirst() {
        print("== \\(name)")
        try await parts[name]?()
    }
}
"""


def blocks(page: Path) -> str:
    """The Swift code of a page, as one text."""
    return "\n".join(re.findall(r"^```swift\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE))


def function(name: str, page: Path) -> str:
    """A page's code as a function; what a page leaves unused is no mistake of its reader."""
    code = blocks(page).replace("import Winnow\n", "")
    return f"func {name}() async throws {{\n{textwrap.indent(code, '    ')}}}\n"


def run(*arguments, folder: Path, **environment) -> str:
    result = subprocess.run(
        list(map(str, arguments)), cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )  # fmt: skip
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
    return result.stdout


def publish(root: Path, folder: Path) -> None:
    """The project as a repository of its own with one version."""
    folder.mkdir()
    files = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, files):
        if (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((root / name).read_bytes())
    who = {f"GIT_{part}_{field}": "winnow" for part in ("AUTHOR", "COMMITTER") for field in ("NAME", "EMAIL")}
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "A version"], ["tag", "1.0.0"]):
        run("git", *command, folder=folder, **who)


@pytest.fixture(scope="module")
def outside(root, winnow, tmp_path_factory):
    """Runs a part of a package that depends on Winnow, beside a model and data, and gives what it prints."""
    base = tmp_path_factory.mktemp("package")
    publish(root, base / "winnow")
    sources = base / "outside/Sources/outside"
    sources.mkdir(parents=True)
    (base / "outside/Package.swift").write_text(MANIFEST.format(url=base / "winnow"))
    pages = {name: root / f"Sources/Winnow/Winnow.docc/{name}.md" for name in ARTICLES}
    # These read data that not every reader has: that they compile must do.
    pages |= {"landing": root / "Sources/Winnow/Winnow.docc/Winnow.md", "readme": root / "README.md"}
    for name, page in pages.items():
        (sources / f"{name}.swift").write_text("import Foundation\nimport Winnow\n\n" + function(f"show{name}", page))
    entries = "\n".join(f'    "{name}": show{name},' for name in pages)
    (sources / "main.swift").write_text(PROGRAM.replace("ENTRIES", entries))
    libraries = root / ".deps/lib"
    paths = {"PKG_CONFIG_PATH": str(libraries / "pkgconfig"), "LD_LIBRARY_PATH": str(libraries)}
    run("swift", "build", folder=base / "outside", **paths)

    def show(part: str, folder: Path) -> str:
        random = np.random.default_rng(1)
        samples = random.random((400, 64)).astype(np.float32)
        np.savez(folder / "data.npz", input=samples, labels=random.integers(0, 10, 400))
        winnow("new", "mlp", "--widths", "64,32,10", "-o", folder / "model.onnx")
        return run(base / "outside/.build/debug/outside", part, folder=folder, **paths)

    return show


@pytest.mark.parametrize("article", ARTICLES)
def test_what_articles_show_works(outside, tmp_path, article):
    printed = outside(article, tmp_path)
    assert len(printed.splitlines()) > 2
    written = {path.name for path in tmp_path.glob("*.onnx")} - {"model.onnx"}
    assert written == WRITTEN.get(article, set())
    for name in written:
        onnx.checker.check_model(onnx.load(tmp_path / name), full_check=True)


def test_passes_and_recipes_of_ones_own(outside, tmp_path):
    lines = outside("extending", tmp_path).splitlines()
    assert lines[1:] == [
        "version: 1", "steps:", "  - remark", "  - finetune: { epochs: 1, with: [{ small-scores: { weight: 0.5 } }] }",
        "graph: kept (seed 0)",
    ]  # fmt: skip
