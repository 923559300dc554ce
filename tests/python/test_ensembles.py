# SPDX-License-Identifier: BSD-3-Clause
"""Ensembles: averages of tensors against motion done by hand, uncertain lines against lines drawn one by one."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from glassnmr.ensembles import average_predictions, ensemble_sites, mean_tensors, uncertain_spectrum
from glassnmr.io import read_frames
from glassnmr.isotopes import isotope
from glassnmr.site_lists import write_sites
from glassnmr.spectra import mas_spectrum
from glassnmr.tensors import efg_parameters, efg_tensor, rotation_matrix

AXIS = (-130.0, -70.0, 2048)


def frames_of(tensors: dict[str, Any]) -> list[Atoms]:
    """SiO2 molecules with these tensors on the oxygens, (F, 2, 3, 3) each."""
    count = len(next(iter(tensors.values())))
    found = []
    for f in range(count):
        atoms = Atoms("SiO2", [[0, 0, 0], [1.6, 0, 0], [-1.6, 0, 0]])
        for kind, values in tensors.items():
            array = np.full((3, 9), np.nan)
            array[1:] = values[f].reshape(2, 9)
            atoms.set_array(kind, array)
        found.append(atoms)
    return found


def test_a_fast_turn_leaves_the_tensor_along_its_axis() -> None:
    # a C_Q of 6 MHz that turns about an axis at 54.7 degrees to it averages to zero, at 0 to itself, at 90 to half
    v = efg_tensor(6.0, 0.0, "17O")
    for angle, factor in ((0.0, 1.0), (math.acos(1 / math.sqrt(3)), 0.0), (math.pi / 2, -0.5)):
        turns = np.array([[r @ v @ r.T] for r in rotation_matrix(np.arange(12) * math.pi / 6, angle, 0.0)])
        C_Q, eta, _ = efg_parameters(mean_tensors(turns)[0, 0], "17O")
        assert C_Q == pytest.approx(6.0 * factor, abs=1e-9)
        assert eta == pytest.approx(0, abs=1e-6) or factor == 0


def test_windows_average_each_and_add_up() -> None:
    t = np.random.default_rng(0).normal(size=(7, 4, 3, 3))
    assert np.allclose(mean_tensors(t, 3), [t[:3].mean(axis=0), t[3:6].mean(axis=0)])
    assert np.allclose(mean_tensors(t), t.mean(axis=0)[None])
    assert np.array_equal(mean_tensors(t, 1), t)


def test_sums_keep_every_frame_and_means_make_one_of_all() -> None:
    random = np.random.default_rng(1)
    ms = 200 + random.normal(0, 20, (6, 2, 3, 3))
    efg = random.normal(size=(6, 2, 3, 3))
    efg = efg + np.swapaxes(efg, -1, -2)
    efg -= np.trace(efg, axis1=-2, axis2=-1)[..., None, None] / 3 * np.eye(3)
    frames = frames_of({"ms": ms, "efg": efg})
    options: dict[str, Any] = {"reference": (250.0, -1.0), "label": "oxygen"}
    every = ensemble_sites(frames, "17O", mode="sum", **options)
    assert len(every["C_Q"]) == 12 and set(every["labels"]) == {"NBO"}
    assert np.allclose(every["delta_iso"], 250 - np.trace(ms, axis1=-2, axis2=-1).ravel() / 3)
    assert np.allclose(every["C_Q"], efg_parameters(efg, "17O").C_Q.ravel())
    mean = ensemble_sites(frames, "17O", **options)
    assert np.allclose(mean["C_Q"], efg_parameters(efg.mean(axis=0), "17O").C_Q)
    assert mean["delta_iso"].mean() == pytest.approx(every["delta_iso"].mean())
    assert np.abs(mean["C_Q"]).mean() < np.abs(every["C_Q"]).mean()
    assert len(ensemble_sites(frames, "17O", window=2, **options)["C_Q"]) == 6
    made = mas_spectrum("17O", field=14.1, **mean)
    assert list(made.components) == ["NBO"]


def test_real_gradients_narrow_when_they_are_averaged(data_folder: Path) -> None:
    names = sorted((data_folder / "gehlenite-efg").glob("*.magres.gz"))[:4]
    first = next(iter(read_frames(names[0])))
    frames = []
    for name in names:  # the same kinds of atoms, as if they were snapshots
        atoms = next(iter(read_frames(name)))
        copy = Atoms(first.symbols, first.positions, cell=first.cell, pbc=True)
        copy.set_array("efg", atoms.arrays["efg"])
        copy.set_array("ms", np.tile(500 * np.eye(3).ravel(), (len(copy), 1)))
        frames.append(copy)
    slow = ensemble_sites(frames, "27Al", mode="sum", reference=(550.0, -1.0))
    fast = ensemble_sites(frames, "27Al", reference=(550.0, -1.0))
    assert len(slow["C_Q"]) == 4 * len(fast["C_Q"])
    assert np.sqrt(np.mean(fast["C_Q"] ** 2)) < np.sqrt(np.mean(slow["C_Q"] ** 2))


@pytest.mark.parametrize("change, words", [
    ({"mode": "fast"}, "mode must be"), ({"reference": None}, "reference must be"),
    ({"mode": "sum", "window": 2}, "window is of mode 'mean'"), ({"window": 9}, "1 to 3 frames, got 9"),
    ({"window": 0}, "1 to 3 frames"), ({"window": 1.5}, "1 to 3 frames"), ({"label": "colour"}, "no per-atom label"),
    ({"frames": []}, "there are no frames"), ({"isotope": "27Al"}, "no Al of the frames"),
    ({"frames": [Atoms("O")]}, "no tensors 'ms'"),
    ({"frames": [*frames_of({"ms": np.ones((1, 2, 3, 3)), "efg": np.ones((1, 2, 3, 3))}), Atoms("O")]}, "other atoms"),
])
def test_bad_ensembles_are_told_in_one_line(change: dict[str, Any], words: str) -> None:
    tensors = {"ms": np.ones((3, 2, 3, 3)), "efg": np.ones((3, 2, 3, 3))}
    options = {"frames": frames_of(tensors), "isotope": "17O", "reference": (250.0, -1.0), **change}
    with pytest.raises(ValueError, match=words) as error:
        ensemble_sites(options.pop("frames"), options.pop("isotope"), **options)
    assert "\n" not in str(error.value)


def test_bad_tensors_are_told() -> None:
    with pytest.raises(ValueError, match="shape"):
        mean_tensors(np.ones((3, 3)))
    with pytest.raises(ValueError, match="finite"):
        mean_tensors(np.full((2, 1, 3, 3), np.nan))


# ------------------------------------------------------------------------------------------------------- predictions


def table(n_frames: int = 4) -> dict[str, Any]:
    random = np.random.default_rng(2)
    n = n_frames * 3
    return {"frame": np.repeat(np.arange(n_frames), 3), "atom": np.tile([4, 1, 7], n_frames),
            "element": np.full(n, "Si"), "isotope": np.full(n, "29Si"), "x": random.random(n), "y": random.random(n),
            "z": random.random(n), "sigma_iso": random.normal(430, 5, n), "delta_iso": random.normal(-100, 5, n),
            "std_sigma_iso": np.full(n, 1.5), "site": np.array(["Q4", "Q3", "Q4"] * n_frames)}


def test_predictions_are_averaged_atom_by_atom() -> None:
    made = average_predictions(table())
    assert made["atom"].tolist() == [1, 4, 7] and made["site"].tolist() == ["Q3", "Q4", "Q4"]
    given = table()
    for atom, mean in zip(made["atom"], made["delta_iso"], strict=True):
        assert mean == pytest.approx(given["delta_iso"][given["atom"] == atom].mean())
    assert np.all(made["std_sigma_iso"] == 1.5)
    assert len(average_predictions(table(), 2)["atom"]) == 6


def test_couplings_are_no_averages_of_their_own() -> None:
    with pytest.raises(ValueError, match="abs_C_Q cannot be averaged over frames, only its tensor can"):
        average_predictions({**table(), "abs_C_Q": np.ones(12)})
    uneven = {name: column[:-1] for name, column in table().items()}
    with pytest.raises(ValueError, match="the same atoms in all of them"):
        average_predictions(uneven)


# ------------------------------------------------------------------------------------------------------- uncertainty


def test_uncertain_lines_are_gaussians_of_their_own_width() -> None:
    random = np.random.default_rng(3)
    delta, std = random.normal(-100, 6, 300), random.uniform(0.3, 4.0, 300)
    made = uncertain_spectrum("29Si", field=9.4, delta_iso=delta, std_delta_iso=std, fwhm_ppm=1.0, axis=AXIS)
    variance = std**2 + 1 / (8 * math.log(2))
    x = made.ppm[:, None]
    exact = (np.exp(-0.5 * (x - delta) ** 2 / variance) / np.sqrt(2 * np.pi * variance)).mean(axis=1)
    assert np.linalg.norm(made.intensity - exact) < 3e-3 * np.linalg.norm(exact)
    assert made.metadata["broadening"] == "both" and made.metadata["sites"] == 300


def test_the_variance_of_the_spectrum_is_that_of_sites_and_errors() -> None:
    delta, std = np.array([-100.0, -96.0, -110.0]), np.array([0.5, 3.0, 2.0])
    made = uncertain_spectrum("29Si", field=9.4, delta_iso=delta, std_delta_iso=std, axis=(-200.0, 0.0, 8001),
                              broadening="uncertainty")
    y = made.intensity / made.intensity.sum()
    mean = (y * made.ppm).sum()
    assert mean == pytest.approx(delta.mean(), abs=1e-6)
    assert (y * (made.ppm - mean) ** 2).sum() == pytest.approx(delta.var() + np.mean(std**2), rel=2e-3)


def test_one_uncertainty_for_all_is_a_width() -> None:
    sites = {"delta_iso": [-100.0, -96.0], "labels": ["Q4", "Q3"], "axis": AXIS}
    made = uncertain_spectrum("29Si", field=9.4, std_delta_iso=1.0, fwhm_ppm=1.0, **sites)
    plain = mas_spectrum("29Si", field=9.4, fwhm_ppm=math.sqrt(1 + 8 * math.log(2)), **sites)
    assert np.allclose(made.intensity, plain.intensity, atol=1e-12)
    assert dict(made.fractions) == pytest.approx(dict(plain.fractions))
    assert np.allclose(made.components["Q3"], plain.components["Q3"], atol=1e-12)
    ignored = uncertain_spectrum("29Si", field=9.4, std_delta_iso=1.0, fwhm_ppm=1.0, broadening="width", **sites)
    assert np.array_equal(ignored.intensity, mas_spectrum("29Si", field=9.4, fwhm_ppm=1.0, **sites).intensity)


def test_uncertain_couplings_are_those_of_many_draws() -> None:
    random = np.random.default_rng(4)
    n = 40_000
    C_Q, eta = 3.5 + 0.2 * random.normal(size=n), 0.45 + 0.08 * random.normal(size=n)
    axis = (-60.0, 90.0, 1024)
    drawn = mas_spectrum("17O", field=14.1, delta_iso=np.full(n, 50.0), C_Q=C_Q, eta=np.clip(eta, 0, 1), fwhm_ppm=2.0,
                         axis=axis)
    made = uncertain_spectrum("17O", field=14.1, delta_iso=[50.0], C_Q=[3.5], eta=[0.45], std_C_Q=0.2, std_eta=0.08,
                              fwhm_ppm=2.0, axis=axis)
    assert np.linalg.norm(made.intensity - drawn.intensity) < 0.05 * np.linalg.norm(drawn.intensity)
    assert made.integral == pytest.approx(drawn.integral, abs=1e-3)


def test_the_default_axis_holds_all_of_it() -> None:
    made = uncertain_spectrum("29Si", field=9.4, delta_iso=np.linspace(-110, -90, 50), fwhm_ppm=0.5,
                              std_delta_iso=np.linspace(0.1, 5, 50))
    assert made.integral == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("change, words", [
    ({"broadening": "some"}, "broadening must be"),
    ({"std_delta_iso": -1.0}, "std_delta_iso must be finite and not neg"),
    ({"std_delta_iso": [1.0, 2.0]}, "one value a site, 1"), ({"std_C_Q": math.nan}, "std_C_Q must be finite"),
    ({"shape": "lorentzian"}, "so must be the shape"), ({"delta_iso": [math.nan]}, "delta_iso must be finite"),
    ({"eta": [2.0]}, "eta must lie"),
])
def test_bad_uncertainties_are_told_in_one_line(change: dict[str, Any], words: str) -> None:
    options = {"delta_iso": [50.0], "C_Q": [3.0], "eta": [0.2], "field": 9.4, "std_delta_iso": 1.0, **change}
    with pytest.raises(ValueError, match=words) as error:
        uncertain_spectrum("17O", **options)
    assert "\n" not in str(error.value)


# --------------------------------------------------------------------------------------------------------- site lists

OXYGENS = {"delta_iso": [50.0, 60.0], "C_Q": [4.9, -2.4], "eta": [0.2, 0.3], "zeta": [10.0, -20.0],
           "eta_csa": [0.1, 0.2], "weights": [1.0, 3.0], "labels": ["BO", "NBO"]}


def test_sites_are_written_in_the_units_of_mrsimulator(tmp_path: Path) -> None:
    assert write_sites(tmp_path / "o.mrsys", "17O", OXYGENS) == 2
    systems = json.loads((tmp_path / "o.mrsys").read_text())
    assert systems[1] == {"sites": [{"isotope": "17O", "isotropic_chemical_shift": "60.0 ppm",
                                     "quadrupolar": {"Cq": "-2400000.0 Hz", "eta": 0.3},
                                     "shielding_symmetric": {"zeta": "-20.0 ppm", "eta": 0.2}}],
                          "abundance": "75.0 %", "label": "NBO"}
    write_sites(tmp_path / "si.mrsys", "29Si", {"delta_iso": np.arange(4.0)})
    assert [s["abundance"] for s in json.loads((tmp_path / "si.mrsys").read_text())] == ["25.0 %"] * 4


def test_mrsimulator_loads_the_sites(tmp_path: Path) -> None:
    mrsimulator = pytest.importorskip("mrsimulator", reason="mrsimulator is not installed")
    write_sites(tmp_path / "o.mrsys", "17O", OXYGENS)
    simulator = mrsimulator.Simulator()
    simulator.load_spin_systems(str(tmp_path / "o.mrsys"))
    site = simulator.spin_systems[1].sites[0]
    assert (site.isotope.symbol, site.quadrupolar.Cq, site.shielding_symmetric.zeta) == ("17O", -2.4e6, -20.0)
    assert [s.abundance for s in simulator.spin_systems] == [25.0, 75.0]


def test_sites_are_written_as_a_table(tmp_path: Path) -> None:
    write_sites(tmp_path / "o.csv", isotope("17O"), OXYGENS)
    assert (tmp_path / "o.csv").read_text().splitlines() == [
        "isotope,delta_iso,C_Q,eta,zeta,eta_csa,weights,labels", "17O,50,4.9,0.2,10,0.1,1,BO",
        "17O,60,-2.4,0.3,-20,0.2,3,NBO"]


@pytest.mark.parametrize("columns, words", [
    ({"C_Q": [1.0]}, "sites need delta_iso"), ({"delta_iso": [1.0], "colour": [1.0]}, "got 'colour'"),
    ({"delta_iso": [1.0], "eta": [1.0, 2.0]}, "one value a site"), ({"delta_iso": [math.inf]}, "finite"),
    ({"delta_iso": [1.0], "weights": [0.0]}, "positive sum"),
])
def test_bad_site_lists_are_told(columns: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=words):
        write_sites(tmp_path / "o.mrsys", "17O", columns)
    with pytest.raises(ValueError, match=r"\.mrsys or \.csv"):
        write_sites(tmp_path / "o.txt", "17O", OXYGENS)
    assert not list(tmp_path.iterdir())
