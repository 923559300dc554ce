# SPDX-License-Identifier: BSD-3-Clause
"""Every case of the bench runs on tiny input; peers that are not installed are skipped with a note."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench import systems  # noqa: E402
from bench.cases import CASES  # noqa: E402
from bench.compare import differences  # noqa: E402
from bench.measure import run  # noqa: E402


@pytest.mark.parametrize("name", CASES)
def test_case_runs_tiny(name: str) -> None:
    told: list[str] = []
    with warnings.catch_warnings():
        if not name.endswith("/glassnmr"):
            warnings.simplefilter("ignore")  # a peer's own affair
        result = run([CASES[name]], tiny=True, repeats=2, tell=told.append)[name]
    if "skipped" in result:
        assert not name.endswith("/glassnmr")
        pytest.skip(result["skipped"])
    assert 0 < result["min"] <= result["median"]
    assert result["calls"] == 2 and result["items"] >= 1
    assert len(told) == 1 and name in told[0]


@pytest.mark.parametrize(("make", "wanted"), [(systems.silica, 34), (systems.packing, 40)])
def test_systems_have_the_neighbours_that_the_cases_name(make: object, wanted: int) -> None:
    from glassnmr.descriptors import neighbours

    atoms = make(500)  # type: ignore[operator]
    first, _, vectors = neighbours(atoms, 5.0)
    assert first[-1] / len(atoms) == pytest.approx(wanted, abs=1.0)
    assert np.linalg.norm(vectors, axis=1).min() > 1.0


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, from the project's folder."""
    return subprocess.run([sys.executable, "-m", "bench", *arguments], cwd=ROOT, capture_output=True, text=True,
                          check=False, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})


def test_result_file_tells_what_the_figures_depend_on(tmp_path: Path) -> None:
    path = tmp_path / "now.json"
    done = bench("neighbours 5 A/glassnmr", "--tiny", "--json", str(path))
    assert done.returncode == 0, done.stderr
    written = json.loads(path.read_text())
    assert {"cpu", "threads", "commit", "load", "glassnmr", "peers", "date"} <= set(written["machine"])
    assert {"version", "level"} <= set(written["machine"]["glassnmr"])
    assert list(written["results"]) == ["neighbours 5 A/glassnmr"]
    again = bench("--compare", str(path), str(path))
    assert "x 1.00" in again.stdout


def test_comparison_gives_ratio_and_names_what_changed() -> None:
    old = {"machine": {"cpu": "a", "threads": 1}, "results": {"x/y": {"min": 2.0, "unit": "us/atom"}, "gone/y": {}}}
    new = {"machine": {"cpu": "b", "threads": 1}, "results": {"x/y": {"min": 3.0, "unit": "us/atom"},
                                                            "z/y": {"skipped": "no z"}}}
    lines = list(differences(old, new))
    assert lines[0] == "cpu: a -> b" and len(lines) == 2 and lines[1].endswith("x 1.50")


def test_unknown_case_is_one_line() -> None:
    done = bench("no such thing")
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "no such thing" in done.stderr


def test_a_glass_becomes_spectra_stage_by_stage(tmp_path: Path) -> None:
    from ase.build import bulk
    from bench.chain import models, stages

    atoms = systems.silica(200)
    trained = models(tmp_path)
    seconds, counts = stages(lambda: atoms, trained, 1)
    names = list(seconds)
    assert names[:1] == ["read the glass"] and names[-1] == "17O 3QMAS" and len(names) == 7
    assert counts == {"atoms": len(atoms), "29Si": len(atoms) // 3, "17O": 2 * len(atoms) // 3}
    assert len(list(tmp_path.glob("*.gnmr"))) == 3 and set(models(tmp_path)) == set(trained)
    with pytest.raises(ValueError, match="Cu"):
        stages(lambda: bulk("Cu"), trained, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_sizes_are_measured_in_processes_of_their_own(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    path = tmp_path / "scaling.json"
    words = ["-m", "bench.scaling", "--sizes", "200", "700", "--json", str(path)]
    done = subprocess.run([sys.executable, *words, "--plot", str(tmp_path / "scaling.png")], cwd=ROOT,
                          capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 0, done.stderr
    rows = json.loads(path.read_text())["results"]
    assert [row["atoms"] for row in rows] == [len(systems.silica(200)), len(systems.silica(700))]
    assert all(row["us_per_atom"] > 0.1 and row["megabytes"] > 0 for row in rows)
    assert (tmp_path / "scaling.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_long_dump_is_written_and_read_to_its_last_frame(tmp_path: Path) -> None:
    path = tmp_path / "streaming.json"
    words = ["-m", "bench.streaming", "--gigabytes", "0.001", "--atoms", "1000", "--peers", "2"]
    done = subprocess.run([sys.executable, *words, "--folder", str(tmp_path), "--json", str(path)], cwd=ROOT,
                          capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 0, done.stderr
    found = json.loads(path.read_text())
    dump, results = found["dump"], found["results"]
    assert 1e6 < dump["bytes"] < 1.2e6 and dump["atoms"] == len(systems.silica(1000))
    assert results["glassnmr"]["frames"] == dump["frames"] > 20 and results["ase"]["frames"] == 2
    assert 20 < results["glassnmr"]["peak_MB"] < 500
    assert sorted(item.name for item in tmp_path.iterdir()) == ["streaming.json"]


def test_a_large_fit_tells_time_and_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    done = subprocess.run([sys.executable, "-m", "bench.large", "--rows", "500", "--features", "60", "--landmarks",
                           "20", "--json", str(path)], cwd=ROOT, capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 0, done.stderr
    found = json.loads(path.read_text())["result"]
    assert (found["rows"], found["features"], found["landmarks"]) == (500, 60, 20)
    assert found["cpu"] > 0 and 0.01 < found["peak_GiB"] < 4 and found["R2"] > 0.5
