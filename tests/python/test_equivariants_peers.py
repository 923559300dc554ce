# SPDX-License-Identifier: BSD-3-Clause
"""Equivariants against featomic's, number by number, where it is installed."""

from __future__ import annotations

from typing import Any

import ase
import numpy as np
import pytest
from numpy.typing import NDArray

from glassnmr.descriptors import EquivariantSOAP, SphericalBesselSOAP

featomic = pytest.importorskip("featomic", reason="featomic is not installed")

SPECIES = {"Si": 14, "O": 8}
CUTOFF, N_MAX, L_MAX = 4.5, 4, 3
SETTING: dict[str, Any] = {"cutoff": CUTOFF, "n_max": N_MAX, "l_max": L_MAX, "sigma": 0.0}


@pytest.fixture(scope="module")
def atoms() -> ase.Atoms:
    rng = np.random.default_rng(3)
    cell = np.array([[5.2, 0.3, 0.0], [0.4, 5.6, 0.2], [0.1, -0.5, 5.9]])
    grid = np.stack(np.meshgrid(range(2), range(2), range(2)), axis=-1).reshape(-1, 3) / 2
    return ase.Atoms("SiO" * 4, scaled_positions=grid + rng.uniform(-0.12, 0.12, (8, 3)), cell=cell, pbc=True)


@pytest.fixture(scope="module")
def expansion(atoms: ase.Atoms) -> Any:
    """featomic's coefficients of delta densities on spherical Bessel functions, with the cosine cutoff."""
    from featomic.basis import Explicit, SphericalBessel
    from featomic.cutoff import Cutoff, ShiftedCosine
    from featomic.density import DiracDelta
    from featomic.splines import SoapSpliner

    radial = {l: SphericalBessel(angular_channel=l, max_radial=N_MAX - 1, radius=CUTOFF) for l in range(L_MAX + 1)}
    spliner = SoapSpliner(cutoff=Cutoff(radius=CUTOFF, smoothing=ShiftedCosine(width=CUTOFF)),
                          density=DiracDelta(center_atom_weight=0.0), basis=Explicit(by_angular=radial),
                          n_spline_points=2000)
    return featomic.SphericalExpansion(**spliner.get_hypers()).compute(atoms)


@pytest.fixture(scope="module")
def products(expansion: Any, atoms: ase.Atoms) -> dict[tuple[int, ...], NDArray[np.float64]]:
    """(N, 2 lam + 1) by (lam, parity, s1, n1, l1, s2, n2, l2)."""
    from featomic.clebsch_gordan import ClebschGordanProduct
    from metatensor.operations import rename_dimension

    one, two = (rename_dimension(rename_dimension(expansion, "keys", "neighbor_type", f"neighbor_{k}_type"),
                                 "properties", "n", f"n_{k}").keys_to_properties(f"neighbor_{k}_type") for k in (1, 2))
    found = ClebschGordanProduct(max_angular=2 * L_MAX).compute(one, two, o3_lambda_1_new_name="l_1",
                                                                o3_lambda_2_new_name="l_2")
    place = {number: k for k, number in enumerate(SPECIES.values())}
    table: dict[tuple[int, ...], NDArray[np.float64]] = {}
    for key, block in found.items():
        lam, parity, l1, l2 = (int(key[name]) for name in ("o3_lambda", "o3_sigma", "l_1", "l_2"))
        for k, q in enumerate(block.properties):
            name = (lam, parity, place[int(q["neighbor_1_type"])], int(q["n_1"]), l1,
                    place[int(q["neighbor_2_type"])], int(q["n_2"]), l2)
            table.setdefault(name, np.zeros((len(atoms), 2 * lam + 1)))[block.samples["atom"]] = block.values[:, :, k]
    return table


def test_coefficients_are_those_of_featomic(expansion: Any, atoms: ase.Atoms) -> None:
    ours = SphericalBesselSOAP(list(SPECIES), **SETTING).coefficients(atoms)
    seen = 0
    for key, block in expansion.items():
        l, neighbour = int(key["o3_lambda"]), list(SPECIES.values()).index(int(key["neighbor_type"]))
        own = ours[block.samples["atom"]][:, neighbour, :, l * l:(l + 1) ** 2]
        np.testing.assert_allclose(own.transpose(0, 2, 1), block.values, rtol=0, atol=1e-11)
        seen += own.size
    assert seen == ours.size


@pytest.mark.parametrize(("lam", "parity"), [(0, 1), (1, 1), (1, -1), (2, 1), (2, -1)])
def test_equivariants_are_those_of_featomic(products: dict[tuple[int, ...], NDArray[np.float64]], atoms: ase.Atoms,
                                            lam: int, parity: int) -> None:
    """Products that featomic has twice, as (q1, q2) and (q2, q1), have the factor sqrt(2) here, that of pseudotensors
    the opposite sign."""
    soap = EquivariantSOAP(list(SPECIES), lam=lam, parity=parity, **SETTING)
    ours, seen = soap.equivariants(atoms), 0
    for column, feature in enumerate(soap.feature_index()):
        if feature["body"] != 3:
            continue
        one, two = (tuple(int(feature[name]) for name in names) for names in (("s1", "n1", "l1"), ("s2", "n2", "l2")))
        factor = parity * (1.0 if one == two else np.sqrt(2))
        np.testing.assert_allclose(ours[:, :, column], factor * products[(lam, parity, *one, *two)], rtol=0, atol=1e-10)
        seen += 1
    assert seen > 80
    assert np.abs(ours).max() > 1e-3
