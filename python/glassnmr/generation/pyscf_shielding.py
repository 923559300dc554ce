# SPDX-License-Identifier: BSD-3-Clause
"""Magnetic shielding of the first atom of a cluster by PySCF (GIAO, PBE, density fitting).

pyscf-properties 0.1.0 has the diamagnetic and paramagnetic terms; three of its parts do not run with PySCF 2 or are
slow, and are supplied here: the response function (of a pure functional it is zero: a magnetic field changes the
current, not the density), the GIAO exchange-correlation term (on blocks of the grid) and the Coulomb term (by density
fitting instead of four-centre integrals).
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

BLOCK = 4000  # grid points at once


def _exchange_correlation(mf: Any, dm: np.ndarray) -> np.ndarray:
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
    return v - v.transpose(0, 2, 1)


def _coulomb(mf: Any, dm: np.ndarray) -> np.ndarray:
    """GIAO derivative (3, nao, nao) of the Coulomb potential of the fitted density."""
    from pyscf import df

    mol = mf.mol
    aux = df.addons.make_auxmol(mol, mf.with_df.auxbasis)
    both = mol + aux
    nb, na = mol.nbas, aux.nbas
    blocks = [(a, min(a + 64, na)) for a in range(0, na, 64)]
    three = lambda name, a, b, comp: both.intor(name, comp=comp, shls_slice=(0, nb, 0, nb, nb + a, nb + b))
    rho = np.concatenate([np.einsum("pqP,qp->P", three("int3c2e", a, b, 1), dm) for a, b in blocks])
    charge = np.linalg.solve(aux.intor("int2c2e"), rho)
    potential, done = np.zeros((3, mol.nao, mol.nao)), 0
    for a, b in blocks:
        integrals = three("int3c2e_ig1", a, b, 3)
        potential += integrals @ charge[done:done + integrals.shape[-1]]
        done += integrals.shape[-1]
    return potential


def _first_order_fock(nmr: Any, dm0: Any = None, gauge_orig: Any = None) -> np.ndarray:
    mf, mol = nmr._scf, nmr.mol
    dm = np.asarray(mf.make_rdm1() if dm0 is None else dm0)
    h = -0.5 * mol.intor("int1e_giao_irjxp", 3) - mol.intor_asymmetric("int1e_ignuc", 3) - mol.intor("int1e_igkin", 3)
    return h - _exchange_correlation(mf, dm) - _coulomb(mf, dm)


def compute(atoms: Atoms, folder: Path, *, basis: str = "6-31g*", grid: int = 1) -> Atoms:
    """Shielding tensor of atom 0, ppm, as array `ms` (N, 9), zero for the others; `info["centres"]` is [0].

    Row i, column j of the tensor is d^2E / (dB_j dmu_i), as in magres files.
    """
    try:
        from pyscf import __version__, gto, dft
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pyscf.prop.nmr import rks
    except ImportError as error:
        raise ImportError("shieldings need PySCF: pip install 'glassnmr[generate]'") from error
    mol = gto.M(atom=list(zip(atoms.get_chemical_symbols(), atoms.positions.tolist())), basis=basis, verbose=0)
    mf = dft.RKS(mol, xc="pbe").density_fit()
    mf.grids.level = grid
    mf.conv_tol = 1e-7
    mf.with_df.build()
    mf.kernel()
    if not mf.converged:  # sodium leaves a small gap: damp the start, then shift the empty levels
        mf.level_shift, mf.damp, mf.max_cycle = 0.3, 0.3, 150
        mf.kernel()
    if not mf.converged:
        raise RuntimeError("the self-consistent field did not converge")
    nmr = rks.NMR(mf)
    nmr.shielding_nuc = [0]
    nmr.cphf = False
    nmr.get_fock = lambda dm0=None, gauge_orig=None: _first_order_fock(nmr, dm0, gauge_orig)
    tensor = np.asarray(nmr.kernel())[0]
    result = atoms.copy()
    ms = np.zeros((len(atoms), 9))
    ms[0] = tensor.T.ravel()
    result.set_array("ms", ms)
    result.info.update(centres=np.array([0]), source=f"PySCF {__version__} GIAO PBE/{basis}")
    return result
