# SPDX-License-Identifier: BSD-3-Clause
"""Symmetry functions and distribution functions (THEORY.md sections 6.2, 6.3): double loops, symmetries, bad input."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, make_supercell, molecule
from ase.data import atomic_numbers, chemical_symbols
from scipy.spatial.transform import Rotation
from scipy.special import eval_chebyt

from glassnmr.descriptors import BehlerParrinello, ChebyshevARDF, Descriptor, neighbours

SPECIES = ["O", "Si", "Na"]
G4 = [[0.05, 1, -1, 0], [0.05, 4, 1, 0], [0.3, 2, 0.5, 1.5], [0, 16, -1, 0], [0.3, 3, 1, 1.5]]


def behler(**settings: object) -> BehlerParrinello:
    return BehlerParrinello(SPECIES, **{"cutoff": 4.5, "g2": 4, "g4": G4, "g5": G4[:3], **settings})


def ardf(**settings: object) -> ChebyshevARDF:
    return ChebyshevARDF(SPECIES, **{"cutoff": 4.5, "n_radial": 6, "n_angular": 5, **settings})


KINDS: dict[str, Callable[[], Descriptor]] = {
    "G2, G4, G5": behler,
    "short sides": lambda: behler(angular_cutoff=3.2, weights=(0.5, 3.0)),
    "weighted": lambda: behler(channels="atomic-numbers"),
    "mixed": lambda: behler(channels=[[1, 0.5, 0], [0, -1, 2]], g5=0),
    "G2 alone": lambda: behler(g4=0, g5=[]),
    "G4 alone": lambda: behler(g2=[], g5=0),
    "ARDF": ardf,
    "ARDF by elements": lambda: ardf(channels="elements", angular_cutoff=3.0),
    "ARDF radial": lambda: ardf(n_angular=0, n_radial=12, weights=(2.0, 1.0)),
    "ARDF angular": lambda: ardf(n_radial=0, n_angular=12),
}


@pytest.fixture(scope="module")
def glass() -> Atoms:
    """Random packing of 40 atoms in a sheared cell smaller than the cutoff's diameter."""
    rng = np.random.default_rng(5)
    cell = np.array([[7.6, 0.3, 0], [0, 8.1, 0.4], [0.5, 0, 7.9]])
    places: list[np.ndarray] = []
    shifts = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), -1).reshape(-1, 3) @ cell
    while len(places) < 40:
        trial = rng.uniform(0, 1, 3) @ cell
        if all(np.linalg.norm(trial - p + shifts, axis=1).min() > 1.3 for p in places):
            places.append(trial)
    return Atoms(rng.choice(SPECIES, 40, p=[0.6, 0.3, 0.1]), np.array(places), cell=cell, pbc=True)


def f_c(r: float, cutoff: float) -> float:
    return (1 + np.cos(np.pi * r / cutoff)) / 2 if r < cutoff else 0.0


def slow_sums(atoms: Atoms, centre: int, cutoff: float, angular: float, two: list[Callable[[float], float]],
              three: list[Callable[[float, float, float, float], float]]) -> tuple[np.ndarray, np.ndarray]:
    """Sums by element and by pair of elements, one neighbour and one pair after the other."""
    first, index, vector = neighbours(atoms, cutoff)
    here = slice(first[centre], first[centre + 1])
    kinds = [SPECIES.index(atoms.symbols[j]) for j in index[here]]
    by_element, by_pair = np.zeros((3, len(two))), np.zeros((3, 3, len(three)))
    for a, (s, u) in enumerate(zip(kinds, vector[here], strict=True)):
        r_j = float(np.linalg.norm(u))
        by_element[s] += [g(r_j) * f_c(r_j, cutoff) for g in two]
        for t, v in zip(kinds[a + 1:], vector[here][a + 1:], strict=True):
            r_k, r_jk = float(np.linalg.norm(v)), float(np.linalg.norm(u - v))
            if r_j < angular and r_k < angular:
                cosine = float(u @ v) / (r_j * r_k)
                by_pair[min(s, t), max(s, t)] += [f(cosine, r_j, r_k, r_jk) for f in three]
    return by_element, by_pair


def assembled(model: BehlerParrinello | ChebyshevARDF, by_element: np.ndarray, by_pair: np.ndarray) -> np.ndarray:
    """A row from the sums, with the weights of the channels applied pair by pair."""
    if model.channels == "elements":
        parts = [by_element.ravel(), np.concatenate([by_pair[s, t] for s in range(3) for t in range(s, 3)])]
    else:
        w = np.array(model.channels)
        parts = [(w @ by_element).ravel(), np.einsum("as,at,stf->af", w, w, by_pair).ravel()]
    return np.concatenate([weight * part for weight, part in zip(model.weights, parts, strict=True)])


def slow_behler(model: BehlerParrinello, atoms: Atoms, centre: int) -> np.ndarray:
    R = model.angular_cutoff
    two = [lambda r, eta=eta, s=s: np.exp(-eta * (r - s) ** 2) for eta, s in model.g2]

    def angle(c: float, zeta: float, turn: float) -> float:
        return 2 ** (1 - zeta) * (1 + turn * c) ** zeta

    def side(r: float, eta: float, s: float) -> float:
        return np.exp(-eta * (r - s) ** 2) * f_c(r, R)

    three = [lambda c, i, j, k, eta=eta, z=z, turn=turn, s=s: angle(c, z, turn) * side(i, eta, s) * side(j, eta, s)
             * side(k, eta, s) for eta, z, turn, s in model.g4]
    three += [lambda c, i, j, k, eta=eta, z=z, turn=turn, s=s: angle(c, z, turn) * side(i, eta, s) * side(j, eta, s)
              for eta, z, turn, s in model.g5]
    return assembled(model, *slow_sums(atoms, centre, model.cutoff, R, two, three))


def slow_ardf(model: ChebyshevARDF, atoms: Atoms, centre: int) -> np.ndarray:
    R = model.angular_cutoff
    two = [lambda r, a=a: eval_chebyt(a, 2 * r / model.cutoff - 1) for a in range(model.n_radial)]
    three = [lambda c, i, j, k, a=a: np.cos(a * np.arccos(np.clip(c, -1, 1))) * f_c(i, R) * f_c(j, R)
             for a in range(model.n_angular)]
    return assembled(model, *slow_sums(atoms, centre, model.cutoff, R, two, three))


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_the_published_sums(glass: Atoms, kind: str) -> None:
    model = KINDS[kind]()
    rows = model.transform(glass)
    for centre in (0, 13, 39):
        wanted = slow_behler(model, glass, centre) if isinstance(model, BehlerParrinello) else \
            slow_ardf(model, glass, centre)  # type: ignore[arg-type]
        np.testing.assert_allclose(rows[centre], wanted, rtol=1e-11, atol=1e-13 * np.abs(wanted).max())


def test_symmetry_functions_are_those_of_dscribe(glass: Atoms) -> None:
    """dscribe lists for each element f_c and G2, then for each pair of elements G4."""
    dscribe = pytest.importorskip("dscribe.descriptors")
    g4 = [[0.01, 1, -1], [0.02, 4, 1], [0.3, 2, 1]]
    peer = dscribe.ACSF(r_cut=4.5, g2_params=[[0.5, 0.0], [4.0, 2.5]], g4_params=g4, species=["O", "Na", "Si"],
                        periodic=True)
    model = BehlerParrinello(["O", "Na", "Si"], 4.5, g2=[[0.0, 0.0], [0.5, 0.0], [4.0, 2.5]], g4=g4)
    index = model.feature_index()
    pairs = [(s, t) for t in range(3) for s in range(t + 1)]  # dscribe's order: a triangle row by row
    order = [*np.flatnonzero(index["body"] == 2),
             *(k for pair in pairs for k in np.flatnonzero((index["s1"] == pair[0]) & (index["s2"] == pair[1])))]
    np.testing.assert_allclose(model.transform(glass)[:, order], peer.create(glass), rtol=1e-8, atol=1e-10)


def test_the_index_tells_the_function_of_each_feature(glass: Atoms) -> None:
    """A feature alone is the feature with its index in the full row."""
    model = behler()
    rows, index = model.transform(glass, [3]), model.feature_index()
    assert len(index) == model.n_features == 3 * 4 + 6 * 8
    for k in (0, 5, 11, 12, 17, 20, 40, 59):
        f = index[k]
        if f["body"] == 2:
            alone = behler(g2=[[f["eta"], f["r_s"]]], g4=0, g5=0)
        else:
            tables = {"g4": 0, "g5": 0, f["kind"].lower(): [[f["eta"], f["zeta"], f["lambda"], f["r_s"]]]}
            alone = behler(g2=0, **tables)
        single = alone.feature_index()
        place = np.flatnonzero((single["s1"] == f["s1"]) & (single["s2"] == f["s2"]))
        np.testing.assert_allclose(alone.transform(glass, [3])[0, place], rows[0, k], rtol=1e-13)
    index = ardf().feature_index()
    assert index["order"].tolist() == [0, 1, 2, 3, 4, 5] * 2 + [0, 1, 2, 3, 4] * 2
    assert index["s1"].tolist() == [0] * 6 + [1] * 6 + [0] * 5 + [1] * 5


@pytest.mark.parametrize(("species", "spins"), [
    (["Si"], None), (["O", "Si"], [-1, 1]), (SPECIES, [-1, 0, 1]), (["Na", "Al", "B", "Si"], [-2, -1, 1, 2]),
])
def test_signed_weights_are_those_of_the_paper(species: list[str], spins: list[int] | None) -> None:
    channels = ChebyshevARDF(species, 4.0).channels
    assert channels == ((1.0,) * len(species),) if spins is None else ((1.0,) * len(species), tuple(map(float, spins)))
    weighted = BehlerParrinello(species, 4.0, channels="atomic-numbers")
    assert weighted.channels == (tuple(float(atomic_numbers[s]) for s in species),)


def test_grids_of_parameters() -> None:
    shifted = BehlerParrinello.radial_grid(6.0, 5)
    np.testing.assert_allclose(shifted, [[0.5, r] for r in (1, 2, 3, 4, 5)])  # eta = 1 / (2 D^2), D = 1
    centred = BehlerParrinello.radial_grid(6.0, 5, "centred")
    np.testing.assert_allclose(centred, [[0.5 / r**2, 0] for r in (1, 2, 3, 4, 5)])
    angular = BehlerParrinello.angular_grid(6.0, 5)
    assert angular.shape == (40, 4)
    np.testing.assert_array_equal(angular[:8, 1:3], [[z, t] for t in (-1, 1) for z in (1, 2, 4, 16)])
    np.testing.assert_allclose(np.unique(angular[:, 0]), np.sort(centred[:, 0]))
    few = BehlerParrinello(["Si"], 6.0, g2=5, g4=2, angular_cutoff=3.0)
    np.testing.assert_allclose(few.g2, shifted)
    np.testing.assert_allclose(few.g4, BehlerParrinello.angular_grid(3.0, 2))
    assert BehlerParrinello.radial_grid(2.0, 1).tolist() == [[1 / (2 * 1.5**2), 0.5]]


@pytest.mark.parametrize("kind", KINDS)
def test_rotation_reflection_translation_permutation_wrapping_and_supercell_change_nothing(glass: Atoms, kind: str
                                                                                           ) -> None:
    model = KINDS[kind]()
    rows = model.transform(glass)
    tolerance = {"atol": 1e-12 * np.abs(rows).max(), "rtol": 1e-11}
    turn = Rotation.random(random_state=4).as_matrix() @ np.diag([1, 1, -1])
    turned = Atoms(glass.numbers, glass.positions @ turn.T, cell=glass.cell @ turn.T, pbc=True)
    np.testing.assert_allclose(model.transform(turned), rows, **tolerance)
    moved = glass.copy()
    moved.translate([1.234, -50.2, 7.7])
    moved.positions += np.random.default_rng(0).integers(-3, 4, (40, 3)) @ np.asarray(glass.cell)
    np.testing.assert_allclose(model.transform(moved), rows, **tolerance)
    order = np.random.default_rng(1).permutation(40)
    np.testing.assert_allclose(model.transform(glass[order]), rows[order], **tolerance)
    doubled = make_supercell(glass, [[1, 0, 0], [1, 2, 0], [0, 0, 1]])
    np.testing.assert_allclose(np.sort(model.transform(doubled), axis=0), np.sort(np.repeat(rows, 2, 0), axis=0),
                               **tolerance)


@pytest.mark.parametrize("kind", KINDS)
def test_threads_do_not_change_a_bit(glass: Atoms, kind: str) -> None:
    model, large = KINDS[kind](), glass * (3, 2, 1)
    one = model.transform(large, n_threads=1)
    for n_threads in (2, 3, 8):
        np.testing.assert_array_equal(one, model.transform(large, n_threads=n_threads))
    streamed = np.vstack([rows.copy() for _, _, rows in model.blocks([large], size=17)])
    np.testing.assert_array_equal(one, streamed)
    np.testing.assert_array_equal(one.astype(np.float32), model.transform(large, dtype=np.float32))


@pytest.mark.parametrize("kind", KINDS)
def test_isolated_atoms_pairs_and_elements_that_are_missing(kind: str) -> None:
    model = KINDS[kind]()
    assert np.abs(model.transform(Atoms("Si", cell=[50] * 3, pbc=True))).max() == 0
    found = model.gradient(Atoms("Si"), np.ones((1, model.n_features)))
    assert np.abs(found.positions).max() == np.abs(found.strain).max() == 0
    pair = model.transform(Atoms("SiO", [[0, 0, 0], [0, 0, 1.6]]))
    three = model.feature_index()["body"] == 3
    assert np.abs(pair[:, three]).max(initial=0) == 0  # one neighbour makes no angle
    assert np.isfinite(model.transform(molecule("SiO"))).all()
    with pytest.raises(ValueError, match="H, which is outside the species O, Si, Na"):
        model.transform(molecule("H2O"))
    with pytest.raises(ValueError, match="same place"):
        model.transform(Atoms("SiO2", [[0, 0, 0], [0, 0, 1.6], [0, 0, 1.6]]))


@pytest.mark.parametrize("kind", ["G2, G4, G5", "short sides", "ARDF"])
def test_neighbours_leave_smoothly(kind: str) -> None:
    """Value and slope go to zero together where a neighbour passes a cutoff."""
    model = KINDS[kind]()
    edge = model.angular_cutoff  # type: ignore[attr-defined]

    def row(r: float) -> np.ndarray:
        atoms = Atoms("SiO2", [[0, 0, 0], [0, 0, 1.9], [0, r * np.sin(2.0), r * np.cos(2.0)]])
        return model.transform(atoms, [0])[0][model.feature_index()["body"] == 3]

    inside, at = row(edge - 1e-4), row(edge + 1e-12)
    assert np.abs(at).max() == 0
    assert np.abs(inside).max() < 1e-6 * np.abs(row(edge / 2)).max()


@pytest.mark.parametrize("kind", ["G2, G4, G5", "ARDF by elements"])
@pytest.mark.parametrize("pbc", [(1, 1, 0), (1, 0, 0), (0, 0, 0)])
def test_slabs_wires_and_molecules_see_no_images_across_open_directions(glass: Atoms, pbc: tuple[int, int, int],
                                                                        kind: str) -> None:
    atoms, padded, model = glass.copy(), glass.copy(), KINDS[kind]()
    atoms.pbc = pbc
    padded.cell[~np.array(pbc, bool)] *= 10  # far images instead of none
    np.testing.assert_allclose(model.transform(atoms), model.transform(padded), rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("kind", [lambda: BehlerParrinello(["Si"], 13.0), lambda: ChebyshevARDF(["Si"], 13.0)])
def test_one_atom_cells_and_cutoffs_beyond_five_cells(kind: Callable[[], Descriptor]) -> None:
    model, small = kind(), bulk("Si", "sc", a=2.4)
    rows = model.transform(small)
    np.testing.assert_allclose(model.transform(small * (2, 1, 2)), np.repeat(rows, 4, 0), rtol=1e-10,
                               atol=1e-12 * np.abs(rows).max())
    force = model.gradient(small, np.ones((1, model.n_features)))
    assert np.abs(force.positions).max() < 1e-9 * np.abs(force.strain).max()


def test_a_million_neighbours_of_one_centre() -> None:
    """Radial sums have no limit; the angular part has its own cutoff."""
    crowd = Atoms("Si", cell=[1.0] * 3, pbc=True)
    for model in (BehlerParrinello(["Si"], 62.1, g2=2, g4=1, angular_cutoff=6.0),
                  ChebyshevARDF(["Si"], 62.1, 3, 3, angular_cutoff=6.0)):
        rows = model.transform(crowd)
        assert np.isfinite(rows).all() and rows[0, 0] > 1e4
        found = model.gradient(crowd, np.ones_like(rows))
        np.testing.assert_allclose(found.positions, 0, atol=1e-9 * np.abs(found.strain).max())


@pytest.mark.parametrize("kind", KINDS)
def test_pickles_and_parameters_make_the_same_descriptor(glass: Atoms, kind: str) -> None:
    model = KINDS[kind]()
    for again in (pickle.loads(pickle.dumps(model)), type(model)(**model.get_params())):
        assert again.get_params() == model.get_params() and repr(again) == repr(model)
        np.testing.assert_array_equal(again.transform(glass), model.transform(glass))
    assert type(model).__name__ in repr(model) and "cutoff=4.5" in repr(model)


@pytest.mark.parametrize(("settings", "message"), [
    ({"cutoff": -1}, "cutoff must be positive and finite, got -1"),
    ({"cutoff": np.nan}, "cutoff must be positive and finite"),
    ({"angular_cutoff": 9.0}, "angular_cutoff must be positive and at most the cutoff"),
    ({"angular_cutoff": 0.0}, "angular_cutoff must be positive"),
    ({"channels": "signs"}, "channels must be elements, atomic-numbers, signed or a matrix, got 'signs'"),
    ({"channels": [[1, 2]]}, "channels must be a matrix of one column for each of the 3 species"),
    ({"channels": [[1, 2, np.inf]]}, "channels must be finite"),
    ({"weights": (1.0,)}, "weights must be two"),
    ({"weights": (1.0, 0.0)}, "weights must be positive and finite"),
    ({"species": ["Qq"]}, "species must be chemical symbols"),
])
@pytest.mark.parametrize("kind", [BehlerParrinello, ChebyshevARDF])
def test_settings_outside_their_range_are_refused(kind: type[Descriptor], settings: dict[str, object], message: str
                                                  ) -> None:
    with pytest.raises(ValueError, match=message):
        kind(**{"species": SPECIES, "cutoff": 4.5, **settings})  # type: ignore[arg-type]


@pytest.mark.parametrize(("settings", "message"), [
    ({"g2": -1}, "g2 must not be negative, got -1"),
    ({"g2": 2.5}, "g2 must be a number of functions or a table of 2 columns, got 2.5"),
    ({"g2": [[1.0, 2.0, 3.0]]}, "g2 must be a number of functions or a table of 2 columns"),
    ({"g2": [["a", "b"]]}, "g2 must be a number"),
    ({"g4": [[1.0, 2.0]]}, "g4 must be a number of functions or a table of 3 or 4 columns"),
    ({"g2": [[-0.1, 0.0]]}, "eta of g2 must be finite and not negative, got -0.1"),
    ({"g2": [[0.1, np.nan]]}, "r_s of g2 must be finite, got nan"),
    ({"g4": [[np.inf, 1, 1]]}, "eta of g4 must be finite"),
    ({"g4": [[0.1, 1.5, 1]]}, r"zeta of g4 must be a whole number in 1\.\.1024, got 1.5"),
    ({"g5": [[0.1, 0, 1]]}, r"zeta of g5 must be a whole number in 1\.\.1024, got 0"),
    ({"g5": [[0.1, 1, -2]]}, r"lambda of g5 must lie in -1\.\.1, got -2"),
    ({"g2": 0, "g4": 0}, "a row must have at least one function"),
    ({"g4": [[0.1, 1, 1], [0.1, 1]]}, "g4 must be a number of functions or a table"),
    ({"g4": 600, "species": [chemical_symbols[z] for z in range(1, 90)]}, "a row would have 19224890 features"),
])
def test_functions_outside_their_range_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BehlerParrinello(**{"species": SPECIES, "cutoff": 4.5, **settings})  # type: ignore[arg-type]


@pytest.mark.parametrize(("settings", "message"), [
    ({"n_radial": -1}, "n_radial must not be negative, got -1"),
    ({"n_angular": 2.5}, "n_angular must be a whole number, got 2.5"),
    ({"n_radial": True}, "n_radial must be a whole number, got True"),
    ({"n_angular": 1001}, "n_angular must be at most 1000, got 1001"),
    ({"n_radial": 0, "n_angular": 0}, "a row must have at least one function"),
])
def test_orders_outside_their_range_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ChebyshevARDF(SPECIES, 4.5, **settings)  # type: ignore[arg-type]


def test_grids_refuse_what_they_cannot_make() -> None:
    with pytest.raises(ValueError, match="kind must be shifted or centred, got 'even'"):
        BehlerParrinello.radial_grid(5.0, 3, "even")
    with pytest.raises(ValueError, match="cutoff must be positive and finite, got 0"):
        BehlerParrinello.radial_grid(0, 3)
    with pytest.raises(ValueError, match="n must be a whole number, got 1.5"):
        BehlerParrinello.radial_grid(5.0, 1.5)
