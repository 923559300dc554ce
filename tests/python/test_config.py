# SPDX-License-Identifier: BSD-3-Clause
"""What the library tells of itself, and one version number everywhere."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys

import pytest

import glassnmr


def test_config_tells_version_level_and_threads() -> None:
    config = glassnmr.config()
    assert {"version", "level", "levels", "compiler", "openmp", "threads"} <= set(config)
    assert config["level"] in config["levels"]
    assert config["threads"] >= 1
    assert any(character.isdigit() for character in config["compiler"])
    assert isinstance(config["openmp"], bool)


def test_compiled_core_and_package_have_one_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", glassnmr.__version__)
    assert glassnmr.config()["version"] == glassnmr.__version__


def test_installed_metadata_has_that_version() -> None:
    try:
        installed = importlib.metadata.version("glassnmr")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("glassnmr is on the path but not installed")
    assert installed == glassnmr.__version__


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="levels are those of x86-64")
def test_highest_supported_level_is_chosen() -> None:
    config = _config_of({"GLASSNMR_LEVEL": ""})
    assert config["level"] == config["levels"][-1]
    assert config["levels"] == sorted(config["levels"])


def test_threads_follow_the_environment() -> None:
    if not glassnmr.config()["openmp"]:
        pytest.skip("built without OpenMP")
    assert _config_of({"OMP_NUM_THREADS": "3"})["threads"] == 3


def _config_of(environment: dict[str, str]) -> dict[str, object]:
    code = "import json; from glassnmr import _core; print(json.dumps(_core.config()))"
    run = subprocess.run([sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True,
                         text=True, check=True)
    return dict(json.loads(run.stdout))
