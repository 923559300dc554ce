# SPDX-License-Identifier: BSD-3-Clause
"""What `import glassnmr` offers."""

from __future__ import annotations

import subprocess
import sys

import pytest

import glassnmr


@pytest.mark.parametrize("name", glassnmr.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(glassnmr, name) is not None and name in dir(glassnmr)


def test_every_lazy_name_is_public() -> None:
    assert set(glassnmr._HOME) <= set(glassnmr.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        glassnmr.nonsense  # noqa: B018


def test_importing_the_package_loads_neither_ase_nor_matplotlib() -> None:
    code = "import sys, glassnmr; print([m for m in ('ase', 'matplotlib', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
