# SPDX-License-Identifier: BSD-3-Clause
"""Radial functions (THEORY.md section 3) against SciPy, mpmath and their defining properties."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import spherical_jn

from glassnmr import _core

CUTOFF, N_MAX, L_MAX = 5.0, 8, 6
BASES = ["bessel", "bessel-truncated", "kocer"]


def functions(r: np.ndarray | float, basis: str, sigma: float = 0.4, exact: bool = False, **more: object) -> np.ndarray:
    settings = {"cutoff": CUTOFF, "n_max": N_MAX, "l_max": L_MAX, **more}
    return _core.radial_functions(np.atleast_1d(r), basis=basis, sigma=sigma, exact=exact, **settings)


def zeros(l: int, count: int) -> np.ndarray:
    grid = np.linspace(1e-3 + l, np.pi * (count + l + 2), 40000)
    value = spherical_jn(l, grid)
    change = np.flatnonzero(value[:-1] * value[1:] < 0)[:count]
    return np.array([brentq(lambda x: spherical_jn(l, x), grid[k], grid[k + 1], xtol=1e-14) for k in change])


def chi(l: int, r: np.ndarray | float) -> np.ndarray:
    """Eq. (3.1), (n, len(r))."""
    z = zeros(l, N_MAX)
    norm = np.sqrt(2 / (CUTOFF**3 * spherical_jn(l + 1, z) ** 2))
    return norm[:, None] * spherical_jn(l, z[:, None] * np.atleast_1d(r)[None, :] / CUTOFF)


def cosine(r: np.ndarray) -> np.ndarray:
    return np.where(r < CUTOFF, (1 + np.cos(np.pi * r / CUTOFF)) / 2, 0)


@pytest.mark.parametrize("sigma", [0.0, 0.3, 0.6])
def test_bessel_is_the_damped_eigenstate_times_the_cutoff_function(sigma: float) -> None:
    r = np.linspace(0, 5.5, 401)
    got = functions(r, "bessel", sigma)
    for l in range(L_MAX + 1):
        q = zeros(l, N_MAX) / CUTOFF
        wanted = np.exp(-(sigma**2) * q**2 / 2)[:, None] * chi(l, r) * cosine(r)
        np.testing.assert_allclose(got[:, l, :].T, wanted, atol=2e-12)


@pytest.mark.parametrize("sigma", [0.2, 0.5])
def test_truncated_is_the_integral_up_to_the_cutoff(sigma: float) -> None:
    import mpmath

    for r, l in ((0.0, 0), (0.7, 0), (1.6, 2), (3.1, 5), (4.9, 6)):
        def integrand(s: float, r: float = r, l: int = l) -> np.ndarray:
            x = r * s / sigma**2
            if x == 0:
                modified = float(l == 0)
            else:
                modified = float(mpmath.sqrt(mpmath.pi / (2 * x)) * mpmath.besseli(l + 0.5, x) * mpmath.exp(-x))
            gauss = np.exp(-((r - s) ** 2) / (2 * sigma**2)) / (2 * np.pi * sigma**2) ** 1.5
            return 4 * np.pi * gauss * modified * s * s * chi(l, s)[:, 0]

        nodes, weights = np.polynomial.legendre.leggauss(220)
        s = CUTOFF * (nodes + 1) / 2
        wanted = sum(w * CUTOFF / 2 * integrand(x) for x, w in zip(s, weights, strict=True))
        got = functions(r, "bessel-truncated", sigma)[0, l]
        np.testing.assert_allclose(got, wanted * cosine(np.array(r)), atol=1e-11)


def test_the_kocer_basis_is_orthonormal_with_zero_value_and_slope_at_the_cutoff() -> None:
    nodes, weights = np.polynomial.legendre.leggauss(120)
    r, w = CUTOFF * (nodes + 1) / 2, CUTOFF / 2 * weights
    h = functions(r, "kocer", exact=True)
    for l in range(L_MAX + 1):
        np.testing.assert_allclose(np.einsum("rn,rm,r->nm", h[:, l], h[:, l], w * r**2), np.eye(N_MAX), atol=1e-11)
    step = 1e-6
    assert np.abs(functions(CUTOFF - step, "kocer", exact=True)).max() < 1e-9


def test_the_bessel_basis_is_orthonormal_without_smearing() -> None:
    for l in (0, 3):
        gram = [[quad(lambda r: float(chi(l, r)[a, 0] * chi(l, r)[b, 0]) * r * r, 0, CUTOFF)[0] for a in (0, 2)]
                for b in (0, 2)]
        np.testing.assert_allclose(gram, np.eye(2), atol=1e-9)


@pytest.mark.parametrize("basis", BASES)
def test_the_table_agrees_with_the_formulas(basis: str) -> None:
    r = np.random.default_rng(1).uniform(0, CUTOFF, 3000)
    for sigma, n_max, l_max in ((0.4, 8, 4), (0.1, 12, 8), (0.8, 3, 0), (0.4, 17, 9)):
        exact = functions(r, basis, sigma, exact=True, n_max=n_max, l_max=l_max)
        table = functions(r, basis, sigma, n_max=n_max, l_max=l_max)
        np.testing.assert_allclose(table, exact, atol=2e-12 * np.abs(exact).max())


@pytest.mark.parametrize("basis", BASES)
def test_functions_vanish_at_the_cutoff_with_a_continuous_slope(basis: str) -> None:
    inside = functions([CUTOFF - 1e-4, CUTOFF - 2e-4], basis)
    assert np.abs(inside[0]).max() < 1e-6
    slope = np.abs(inside[1] - inside[0]).max() / 1e-4
    assert slope < 2e-2  # falls with the distance to the cutoff, not a step
    assert np.abs(functions(CUTOFF, basis)).max() == 0
    assert np.abs(functions(CUTOFF + 1.0, basis)).max() == 0


def test_radial_scaling_multiplies_the_functions() -> None:
    r = np.linspace(0.1, 4.9, 50)
    plain, scaled = functions(r, "bessel"), functions(r, "bessel", scaling=(2.5, 4.0))
    weight = 1 / (1 + (r / 2.5) ** 4)
    np.testing.assert_allclose(scaled, plain * weight[:, None, None], atol=2e-12)


@pytest.mark.parametrize(("change", "message"), [
    ({"cutoff": 0.0}, "cutoff must be positive and finite"),
    ({"cutoff": np.nan}, "cutoff must be positive and finite"),
    ({"sigma": -0.1}, "sigma must be finite and not negative"),
    ({"sigma": np.inf}, "sigma must be finite and not negative"),
    ({"n_max": 0}, "n_max must lie in 1..64"),
    ({"n_max": 65}, "n_max must lie in 1..64"),
    ({"l_max": 21}, "l_max must be at most 20"),
    ({"scaling": (2.0, 0.0)}, "scaling_radius and scaling_exponent must be positive"),
    ({"basis": "gto"}, 'basis must be "bessel", "bessel-truncated" or "kocer", got "gto"'),
])
def test_settings_outside_their_range_are_refused(change: dict[str, object], message: str) -> None:
    settings: dict[str, object] = {"basis": "bessel", "cutoff": 5.0, "n_max": 4, "l_max": 2, "sigma": 0.4, **change}
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        _core.radial_functions(np.array([1.0]), **settings)


def test_a_truncated_basis_needs_a_width() -> None:
    with pytest.raises(ValueError, match="sigma must be at least cutoff / 200"):
        functions(1.0, "bessel-truncated", 0.0)


@pytest.mark.parametrize("r", [-1.0, np.nan])
def test_a_distance_that_is_no_distance_is_refused(r: float) -> None:
    with pytest.raises(ValueError, match="r must be finite and not negative"):
        functions(r, "bessel")
