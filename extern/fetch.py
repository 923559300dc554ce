# SPDX-License-Identifier: BSD-3-Clause
"""Fill extern/eigen with the pinned headers: python extern/fetch.py [--wheel FILE].

The wheel named in eigen.json is taken from the package index with pip, or from a file that is already here. Both the
wheel and the tree of headers must have the recorded SHA-256; otherwise nothing is written.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def tree_sha256(folder: Path) -> str:
    """SHA-256 of the lines `<sha256 of file>  <path>` of all files, sorted by path; CMake computes the same."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    lines = (f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def require(what: str, wanted: str, got: str) -> None:
    """Stop with one line unless both hashes are the same."""
    if wanted != got:
        raise SystemExit(f"{what} must have SHA-256 {wanted}, got {got}")


def download(recipe: dict[str, str], folder: Path) -> Path:
    """The pinned wheel, through pip."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    if subprocess.run([*command, recipe["requirement"]], check=False).returncode:
        raise SystemExit(f"pip could not download {recipe['requirement']}; give a copy with --wheel")
    return folder / recipe["wheel"]


def fill(recipe: dict[str, str], wheel: Path, target: Path) -> int:
    """Unpack the headers of a wheel to target/Eigen and return their number."""
    require(wheel.name, recipe["wheel_sha256"], hashlib.sha256(wheel.read_bytes()).hexdigest())
    prefix = recipe["headers"] + "/"
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        headers = Path(folder) / "Eigen"
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.startswith(prefix) and not name.endswith("/"):
                    path = headers / name[len(prefix):]
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(archive.read(name))
        require("the header tree", recipe["headers_sha256"], tree_sha256(headers))
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        headers.rename(target / "Eigen")
    return sum(path.is_file() for path in target.rglob("*"))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Fill extern/eigen with the pinned headers of Eigen.")
    parser.add_argument("--wheel", type=Path, help="a copy of the wheel named in eigen.json, instead of a download")
    parser.add_argument("--target", type=Path, default=HERE / "eigen", help="folder to fill (default: extern/eigen)")
    arguments = parser.parse_args()
    recipe = json.loads((HERE / "eigen.json").read_text())
    with tempfile.TemporaryDirectory() as folder:
        wheel = arguments.wheel or download(recipe, Path(folder))
        if not wheel.is_file():
            raise SystemExit(f"no wheel at {wheel}")
        n = fill(recipe, wheel, arguments.target.absolute())
    print(f"{arguments.target}: {n} headers of {recipe['name']} {recipe['version']}")


if __name__ == "__main__":
    main()
