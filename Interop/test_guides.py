"""What README and the guides print is what the program takes: command lines, and tables of hyperparameters with their defaults."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "Guides").glob("*.md"))]
ENDS = {"|", ">", "&&", ";"}


def words(line: str) -> tuple[str, ...]:
    """A command's words, without what the shell does with its output."""
    found = shlex.split(line, comments=True)
    return tuple(found[: next((place for place, word in enumerate(found) if word in ENDS), len(found))])


def commands():
    """Those of blocks, which are whole, and those between words, which may be parts."""
    whole, parts = {}, {}
    for page in PAGES:
        blocks = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
        text = page.read_text()
        for kind, block in blocks.findall(text):
            lines = block.replace("\\\n", " ").splitlines() if kind == "sh" else []
            whole |= {words(line): page.name for line in lines if line.startswith("winnow ")}
        parts |= {words(line.replace("\n", " ")): page.name for line in re.findall(r"`(winnow [^`]+)`", blocks.sub("", text))}
    return [(*case, True) for case in whole.items()] + [(*case, False) for case in parts.items() if case[0] not in whole]


COMMANDS = commands()


def test_pages_print_commands():
    assert sum(whole for _, _, whole in COMMANDS) > 50


@pytest.mark.parametrize(("command", "page", "whole"), COMMANDS, ids=[" ".join(command) for command, _, _ in COMMANDS])
def test_commands_are_understood(winnow_path, tmp_path, command, page, whole):
    """In an empty folder: that a file is not there is told after arguments are."""
    result = subprocess.run([winnow_path, *command[1:]], capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=tmp_path)
    assert result.returncode != 2 or (not whole and "Error: Missing" in result.stderr), (page, result.stderr)


@pytest.fixture(scope="module")
def passes(winnow):
    """The hyperparameters of every pass."""
    return {name: entry.get("properties", {}) for name, entry in json.loads(winnow("passes", "--schema").stdout)["$defs"].items()}


def tables(page: Path):
    """Keys and defaults, row by row."""
    for table in re.findall(r"^\| hyperparameter \| default \|.*\n((?:\|.*\n)+)", page.read_text(), re.MULTILINE):
        for row in table.splitlines()[1:]:
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)]
            keys = re.findall(r"`([a-z0-9-]+)`", cells[1])
            defaults = [default.strip(" `") for default in cells[2].split(",")]
            yield from zip(keys, defaults if len(defaults) == len(keys) else [cells[2].strip("`")] * len(keys), strict=True)


def test_tables_are_complete_and_tell_the_defaults(passes):
    pages = {page.stem.lower(): page for page in PAGES}
    named = {name: pages.get(name.replace("-", ""), ROOT / "README.md") for name in passes}
    named = {name: (page, rows) for name, page in named.items() if (rows := list(tables(page)))}
    assert len(named) > 20
    faults = []
    for name, (page, rows) in named.items():
        keys = [key for key, _ in rows]
        if f"`winnow passes {name}` lists the rest" not in page.read_text():
            faults += [f"{name}: {key} is not told" for key in passes[name] if key not in keys]
        for key, default in rows:
            if key not in passes[name]:
                faults.append(f"{name} has no {key}")
                continue
            # What is none, empty or a group is told in words.
            own = passes[name][key].get("default")
            if own is not None and own != [] and own != {} and text(own) != text(default):
                faults.append(f"{name}: {key} is {own} by default, not {default}")
    assert not faults, "\n".join(faults)


def text(value) -> str:
    """A default as it may be spelled."""
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return f"{float(value):g}"
    except (TypeError, ValueError):
        return str(value)
