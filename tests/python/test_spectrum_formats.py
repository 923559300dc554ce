# SPDX-License-Identifier: BSD-3-Clause
"""Spectra of other programs: Bruker, SIMPSON, dmfit and plain columns, there and back, and as nmrglue reads them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from glassnmr.spectra import Spectrum, mas_spectrum
from glassnmr.spectrum_io import is_spectrum_file, load_spectrum


@pytest.fixture
def spectrum() -> Spectrum:
    return mas_spectrum("17O", field=14.1, delta_iso=[40, 62], C_Q=[2.4, 5.1], eta=[0.2, 0.3], fwhm_hz=120,
                        axis=(-30.0, 80.0, 1024))


@pytest.mark.parametrize("suffix, tolerance", [(".spe", 1e-8), (".asc", 1e-8), (".bruker", 4e-9)])
def test_a_written_spectrum_comes_back(spectrum: Spectrum, tmp_path: Path, suffix: str, tolerance: float) -> None:
    path = tmp_path / f"o{suffix}"
    spectrum.save(path)
    back = Spectrum.load(path)
    assert np.allclose(back.ppm, spectrum.ppm, rtol=0, atol=1e-6)
    assert np.max(np.abs(back.intensity - spectrum.intensity)) < tolerance * spectrum.intensity.max()
    assert back.metadata["larmor_MHz"] == pytest.approx(spectrum.larmor, rel=1e-9)
    assert os.listdir(tmp_path) == [path.name]
    assert is_spectrum_file(path)


def test_a_bruker_data_set_tells_its_nucleus_and_field(spectrum: Spectrum, tmp_path: Path) -> None:
    spectrum.save(tmp_path / "o.bruker")
    for place in ("o.bruker", "o.bruker/1", "o.bruker/1/pdata/1", "o.bruker/1/pdata/1/1r"):
        back = load_spectrum(tmp_path / place)
        assert (back.isotope, back.field) == ("17O", pytest.approx(14.1, rel=1e-9))


def test_nmrglue_reads_the_bruker_data_set(spectrum: Spectrum, tmp_path: Path) -> None:
    ng = pytest.importorskip("nmrglue", reason="nmrglue is not installed")
    spectrum.save(tmp_path / "o.bruker")
    parameters, data = ng.bruker.read_pdata(str(tmp_path / "o.bruker" / "1" / "pdata" / "1"))
    procs = parameters["procs"]
    ppm = procs["OFFSET"] - np.arange(len(data)) * procs["SW_p"] / (procs["SF"] * procs["SI"])
    assert np.allclose(ppm[::-1], spectrum.ppm, atol=1e-6)
    assert np.allclose(data[::-1], spectrum.intensity, atol=4e-9 * spectrum.intensity.max())
    assert parameters["acqus"]["NUC1"] == "17O" and parameters["acqus"]["SW_h"] == pytest.approx(procs["SW_p"])


def test_a_bruker_data_set_of_nmrglue_is_read(tmp_path: Path) -> None:
    ng = pytest.importorskip("nmrglue", reason="nmrglue is not installed")
    values = np.round(1e6 * np.exp(-0.5 * ((np.arange(256) - 90) / 11.0) ** 2)).astype(float)
    procs = {"SI": 256, "SF": 79.46, "SW_p": 20000.0, "OFFSET": 60.5, "BYTORDP": 1, "DTYPP": 0, "NC_proc": 0}
    dic = {"procs": {"_coreheader": ["##TITLE= Parameter file"], "_comments": [], **procs}}
    ng.bruker.write_pdata(str(tmp_path), dic, values, write_procs=True, pdata_folder=3, overwrite=True, scale_data=True,
                          shape=(256,), submatrix_shape=(256,), big=True)
    back = load_spectrum(tmp_path)
    assert np.allclose(back.intensity[::-1], values, atol=0.6)
    assert back.ppm[-1] == 60.5 and np.argmax(back.intensity[::-1]) == 90
    assert back.ppm[-1] - back.ppm[-2] == pytest.approx(20000 / 256 / 79.46)


def test_nmrglue_reads_the_simpson_file(spectrum: Spectrum, tmp_path: Path) -> None:
    ng = pytest.importorskip("nmrglue", reason="nmrglue is not installed")
    spectrum.save(tmp_path / "o.spe")
    parameters, data = ng.simpson.read(str(tmp_path / "o.spe"))
    assert parameters["NP"] == 1024 and float(parameters["SF"]) == pytest.approx(spectrum.larmor)
    assert np.allclose(data.real.ravel()[::-1], spectrum.intensity, rtol=1e-6, atol=1e-9)


def test_simpson_s_own_header_rises_and_dmfit_s_falls(tmp_path: Path) -> None:
    points = "1 0\n2 0\n3 0\n4 0\n"
    (tmp_path / "own.spe").write_text(f"SIMP\nNP=4\nSW=4000\nREF=100\nTYPE=SPE\nDATA\n{points}END\n")
    own = load_spectrum(tmp_path / "own.spe", larmor=100.0)
    assert own.ppm == pytest.approx([-19, -9, 1, 11]) and own.intensity.tolist() == [1, 2, 3, 4]
    head = "SIMP\nComment= x\nNP=4\nX0=2000\nSW=4000\nSf=100\nTYPE=SPE\nDATA\n"
    (tmp_path / "dmfit.spe").write_text(f"{head}{points}END\n")
    falling = load_spectrum(tmp_path / "dmfit.spe")
    assert falling.ppm == pytest.approx([-10, 0, 10, 20]) and falling.intensity.tolist() == [4, 3, 2, 1]


def test_dmfit_s_text_is_hertz_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("ti: glass\n##freq 100\n-1000 1\n0 5\n1000 2\n")
    assert load_spectrum(tmp_path / "a.txt").ppm == pytest.approx([-10, 0, 10])
    (tmp_path / "b.hz").write_text("1000 2\n0 5\n-1000 1\n")
    assert load_spectrum(tmp_path / "b.hz", larmor=50.0).ppm == pytest.approx([-20, 0, 20])
    (tmp_path / "c.ppm").write_text("ti: x\n10 2\n0 5\n")
    assert load_spectrum(tmp_path / "c.ppm").ppm.tolist() == [0, 10]


def test_columns_in_hertz_take_the_frequency(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("frequency (kHz),intensity\n1,2\n0,5\n-1,1\n")
    assert load_spectrum(tmp_path / "a.csv", larmor=100.0).ppm == pytest.approx([-10, 0, 10])
    with pytest.raises(ValueError, match=r"a\.csv: the axis is in Hz .* give larmor"):
        load_spectrum(tmp_path / "a.csv")


HEAD = "SIMP\nNP=2\nSW=100\nSF=100\nTYPE=SPE\nDATA\n"


@pytest.mark.parametrize("name, content, words", [
    ("a.spe", "", "first line must be SIMP"), ("a.spe", "SIMP\nNP=2\n", "DATA"),
    ("a.spe", HEAD.replace("SPE", "FID") + "1 0\n2 0\nEND", "TYPE must be SPE"),
    ("a.spe", HEAD.replace("NP=2", "NP=2\nNI=4") + "1 0\n2 0\nEND", "two"),
    ("a.spe", HEAD + "1 0\nEND", "NP announces 2 points"), ("a.spe", HEAD.replace("SW=100", "SW=0") + "1 0\n2 0", "SW"),
    ("a.spe", HEAD.replace("SW=100", "SW=x") + "1 0\n2 0", "SW must be a finite number"),
    ("a.spe", HEAD.replace("NP=2\n", "") + "1 0\n2 0", "NP of a SIMPSON file is missing"),
    ("a.spe", HEAD.replace("SF=100\n", "") + "1 0\n2 0\nEND", "give larmor"),
    ("a.spe", HEAD.replace("SF=100", "SF=-1") + "1 0\n2 0\nEND", "positive number of MHz"),
    ("a.spe", HEAD + "1 0\nx 0\nEND", "could not convert"),
    ("a.asc", "ti: x\n##freq 100\n1 2\n3 x\n", "line 4 is no pair"), ("a.asc", "ti: x\n", "no two lines"),
    ("a.asc", "1 2\n3 4\n", "give larmor"),
])
def test_damaged_files_are_told_in_one_line(tmp_path: Path, name: str, content: str, words: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=words) as error:
        load_spectrum(tmp_path / name)
    assert "\n" not in str(error.value) and name in str(error.value)


def damaged(spectrum: Spectrum, tmp_path: Path, old: str, new: str) -> Path:
    spectrum.save(tmp_path / "o.bruker")
    procs = tmp_path / "o.bruker" / "1" / "pdata" / "1" / "procs"
    text = procs.read_text()
    assert old in text
    procs.write_text(text.replace(old, new))
    return tmp_path / "o.bruker"


@pytest.mark.parametrize("old, new, words", [
    ("##$SI= 1024", "##$SI= 512", "SI announces 512 points"),
    ("##$SI= 1024", "##$SI= x", "SI of procs must be a number"),
    ("##$DTYPP= 0", "##$DTYPP= 2", "of 8 bytes"), ("##$SF= ", "##$SF= -", "SF and SW_p must be positive"),
    ("##$OFFSET", "##$OFFSE", "entry OFFSET"),
])
def test_damaged_bruker_data_are_told(spectrum: Spectrum, tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as error:
        load_spectrum(damaged(spectrum, tmp_path, old, new))
    assert "\n" not in str(error.value)


def test_folders_without_or_with_several_spectra_are_told(spectrum: Spectrum, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no processed Bruker spectrum"):
        load_spectrum(tmp_path)
    (tmp_path / "fid").touch()
    with pytest.raises(ValueError, match="process the fid in TopSpin first"):
        load_spectrum(tmp_path)
    spectrum.save(tmp_path / "a.bruker")
    with pytest.raises(FileExistsError, match="it is there already"):
        spectrum.save(tmp_path / "a.bruker")
    second = tmp_path / "a.bruker" / "1" / "pdata" / "2"
    second.mkdir()
    (second / "1r").touch()
    with pytest.raises(ValueError, match="holds 2 spectra: name one"):
        load_spectrum(tmp_path / "a.bruker")
    (second / "procs").touch()
    with pytest.raises(ValueError, match="SI of procs"):
        load_spectrum(second)


@pytest.mark.parametrize("suffix", [".spe", ".asc", ".bruker"])
def test_what_cannot_be_written_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ValueError, match="needs the isotope and the field"):
        Spectrum(np.arange(3.0), np.ones(3)).save(tmp_path / f"s{suffix}")
    with pytest.raises(ValueError, match="even axis"):
        Spectrum(np.array([0.0, 1.0, 5.0]), np.ones(3), "29Si", 9.4).save(tmp_path / f"s{suffix}")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        Spectrum(np.arange(3.0), np.ones(3), "29Si", 9.4).save(tmp_path / "none" / f"s{suffix}")
    assert not list(tmp_path.iterdir())
