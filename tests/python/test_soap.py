# SPDX-License-Identifier: BSD-3-Clause
"""Density coefficients and invariants (THEORY.md sections 5, 6): quadrature oracle, symmetries, bad input."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, make_supercell
from scipy.optimize import brentq
from scipy.spatial.transform import Rotation
from scipy.special import spherical_jn

from glassnmr.descriptors import SphericalBesselSOAP, former_mixing, neighbours, select_centres, valence_mixing
from test_harmonics import scipy_harmonics

BASES = ["bessel", "bessel-truncated", "kocer"]


@pytest.fixture(scope="module")
def glass() -> Atoms:
    """Random packing of 60 atoms, none closer than 1.4 Å."""
    rng = np.random.default_rng(3)
    places: list[np.ndarray] = []
    while len(places) < 60:
        trial = rng.uniform(0, 10, 3)
        gap = [(trial - p + 5) % 10 - 5 for p in places]
        if all(np.linalg.norm(g) > 1.4 for g in gap):
            places.append(trial)
    return Atoms(rng.choice(["O", "Si", "Na"], 60, p=[0.6, 0.3, 0.1]), np.array(places), cell=[10] * 3, pbc=True)


def soap(**settings: object) -> SphericalBesselSOAP:
    return SphericalBesselSOAP(["O", "Si", "Na"], **{"cutoff": 4.5, "n_max": 5, "l_max": 4, **settings})


def quadrature(vectors: np.ndarray, cutoff: float, n_max: int, l_max: int, sigma: float, far: float) -> np.ndarray:
    """Coefficients by brute force: the smeared density (5.1) times chi_nl Y_lm, summed over a grid up to `far`."""
    x, wx = np.polynomial.legendre.leggauss(160)
    s, ws = far * (x + 1) / 2, far / 2 * wx
    z, wz = np.polynomial.legendre.leggauss(72)
    phi = np.arange(144) * 2 * np.pi / 144
    rim = np.sqrt(1 - z**2)
    unit = np.stack(np.broadcast_arrays(rim[:, None] * np.cos(phi), rim[:, None] * np.sin(phi), z[:, None]), axis=-1)
    unit = unit.reshape(-1, 3)
    project = scipy_harmonics(unit, l_max) * (np.repeat(wz, 144) * 2 * np.pi / 144)[:, None]
    density = np.zeros((len(s), len(unit)))
    for v in vectors:
        r = np.linalg.norm(v)
        cut = (1 + np.cos(np.pi * r / cutoff)) / 2
        d2 = s[:, None] ** 2 + r**2 - 2 * s[:, None] * (unit @ v)
        density += cut * (2 * np.pi * sigma**2) ** -1.5 * np.exp(-d2 / (2 * sigma**2))
    angular = density @ project
    c = np.zeros((n_max, (l_max + 1) ** 2))
    for l in range(l_max + 1):
        grid = np.linspace(l + 1e-3, np.pi * (n_max + l + 2), 20000)
        value = spherical_jn(l, grid)
        roots = np.flatnonzero(value[:-1] * value[1:] < 0)[:n_max]
        for n, k in enumerate(roots):
            zero = brentq(lambda t, l=l: spherical_jn(l, t), grid[k], grid[k + 1], xtol=1e-14)
            norm = np.sqrt(2 / (cutoff**3 * spherical_jn(l + 1, zero) ** 2))
            chi = norm * spherical_jn(l, zero * s / cutoff)
            c[n, l * l:(l + 1) ** 2] = (ws * s**2 * chi) @ angular[:, l * l:(l + 1) ** 2]
    return c


@pytest.mark.parametrize(("basis", "tolerance"), [("bessel", 1e-10), ("bessel-truncated", 1e-8)])
def test_coefficients_agree_with_a_quadrature_of_the_smeared_density(basis: str, tolerance: float) -> None:
    vectors = np.array([[1.3, -0.6, 0.8], [-2.0, 1.9, -1.2], [0.1, 0.2, 4.1]])
    atoms = Atoms("SiO3", np.vstack([np.zeros(3), vectors]))
    got = soap(basis=basis, sigma=0.5).coefficients(atoms, [0])[0, 0]
    far = 4.5 if basis == "bessel-truncated" else 4.2 + 9 * 0.5
    wanted = quadrature(vectors, 4.5, 5, 4, 0.5, far)
    np.testing.assert_allclose(got, wanted, atol=tolerance)


def slow_rows(model: SphericalBesselSOAP, c: np.ndarray) -> np.ndarray:
    """Eq. (6.1)-(6.4) from the coefficients, feature by feature, as the index tells."""
    rows = np.empty((len(c), model.n_features))
    weights = dict(zip(model.body, model.weights, strict=True))
    for k, (body, s1, n1, s2, n2, l) in enumerate(model.feature_index()):
        if body == 2:
            rows[:, k] = weights[2] * c[:, s1, n1, 0]
            continue
        m = slice(l * l, (l + 1) ** 2)
        p = np.sqrt(8 * np.pi**2 / (2 * l + 1)) * np.einsum("im,im->i", c[:, s1, n1, m], c[:, s2, n2, m])
        filtered = p / (1 + model.angular_filter * (l * (l + 1)) ** 2)
        rows[:, k] = weights[3] * filtered * (1 if (s1, n1) == (s2, n2) else np.sqrt(2))
    return rows


@pytest.mark.parametrize("settings", [{}, {"body": (3,), "n_max": 8}, {"body": (2,)}, {"angular_filter": 0.1},
                                      {"weights": (0.5, 2.0), "n_max": 12, "l_max": 2}, {"n_max": 17, "l_max": 1}])
def test_rows_follow_the_feature_index(glass: Atoms, settings: dict[str, object]) -> None:
    model = soap(**settings)
    rows, c = model.transform(glass), model.coefficients(glass)
    assert len(model.feature_index()) == model.n_features == rows.shape[1]
    np.testing.assert_allclose(rows, slow_rows(model, c), atol=1e-12 * np.abs(rows).max())


def test_a_dot_product_of_rows_equals_that_of_the_full_arrays(glass: Atoms) -> None:
    model = soap(body=(3,))
    rows = model.transform(glass, "Si")
    c = model.coefficients(glass, "Si").reshape(len(rows), 15, 25)
    gram = np.zeros((len(rows), len(rows)))
    for l in range(5):
        p = np.einsum("iqm,irm->iqr", c[:, :, l * l:(l + 1) ** 2], c[:, :, l * l:(l + 1) ** 2])
        gram += 8 * np.pi**2 / (2 * l + 1) * np.einsum("iqr,jqr->ij", p, p)
    np.testing.assert_allclose(rows @ rows.T, gram, rtol=1e-12)


@pytest.mark.parametrize("basis", BASES)
def test_rotation_reflection_translation_permutation_wrapping_and_supercell_change_nothing(glass: Atoms, basis: str
                                                                                           ) -> None:
    model = soap(basis=basis)
    rows = model.transform(glass)
    tolerance = {"atol": 1e-12 * np.abs(rows).max(), "rtol": 1e-12}
    turn = Rotation.random(random_state=4).as_matrix() @ np.diag([1, 1, -1])
    turned = Atoms(glass.numbers, glass.positions @ turn.T, cell=glass.cell @ turn.T, pbc=True)
    np.testing.assert_allclose(model.transform(turned), rows, **tolerance)
    moved = glass.copy()
    moved.translate([1.234, -50.2, 7.7])
    np.testing.assert_allclose(model.transform(moved), rows, **tolerance)
    unwrapped = glass.copy()
    unwrapped.positions += np.random.default_rng(0).integers(-3, 4, (60, 3)) @ np.asarray(glass.cell)
    np.testing.assert_allclose(model.transform(unwrapped), rows, **tolerance)
    order = np.random.default_rng(1).permutation(60)
    np.testing.assert_allclose(model.transform(glass[order]), rows[order], **tolerance)
    doubled = make_supercell(glass, [[1, 0, 0], [1, 2, 0], [0, 0, 1]])
    np.testing.assert_allclose(np.sort(model.transform(doubled), axis=0), np.sort(np.repeat(rows, 2, 0), axis=0),
                               **tolerance)


def test_a_neighbour_at_the_cutoff_leaves_smoothly() -> None:
    model = soap(cutoff=4.0)
    at = [model.transform(Atoms("SiO", [[0, 0, 0], [0, 0, r]]), [0])[0] for r in (4.0, 4.0 - 1e-4, 4.0 - 2e-4)]
    assert np.abs(at[0]).max() == 0
    scale = np.abs(model.transform(Atoms("SiO", [[0, 0, 0], [0, 0, 2.0]]), [0])).max()
    assert np.abs(at[1]).max() < 1e-6 * scale  # value and slope go to zero together
    assert np.abs(at[2] - at[1]).max() < 1e-6 * scale


@pytest.mark.parametrize("settings", [{}, {"n_max": 8, "l_max": 6}, {"mixing": [[1, 1, 1], [1, 0, -1]]}])
def test_threads_do_not_change_a_bit(glass: Atoms, settings: dict[str, object]) -> None:
    model = soap(**settings)
    one, c = model.transform(glass, n_threads=1), model.coefficients(glass, n_threads=1)
    for n_threads in (2, 3, 8):
        np.testing.assert_array_equal(one, model.transform(glass, n_threads=n_threads))
        np.testing.assert_array_equal(c, model.coefficients(glass, n_threads=n_threads))


def test_mixing_combines_the_species_of_the_coefficients(glass: Atoms) -> None:
    w = np.array([[1.0, 0.5, 0.0], [0.0, -1.0, 2.0]])
    mixed = soap(mixing=w)
    np.testing.assert_allclose(mixed.coefficients(glass), np.einsum("as,isnm->ianm", w, soap().coefficients(glass)),
                               atol=1e-13)
    np.testing.assert_allclose(mixed.transform(glass), slow_rows(mixed, mixed.coefficients(glass)), atol=1e-10)


def test_compressed_rows_hold_the_products_they_name(glass: Atoms) -> None:
    """Eq. (6.8) feature by feature; s2 = -1 stands for the sum of all channels."""
    c = soap().coefficients(glass)
    for mixing in (None, [[1, 0.5, 0], [0, -1, 2]]):
        model = soap(compression="mu1nu1", mixing=mixing)
        channels = c if mixing is None else np.einsum("as,isnm->ianm", np.array(mixing), c)
        total, rows = channels.sum(axis=1), model.transform(glass)
        wanted = np.empty_like(rows)
        for k, (body, s1, n1, s2, n2, l) in enumerate(model.feature_index()):
            if body == 2:
                wanted[:, k] = channels[:, s1, n1, 0]
                continue
            assert s2 == -1
            m = slice(l * l, (l + 1) ** 2)
            wanted[:, k] = np.sqrt(8 * np.pi**2 / (2 * l + 1)) * (channels[:, s1, n1, m] * total[:, n2, m]).sum(axis=1)
        np.testing.assert_allclose(rows, wanted, atol=1e-12 * np.abs(rows).max())
        assert model.n_features == len(channels[0]) * (5 + 5 * 5 * 5)
    whole, kept = soap(), soap(compression="crossover")
    index = whole.feature_index()
    np.testing.assert_array_equal(kept.feature_index(), index[(index["body"] == 2) | (index["s1"] == index["s2"])])
    np.testing.assert_array_equal(kept.transform(glass), whole.transform(glass)[:, (index["body"] == 2)
                                                                                | (index["s1"] == index["s2"])])


@pytest.mark.parametrize("settings", [{}, {"compression": "mu1nu1"}, {"compression": "crossover"},
                                      {"mixing": [[1, 0.5, 0], [0.3, -1, 2]]}])
def test_without_self_terms_only_pairs_of_different_neighbours_are_left(glass: Atoms, settings: dict[str, object]
                                                                       ) -> None:
    """The rows are quadratic in the neighbours: what single neighbours give alone is what `remove_self` takes away."""
    model, whole = soap(body=(3,), remove_self=True, **settings), soap(body=(3,), **settings)
    first, index, vector = neighbours(glass, 4.5)
    here = slice(first[7], first[8])
    alone = sum(whole.transform(Atoms([glass.symbols[7], glass.symbols[j]], [np.zeros(3), v]), [0])
                for j, v in zip(index[here], vector[here], strict=True))
    rows = whole.transform(glass, [7])
    np.testing.assert_allclose(model.transform(glass, [7]), rows - alone, atol=1e-11 * np.abs(rows).max())
    assert np.abs(alone).max() > 1e-3 * np.abs(rows).max()


def test_normalised_rows_have_unit_three_body_parts_and_isolated_atoms_stay_zero(glass: Atoms) -> None:
    model = soap(normalise=True, weights=(1.0, 3.0))
    three = model.feature_index()["body"] == 3
    np.testing.assert_allclose(np.linalg.norm(model.transform(glass)[:, three], axis=1), 3, rtol=1e-12)
    assert np.abs(model.transform(Atoms("Si", cell=[50] * 3, pbc=True))).max() == 0


def test_float32_rows_and_a_given_array_hold_the_same_numbers(glass: Atoms) -> None:
    model = soap()
    rows = model.transform(glass)
    np.testing.assert_array_equal(model.transform(glass, dtype=np.float32), rows.astype(np.float32))
    out = np.empty_like(rows)
    assert model.transform(glass, out=out) is out
    np.testing.assert_array_equal(out, rows)
    with pytest.raises(ValueError, match="out must be a writeable C-ordered"):
        model.transform(glass, out=np.empty((3, 3)))


def test_blocks_stream_the_same_rows(glass: Atoms) -> None:
    model = soap()
    rows = model.transform([glass, glass], "O")
    streamed = [(number, part, block.copy()) for number, part, block in model.blocks([glass, glass], "O", size=7)]
    assert max(len(part) for _, part, _ in streamed) == 7
    assert {number for number, _, _ in streamed} == {0, 1}
    np.testing.assert_array_equal(np.vstack([block for _, _, block in streamed]), rows)


@pytest.mark.parametrize("pbc", [(1, 1, 0), (1, 0, 0), (0, 0, 0), (0, 1, 1)])
def test_slabs_wires_and_molecules_see_no_images_across_open_directions(
        glass: Atoms, pbc: tuple[int, int, int]) -> None:
    atoms = glass.copy()
    atoms.pbc = pbc
    padded = glass.copy()
    padded.cell[~np.array(pbc, bool)] *= 10  # far images instead of none
    model = soap()
    np.testing.assert_allclose(model.transform(atoms), model.transform(padded), atol=1e-9)


def test_one_atom_cells_and_cutoffs_beyond_five_cells() -> None:
    model = SphericalBesselSOAP(["Si"], cutoff=13.0, n_max=4, l_max=4)
    small = bulk("Si", "sc", a=2.4)
    rows = model.transform(small)
    np.testing.assert_allclose(model.transform(small * (2, 3, 2)), np.repeat(rows, 12, 0), rtol=1e-11, atol=1e-9)
    c = model.coefficients(small)[0, 0]
    assert np.abs(c[:, 1:16]).max() < 1e-10 * np.abs(c).max()  # cubic symmetry: nothing in l = 1, 2, 3


def test_centres_by_element_mask_and_index(glass: Atoms) -> None:
    model = soap()
    rows, is_si = model.transform(glass), glass.numbers == 14
    np.testing.assert_array_equal(model.transform(glass, "Si"), rows[is_si])
    np.testing.assert_array_equal(model.transform(glass, is_si), rows[is_si])
    np.testing.assert_array_equal(model.transform(glass, [5, 2]), rows[[5, 2]])
    np.testing.assert_array_equal(model.transform([glass, glass], [[1], [2, 3]]), rows[[1, 2, 3]])
    assert model.transform(glass, []).shape == (0, model.n_features)
    assert len(select_centres(glass_structure(glass), ["O", "Na"])) == (~is_si).sum()


def glass_structure(atoms: Atoms):  # type: ignore[no-untyped-def]
    from glassnmr.structure import as_structure

    return as_structure(atoms)


def test_the_sum_over_neighbours_is_the_coefficient_of_the_density(glass: Atoms) -> None:
    """Eq. (5.2) by hand for one centre, from the neighbour list and the tabulated functions."""
    from glassnmr import _core

    model = soap()
    first, index, vector = neighbours(glass, 4.5)
    here = slice(first[7], first[8])
    r = np.linalg.norm(vector[here], axis=1)
    h = _core.radial_functions(r, basis="bessel", cutoff=4.5, n_max=5, l_max=4, sigma=0.4, exact=True)
    y = scipy_harmonics(vector[here], 4)
    l_of = np.repeat(np.arange(5), 2 * np.arange(5) + 1)
    symbols = glass.symbols[index[here]]
    for s, symbol in enumerate(("O", "Si", "Na")):
        mine = np.array([x == symbol for x in symbols])
        wanted = np.einsum("jmn,jm->nm", h[mine][:, l_of], y[mine])
        np.testing.assert_allclose(model.coefficients(glass, [7])[0, s], wanted, atol=1e-11)


@pytest.mark.parametrize(("settings", "message"), [
    ({"species": ["Si", "Si"]}, "species must name each element once"),
    ({"species": ["Qq"]}, "species must be chemical symbols, got 'Qq'"),
    ({"species": []}, "species must name each element once, got none"),
    ({"cutoff": -1}, "cutoff must be positive and finite"),
    ({"n_max": 0}, "n_max must be an integer of at least 1, got 0"),
    ({"n_max": 2.5}, "n_max must be an integer"),
    ({"l_max": -1}, "l_max must be an integer of at least 0, got -1"),
    ({"body": (4,)}, "body must be"),
    ({"weights": (1.0,)}, "weights must have one entry"),
    ({"weights": (1.0, 0.0)}, "weights must be positive and finite"),
    ({"mixing": np.ones((2, 5))}, "mixing must have shape"),
    ({"mixing": [[np.nan, 1, 1]]}, "mixing must be finite"),
    ({"angular_filter": -1}, "angular_filter must be finite"),
    ({"basis": "gto"}, "basis must be"),
    ({"compression": "mu3"}, "compression must be none, crossover or mu1nu1"),
    ({"n_max": 64, "l_max": 20, "species": ["Li", "Be", "B", "C", "N", "O", "F", "Na", "Mg", "Al", "Si", "P", "S",
                                           "Cl", "K", "Ca", "Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn",
                                           "Ga", "Ge", "As", "Se", "Br", "Rb", "Sr", "Y", "Zr", "Nb", "Mo"]},
     "a row would have"),
])
def test_settings_outside_their_range_are_refused(settings: dict[str, object], message: str) -> None:
    arguments = {"species": ["O", "Si", "Na"], "cutoff": 4.0, "n_max": 4, "l_max": 2, **settings}
    with pytest.raises(ValueError, match=message):
        SphericalBesselSOAP(**arguments)  # type: ignore[arg-type]


def test_an_element_outside_the_species_is_named(glass: Atoms) -> None:
    with pytest.raises(ValueError, match="Na, which is outside the species O, Si"):
        SphericalBesselSOAP(["O", "Si"], 4.0).transform(glass)


@pytest.mark.parametrize(("centres", "message"), [
    ([60], r"centres must lie in 0\.\.59, got 60"), ([-1], "centres must lie in"), ([0.5], "centres must be a symbol"),
    (np.ones(5, bool), "one entry for each of the 60 atoms"), ("Xx", "centres must be chemical symbols"),
])
def test_centres_that_do_not_exist_are_refused(glass: Atoms, centres: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        soap().transform(glass, centres)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_positions_that_are_no_numbers_are_refused(glass: Atoms, bad: float) -> None:
    broken = glass.copy()
    broken.positions[3, 1] = bad
    with pytest.raises(ValueError, match="positions must be finite"):
        soap().transform(broken)


def test_a_descriptor_survives_pickling(glass: Atoms) -> None:
    model = soap(mixing=[[1, 2, 3]], radial_scaling=(2.5, 4))
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.transform(glass), model.transform(glass))


def test_valence_mixing_weighs_cations_by_their_charge() -> None:
    w = valence_mixing(["Ca", "Si", "O", "Na", "Al", "Y"], weight=0.3)
    np.testing.assert_allclose(w, np.diag([0.6, 1, 1, 0.3, 1, 0.9]), rtol=1e-15)
    with pytest.raises(ValueError, match="charge of He in an oxide is not known"):
        valence_mixing(["O", "He"])
    with pytest.raises(ValueError, match="weight must be positive"):
        valence_mixing(["O"], weight=float("nan"))


def test_former_mixing_keeps_the_network_apart_and_joins_the_rest() -> None:
    species = ["Ca", "Si", "O", "Na", "Al"]
    w = former_mixing(species, weight=3.0)
    np.testing.assert_array_equal(w, [[0, 0, 1, 0, 0], [0, 0, 0, 0, 3], [0, 3, 0, 0, 0], [1, 0, 0, 1, 0]])
    assert former_mixing(["O", "Si"]).tolist() == [[1, 0], [0, 2]]
    assert former_mixing(["Na"]).tolist() == [[1]]
    with pytest.raises(ValueError, match="weight must be positive"):
        former_mixing(species, weight=0)
