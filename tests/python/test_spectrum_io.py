# SPDX-License-Identifier: BSD-3-Clause
"""Spectra on disk: what is written comes back, csdmpy understands it, measurements are read, damage is told."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from glassnmr.spectra import Spectrum, mas_spectrum
from glassnmr.spectrum_io import load_spectrum, read_spectrum

DATA = Path(os.environ.get("GLASSNMR_DATA", Path(__file__).parents[2].parent / "shared" / "data")) / "spectra"


@pytest.fixture
def spectrum() -> Spectrum:
    return mas_spectrum(
        "17O",
        field=14.1,
        delta_iso=[40, 50, 62],
        C_Q=[2.4, 4.9, 5.1],
        eta=[0.2, 0.1, 0.3],
        labels=["Si-O-Na", "Si-O-Si", "Si-O-Si"],
        fwhm_hz=120,
    )


@pytest.mark.parametrize("suffix, tolerance", [(".csv", 1e-9), (".csdf", 1e-14)])
def test_a_written_spectrum_comes_back(spectrum: Spectrum, tmp_path: Path, suffix: str, tolerance: float) -> None:
    path = tmp_path / f"oxygen{suffix}"
    spectrum.save(path)
    back = Spectrum.load(path)
    assert np.allclose(back.ppm, spectrum.ppm, rtol=tolerance, atol=1e-7 if suffix == ".csv" else 1e-12)
    assert np.allclose(back.intensity, spectrum.intensity, rtol=tolerance, atol=1e-14)
    assert (back.isotope, back.field) == ("17O", pytest.approx(14.1))
    assert list(back.components) == ["Si-O-Na", "Si-O-Si"]
    for label, values in spectrum.components.items():
        assert np.allclose(back.components[label], values, rtol=tolerance, atol=1e-14)
    assert dict(back.fractions) == pytest.approx(dict(spectrum.fractions))
    assert back.metadata["sites"] == 3 and back.metadata["shape"] == "gaussian"
    assert back.metadata["fwhm_ppm"] == pytest.approx(spectrum.metadata["fwhm_ppm"])
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_the_csv_header_tells_units_and_columns(spectrum: Spectrum, tmp_path: Path) -> None:
    spectrum.save(tmp_path / "s.csv")
    lines = (tmp_path / "s.csv").read_text().splitlines()
    assert lines[0] == "# spectrum: chemical shift in ppm, intensity per ppm"
    assert "# isotope: 17O" in lines and "# field_tesla: 14.1" in lines
    assert "ppm,intensity,Si-O-Na,Si-O-Si" in lines


def test_csdmpy_reads_the_same_ppm_axis_and_data(spectrum: Spectrum, tmp_path: Path) -> None:
    pytest.importorskip("astropy", reason="astropy, which csdmpy needs, is not installed")
    csdmpy = pytest.importorskip("csdmpy", reason="csdmpy is not installed")
    spectrum.save(tmp_path / "s.csdf")
    data = csdmpy.load(str(tmp_path / "s.csdf"))
    axis = data.x[0]
    axis.to("ppm", "nmr_frequency_ratio")
    assert np.allclose(axis.coordinates.value, spectrum.ppm, rtol=0, atol=1e-10)
    assert [variable.name for variable in data.y] == ["intensity", "Si-O-Na", "Si-O-Si"]
    assert np.array_equal(data.y[0].components[0], spectrum.intensity)
    assert axis.origin_offset.to("MHz").value == pytest.approx(spectrum.larmor)


@pytest.mark.parametrize("name", ["Na2SiO3_O17.csdf", "31P_Phosphate_6kHz.csdf"])
def test_measured_spectra_are_read_as_csdmpy_reads_them(name: str) -> None:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"{path} is absent; GLASSNMR_DATA names the folder of development data")
    ppm, intensity = read_spectrum(path)
    assert np.all(np.diff(ppm) > 0) and len(ppm) == len(intensity)
    pytest.importorskip("astropy", reason="astropy, which csdmpy needs, is not installed")
    csdmpy = pytest.importorskip("csdmpy", reason="csdmpy is not installed")
    data = csdmpy.load(str(path))
    data.x[0].to("ppm", "nmr_frequency_ratio")
    coordinates = data.x[0].coordinates.value
    order = np.argsort(coordinates)
    assert np.allclose(ppm, coordinates[order], rtol=1e-12, atol=1e-9)
    assert np.allclose(intensity, data.y[0].components[0].real[order], rtol=1e-6)


def test_plain_columns_are_read(tmp_path: Path) -> None:
    path = tmp_path / "measured.txt"
    path.write_text("% exported\n10.0\t1.5\n9.5 2.5\n\n9.0  0.5\n")
    ppm, intensity = read_spectrum(path)
    assert ppm.tolist() == [9, 9.5, 10] and intensity.tolist() == [0.5, 2.5, 1.5]


@pytest.mark.parametrize("encoding", ["none", "base64"])
def test_csdf_as_other_programs_write_it(tmp_path: Path, encoding: str) -> None:
    # Hz with an fft-ordered axis, complex numbers, or ppm straight away
    import base64

    values = np.array([1 + 2j, 3 - 1j, 5 + 0j, 2 + 0j])
    plain = [1, 2, 3, -1, 5, 0, 2, 0]
    coded = base64.b64encode(values.astype("<c16").tobytes()).decode()
    dimension = {"type": "linear", "count": 4, "increment": "0.1 kHz", "origin_offset": "100 MHz", "complex_fft": True}
    data = {
        "type": "internal",
        "numeric_type": "complex128",
        "quantity_type": "scalar",
        "encoding": encoding,
        "components": [plain if encoding == "none" else coded],
    }
    path = tmp_path / "s.csdf"
    path.write_text(json.dumps({"csdm": {"version": "1.0", "dimensions": [dimension], "dependent_variables": [data]}}))
    found = load_spectrum(path)
    assert found.ppm == pytest.approx([-2, -1, 0, 1])
    assert found.intensity.tolist() == [1, 3, 5, 2]
    assert (found.isotope, found.field, dict(found.components)) == ("", None, {})


@pytest.mark.parametrize("suffix, magic", [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_a_spectrum_is_drawn(spectrum: Spectrum, tmp_path: Path, suffix: str, magic: bytes) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    path = tmp_path / f"s{suffix}"
    spectrum.save(path)
    assert path.read_bytes().startswith(magic)


def test_the_picture_runs_the_nmr_way_and_names_what_it_shows(spectrum: Spectrum) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    axes = spectrum.plot(measured=spectrum.normalised("height")).axes[0]
    left, right = axes.get_xlim()
    assert left > right
    assert axes.get_xlabel() == "$^{17}$O shift / ppm"  # its lines lie beside the chemical shift
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["Si-O-Na  33.3 %", "Si-O-Si  66.7 %", "measured", "sum"]
    lines = {line.get_label(): line.get_ydata() for line in axes.lines}
    assert np.allclose(lines["measured"], lines["sum"], rtol=1e-9)


def test_components_are_stacked_under_their_sum(spectrum: Spectrum) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    from glassnmr.plots import plot_spectrum

    for stacked in (True, False):
        lines = [line.get_ydata() for line in plot_spectrum(spectrum, stacked=stacked).axes[0].lines]
        first, second = (values / spectrum.intensity.max() for values in spectrum.components.values())
        assert np.allclose(lines[0], first) and np.allclose(lines[1], first + second if stacked else second)


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("a.csdf", "", "is not a spectrum that can be read"),
        ("a.csdf", "{}", "the entry csdm is missing"),
        ("a.csdf", '{"csdm": {"dimensions": [{}, {}]}}', "one dimension, got 2"),
        ("a.csdf", '{"csdm": {"dimensions": [{"type": "monotonic"}]}}', "must be linear"),
        ("a.csdf", '{"csdm": 3}', "is not a spectrum that can be read"),
        ("a.csv", "", "there are no two lines"),
        ("a.csv", "ppm,intensity\n1,2\n2,x\n", "line 3 holds something else than numbers"),
        ("a.csv", "ppm,intensity\n1,2\n2\n", "line 3"),
        ("a.csv", "1\n2\n", "line 1 has 1 column"),
        ("a.csv", "1,2\n1,3\n", "ppm must rise or fall"),
        ("a.csv", "1,2\n2,nan\n", "finite"),
        ("a.csv", b"\xff\xfe\x00\x00", "is not a spectrum that can be read"),
        ("a.xyz", "1 2", "a spectrum is read from"),
    ],
)
def test_files_that_are_no_spectra_are_told_in_one_line(
    tmp_path: Path, name: str, content: str | bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=words) as error:
        load_spectrum(path)
    assert "\n" not in str(error.value) and name in str(error.value)


def csdf(tmp_path: Path, spectrum: Spectrum, **changes: object) -> Path:
    path = tmp_path / "damaged.csdf"
    spectrum.save(path)
    document = json.loads(path.read_text())
    for place, value in changes.items():
        part, key = place.split("__")
        document["csdm"][part][0][key] = value
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"dimensions__count": 7}, "the axis has 7 points, the data"),
        ({"dimensions__count": 1}, "at least two points"),
        ({"dimensions__increment": "3 m"}, "a frequency in Hz"),
        ({"dimensions__increment": "nan Hz"}, "a frequency in Hz"),
        ({"dimensions__origin_offset": "0 Hz"}, "origin_offset"),
        ({"dependent_variables__components": ["!!!!"]}, "base64"),
        ({"dependent_variables__components": [[1], [2]]}, "one component, got 2"),
        ({"dependent_variables__type": "external"}, "another file"),
        ({"dependent_variables__numeric_type": "float99"}, "is not a spectrum"),
    ],
)
def test_a_damaged_csdf_file_is_told(
    spectrum: Spectrum, tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(ValueError, match=words) as error:
        load_spectrum(csdf(tmp_path, spectrum, **changes))
    assert "\n" not in str(error.value)


def test_what_cannot_be_written_is_told(spectrum: Spectrum, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.csv, \.csdf, .*\.png"):
        spectrum.save(tmp_path / "s.xlsx")
    with pytest.raises(ValueError, match="needs the isotope and the field"):
        Spectrum(np.arange(3.0), np.ones(3)).save(tmp_path / "s.csdf")
    with pytest.raises(ValueError, match="even axis"):
        Spectrum(np.array([0.0, 1.0, 5.0]), np.ones(3), "29Si", 9.4).save(tmp_path / "s.csdf")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        load_spectrum(tmp_path / "none.csv")
    assert not list(tmp_path.iterdir())
