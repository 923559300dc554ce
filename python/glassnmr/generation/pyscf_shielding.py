# SPDX-License-Identifier: BSD-3-Clause
"""Magnetic shielding of the first atom of a cluster by PySCF (GIAO, PBE, density fitting).

pyscf-properties 0.1.0 has the diamagnetic and paramagnetic terms; three of its parts do not run with PySCF 2 or are
slow, and are supplied here: the response function (of a pure functional it is zero: a magnetic field changes the
current, not the density), the GIAO exchange-correlation term (on blocks of the grid) and the Coulomb term (by density
fitting instead of four-centre integrals).

Run as a program, ``python -m glassnmr.generation.pyscf_shielding FOLDER`` computes the cluster that `compute` has put
there; so a crash, a lack of memory or a time limit ends one calculation and not the campaign.
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.io import read, write
from numpy.typing import NDArray

from glassnmr.files import replacing
from glassnmr.generation.programs import run_program

__all__ = ["compute", "missing", "shielding"]

BLOCK = 4000  # grid points at once
SHELLS = 64  # auxiliary shells at once
NUMBERS = 2e7  # integrals in memory at once
CLUSTER, ANSWER = "cluster.extxyz", "shielding.json"


def missing() -> str:
    """What is not installed and how to get it; empty when a run can start."""
    for package in ("pyscf", "pyscf-properties"):
        try:
            distribution(package)
        except PackageNotFoundError:
            return f"shieldings need {package}: pip install 'glassnmr[generate]'"
    return ""


def _exchange_correlation(mf: Any, dm: NDArray[np.float64]) -> NDArray[np.float64]:
    """GIAO derivative (3, nao, nao) of the exchange-correlation potential; generalised gradient functionals."""
    mol, grid, ni = mf.mol, mf.grids, mf._numint
    v = np.zeros((3, mol.nao, mol.nao))
    for start in range(0, len(grid.weights), BLOCK):
        points, weights = grid.coords[start:start + BLOCK], grid.weights[start:start + BLOCK]
        ao = ni.eval_ao(mol, points, deriv=1)
        rho = ni.eval_rho(mol, ao, dm, xctype="GGA", hermi=1)
        potential = weights * ni.eval_xc_eff(mf.xc, rho, deriv=1, xctype="GGA")[1]
        weighted = np.einsum("npi,np->pi", ao, potential)
        giao = mol.eval_gto("GTOval_ig", points, comp=3)
        gradient = mol.eval_gto("GTOval_ipig", points, comp=9).reshape(3, 3, len(weights), mol.nao)
        for x in range(3):
            v[x] += weighted.T @ giao[x]
            v[x] += ao[0].T @ np.einsum("dpi,dp->pi", gradient[:, x], potential[1:])
    return np.asarray(v - v.transpose(0, 2, 1))


def _coulomb(mf: Any, dm: NDArray[np.float64]) -> NDArray[np.float64]:
    """GIAO derivative (3, nao, nao) of the Coulomb potential of the fitted density."""
    from pyscf import df

    mol = mf.mol
    aux = df.addons.make_auxmol(mol, mf.with_df.auxbasis)
    both, nb, na, nao = mol + aux, mol.nbas, aux.nbas, mol.nao
    place = mol.ao_loc_nr()
    blocks = [(0, nb, 0, nb, nb + a, nb + min(a + SHELLS, na)) for a in range(0, na, SHELLS)]
    rho = np.concatenate([np.einsum("pqP,qp->P", both.intor("int3c2e", comp=1, shls_slice=b), dm) for b in blocks])
    charge = np.linalg.solve(aux.intor("int2c2e"), rho)
    lower = np.zeros((3, nao, nao))
    step = max(1, int(NUMBERS / (3 * aux.nao * nao * nao / nb)))
    for a in range(0, nb, step):  # antisymmetric: the lower triangle says all
        b = min(a + step, nb)
        rows = both.intor("int3c2e_ig1", comp=3, shls_slice=(a, b, 0, b, nb, nb + na)) @ charge
        lower[:, place[a]:place[b], :place[b]] = rows
    lower = np.tril(lower, -1)
    return np.asarray(lower - lower.transpose(0, 2, 1))


def _first_order_fock(nmr: Any) -> NDArray[np.float64]:
    mf, mol = nmr._scf, nmr.mol
    dm = np.asarray(mf.make_rdm1())
    h = -0.5 * mol.intor("int1e_giao_irjxp", 3) - mol.intor_asymmetric("int1e_ignuc", 3) - mol.intor("int1e_igkin", 3)
    return np.asarray(h - _exchange_correlation(mf, dm) - _coulomb(mf, dm))


def _mean_field(mol: Any, grid: int, tolerance: float, fitting: Any = None) -> Any:
    from pyscf import dft

    mf = dft.RKS(mol, xc="pbe").density_fit()
    mf.grids.level, mf.conv_tol = grid, tolerance
    if fitting is None:
        mf.with_df.build()
    else:
        mf.with_df = fitting
    return mf


def _ground_state(atoms: Atoms, basis: str, grid: int) -> Any:
    """The converged mean field: most cycles on a coarse grid, the last few on the one that is wanted."""
    from pyscf import gto

    places = list(zip(atoms.get_chemical_symbols(), atoms.positions.tolist(), strict=True))
    mol = gto.M(atom=places, basis=basis, verbose=0)
    rough = _mean_field(mol, 0, 1e-5)
    rough.max_cycle = 30
    rough.kernel()
    if not rough.converged:  # sodium leaves a small gap: shift the empty levels, damp the start
        rough.level_shift, rough.damp, rough.max_cycle = 0.3, 0.3, 80
        rough.kernel()
    mf = _mean_field(mol, grid, 1e-7, rough.with_df)
    mf.level_shift = rough.level_shift
    if rough.converged:
        mf.kernel(rough.make_rdm1())
    if not mf.converged:
        raise RuntimeError("the self-consistent field did not converge: the gap between occupied and empty levels may "
                           "be too small for a closed shell")
    return mf


def shielding(atoms: Atoms, *, basis: str = "6-31g*", grid: int = 1) -> NDArray[np.float64]:
    """Shielding tensor (3, 3), ppm, of atom 0 of a neutral closed-shell cluster, computed in this process.

    Row i, column j is d^2E / (dmu_i dB_j), as in magres files. `basis` is a name that PySCF knows, `grid` the level
    of its integration grid.
    """
    if missing():
        raise ImportError(missing())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyscf-properties announces itself as under testing
        from pyscf.prop.nmr import rks
    nmr = rks.NMR(_ground_state(atoms, basis, grid))
    nmr.shielding_nuc = [0]
    nmr.cphf = False
    nmr.get_fock = lambda dm0=None, gauge_orig=None: _first_order_fock(nmr)
    return np.asarray(nmr.kernel()[0].T)


def compute(atoms: Atoms, folder: Path, *, timeout: float | None = None, **settings: Any) -> Atoms:
    """Shielding tensor of atom 0 as array `ms` (N, 9), ppm, NaN for the others, in a process of its own.

    `settings` are those of `shielding`.

    Raises
    ------
    ImportError when PySCF is missing, ValueError for a periodic structure, RuntimeError when the run fails or does not
    converge, TimeoutError after `timeout` seconds.
    """
    if missing():
        raise ImportError(missing())
    if atoms.pbc.any():
        raise ValueError("PySCF computes clusters, not periodic structures: carve them first")
    answer = folder / ANSWER
    answer.unlink(missing_ok=True)
    bare = Atoms(atoms.symbols, atoms.positions)
    write(folder / CLUSTER, bare, format="extxyz")
    (folder / "settings.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "glassnmr.generation.pyscf_shielding", str(folder)]
    status = run_program(command, folder, log=folder / "log", timeout=timeout)
    if status or not answer.exists():
        raise RuntimeError(f"PySCF ended with status {status}: {_complaint(folder / 'log')}")
    told = json.loads(answer.read_text())
    ms = np.full((len(atoms), 9), np.nan)
    ms[0] = told["tensor"]
    result: Atoms = atoms.copy()
    result.calc = None
    result.set_array("ms", ms)
    result.info["source"] = f"PySCF {told['version']} GIAO PBE/{settings.get('basis', '6-31g*')}"
    return result


def _complaint(log: Path) -> str:
    """The last line of a log that names an error, else the last line."""
    lines = log.read_text(errors="replace").strip().splitlines()
    named = [line for line in lines if "Error:" in line]
    return (named or lines or ["it said nothing"])[-1]


def _main(folder: Path) -> None:
    from pyscf import __version__

    cluster = read(folder / CLUSTER)
    if not isinstance(cluster, Atoms):
        raise ValueError(f"{folder / CLUSTER} holds more than one cluster")
    tensor = shielding(cluster, **json.loads((folder / "settings.json").read_text()))
    with replacing(folder / ANSWER) as file:
        json.dump({"tensor": tensor.ravel().tolist(), "version": __version__}, file)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
