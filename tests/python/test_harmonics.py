# SPDX-License-Identifier: BSD-3-Clause
"""Real spherical harmonics (THEORY.md section 4) against SciPy's complex ones."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

from glassnmr import _core


def scipy_harmonics(xyz: np.ndarray, l_max: int) -> np.ndarray:
    """Eq. (4.1) from associated Legendre functions; the Condon-Shortley phase taken out."""
    unit = xyz / np.linalg.norm(xyz, axis=1)[:, None]
    phi = np.arctan2(unit[:, 1], unit[:, 0])
    columns = []
    for l in range(l_max + 1):
        for m in range(-l, l + 1):
            k = abs(m)
            norm = np.sqrt((2 * l + 1) / (4 * np.pi) * scipy.special.poch(l + k + 1, -2 * k))
            p = norm * (-1) ** k * scipy.special.lpmv(k, l, unit[:, 2])
            angle = np.sqrt(2) * (np.cos(k * phi) if m > 0 else np.sin(k * phi)) if m else np.ones(len(xyz))
            columns.append(p * angle)
    return np.array(columns).T


def test_harmonics_agree_with_scipy_in_every_direction() -> None:
    xyz = np.vstack([np.random.default_rng(0).normal(size=(200, 3)) * 7, np.eye(3), -np.eye(3), [[0, 0, 1e-9]]])
    np.testing.assert_allclose(_core.spherical_harmonics(xyz, l_max=10), scipy_harmonics(xyz, 10), atol=1e-12)


def test_the_first_degree_is_y_z_x() -> None:
    xyz = np.array([[0.6, 0.0, 0.8], [0.0, -1.0, 0.0]])
    wanted = np.sqrt(3 / (4 * np.pi)) * xyz[:, [1, 2, 0]]
    np.testing.assert_allclose(_core.spherical_harmonics(xyz, l_max=1)[:, 1:], wanted, atol=1e-15)


def test_harmonics_are_orthonormal_on_the_sphere() -> None:
    l_max = 20
    z, w = np.polynomial.legendre.leggauss(l_max + 2)
    phi = np.arange(2 * l_max + 3) * 2 * np.pi / (2 * l_max + 3)
    zz, pp = np.meshgrid(z, phi, indexing="ij")
    s = np.sqrt(1 - zz**2)
    xyz = np.stack([s * np.cos(pp), s * np.sin(pp), zz], axis=-1).reshape(-1, 3)
    weight = np.repeat(w, len(phi)) * 2 * np.pi / len(phi)
    y = _core.spherical_harmonics(xyz, l_max=l_max)
    np.testing.assert_allclose(np.einsum("ka,kb,k->ab", y, y, weight), np.eye((l_max + 1) ** 2), atol=1e-12)


def test_threads_do_not_change_a_bit() -> None:
    xyz = np.random.default_rng(1).normal(size=(3001, 3))
    one = _core.spherical_harmonics(xyz, l_max=5, n_threads=1)
    for n_threads in (2, 3, 8):
        np.testing.assert_array_equal(one, _core.spherical_harmonics(xyz, l_max=5, n_threads=n_threads))


@pytest.mark.parametrize("bad", [[0.0, 0.0, 0.0], [np.nan, 0, 1], [np.inf, 0, 0]])
def test_a_vector_without_direction_is_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="directions must be finite and not zero"):
        _core.spherical_harmonics(np.array([bad]), l_max=2)


def test_a_degree_beyond_the_core_is_refused() -> None:
    with pytest.raises(ValueError, match="l_max must be at most 20, got 21"):
        _core.spherical_harmonics(np.eye(3), l_max=21)
