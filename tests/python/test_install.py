# SPDX-License-Identifier: BSD-3-Clause
"""What the installed package holds, and how the third-party recipe is kept."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import glassnmr

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path(glassnmr.__file__).parent
RECIPE = json.loads((ROOT / "extern" / "eigen.json").read_text())
FETCH = ROOT / "extern" / "fetch.py"


def is_installed() -> bool:
    """Whether an installed distribution, not a source tree on the path, is under test."""
    try:
        files = importlib.metadata.files("glassnmr") or []
    except importlib.metadata.PackageNotFoundError:
        return False
    return any(Path(file.locate()).resolve() == Path(glassnmr.__file__).resolve() for file in files)


installed = pytest.mark.skipif("not __import__('test_install').is_installed()", reason="glassnmr is not installed")


def test_package_under_test_is_not_the_source_tree() -> None:
    assert PACKAGE.resolve() != ROOT / "python" / "glassnmr"


@installed
def test_wheel_holds_the_package_and_nothing_else() -> None:
    names = {str(file) for file in importlib.metadata.files("glassnmr") or []}
    own = {name for name in names if name.startswith("glassnmr/") and "__pycache__" not in name}
    source = {path.relative_to(ROOT / "python").as_posix() for path in (ROOT / "python" / "glassnmr").rglob("*")
              if path.is_file() and "__pycache__" not in path.parts}
    compiled = own - source
    assert len(compiled) == 1 and re.match(r"glassnmr/_core\..*(so|pyd)$", compiled.pop())
    assert source <= own
    outside = {name for name in names - own if not re.match(r"glassnmr/|glassnmr-[\d.]+\.dist-info/|glassnmr\.libs/"
                                                            r"|(\.\./)+bin/glassnmr", name)}
    assert not outside
    assert any(name.endswith("licenses/LICENSE") for name in names)


@installed
def test_command_is_installed_and_tells_its_version() -> None:
    command = shutil.which("glassnmr", path=str(Path(sys.executable).parent))
    assert command is not None
    run = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert glassnmr.__version__ in run.stdout


@installed
def test_metadata_names_licence_and_python() -> None:
    metadata = importlib.metadata.metadata("glassnmr")
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata["Requires-Python"] == ">=3.10"
    assert {"plot", "generate", "test", "bench"} <= set(metadata.get_all("Provides-Extra") or [])


@pytest.mark.skipif(sys.platform != "linux", reason="reads the dynamic symbols of an ELF file")
def test_extension_shows_no_name_of_the_core() -> None:
    nm = shutil.which("nm")
    if nm is None:
        pytest.skip("no nm here")
    (extension,) = PACKAGE.glob("_core*.so")
    text = subprocess.run([nm, "-D", "-C", "--defined-only", extension], capture_output=True, text=True,
                          check=True).stdout
    assert "PyInit__core" in text
    assert not [line for line in text.splitlines() if re.search(r" [A-Za-z] (glassnmr(::|_)|Eigen)", line)]


def test_recipe_and_build_requirement_name_one_eigen() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert f'"{RECIPE["requirement"]}"' in text
    assert RECIPE["requirement"].endswith("==" + RECIPE["version"])
    assert all(re.fullmatch(r"[0-9a-f]{64}", RECIPE[key]) for key in ("wheel_sha256", "headers_sha256"))


def fake_eigen(folder: Path, recipe: dict[str, str], **changes: str) -> tuple[Path, Path]:
    """A copy of fetch.py beside a recipe for a tiny wheel, and that wheel; `changes` overwrite the recipe."""
    wheel = folder / "tiny.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(recipe["headers"] + "/Core", "// core\n")
        archive.writestr(recipe["headers"] + "/src/Core/Matrix.h", "// matrix\n")
        archive.writestr("elsewhere/secret", "not a header")
    lines = "".join(f"{hashlib.sha256(text).hexdigest()}  {name}\n"
                    for name, text in [("Core", b"// core\n"), ("src/Core/Matrix.h", b"// matrix\n")])
    tiny = {**recipe, "wheel_sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
            "headers_sha256": hashlib.sha256(lines.encode()).hexdigest(), **changes}
    (folder / "eigen.json").write_text(json.dumps(tiny))
    return Path(shutil.copy(FETCH, folder)), wheel


def test_fetch_unpacks_the_headers_of_the_wheel(tmp_path: Path) -> None:
    script, wheel = fake_eigen(tmp_path, RECIPE)
    subprocess.run([sys.executable, script, "--wheel", wheel], check=True, capture_output=True)
    files = {p.relative_to(tmp_path).as_posix() for p in (tmp_path / "eigen").rglob("*") if p.is_file()}
    assert files == {"eigen/Eigen/Core", "eigen/Eigen/src/Core/Matrix.h"}


@pytest.mark.parametrize("changed", ["wheel_sha256", "headers_sha256"])
def test_fetch_refuses_other_contents_and_leaves_nothing(tmp_path: Path, changed: str) -> None:
    script, wheel = fake_eigen(tmp_path, RECIPE, **{changed: "0" * 64})
    run = subprocess.run([sys.executable, script, "--wheel", wheel], check=False, capture_output=True, text=True)
    assert run.returncode == 1 and "must have SHA-256 0000" in run.stderr and "Traceback" not in run.stderr
    assert {p.name for p in tmp_path.iterdir()} == {"eigen.json", "fetch.py", "tiny.whl"}


def configure(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """CMake on a project that has nothing but extern/."""
    cmake = shutil.which("cmake")
    if cmake is None or not (shutil.which("ninja") or shutil.which("make")):
        pytest.skip("no cmake here")
    (folder / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\nproject(e LANGUAGES NONE)\nadd_subdirectory(extern)\n")
    (folder / "extern").mkdir()
    for name in ("CMakeLists.txt", "eigen.json"):
        shutil.copy(ROOT / "extern" / name, folder / "extern")
    return subprocess.run([cmake, "-S", folder, "-B", folder / "build", f"-DPython_EXECUTABLE={sys.executable}",
                           *arguments], check=False, capture_output=True, text=True)


def headers(folder: Path, version: str) -> Path:
    """A header tree that tells this version."""
    macros = folder / "Eigen" / "src" / "Core" / "util" / "Macros.h"
    macros.parent.mkdir(parents=True)
    (folder / "Eigen" / "Core").write_text("// core\n")
    names = ("WORLD", "MAJOR", "MINOR")
    numbers = zip(names, version.split("."), strict=True)
    macros.write_text("".join(f"#define EIGEN_{name}_VERSION {number}\n" for name, number in numbers))
    return folder


@pytest.mark.parametrize(("version", "message"), [
    ("3.3.9", "Eigen must be 3.4.1, got 3.3.9"), ("3.4.1", "must have SHA-256")])
def test_configure_refuses_headers_that_are_not_the_pinned_ones(tmp_path: Path, version: str, message: str) -> None:
    headers(tmp_path / "prefix" / "include" / "eigen3", version)
    run = configure(tmp_path, f"-DCMAKE_PREFIX_PATH={tmp_path / 'prefix'}")
    assert run.returncode == 1 and message in " ".join(run.stderr.split())


@pytest.mark.parametrize(("version", "status"), [("3.3.9", 1), ("3.4.0", 0)])
def test_builder_may_bring_another_eigen_of_at_least_3_4(tmp_path: Path, version: str, status: int) -> None:
    folder = headers(tmp_path / "mine", version)
    run = configure(tmp_path, f"-DGLASSNMR_EIGEN={folder}")
    assert run.returncode == status, run.stderr
