# SPDX-License-Identifier: BSD-3-Clause
"""The type stubs tell what the compiled module has, name by name and argument by argument."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import glassnmr
from glassnmr import _core

ROOT = Path(__file__).resolve().parents[2]


def test_stubs_are_what_the_compiled_module_tells() -> None:
    path = ROOT / "python" / "bindings" / "stubs.py"
    spec = importlib.util.spec_from_file_location("stubs", path)
    assert spec is not None and spec.loader is not None
    stubs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stubs)
    installed = Path(glassnmr.__file__).with_name("_core.pyi").read_text()
    assert installed == stubs.stubs(_core), \
        "refresh with: python python/bindings/stubs.py > python/glassnmr/_core.pyi"


def test_package_says_that_it_is_typed() -> None:
    assert Path(glassnmr.__file__).with_name("py.typed").is_file()
