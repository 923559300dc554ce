# SPDX-License-Identifier: BSD-3-Clause
"""Readers of DFT outputs: every tensor against what the file itself says elsewhere, or against another program."""

from __future__ import annotations

import gzip
import re
import shutil
import warnings
from pathlib import Path

import ase
import numpy as np
import pytest

from glassnmr import read_dataset
from glassnmr.io import read_frames
from glassnmr.tensors import (
    AU_IN_V_PER_ANGSTROM2,
    MHZ_PER_BARN_V_PER_ANGSTROM2,
    convert_efg,
    efg_principal_values,
    herzfeld_berger,
    isotropic,
    quadrupolar_coupling,
)

OUTPUTS = Path(__file__).resolve().parents[1] / "data" / "outputs"


def _only(path: Path) -> ase.Atoms:
    (atoms,) = read_frames(path)
    return atoms


def _lines(path: Path) -> list[str]:
    raw = path.read_bytes()
    return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode().splitlines()


# ---- VASP


@pytest.fixture
def shifts(data_folder: Path) -> Path:
    return data_folder / "parsers" / "vasp" / "LiAlSiO4_cs" / "OUTCAR.gz"


@pytest.fixture
def gradients(data_folder: Path) -> Path:
    return data_folder / "parsers" / "vasp" / "LiAlSiO4_efg" / "OUTCAR.gz"


def test_vasp_shieldings_agree_with_the_table_that_vasp_prints(shifts: Path) -> None:
    atoms = _only(shifts)
    lines = _lines(shifts)
    start = next(i for i, line in enumerate(lines) if "(absolute, valence and core)" in line)
    table = np.array([line.split() for line in lines[start + 1 : start + 22]], dtype=float)
    span = herzfeld_berger(atoms.arrays["ms"])
    np.testing.assert_allclose(-isotropic(atoms.arrays["ms"]), table[:, 4], atol=1.5e-4)
    np.testing.assert_allclose(span.span, table[:, 5], atol=1.5e-4)
    np.testing.assert_allclose(span.skew, table[:, 6], atol=1.5e-4)
    assert atoms.info["ms_terms"] == "valence + G=0"
    assert atoms.info["ms_lacks"] == "core"
    assert atoms.get_chemical_symbols() == ["Li"] * 3 + ["Al"] * 3 + ["Si"] * 3 + ["O"] * 12


def test_vasp_tensors_agree_with_pymatgen(shifts: Path, gradients: Path) -> None:
    outputs = pytest.importorskip("pymatgen.io.vasp.outputs")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shielding, efg = outputs.Outcar(str(shifts)), outputs.Outcar(str(gradients))
        shielding.read_cs_raw_symmetrized_tensors()
        shielding.read_cs_g0_contribution()
        efg.read_nmr_efg_tensor()
    raw = np.array(shielding.data["unsym_cs_tensor"])
    g0 = np.array(shielding.data["cs_g0_contribution"])
    np.testing.assert_allclose(_only(shifts).arrays["ms"], -(raw + g0), atol=1e-9)
    ours = convert_efg(_only(gradients).arrays["efg"], "au", "V/A^2")
    np.testing.assert_allclose(ours, np.array(efg.data["unsym_efg_tensor"]), atol=1.1e-3)


def test_vasp_couplings_are_those_that_vasp_prints(gradients: Path) -> None:
    efg = _only(gradients).arrays["efg"]
    lines = _lines(gradients)
    start = next(i for i, line in enumerate(lines) if "Cq(MHz)" in line) + 2
    printed = np.array([line.split()[1:] for line in lines[start : start + 21]], dtype=float)
    values = convert_efg(efg_principal_values(efg), "au", "V/A^2")
    coupling = MHZ_PER_BARN_V_PER_ANGSTROM2 * printed[:, 2] / 1000 * values[:, 2]
    np.testing.assert_allclose(coupling, printed[:, 0], atol=1.2e-3)
    np.testing.assert_allclose((values[:, 0] - values[:, 1]) / values[:, 2], printed[:, 1], atol=6e-3)
    aluminium, lithium = efg[3:6], efg[:3]
    np.testing.assert_allclose(quadrupolar_coupling(aluminium, "27Al"), [1.143, 1.144, 1.144], atol=1e-3)
    # the run used the moment of 6Li; that of 7Li gives the coupling its size, and V_zz its sign
    np.testing.assert_allclose(quadrupolar_coupling(lithium, "6Li"), [0.00086, 0.0012, 0.00086], rtol=0.02)
    np.testing.assert_allclose(quadrupolar_coupling(lithium, "7Li"), [0.0428, 0.0595, 0.0428], rtol=0.02)


def test_vasp_structures_agree_with_the_contcar(shifts: Path) -> None:
    atoms, other = _only(shifts), _only(shifts.with_name("CONTCAR.gz"))
    np.testing.assert_allclose(atoms.cell.array, other.cell.array, atol=1e-6)
    difference = atoms.get_scaled_positions(wrap=False) - other.get_scaled_positions(wrap=False)
    np.testing.assert_allclose(difference - np.round(difference), 0, atol=1e-7)


OUTCAR = """ vasp.6.3.2 27Jun22 (build) complex
 executed on             LinuxIFC date 2026.01.01  00:00:00
   TITEL  = PAW_PBE Na_pv 19Sep2006
   TITEL  = PAW_PBE Cl 06Sep2000
   ions per type =               1   1
  volume of cell :       50.00
      direct lattice vectors                 reciprocal lattice vectors
     5.000000000  0.000000000  0.000000000     0.200000000  0.000000000  0.000000000
     0.000000000  5.000000000  0.000000000     0.000000000  0.200000000  0.000000000
     0.000000000  0.000000000  2.000000000     0.000000000  0.000000000  0.500000000
 position of ions in cartesian coordinates  (Angst):
   0.00000000  0.00000000  0.00000000
   2.50000000  0.00000000  1.00000000
{tensors}
  {g}=0 CONTRIBUTION TO CHEMICAL {word} (field along BDIR)
 -------------------------------------------------------------
   BDIR                X                 Y                 Z
 -------------------------------------------------------------
     1   {g0}          {off}          0.000000
     2          0.000000   {g0}          0.000000
     3          0.000000          0.000000   {g0}
  Core NMR properties

  typ  El   Core shift (ppm)
 ----------------------------
    1  Na    -600.5000000
    2  Cl    -900.2500000
 ----------------------------

  Core contribution to magnetic susceptibility:     -2.00  10^-6 cm^3/mole
{table}
"""


def _outcar(word: str = "Shift", scale: float = 1.0, g: str = "G", table: str = "") -> str:
    rows = np.array([[10.0, 1, 0], [2, 11, 0], [0, 0, 12], [-20, 0, 3], [0, -21, 0], [1, 0, -22]]) * scale
    text = [f"  Absolute Chemical {word} tensors", "  UNSYMMETRIZED TENSORS"]
    for title in ("", "  SYMMETRIZED TENSORS "):
        text += [title] if title else []
        for ion in range(2):
            text += [f" ion    {ion + 1}", *("".join(f"{x:18.6f}" for x in row) for row in rows[3 * ion : 3 * ion + 3])]
    numbers = {"g0": f"{-3.0 * scale:10.6f}", "off": f"{0.1 * scale:.6f}"}
    return OUTCAR.format(tensors="\n".join(text), g=g, word=word.upper(), table=table, **numbers)


@pytest.mark.parametrize("options", [{}, {"g": "Q"}, {"word": "Shielding", "scale": -1.0}])
def test_vasp_terms_are_added_whatever_the_version_calls_them(tmp_path: Path, options: dict) -> None:
    (tmp_path / "OUTCAR").write_text(_outcar(**options))
    atoms = _only(tmp_path / "OUTCAR")
    core_g0 = 8 * np.pi / 3 * -2.00 / (50 * 0.602214076)
    wanted = -np.array([10 - 3 - 600.5 + core_g0, -20 - 3 - 900.25 + core_g0])
    np.testing.assert_allclose(atoms.arrays["ms"][:, 0, 0], wanted, rtol=1e-12)
    np.testing.assert_allclose(atoms.arrays["ms"][0, 0, 1], -1.1, rtol=1e-12)
    np.testing.assert_allclose(atoms.arrays["ms"][0, 1, 0], -2.0, rtol=1e-12)
    assert atoms.info["ms_terms"] == "valence + G=0 + core + core susceptibility"
    assert "ms_lacks" not in atoms.info
    assert atoms.get_chemical_symbols() == ["Na", "Cl"]


def test_a_vasp_file_that_contradicts_its_own_table_is_refused(tmp_path: Path) -> None:
    rows = ["  (absolute, valence and core)"]
    rows += [f"     {ion}   -592.4  1.0 0.5   {value:10.4f} 1.0 0.5" for ion, value in ((1, -590.0), (2, -922.0))]
    (tmp_path / "OUTCAR").write_text(_outcar(table="\n".join(rows)))
    with pytest.raises(ValueError, match="contradicts itself: the terms of ion"):
        _only(tmp_path / "OUTCAR")


def test_a_vasp_file_that_ends_early_is_refused(tmp_path: Path, shifts: Path) -> None:
    text = _outcar()
    for mark, message in (("    2          0.0", "G=0 contribution"), (" ion    2", "expected the tensor of ion 2")):
        (tmp_path / "OUTCAR").write_text(text[: text.rindex(mark)])
        with pytest.raises(ValueError, match=message):
            _only(tmp_path / "OUTCAR")
    whole = gzip.decompress(shifts.read_bytes()).decode()
    (tmp_path / "OUTCAR").write_text(whole[: whole.index("ion   12", whole.index("  SYMMETRIZED"))])
    with pytest.raises(ValueError, match=r"expected the tensor of ion 12, got ''"):
        _only(tmp_path / "OUTCAR")


def test_a_run_for_shieldings_without_tensors_says_where_they_may_be(tmp_path: Path) -> None:
    text = _outcar()
    start = text.index("  Absolute Chemical")
    (tmp_path / "OUTCAR").write_text(text[:start] + "   LCHIMAG   =     T  perturbation theory\n")
    with pytest.raises(ValueError, match="NMRCAR.magres"):
        _only(tmp_path / "OUTCAR")


# ---- Quantum ESPRESSO


@pytest.fixture
def quartz(data_folder: Path) -> Path:
    return data_folder / "parsers" / "qe"


def test_gipaw_shieldings_agree_with_its_magres_file(quartz: Path, data_folder: Path) -> None:
    atoms = _only(quartz / "quartz-nmr.out")
    other = _only(data_folder / "parsers" / "magres" / "quartz.nmr.magres")
    np.testing.assert_allclose(atoms.arrays["ms"], other.arrays["ms"], atol=1e-9)
    np.testing.assert_allclose(atoms.positions, other.positions, atol=2e-6)
    np.testing.assert_allclose(atoms.cell.array, other.cell.array, atol=5e-6)
    assert atoms.info["ms_terms"] == "valence + macroscopic shape + core"
    assert atoms.info["structure_from"] == "quartz-scf.out"


def test_gipaw_gradients_agree_with_the_couplings_that_it_prints(quartz: Path) -> None:
    atoms = _only(quartz / "quartz-efg.out")
    text = (quartz / "quartz-efg.out").read_text()
    printed = re.findall(r"Q=\s*(\S+) 1e-30 m\^2\s+Cq=\s*(\S+) MHz\s+eta=\s*(\S+)", text)
    moment, coupling, eta = np.array(printed, dtype=float).T
    values = efg_principal_values(atoms.arrays["efg"])
    ours = MHZ_PER_BARN_V_PER_ANGSTROM2 * AU_IN_V_PER_ANGSTROM2 * moment / 100 * values[:, 2]
    np.testing.assert_allclose(ours, coupling, rtol=5e-5, atol=6e-5)
    np.testing.assert_allclose((values[:, 0] - values[:, 1]) / values[:, 2], eta, atol=1e-4)


def test_a_gipaw_file_alone_says_what_it_lacks(quartz: Path, tmp_path: Path) -> None:
    shutil.copy(quartz / "quartz-efg.out", tmp_path)
    with pytest.raises(ValueError, match="tells no cell: put the pw.x output of the same 9 atoms into its folder"):
        _only(tmp_path / "quartz-efg.out")
    text = (quartz / "quartz-scf.out").read_text().replace("        Si     tau", "        Ge     tau")
    (tmp_path / "scf.out").write_text(text)
    with pytest.raises(ValueError, match="tells no cell"):
        _only(tmp_path / "quartz-efg.out")


# ---- CP2K, PySCF, ABINIT


def test_cp2k_and_pyscf_agree_on_the_gradients_of_water() -> None:
    ours = _only(OUTPUTS / "cp2k" / "water.out").arrays["efg"]
    other = _only(OUTPUTS / "pyscf-water.log").arrays["efg"]
    # another functional and another basis: the same signs and axes, the sizes within a fifth
    assert (np.sign(np.diagonal(ours[0])) == np.sign(np.diagonal(other[0]))).all()
    for one, two in zip(ours, other, strict=True):
        assert np.vdot(one, two) / np.linalg.norm(one) / np.linalg.norm(two) > 0.98
        assert 0.8 < np.linalg.norm(one) / np.linalg.norm(two) < 1.25
    np.testing.assert_allclose(np.trace(ours, axis1=1, axis2=2), 0, atol=1e-7)


def test_cp2k_gradients_agree_with_the_eigenvalues_that_it_prints() -> None:
    text = (OUTPUTS / "cp2k" / "water.out").read_text()
    printed = np.array([line.split()[-3:] for line in re.findall(r"eigenvalues.*", text)], dtype=float)
    ours = convert_efg(np.linalg.eigvalsh(_only(OUTPUTS / "cp2k" / "water.out").arrays["efg"]), "au", "V/m^2")
    np.testing.assert_allclose(np.sort(-ours / 1e21, axis=1), np.sort(printed, axis=1), atol=1e-6)


def test_cp2k_shieldings_come_from_the_file_beside_the_output(tmp_path: Path) -> None:
    one, other = _only(OUTPUTS / "cp2k" / "water.out"), _only(OUTPUTS / "cp2k" / "w-SHIFT-1.data")
    np.testing.assert_array_equal(one.arrays["ms"], other.arrays["ms"])
    np.testing.assert_allclose(isotropic(one.arrays["ms"]), [274.0670, 27.1914, 27.1205], atol=1e-4)
    np.testing.assert_allclose(one.arrays["ms"][0, 0], [292.3918, -1.9237, 1.9549])
    np.testing.assert_allclose(one.cell.lengths(), [5, 5.5, 6])
    shutil.copy(OUTPUTS / "cp2k" / "w-SHIFT-1.data", tmp_path)
    with pytest.raises(ValueError, match="put the CP2K output of the project w into its folder"):
        _only(tmp_path / "w-SHIFT-1.data")


def test_pyscf_logs_give_what_the_program_returned() -> None:
    atoms = _only(OUTPUTS / "pyscf-water.log")
    # the arrays that the same run returned in memory
    oxygen = [[3.99236826e02, -2.24826415, 2.49604759e-01], [-2.25255903, 3.65764595e02, -1.18657815],
              [3.01505162e-01, -1.10579953, 3.79258783e02]]  # fmt: skip
    gradient = [[1.73531898, -0.24655213, -0.0064385], [-0.24655213, -1.97325558, -0.19069228],
                [-0.0064385, -0.19069228, 0.23793661]]  # fmt: skip
    np.testing.assert_allclose(atoms.arrays["ms"][0], oxygen, rtol=1e-8)
    np.testing.assert_allclose(atoms.arrays["efg"][0], gradient, atol=2e-7)
    np.testing.assert_allclose(atoms.positions[1], [-0.757, 0.1, -0.4696])
    assert not atoms.pbc.any()


def test_abinit_gradients_come_with_their_structure(data_folder: Path) -> None:
    atoms = _only(OUTPUTS / "abinit-quartz.abo.gz")
    other = _only(data_folder / "parsers" / "magres" / "quartz.efg.magres")
    np.testing.assert_allclose(atoms.cell.array, other.cell.array, atol=1e-6)
    difference = atoms.get_scaled_positions(wrap=False) - other.get_scaled_positions(wrap=False)
    np.testing.assert_allclose(difference - np.round(difference), 0, atol=1e-6)
    text = gzip.decompress((OUTPUTS / "abinit-quartz.abo.gz").read_bytes()).decode()
    printed = np.array(re.findall(r"efg eigval :\s*(\S+)", text), dtype=float).reshape(-1, 3)
    np.testing.assert_allclose(np.linalg.eigvalsh(atoms.arrays["efg"]), np.sort(printed, axis=1), atol=2e-6)


# ---- CASTEP

CASTEP = """ |      CCC   AA    SSS  TTTTT  EEEEE  PPPP        |
 | Welcome to Academic Release CASTEP version 24.1 |
                                      Unit Cell
        Real Lattice(A)                      Reciprocal Lattice(1/A)
     5.0000000     0.0000000     0.0000000        1.256637061   0.000000000   0.000000000
     0.0000000     6.0000000     0.0000000        0.000000000   1.047197551   0.000000000
     0.0000000     0.0000000     7.0000000        0.000000000   0.000000000   0.897597901
            x  Element    Atom        Fractional coordinates of atoms  x
            x            Number           u          v          w      x
            x----------------------------------------------------------x
            x  Al           1         0.100000  -0.250000   0.500000   x
            x  O            1         0.811000   0.311000   0.189000   x
            xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
                          Electric Quadrupole Moment (Barn)
                                    Al    0.1466000 Isotope 27
                                    O    -0.0255800 Isotope 17
{table}
"""
BOTH = """ ===============================================================================
 |                Chemical Shielding and Electric Field Gradient Tensors       |
 |-----------------------------------------------------------------------------|
 |     Nucleus                       Shielding tensor             EFG Tensor   |
 |    Species            Ion    Iso(ppm)   Aniso(ppm)  Asym    Cq(MHz)    Eta  |
 |    Al                 1      509.59     30.00       0.51   3.941E+00   0.44 |
 |    O                  1      162.86    -255.66      N/A   -5.794E+00   0.64 |
 ===============================================================================
"""


def test_castep_tables_give_isotropic_values_couplings_and_gradients(tmp_path: Path) -> None:
    (tmp_path / "x.castep").write_text(CASTEP.format(table=BOTH))
    atoms = _only(tmp_path / "x.castep")
    np.testing.assert_array_equal(atoms.arrays["sigma_iso"], [509.59, 162.86])
    np.testing.assert_allclose(atoms.arrays["zeta"], [20, -170.44])
    np.testing.assert_array_equal(atoms.arrays["eta_csa"], [0.51, np.nan])
    np.testing.assert_array_equal(atoms.arrays["eta"], [0.44, 0.64])
    gradient = np.array([3.941 / 0.1466, 5.794 / 0.02558]) / 234.964778
    np.testing.assert_allclose(atoms.arrays["V_zz"], gradient, rtol=1e-6)
    np.testing.assert_allclose(atoms.positions[0], [0.5, -1.5, 3.5])
    data = read_dataset(tmp_path / "x.castep")
    assert sorted(data.scalars) == ["C_Q", "V_zz", "eta", "sigma_iso"]
    np.testing.assert_array_equal(data.target("C_Q"), [3.941, -5.794])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("   0.44 |", "        |", "expected sigma_iso, aniso, eta_csa, C_Q, eta of Al 1"),
        ("509.59", "****9", "are not numbers"),
        (" |    O                  1 ", " |    O                  2 ", "parameters of O 2, which is not in its cell"),
        (" ====", " |", "its table of NMR parameters does not end"),
        ("0.811000   0.311000", "0.811000", "expected 3 numbers"),
        ("     30.00", "     1e308", "zeta holds numbers that are not finite"),
        ("Tensors       |", "", "holds no table of NMR parameters"),
    ],
)
def test_a_malformed_castep_file_is_refused_in_one_sentence(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = CASTEP.format(table=BOTH)
    head, tail = text[: text.index(old) + 1], text[text.index(old) + 1 :]
    text = text.replace(old, new) if old != " ====" else (head + tail).replace(" " + "=" * 79 + "\n\n", "\n")
    (tmp_path / "x.castep").write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        _only(tmp_path / "x.castep")
    assert "\n" not in str(caught.value)


# ---- all of them, cut and packed

REAL = ["parsers/vasp/LiAlSiO4_cs/OUTCAR.gz", "parsers/vasp/LiAlSiO4_efg/OUTCAR.gz", "parsers/qe/quartz-nmr.out",
        "parsers/qe/quartz-efg.out"]  # fmt: skip


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_outputs_are_read_plain_and_packed(data_folder: Path, tmp_path: Path, name: str, suffix: str) -> None:
    source = data_folder / name
    text = "\n".join(_lines(source)).encode() + b"\n"
    if name.startswith("parsers/qe"):
        shutil.copy(source.with_name("quartz-scf.out"), tmp_path)
    pack = {"": bytes, ".gz": gzip.compress}.get(suffix) or pytest.importorskip("zstandard").ZstdCompressor().compress
    path = tmp_path / (source.name.removesuffix(".gz") + suffix)
    path.write_bytes(pack(text))
    one, other = _only(path), _only(source)
    for key in one.arrays:
        np.testing.assert_array_equal(one.arrays[key], other.arrays[key])


def test_every_parser_sample_is_read_or_refused_in_one_sentence(data_folder: Path) -> None:
    counts = {"read": 0, "refused": 0}
    for path in sorted((data_folder / "parsers").rglob("*")):
        if not path.is_file():
            continue
        try:
            atoms = _only(path)
        except ValueError as error:
            told = str(error)
            counts["refused"] += "\n" not in told and path.name in told
            continue
        counts["read"] += 1
        for key in ("ms", "efg"):
            if key in atoms.arrays:
                assert atoms.arrays[key].shape == (len(atoms), 3, 3)
    assert counts == {"read": 15, "refused": 3}
