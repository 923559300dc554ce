# SPDX-License-Identifier: BSD-3-Clause
"""Electric field gradient tensors of a periodic cell by ABINIT (PAW, PBE).

The PAW sets are the JTH table that Debian ships as `abinit-data`. Settings were chosen on a 36-atom silica cell:
`tolvrs 1e-5` and `diemac 4` change C_Q(17O) by less than 0.001 MHz against `tolvrs 1e-8`, in half the time.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from numpy.typing import NDArray

from glassnmr.generation.programs import run_program
from glassnmr.io.abinit import gradients

__all__ = ["abinit_input", "compute", "missing", "paw_folder", "read_efg"]

PAW_FOLDER = "/usr/share/abinit/psp/Pseudodojo_paw_pbe_standard"
"""Where Debian's abinit-data puts the PAW sets; the environment variable GLASSNMR_PAW names another folder."""

OVERLAP = 25
"""Largest overlap of PAW spheres, percent; ABINIT's own limit, 5, refuses the short bonds of hot glass."""

_VALENCE = re.compile(r'<atom[^>]*valence="\s*([0-9.]+)')
_VERSION = re.compile(r"Version\s+(\S+)\s+of ABINIT")
_ERROR = re.compile(r"--- !(?:ERROR|BUG)\n.*?message: \|\n\s*(.*?)\n\.\.\.", re.DOTALL)


def paw_folder() -> str:
    """The folder of the PAW sets."""
    return os.environ.get("GLASSNMR_PAW", PAW_FOLDER)


def missing() -> str:
    """What is not installed and how to get it; empty when a run can start."""
    if shutil.which("abinit") is None:
        return "the program abinit was not found; on Debian and Ubuntu: apt-get install abinit abinit-data"
    if not Path(paw_folder()).is_dir():
        return f"there is no folder {paw_folder()} with PAW sets; install abinit-data or set GLASSNMR_PAW"
    return ""


def _valence(element: str, folder: str) -> float:
    file = Path(folder) / f"{element}.xml"
    if not file.is_file():
        raise FileNotFoundError(f"no PAW set {element}.xml in {folder}; install abinit-data or set GLASSNMR_PAW")
    match = _VALENCE.search(file.read_text(encoding="utf-8", errors="replace"))
    if match is None:
        raise ValueError(f"{file} states no valence: is it a PAW set in XML?")
    return float(match.group(1))


def abinit_input(atoms: Atoms, *, ecut: float = 14.0, tolvrs: float = 1e-5,
                 kpoints: Sequence[int] = (1, 1, 1)) -> str:
    """The ABINIT input of one EFG run.

    Parameters
    ----------
    atoms : periodic in all three directions, with an even number of valence electrons
    ecut : plane-wave cutoff, Hartree; the fine PAW grid takes twice as much
    tolvrs : squared residual of the potential at which the cycle ends
    kpoints : divisions of the Gamma-centred grid
    """
    if not atoms.pbc.all():
        raise ValueError(f"ABINIT wants a structure periodic in all directions, got pbc = {atoms.pbc.tolist()}")
    folder = paw_folder()
    kinds = list(dict.fromkeys(atoms.symbols))
    valence = {s: _valence(s, folder) for s in kinds}
    electrons = sum(valence[s] for s in atoms.symbols)
    if round(electrons) % 2:
        raise ValueError(f"{atoms.get_chemical_formula()} has an odd number of electrons")
    cell = "\n".join(" ".join(f"{x:.12f}" for x in v) for v in atoms.cell)
    xred = "\n".join(" ".join(f"{x:.12f}" for x in p) for p in atoms.get_scaled_positions())
    return f"""acell 3*1.0 angstrom
rprim
{cell}
natom {len(atoms)} ntypat {len(kinds)} znucl {" ".join(str(atomic_numbers[s]) for s in kinds)}
typat {" ".join(str(kinds.index(s) + 1) for s in atoms.symbols)}
xred
{xred}
pp_dirpath "{folder}"
pseudos "{", ".join(f"{s}.xml" for s in kinds)}"
ecut {ecut} pawecutdg {2 * ecut} pawovlp {OVERLAP}
ngkpt {" ".join(str(n) for n in kpoints)} shiftk 0 0 0 nshiftk 1
tolvrs {tolvrs} nstep 60 diemac 4.0
nband {round(electrons / 2)} occopt 1
wfoptalg 114 nline 4
chksymbreak 0 nsym 1
prtefg 2 quadmom {" ".join(["0.0"] * len(kinds))}
prtwf 0 prtden 0 prteig 0 prtebands 0 prtgsr 0
optforces 0 optstress 0
"""


def read_efg(output: str, n_atoms: int) -> NDArray[np.float64]:
    """EFG tensors (N, 3, 3), a.u., of an ABINIT main output; the symmetric traceless part of what is printed."""
    efg = gradients(output, "ABINIT's output")
    if len(efg) != n_atoms:
        raise ValueError(f"ABINIT printed {9 * len(efg)} EFG elements, {9 * n_atoms} were wanted")
    return efg


def compute(atoms: Atoms, folder: Path, *, timeout: float | None = None, **settings: Any) -> Atoms:
    """EFG tensors of every atom, as array `efg` (N, 9), a.u.; input, output and log of the run stay in `folder`.

    `settings` are those of `abinit_input`.

    Raises
    ------
    FileNotFoundError when ABINIT or a PAW set is missing, RuntimeError when the run fails or does not converge,
    TimeoutError after `timeout` seconds.
    """
    if missing():
        raise FileNotFoundError(missing())
    (folder / "efg.abi").write_text(abinit_input(atoms, **settings))
    for old in folder.glob("efg.abo*"):
        old.unlink()
    status = run_program([str(shutil.which("abinit")), "efg.abi"], folder, log=folder / "log", timeout=timeout)
    for heavy in (*folder.glob("*.nc"), *folder.glob("efgo_*")):
        heavy.unlink(missing_ok=True)
    output = folder / "efg.abo"
    text = output.read_text(errors="replace") if output.exists() else ""
    if status or "Calculation completed" not in text:
        raise RuntimeError(f"abinit ended with status {status}: {_complaint(folder / 'log')}")
    if "was not enough SCF cycles to converge" in text:
        raise RuntimeError(f"abinit did not converge; see {folder / 'log'}")
    result: Atoms = atoms.copy()
    result.calc = None
    result.set_array("efg", read_efg(text, len(atoms)).reshape(-1, 9))
    result.info["source"] = _source(text, settings)
    return result


def _complaint(log: Path) -> str:
    """ABINIT's own words in its log, in one line."""
    match = _ERROR.search(log.read_text(errors="replace"))
    return " ".join(match.group(1).split())[:300] if match else f"see {log}"


def _source(text: str, settings: dict[str, Any]) -> str:
    version = _VERSION.search(text)
    points = "x".join(str(n) for n in settings.get("kpoints", (1, 1, 1)))
    return (f"ABINIT {version.group(1) if version else '?'} PAW-PBE (JTH), ecut {settings.get('ecut', 14.0):g} Ha, "
            + ("Gamma" if points == "1x1x1" else f"{points} k-points"))
