# SPDX-License-Identifier: BSD-3-Clause
"""Adjoint gradients (THEORY.md section 6.1) against finite differences and the dense Jacobian, for every descriptor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule

from glassnmr.descriptors import BehlerParrinello, ChebyshevARDF, Descriptor, SphericalBesselSOAP

SPECIES = ["O", "Si", "Na"]


def soap(**settings: object) -> SphericalBesselSOAP:
    return SphericalBesselSOAP(SPECIES, **{"cutoff": 4.5, "n_max": 4, "l_max": 3, **settings})


KINDS: dict[str, Callable[[], Descriptor]] = {
    "soap": soap,
    "soap 8 4": lambda: soap(n_max=8, l_max=4),
    "soap odd sizes": lambda: soap(n_max=17, l_max=2),
    "soap high l": lambda: soap(n_max=3, l_max=8, angular_filter=0.1),
    "soap 2-body": lambda: soap(body=(2,), weights=(3.0,)),
    "soap kocer": lambda: soap(basis="kocer", n_max=12, radial_scaling=(2.5, 4)),
    "soap truncated": lambda: soap(basis="bessel-truncated", weights=(0.5, 2.0)),
    "soap normalised": lambda: soap(normalise=True),
    "soap mixed": lambda: soap(mixing=[[1, 1, 1], [1, 0, -0.5]]),
    "soap mu1nu1": lambda: soap(compression="mu1nu1"),
    "soap crossover": lambda: soap(compression="crossover"),
    "soap without self": lambda: soap(remove_self=True),
    "soap everything": lambda: soap(remove_self=True, normalise=True, mixing=[[1, 0.4, 1], [1, 0, -0.5]],
                                    compression="mu1nu1", angular_filter=0.02),
    "symmetry functions": lambda: BehlerParrinello(SPECIES, 4.5),
    "symmetry functions, shifted": lambda: BehlerParrinello(
        SPECIES, 4.5, g2=[[0, 0], [3.0, 1.5]], g4=[[0.3, 3, 0.5, 1.5], [0, 1, -1, 0]], g5=[[2.0, 7, 1, 2.0]]),
    "symmetry functions, weighted": lambda: BehlerParrinello(
        SPECIES, 4.5, 4, 1, 1, angular_cutoff=3.4, channels=[[1, 0.5, 0], [0, -1, 2]], weights=(0.5, 3.0)),
    "ardf": lambda: ChebyshevARDF(SPECIES, 4.5),
    "ardf by elements": lambda: ChebyshevARDF(SPECIES, 4.5, 3, 15, channels="elements", angular_cutoff=3.4),
}


@pytest.fixture(scope="module")
def glass() -> Atoms:
    """27 atoms in a sheared cell smaller than the cutoff's diameter: images of the centre are its neighbours."""
    rng = np.random.default_rng(3)
    grid = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), -1).reshape(-1, 3)
    positions = grid * 2.4 + rng.uniform(-0.4, 0.4, (27, 3))
    cell = [[7.2, 0.3, 0], [0, 7.4, 0.2], [0.5, 0, 7.1]]
    return Atoms(rng.choice(SPECIES, 27), positions, cell=cell, pbc=True)


def slope(of: Callable[[float], float], h: float = 1e-4) -> float:
    """Derivative at 0 by central differences of fourth order."""
    return (8 * (of(h) - of(-h)) - (of(2 * h) - of(-2 * h))) / (12 * h)


def strained(atoms: Atoms, a: int, b: int, amount: float) -> Atoms:
    deformation = np.eye(3)
    deformation[a, b] += amount
    return Atoms(atoms.numbers, atoms.positions @ deformation, cell=atoms.cell.array @ deformation, pbc=atoms.pbc)


def moved(atoms: Atoms, i: int, x: int, amount: float) -> Atoms:
    copy = atoms.copy()
    copy.positions[i, x] += amount
    return copy


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_finite_differences(glass: Atoms, kind: str) -> None:
    descriptor = KINDS[kind]()
    weights = np.random.default_rng(1).normal(size=(27, descriptor.n_features))
    found = descriptor.gradient(glass, weights)

    def value(atoms: Atoms) -> float:
        return float((descriptor.transform(atoms) * weights).sum())

    largest = np.abs(found.positions).max()
    for i, x in ((0, 0), (7, 1), (26, 2)):
        wanted = slope(lambda h, i=i, x=x: value(moved(glass, i, x, h)))
        assert found.positions[i, x] == pytest.approx(wanted, abs=1e-7 * largest)
    for a in range(3):
        for b in range(3):
            wanted = slope(lambda h, a=a, b=b: value(strained(glass, a, b, h)))
            assert found.strain[a, b] == pytest.approx(wanted, abs=1e-7 * np.abs(found.strain).max())
    np.testing.assert_allclose(found.positions.sum(0), 0, atol=1e-10 * largest)  # a shift changes nothing
    np.testing.assert_allclose(found.strain, found.strain.T, atol=1e-10 * np.abs(found.strain).max())  # nor a turn


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_and_jacobian_agree_and_threads_do_not_change_a_bit(glass: Atoms, kind: str) -> None:
    descriptor = KINDS[kind]()
    centres = [3, 11]
    weights = np.random.default_rng(2).normal(size=(2, descriptor.n_features))
    found = descriptor.gradient(glass, weights, centres, n_threads=1)
    full = descriptor.jacobian(glass, centres)
    assert full.shape == (2, descriptor.n_features, 27, 3)
    wanted = np.einsum("if,ifjx->jx", weights, full)
    np.testing.assert_allclose(found.positions, wanted, atol=1e-12 * np.abs(wanted).max() + 1e-13)
    everywhere = np.random.default_rng(2).normal(size=(27, descriptor.n_features))
    one = descriptor.gradient(glass, everywhere, n_threads=1)
    for n_threads in (2, 3, 8):
        again = descriptor.gradient(glass, everywhere, n_threads=n_threads)
        np.testing.assert_array_equal(one.positions, again.positions)
        np.testing.assert_array_equal(one.strain, again.strain)


def test_more_centres_than_a_wave_holds() -> None:
    """4 096 centres are one wave: a chain of 9 000 atoms has three, and every atom the same neighbours."""
    line = np.arange(9000)[:, None] * [2.0, 0, 0]
    chain = Atoms("Si9000", positions=line, cell=[18000, 20, 20], pbc=[True, False, False])
    descriptor = SphericalBesselSOAP(["Si"], cutoff=4.5, n_max=2, l_max=1)
    chain.positions[:, 0] += 0.1 * (-1.0) ** np.arange(9000)  # pairs, so that forces do not vanish
    found = descriptor.gradient(chain, np.ones((9000, descriptor.n_features)), n_threads=1)
    size = np.abs(found.positions[:, 0])
    assert size.min() > 1e-3
    np.testing.assert_allclose(size, size[0], rtol=1e-9)
    two = descriptor.gradient(chain, np.ones((9000, descriptor.n_features)), n_threads=2)
    np.testing.assert_array_equal(found.positions, two.positions)


def test_derivative_by_the_cell_at_fixed_fractional_coordinates(glass: Atoms) -> None:
    descriptor = soap()
    weights = np.random.default_rng(4).normal(size=(27, descriptor.n_features))
    found = descriptor.gradient(glass, weights).cell(glass.cell.array)

    def value(k: int, x: int, h: float) -> float:
        other = glass.copy()
        cell = other.cell.array.copy()
        cell[k, x] += h
        other.set_cell(cell, scale_atoms=True)
        return float((descriptor.transform(other) * weights).sum())

    for k, x in ((0, 0), (0, 1), (2, 1)):
        wanted = slope(lambda h, k=k, x=x: value(k, x, h))
        assert found[k, x] == pytest.approx(wanted, abs=1e-7 * np.abs(found).max())


@pytest.mark.parametrize("settings", [{}, {"normalise": True}, {"compression": "mu1nu1"}, {"body": (2,)}])
def test_derivative_by_the_mixing(glass: Atoms, settings: dict[str, object]) -> None:
    mixing = np.array([[1, 0.4, 1], [1, 0, -0.5]])
    descriptor = soap(mixing=mixing, **settings)
    weights = np.random.default_rng(5).normal(size=(27, descriptor.n_features))
    found = descriptor.mixing_gradient(glass, weights)

    def value(a: int, s: int, h: float) -> float:
        changed = mixing.copy()
        changed[a, s] += h
        return float((soap(mixing=changed, **settings).transform(glass) * weights).sum())

    for a, s in np.ndindex(*mixing.shape):
        wanted = slope(lambda h, a=a, s=s: value(a, s, h))
        assert found[a, s] == pytest.approx(wanted, abs=1e-7 * np.abs(found).max())
    np.testing.assert_array_equal(found, descriptor.mixing_gradient(glass, weights, n_threads=3))
    with pytest.raises(ValueError, match="no mixing"):
        soap(**settings).mixing_gradient(glass, np.zeros((27, soap(**settings).n_features)))
    with pytest.raises(ValueError, match="does not know remove_self"):
        soap(mixing=mixing, remove_self=True, **settings).mixing_gradient(glass, weights)


def test_molecules_and_lonely_atoms() -> None:
    descriptor = SphericalBesselSOAP(["H", "O"], cutoff=3.0, n_max=3, l_max=2)
    water = molecule("H2O")
    weights = np.ones((3, descriptor.n_features))
    found = descriptor.gradient(water, weights)
    wanted = slope(lambda h: float((descriptor.transform(moved(water, 1, 1, h)) * weights).sum()))
    assert found.positions[1, 1] == pytest.approx(wanted, rel=1e-7)
    lonely = SphericalBesselSOAP(["H"], cutoff=3.0, normalise=True)
    for field in lonely.gradient(Atoms("H"), np.ones((1, lonely.n_features))):
        np.testing.assert_array_equal(field, 0)


def test_bad_input_is_refused(glass: Atoms) -> None:
    descriptor = soap()
    weights = np.zeros((27, descriptor.n_features))
    with pytest.raises(ValueError, match=r"dl_drows must have shape \(27, \d+\), got \(26, "):
        descriptor.gradient(glass, weights[:-1])
    with pytest.raises(ValueError, match="dl_drows must be finite"):
        descriptor.gradient(glass, weights + np.nan)
    with pytest.raises(ValueError, match="GiB, more than the limit of"):
        descriptor.jacobian(glass, limit=1e6)
    with pytest.raises(ValueError, match=r"centres must lie in 0\.\.26"):
        descriptor.jacobian(glass, [27])


def test_a_million_neighbours_of_one_centre() -> None:
    """Far more than any stack or block holds; the forces on an atom and all its images add up to nothing."""
    crowd = Atoms("Si", cell=[1.0] * 3, pbc=True)
    descriptor = SphericalBesselSOAP(["Si"], cutoff=62.1, n_max=2, l_max=1)
    found = descriptor.gradient(crowd, np.ones((1, descriptor.n_features)))
    np.testing.assert_allclose(found.positions, 0, atol=1e-9 * np.abs(found.strain).max())
    h = 1e-4
    wanted = slope(lambda h: float(descriptor.transform(strained(crowd, 0, 0, h)).sum()), h)
    assert found.strain[0, 0] == pytest.approx(wanted, rel=1e-6)
