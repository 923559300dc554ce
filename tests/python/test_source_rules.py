# SPDX-License-Identifier: BSD-3-Clause
"""Rules that the sources keep, checked on their text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = (".py", ".pyi", ".cpp", ".hpp", ".h", ".c", ".cmake", ".in", ".toml", ".map", ".sh")


def sources(*folders: str, suffixes: tuple[str, ...] = CODE) -> list[Path]:
    """Files below the folders, without what builds leave and without third-party headers."""
    found: list[Path] = []
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            parts = path.relative_to(ROOT).parts
            hidden = any(part.startswith((".", "__pycache__")) for part in parts[1:])
            named = path.suffix in suffixes or path.name == "CMakeLists.txt"
            if named and not hidden and path.is_file() and parts[:2] != ("extern", "eigen"):
                found.append(path)
    assert found, folders
    return found


def lines_with(pattern: str, paths: list[Path]) -> Iterator[str]:
    """`file:line: text` wherever the pattern is found."""
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(pattern, line):
                yield f"{path.relative_to(ROOT)}:{number}: {line.strip()}"


def test_cited_equations_exist_in_the_theory() -> None:
    theory = (ROOT / "cpp" / "THEORY.md").read_text(encoding="utf-8")
    defined = set(re.findall(r"\((\d+\.\d+[a-z]?)\)", theory))
    assert len(defined) > 20
    missing, cited = [], 0
    for path in sources("cpp", "python", "tests/python", "tests/cpp"):
        text = path.read_text(encoding="utf-8")
        for citation in re.finditer(r"\beqs?\.\s+((?:\(\d+\.\d+[a-z]?\)[\s,\-–]*(?:and |to )?)+)", text):
            numbers = re.findall(r"\d+\.\d+[a-z]?", citation.group(1))
            cited += len(numbers)
            missing += [f"{path.relative_to(ROOT)}: eq. ({n})" for n in numbers if n not in defined]
    assert cited > 40
    assert not missing


def test_core_knows_no_python() -> None:
    assert not list(lines_with(r"pybind11|Python\.h", sources("cpp")))


def test_one_place_has_the_parallel_pragma() -> None:
    found = {line.split(":")[0] for line in lines_with(r"#\s*pragma\s+omp", sources("cpp", "python"))}
    assert found == {"cpp/src/parallel.hpp"}
    headers = {line.split(":")[0] for line in lines_with(r"#include <omp\.h>|\bomp_\w+\(", sources("cpp", "python"))}
    assert headers == {"cpp/src/parallel.hpp", "cpp/src/fork.cpp"}


def test_public_headers_show_no_eigen_and_no_private_header() -> None:
    headers = sources("cpp/include")
    assert not list(lines_with(r"\bEigen\b", headers))
    assert not list(lines_with(r'#include "', headers))


def test_kernels_hold_no_containers_exceptions_or_threads() -> None:
    kernels = sources("cpp/src/kernels", suffixes=(".cpp", ".hpp"))
    forbidden = r"std::(vector|string|function|map|array|unique_ptr|shared_ptr)\b|\bthrow\b|parallel_for\("
    assert not list(lines_with(forbidden, kernels))
    for path in kernels:
        if path.suffix == ".cpp":
            includes = re.findall(r"#include (\S+)", path.read_text(encoding="utf-8"))
            assert includes[0] == '"kernels/level.hpp"', path


def test_files_are_named_after_what_they_hold() -> None:
    vague = {"utils", "util", "helpers", "helper", "misc", "common", "tools"}
    assert not [path for path in sources("cpp", "python", "tests", "bench") if path.stem in vague]


@pytest.mark.parametrize("folder", ["cpp", "python", "tests", "bench", "extern", ".ci"])
def test_every_file_names_its_licence(folder: str) -> None:
    first_lines = {path: path.read_text(encoding="utf-8")[:200] for path in sources(folder, suffixes=(*CODE, ""))
                   if path.stat().st_size}
    plugin = ROOT / "cpp" / "plugins" / "lammps"  # under LAMMPS's licence
    missing = [str(path.relative_to(ROOT)) for path, text in first_lines.items()
               if path.name not in ("levels.inc.in", "LICENSE") and "SPDX-License-Identifier: "
               + ("GPL-2.0-or-later" if plugin in path.parents else "BSD-3-Clause") not in text]
    assert not missing


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    paths = sources("cpp", "python", "tests", "bench", "extern", ".ci", suffixes=(*CODE, ".md", ""))
    assert not [line for line in lines_with(r"(?<![\w./<>{}~])/(work|root|home)/\w|/opt/\w", paths)
                if not line.startswith("tests/python/test_source_rules.py")]


def readme_blocks() -> list[str]:
    """Python code of the README, block by block."""
    path = ROOT / "README.md"
    if not path.is_file():
        return []
    return re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_readme_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = readme_blocks()
    if not blocks:
        pytest.skip("the README has no Python code")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "readme"}
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"README.md, Python block {number}", "exec"), names)
