# SPDX-License-Identifier: BSD-3-Clause
"""Inputs of DFT-NMR runs on other machines, for VASP, CASTEP, Quantum ESPRESSO and ABINIT, and their outputs gathered.

One folder a structure. Settings are those that shieldings and field gradients of oxides want: PBE, tight convergence
of the density, a k-spacing that leaves Gamma for glass cells. Potentials are not shipped: their files are named.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from glassnmr.files import replacing
from glassnmr.io import read_frames, write_extxyz_frame
from glassnmr.isotopes import default_isotope

__all__ = ["CODES", "Code", "collect", "kpoints", "write_inputs"]

_KNOWN = "structure.extxyz"
_TENSORS = ("ms", "efg", "sigma_iso", "C_Q", "V_zz", "eta")


@dataclass(frozen=True)
class Code:
    """How one code is fed and read.

    files : ``files(atoms, **settings) -> {name: text}``
    outputs : patterns of the names of its outputs; of several files the tensors are put together
    settings : names and defaults
    run : the commands, for the user
    """

    files: Callable[..., dict[str, str]]
    outputs: tuple[str, ...]
    settings: Mapping[str, Any]
    run: str


def kpoints(atoms: Atoms, spacing: float) -> tuple[int, int, int]:
    """Divisions of the reciprocal cell so that points are at most `spacing` apart, in 1/Å with the factor 2 pi.

    Examples
    --------
    >>> from ase.build import bulk
    >>> kpoints(bulk("Si", cubic=True), 0.3)
    (4, 4, 4)
    """
    if not (math.isfinite(spacing) and spacing > 0):
        raise ValueError(f"k-spacing must be positive, in 1/Å, got {spacing}")
    lengths = 2 * np.pi * np.linalg.norm(np.linalg.inv(atoms.cell.array).T, axis=1)
    a, b, c = (max(1, math.ceil(length / spacing - 1e-9)) for length in lengths.tolist())
    return a, b, c


def _moment(symbol: str) -> float:
    """Q in barn of the nucleus usually measured; 0 for none."""
    try:
        return default_isotope(symbol).quadrupole
    except ValueError:
        return 0.0


def _kinds(atoms: Atoms) -> list[str]:
    return list(dict.fromkeys(atoms.get_chemical_symbols()))


def _rows(values: Any, digits: int = 12) -> str:
    return "\n".join(" ".join(f"{x:.{digits}f}" for x in row) for row in values)


def vasp_files(atoms: Atoms, *, encut: float = 600.0, kspacing: float = 0.3, gga: str = "PE",
               potcar: Mapping[str, str] | None = None) -> dict[str, str]:  # fmt: skip
    """INCAR, POSCAR, KPOINTS and POTCAR.spec of one run with shieldings (LCHIMAG) and field gradients (LEFG).

    Parameters
    ----------
    encut : eV; 600 converges shieldings of oxides with hard potentials to about 0.1 ppm
    kspacing : 1/Å with 2 pi
    potcar : names of potentials by element, such as ``{"Si": "Si_h_GW"}``; the element itself by default
    """
    kinds = _kinds(atoms)
    quad = " ".join(f"{1000 * _moment(symbol):.3f}" for symbol in kinds)
    incar = f"""SYSTEM = {atoms.get_chemical_formula()}
PREC = Accurate
GGA = {gga}
ENCUT = {encut:g}
EDIFF = 1E-8
NELM = 100
ISMEAR = 0
SIGMA = 0.05
LREAL = .FALSE.
LASPH = .TRUE.
ISYM = 0
NSW = 0
LCHIMAG = .TRUE.
DQ = 0.001
ICHIBARE = 1
LNMR_SYM_RED = .TRUE.
NLSPLINE = .TRUE.
LEFG = .TRUE.
QUAD_EFG = {quad}
LWAVE = .FALSE.
LCHARG = .FALSE.
"""
    counts = " ".join(str(int((atoms.symbols == symbol).sum())) for symbol in kinds)
    poscar = f"""{atoms.get_chemical_formula()}
1.0
{_rows(atoms.cell.array)}
{" ".join(kinds)}
{counts}
Direct
{_rows(atoms.get_scaled_positions(wrap=False))}
"""
    mesh = " ".join(map(str, kpoints(atoms, kspacing)))
    names = "\n".join((potcar or {}).get(symbol, symbol) for symbol in kinds)
    return {"INCAR": incar, "POSCAR": poscar, "KPOINTS": f"k-spacing {kspacing:g}\n0\nGamma\n{mesh}\n0 0 0\n",
            "POTCAR.spec": names + "\n"}  # fmt: skip


def castep_files(atoms: Atoms, *, cutoff: float = 700.0, kspacing: float = 0.3, xc: str = "PBE") -> dict[str, str]:
    """nmr.cell and nmr.param of a magres run with shieldings and field gradients, with on-the-fly potentials (C19).

    Parameters
    ----------
    cutoff : eV
    kspacing : 1/Å with 2 pi
    """
    moments = "\n".join(f"{symbol} {_moment(symbol):.6f}" for symbol in _kinds(atoms))
    places = "\n".join(f"{symbol} {' '.join(f'{x:.12f}' for x in place)}" for symbol, place in zip(
        atoms.get_chemical_symbols(), atoms.get_scaled_positions(wrap=False), strict=True))  # fmt: skip
    cell = f"""%BLOCK LATTICE_CART
{_rows(atoms.cell.array)}
%ENDBLOCK LATTICE_CART
%BLOCK POSITIONS_FRAC
{places}
%ENDBLOCK POSITIONS_FRAC
%BLOCK SPECIES_POT
C19
%ENDBLOCK SPECIES_POT
%BLOCK SPECIES_Q
{moments}
%ENDBLOCK SPECIES_Q
KPOINTS_MP_GRID {" ".join(map(str, kpoints(atoms, kspacing)))}
"""
    param = f"""task : magres
magres_task : nmr
xc_functional : {xc}
cut_off_energy : {cutoff:g} eV
grid_scale : 2.0
fine_grid_scale : 3.0
fix_occupancy : true
elec_energy_tol : 1.0e-9 eV
max_scf_cycles : 100
opt_strategy : speed
write_checkpoint : none
"""
    return {"nmr.cell": cell, "nmr.param": param}


def espresso_files(atoms: Atoms, *, ecutwfc: float = 90.0, kspacing: float = 0.3, pseudo_dir: str = "../pseudo",
                   pseudo: str = "{symbol}.pbe-tm-gipaw.UPF") -> dict[str, str]:  # fmt: skip
    """scf.in for pw.x, nmr.in and efg.in for gipaw.x.

    Parameters
    ----------
    ecutwfc : Ry, of norm-conserving GIPAW potentials
    kspacing : 1/Å with 2 pi
    pseudo_dir, pseudo : where the potentials are and how their names follow from the element
    """
    from ase.data import atomic_masses, atomic_numbers

    kinds = _kinds(atoms)
    species = "\n".join(f"{s} {atomic_masses[atomic_numbers[s]]:.4f} {pseudo.format(symbol=s)}" for s in kinds)
    places = "\n".join(f"{symbol} {' '.join(f'{x:.12f}' for x in place)}" for symbol, place in zip(
        atoms.get_chemical_symbols(), atoms.get_scaled_positions(wrap=False), strict=True))  # fmt: skip
    scf = f"""&control
  calculation = 'scf'
  prefix = 'nmr'
  outdir = './scratch'
  pseudo_dir = '{pseudo_dir}'
  verbosity = 'high'
/
&system
  ibrav = 0
  nat = {len(atoms)}
  ntyp = {len(kinds)}
  ecutwfc = {ecutwfc:g}
  nosym = .true.
/
&electrons
  diagonalization = 'david'
  conv_thr = 1.0d-10
/
ATOMIC_SPECIES
{species}
CELL_PARAMETERS angstrom
{_rows(atoms.cell.array)}
ATOMIC_POSITIONS crystal
{places}
K_POINTS automatic
{" ".join(map(str, kpoints(atoms, kspacing)))} 0 0 0
"""
    # gipaw.x takes moments in units of 1e-30 m^2
    moments = "\n".join(f"  Q_efg({k}) = {100 * _moment(symbol):.4f}  ! {symbol}" for k, symbol in enumerate(kinds, 1))
    shared = "  prefix = 'nmr'\n  tmp_dir = './scratch/'\n  verbosity = 'high'"
    nmr = f"&inputgipaw\n  job = 'nmr'\n{shared}\n  q_gipaw = 0.01\n  use_nmr_macroscopic_shape = .true.\n/\n"
    efg = f"&inputgipaw\n  job = 'efg'\n{shared}\n{moments}\n/\n"
    return {"scf.in": scf, "nmr.in": nmr, "efg.in": efg}


def abinit_files(atoms: Atoms, *, ecut: float = 20.0, tolvrs: float = 1e-8, kspacing: float = 0.3) -> dict[str, str]:
    """efg.abi of a run with field gradients; ABINIT's PAW sets are looked for as by the method abinit-efg."""
    from glassnmr.generation.abinit_efg import abinit_input

    return {"efg.abi": abinit_input(atoms, ecut=ecut, tolvrs=tolvrs, kpoints=kpoints(atoms, kspacing))}


def _code(files: Callable[..., dict[str, str]], outputs: tuple[str, ...], run: str) -> Code:
    import inspect

    settings = {name: p.default for name, p in inspect.signature(files).parameters.items()
                if p.kind is inspect.Parameter.KEYWORD_ONLY}  # fmt: skip
    return Code(files, outputs, settings, run)


CODES: Mapping[str, Code] = {
    "vasp": _code(vasp_files, (r"OUTCAR(\..+)?",), "make POTCAR of POTCAR.spec, then vasp_std"),
    "castep": _code(castep_files, (r"nmr\.magres(\..+)?", r"nmr\.castep(\..+)?"), "castep.mpi nmr"),
    "espresso": _code(espresso_files, (r"nmr\.out(\..+)?", r"efg\.out(\..+)?"),
                      "pw.x < scf.in > scf.out; gipaw.x < nmr.in > nmr.out; gipaw.x < efg.in > efg.out"),
    "abinit": _code(abinit_files, (r"efg\.abo(\..+)?",), "abinit efg.abi"),
}  # fmt: skip
"""Codes by name."""


def write_inputs(structures: Iterable[Atoms], code: str, folder: str | os.PathLike[str],
                 settings: Mapping[str, Any] | None = None) -> list[Path]:  # fmt: skip
    """One folder ``00000``, ``00001``, ... of inputs a structure; what is there is left as it is. Returns the folders.

    Parameters
    ----------
    structures : periodic in all directions; atoms are ordered by element, as VASP wants them
    code : a name of `CODES`
    settings : of the code, see ``CODES[code].settings``

    Raises
    ------
    ValueError for an unknown code or setting, or a structure that is not periodic.
    """
    chosen = _chosen(code)
    unknown = sorted(set(settings or {}) - set(chosen.settings))
    if unknown:
        raise ValueError(f"{code} knows the settings {', '.join(chosen.settings)}, not {', '.join(unknown)}")
    made = []
    for number, given in enumerate(structures):
        if not given.pbc.all():
            raise ValueError(f"structure {number} must be periodic in all directions, got pbc {given.pbc.tolist()}")
        kinds = _kinds(given)
        atoms = given[np.argsort([kinds.index(symbol) for symbol in given.get_chemical_symbols()], kind="stable")]
        where = Path(folder) / f"{number:05d}"
        texts = chosen.files(atoms, **(settings or {}))
        where.mkdir(parents=True, exist_ok=True)
        if not (where / _KNOWN).exists():
            for name, text in texts.items():
                with replacing(where / name) as file:
                    file.write(text)
            plain = (str, int, float, np.generic)
            told = {key: value for key, value in atoms.info.items() if isinstance(value, plain)}
            labels = {key: array for key, array in atoms.arrays.items()
                      if array.ndim == 1 and key != "numbers" and array.dtype.kind in "iufbU"}  # fmt: skip
            with replacing(where / _KNOWN) as file:
                write_extxyz_frame(file, atoms, labels, told | {"code": code})
        made.append(where)
    if not made:
        raise ValueError("there is no structure to write inputs for")
    return made


def _chosen(code: str) -> Code:
    if code not in CODES:
        raise ValueError(f"code must be one of {', '.join(CODES)}, got {code!r}")
    return CODES[code]


def collect(folder: str | os.PathLike[str], skip: Callable[[str], None] | None = None) -> Iterator[Atoms]:
    """The structures of `write_inputs` whose runs have ended, with their tensors, in order.

    Labels and info of the structures are kept. `skip` is told of folders without a readable output in one sentence;
    without it the first such folder is an error.

    Raises
    ------
    FileNotFoundError for a folder without inputs; ValueError as above.
    """
    places = sorted(path.parent for path in Path(folder).glob(f"*/{_KNOWN}"))
    if not places:
        raise FileNotFoundError(f"there are no inputs of generate inputs in {folder}")
    for where in places:
        try:
            yield _result(where)
        except (ValueError, OSError) as error:
            if skip is None:
                raise
            skip(" ".join(str(error).split()))


def _result(where: Path) -> Atoms:
    (atoms,) = read_frames(where / _KNOWN)
    code = _chosen(str(atoms.info.pop("code", "")))
    found: Atoms | None = None
    for pattern in code.outputs:
        for path in sorted(where.iterdir()):
            if not re.fullmatch(pattern, path.name):
                continue
            (output,) = read_frames(path)
            _same(atoms, output, path)
            found = atoms
            for key in _TENSORS:
                if key in output.arrays and key not in atoms.arrays:
                    atoms.set_array(key, output.arrays[key])
            told = ("calc_", "ms_", "efg_")
            atoms.info.update({key: value for key, value in output.info.items() if key.startswith(told)})
            atoms.info.setdefault("source", f"{where.name}/{path.name}")
            break
        if found is not None and code.outputs[0].startswith("nmr\\.magres"):
            break  # the .castep of a run repeats its .magres with fewer digits
    if found is None:
        raise ValueError(f"{where} has no output yet")
    return found


def _same(atoms: Atoms, output: Atoms, path: Path) -> None:
    """Hold the output against the structure that was sent."""
    if (atoms.numbers != output.numbers).any() if len(atoms) == len(output) else True:
        raise ValueError(f"{path} is of {output.get_chemical_formula()}, the inputs of {atoms.get_chemical_formula()}")
    difference = (atoms.positions - output.positions) @ np.linalg.inv(atoms.cell.array)
    difference -= np.round(difference)
    far = np.linalg.norm(difference @ atoms.cell.array, axis=1)
    if far.max() > 0.05:
        raise ValueError(f"{path}: atom {int(far.argmax())} is {far.max():.2f} Å off its place in the inputs")
