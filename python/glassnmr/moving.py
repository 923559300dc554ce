# SPDX-License-Identifier: BSD-3-Clause
"""Predictions that follow a structure atom by atom: the ground for Monte Carlo refinement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import ArrayLike, NDArray

from glassnmr import _core
from glassnmr.structure import as_structure

if TYPE_CHECKING:
    import ase

    from glassnmr.model import NMRModel
    from glassnmr.tensor_model import TensorModel

__all__ = ["MovingStructure"]


class MovingStructure:
    """A structure that changes atom by atom, and a model's predictions for it (THEORY.md eq. (10.5)).

    A change makes anew only the values of the centres within the cutoff of the places that it touches, and `undo` takes
    it back to the bit. Each change happens as a whole, or raises ValueError and leaves all as it was. Values agree with
    `predict_frame` to rounding errors (neighbours come in another order). For one thread at a time.

    Parameters
    ----------
    model : gives the values, of scalars or of tensors
    atoms : where to begin; the cell stays as it is
    errors : follow the novelty, too, so that `deviations`, `half_widths` and `unlike` can be asked for
    n_threads : 0 is the runtime's default; for the first evaluation and within a change

    Raises
    ------
    ValueError
        Bad structure, an element outside the model's species, or `errors` of a model without uncertainty.

    Examples
    --------
    >>> from glassnmr.data.reference import load
    >>> from glassnmr.descriptors import SphericalBesselSOAP
    >>> from glassnmr.model import NMRModel
    >>> data = load("shielding", isotope="29Si")
    >>> model = NMRModel.fit(data, SphericalBesselSOAP(["O", "Si", "Na", "H"], cutoff=3.3, n_max=4, l_max=2))
    >>> glass = MovingStructure(model, data.structures[0])
    >>> before = glass.values("sigma_iso")
    >>> touched = glass.move(0, glass.positions[0] + [0.05, 0, 0])
    >>> glass.undo()
    >>> bool((glass.values("sigma_iso") == before).all())
    True
    """

    def __init__(self, model: NMRModel | TensorModel, atoms: ase.Atoms, *, errors: bool = False, n_threads: int = 1
                 ) -> None:
        species = model.descriptor.species
        s = as_structure(atoms, species)
        self._model, self._species, self._cell, self._pbc = model, species, s.cell, s.pbc
        self._centre = species.index(model.centre) if model.centre in species else -1
        self._core = _core.MovingStructure(model._core, s.positions, s.cell, s.pbc.tolist(),
                                           model.descriptor._channel[s.numbers], centre=self._centre,
                                           with_novelty=errors, n_threads=n_threads)
        self._places = {name: k for k, name in enumerate((*model._core.quantities, *model._core.derived))}

    def __len__(self) -> int:
        return int(self._core.size)

    @property
    def positions(self) -> NDArray[np.float64]:
        """(N, 3) Å, in the cell along periodic directions; a copy."""
        return self._core.positions

    @property
    def symbols(self) -> list[str]:
        """Element of each atom."""
        return [self._species[k] for k in self._core.species]

    @property
    def atoms(self) -> ase.Atoms:
        """The structure as it is now, as a new `ase.Atoms`."""
        import ase

        return ase.Atoms(self.symbols, self._core.positions, cell=self._cell, pbc=self._pbc)

    @property
    def centres(self) -> NDArray[np.int64]:
        """Indices of the atoms that have values."""
        return np.flatnonzero(self._core.species == self._centre).astype(np.int64)

    @property
    def targets(self) -> tuple[str, ...]:
        """What `values` can be asked for: a model's targets or elements (ms_xx ...), and what is derived from them."""
        return tuple(self._places)

    def _which(self, atoms: ArrayLike | None) -> NDArray[np.int64]:
        return self.centres if atoms is None else np.ascontiguousarray(atoms, dtype=np.int64)

    def _column(self, target: str, which: NDArray[np.int64], of_values: NDArray[np.float64],
                of_derived: NDArray[np.float64]) -> NDArray[np.float64]:
        """One quantity of some atoms, 0 for those that are no centre."""
        k, n = self._places[target], of_values.shape[1]
        column = of_values[:, k] if k < n else of_derived[:, k - n]
        return np.where(self._core.species[which] == self._centre, column, 0.0)

    def _checked(self, target: str) -> None:
        if target not in self._places:
            raise ValueError(f"target must be one of {', '.join(self._places)}, got {target}")

    def values(self, target: str, atoms: ArrayLike | None = None) -> NDArray[np.float64]:
        """One of `targets` of all centres, or of the given atoms (0 for one that is no centre)."""
        self._checked(target)
        which = self._which(atoms)
        found = self._core.values(which)
        return self._column(target, which, found, self._model._core.derive(found))

    def tensors(self, atoms: ArrayLike | None = None) -> NDArray[np.float64]:
        """Tensors (n, 3, 3) of all centres, or of the given atoms (0 for one that is no centre)."""
        if self._model._core.quantities[0] not in ("ms_xx", "efg_xx"):
            raise ValueError("tensors want a model of tensors, this is one of " + ", ".join(self._places))
        return self._core.values(self._which(atoms)).reshape(-1, 3, 3)

    def deviations(self, target: str, atoms: ArrayLike | None = None) -> NDArray[np.float64]:
        """One standard deviation of the errors of a target, eq. (9.12), (9.32) to (9.34); wants `errors`."""
        self._checked(target)
        which = self._which(atoms)
        return self._column(target, which, *self._model._core.deviations(*self._told(which)))

    def half_widths(self, target: str, level: float = 0.9, atoms: ArrayLike | None = None) -> NDArray[np.float64]:
        """Half widths of the intervals that a share `level` of values lies in, eq. (9.13); wants `errors`."""
        self._checked(target)
        which = self._which(atoms)
        return self._column(target, which, *self._model._core.half_widths(level, *self._told(which)))

    def unlike(self, atoms: ArrayLike | None = None) -> NDArray[np.bool_]:
        """Which centres are unlike the training data; wants `errors`."""
        return self._told(self._which(atoms))[1] > self._model._core.novelty_limit

    def _told(self, which: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Values and novelty."""
        return self._core.values(which), np.ascontiguousarray(self._core.novelty(which)[:, 0])

    def _index(self, atom: int) -> int:
        """A place in the structure, from the end where negative."""
        n = len(self)
        if not -n <= atom < n:
            raise ValueError(f"atom must lie in 0..{n - 1}, got {atom}")
        return int(atom) % n

    def move(self, atom: int, position: ArrayLike) -> NDArray[np.int64]:
        """Put an atom at a position (Å); the centres whose values are new, in rising order."""
        return self._core.move(self._index(atom), position)

    def swap(self, a: int, b: int) -> NDArray[np.int64]:
        """Exchange the elements of two atoms; the atoms whose values are new, with one that is no centre any more."""
        return self._core.swap(self._index(a), self._index(b))

    def insert(self, symbol: str, position: ArrayLike) -> NDArray[np.int64]:
        """Add an atom as the last one; the centres whose values are new."""
        if symbol not in self._species:
            known = "a chemical symbol" if atomic_numbers.get(symbol, 0) < 1 else f"one of {', '.join(self._species)}"
            raise ValueError(f"symbol must be {known}, got {symbol!r}")
        return self._core.insert(self._species.index(symbol), position)

    def remove(self, atom: int) -> NDArray[np.int64]:
        """Take an atom out; the last one takes its index. The centres whose values are new, by their new indices."""
        return self._core.remove(self._index(atom))

    @property
    def n_changes(self) -> int:
        """Changes that `undo` can take back."""
        return int(self._core.n_changes)

    def undo(self) -> None:
        """Take back the last change; ValueError when there is none."""
        self._core.undo()

    def accept(self) -> None:
        """Keep all changes for good: they cannot be taken back any more, and take no memory."""
        self._core.accept()
