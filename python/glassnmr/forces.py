# SPDX-License-Identifier: BSD-3-Clause
"""Forces in two ways: as vectors from equivariants, and as derivatives of an energy learnt from invariants.

THEORY.md section 9.2. The first shows what the equivariants hold; the second conserves energy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr.checked import checked_number
from glassnmr.descriptors import Descriptor, EquivariantSOAP
from glassnmr.tensor_learning import EquivariantLSSVR

if TYPE_CHECKING:
    import ase

__all__ = ["EnergyRegression", "ForceRegression"]

Floats = NDArray[np.float64]
_ORDER = (1, 2, 0)  # y, z, x: the order of real harmonics


class ForceRegression:
    """Forces as polar vectors, lam = 1: for each element a regression on its environments (THEORY.md eq. (9.15)).

    Parameters
    ----------
    invariants : descriptor of the kernel
    vectors : equivariants of lam = 1, parity +1, with the same species
    regressor : EquivariantLSSVR, not changed
    """

    def __init__(self, invariants: Descriptor, vectors: EquivariantSOAP, regressor: EquivariantLSSVR) -> None:
        if (vectors.lam, vectors.parity) != (1, 1) or vectors.species != invariants.species:
            raise ValueError("forces need equivariants of lam = 1 and parity 1 with the species of the invariants, got "
                             f"lam {vectors.lam}, parity {vectors.parity}, {', '.join(vectors.species)}")
        self.invariants, self.vectors, self.regressor = invariants, vectors, regressor
        self._fitted: dict[str, EquivariantLSSVR] = {}

    def fit(self, structures: Sequence[ase.Atoms], forces: Sequence[ArrayLike]) -> ForceRegression:
        """Fit to the forces (N, 3) of each structure, in any unit."""
        known = _checked_forces(structures, forces)
        for symbol in self.invariants.species:
            masks = [np.array(atoms.get_chemical_symbols()) == symbol for atoms in structures]
            if not any(mask.any() for mask in masks):
                continue
            x = self.invariants.transform(structures, symbol)
            p = self.vectors.equivariants(structures, symbol)
            y = np.concatenate([f[mask] for f, mask in zip(known, masks, strict=True)])[:, _ORDER]
            self._fitted[symbol] = EquivariantLSSVR(**self.regressor.get_params()).fit(x, p, y)
        return self

    def predict(self, atoms: ase.Atoms) -> Floats:
        """Forces (N, 3)."""
        out = np.zeros((len(atoms), 3))
        symbols = np.array(atoms.get_chemical_symbols())
        for symbol in np.unique(symbols).tolist():
            if symbol not in self._fitted:
                raise ValueError(f"this ForceRegression was not fitted to {symbol}")
            y = self._fitted[symbol].predict(self.invariants.transform(atoms, symbol),
                                             self.vectors.equivariants(atoms, symbol))
            out[np.ix_(symbols == symbol, _ORDER)] = y
        return out


class EnergyRegression:
    """Energy as a sum over atoms, linear in their invariants; forces by the adjoint gradient (eq. (9.21), (9.22)).

    Parameters
    ----------
    descriptor : of the atoms; each element of the centres has its own coefficients
    lam : > 0, ridge for features of unit mean square
    force_weight : weight of a force component beside an energy per atom in the fit; 0 uses energies alone

    Examples
    --------
    >>> from ase.build import bulk
    >>> from glassnmr.descriptors import SphericalBesselSOAP
    >>> def morse(atoms):
    ...     from ase.calculators.morse import MorsePotential
    ...     atoms.calc = MorsePotential(r0=2.5, rcut1=3.0, rcut2=4.5)
    ...     return atoms.get_potential_energy(), atoms.get_forces()
    >>> frames = [bulk("Si", cubic=True) for _ in range(6)]
    >>> for seed, frame in enumerate(frames):
    ...     frame.rattle(0.1, seed=seed)
    >>> energies, forces = zip(*(morse(frame) for frame in frames), strict=True)
    >>> model = EnergyRegression(SphericalBesselSOAP(["Si"], 4.6, n_max=6, l_max=2))
    >>> energy, found = model.fit(frames[:5], energies[:5], forces[:5]).predict(frames[5])
    >>> bool(abs(found - forces[5]).mean() < 0.2 * abs(forces[5]).mean())
    True
    """

    def __init__(self, descriptor: Descriptor, lam: float = 1e-6, force_weight: float = 1.0) -> None:
        self.descriptor, self.lam, self.force_weight = descriptor, lam, force_weight

    def _centres(self, atoms: ase.Atoms) -> NDArray[np.int64]:
        """Place of each atom's element in the species."""
        place = {symbol: k for k, symbol in enumerate(self.descriptor.species)}
        return np.array([place[symbol] for symbol in atoms.get_chemical_symbols()], dtype=np.int64)

    def _columns(self, atoms: ase.Atoms) -> tuple[Floats, Floats]:
        """What multiplies the coefficients: in the energy (S (F + 1)) and, with forces, in them (3 N, S (F + 1))."""
        s, f, n = len(self.descriptor.species), self.descriptor.n_features, len(atoms)
        rows, kind = self.descriptor.transform(atoms), self._centres(atoms)
        energy, forces = np.zeros((s, f + 1)), np.zeros((3 * n, s, f + 1))
        jacobian = self.descriptor.jacobian(atoms) if self.force_weight > 0 else np.zeros((n, f, 0, 3))
        for k in range(s):
            energy[k, :f], energy[k, f] = rows[kind == k].sum(axis=0), float((kind == k).sum())
            if self.force_weight > 0:
                forces[:, k, :f] = -jacobian[kind == k].sum(axis=0).transpose(1, 2, 0).reshape(3 * n, f)
        return energy.reshape(-1), forces.reshape(3 * n, -1)

    def fit(self, structures: Sequence[ase.Atoms], energies: ArrayLike, forces: Sequence[ArrayLike]
            ) -> EnergyRegression:
        """Fit to energies (n,) and forces, (N, 3) of each structure; eV and eV/Å, or any other pair of units."""
        lam = checked_number(self.lam, "lam", 0, strict=True)
        weight = checked_number(self.force_weight, "force_weight", 0)
        known, energy = _checked_forces(structures, forces), np.asarray(energies, dtype=np.float64)
        if energy.shape != (len(structures),) or not np.isfinite(energy).all():
            raise ValueError(f"energies must be {len(structures)} finite numbers, got shape {energy.shape}")
        matrix, target = [], []
        for atoms, e, f in zip(structures, energy, known, strict=True):
            of_energy, of_forces = self._columns(atoms)
            matrix.append(of_energy[None] / len(atoms))
            target.append(np.array([e / len(atoms)]))
            if weight > 0:
                matrix.append(weight * of_forces)
                target.append(weight * f.reshape(-1))
        a, y = np.concatenate(matrix), np.concatenate(target)
        scale = np.sqrt((a**2).mean(axis=0))
        scale[scale == 0] = 1
        m = a.shape[1]
        whole = np.concatenate([a / scale, np.sqrt(lam * len(a)) * np.eye(m)])
        solved = np.linalg.lstsq(whole, np.concatenate([y, np.zeros(m)]), rcond=None)[0]
        self.weights_: Floats = (solved / scale).reshape(len(self.descriptor.species), -1)
        return self

    def predict(self, atoms: ase.Atoms) -> tuple[float, Floats]:
        """Energy, and forces (N, 3): its negative derivatives."""
        if not hasattr(self, "weights_"):
            raise ValueError("this EnergyRegression is not fitted yet; call fit first")
        kind = self._centres(atoms)
        given = np.ascontiguousarray(self.weights_[kind, :-1])
        energy = float((self.descriptor.transform(atoms) * given).sum() + self.weights_[kind, -1].sum())
        return energy, -self.descriptor.gradient(atoms, given).positions


def _checked_forces(structures: Sequence[ase.Atoms], forces: Sequence[ArrayLike]) -> list[Floats]:
    known = [np.asarray(f, dtype=np.float64) for f in forces]
    if len(known) != len(structures) or not known:
        raise ValueError(f"forces must be given for each of the {len(structures)} structures, got {len(known)}")
    for atoms, f in zip(structures, known, strict=True):
        if f.shape != (len(atoms), 3) or not np.isfinite(f).all():
            raise ValueError(f"forces must be finite numbers of shape ({len(atoms)}, 3), got shape {f.shape}")
    return known
