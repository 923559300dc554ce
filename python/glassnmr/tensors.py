# SPDX-License-Identifier: BSD-3-Clause
"""The conventions of NMR tensors, by name, in one place: THEORY.md section 11.

All functions take arrays of shape (..., 3, 3), or the parameters in arrays that broadcast, and work on all at once.
Shieldings and shifts differ in sign; `kind` says which of the two a tensor is wherever that matters.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr.isotopes import Isotope, isotope

__all__ = [
    "AU_IN_V_PER_ANGSTROM2",
    "AU_IN_V_PER_M2",
    "MHZ_PER_BARN_AU",
    "MHZ_PER_BARN_V_PER_ANGSTROM2",
    "EFGParameters",
    "Haeberlen",
    "HerzfeldBerger",
    "antisymmetric",
    "asymmetry",
    "convert_efg",
    "efg_parameters",
    "efg_principal_values",
    "efg_tensor",
    "euler_angles",
    "from_mrsimulator_euler",
    "haeberlen",
    "haeberlen_principal_values",
    "herzfeld_berger",
    "herzfeld_berger_principal_values",
    "isotropic",
    "mehring",
    "quadrupolar_coupling",
    "quadrupolar_product",
    "relative_euler_angles",
    "rotation_matrix",
    "symmetric",
    "to_mrsimulator_euler",
]

Array = NDArray[np.float64]
Kind = Literal["shielding", "shift"]
Unit = Literal["au", "V/A^2", "V/m^2"]

AU_IN_V_PER_M2 = 9.7173624424e21
"""One atomic unit of electric field gradient in V/m^2 (CODATA 2022)."""
AU_IN_V_PER_ANGSTROM2 = AU_IN_V_PER_M2 * 1e-20
MHZ_PER_BARN_V_PER_ANGSTROM2 = 1.602176634e-19 / 6.62607015e-34 * 1e-14
"""C_Q in MHz of Q = 1 barn at V_zz = 1 V/Å^2: e/h, exact, THEORY.md eq. (11.7)."""
MHZ_PER_BARN_AU = MHZ_PER_BARN_V_PER_ANGSTROM2 * AU_IN_V_PER_ANGSTROM2
"""C_Q in MHz of Q = 1 barn at V_zz = 1 a.u.: 234.964778."""

_UNITS = {"au": 1.0, "V/A^2": AU_IN_V_PER_ANGSTROM2, "V/m^2": AU_IN_V_PER_M2}


class Haeberlen(NamedTuple):
    """iso, zeta: largest deviation from it, with sign; eta in [0, 1]. The anisotropy is 3/2 zeta."""

    iso: Array
    zeta: Array
    eta: Array


class HerzfeldBerger(NamedTuple):
    """iso, span >= 0, skew in [-1, 1]; the skew is the same for a shielding and for its shift."""

    iso: Array
    span: Array
    skew: Array


class EFGParameters(NamedTuple):
    """C_Q in MHz with sign, eta in [0, 1], P_Q in MHz, not negative."""

    C_Q: Array
    eta: Array
    P_Q: Array


def isotropic(tensor: ArrayLike) -> Array:
    """A third of the trace."""
    t = _tensors(tensor)
    return np.asarray(np.trace(t, axis1=-2, axis2=-1) / 3)


def symmetric(tensor: ArrayLike) -> Array:
    """(T + T^t) / 2: what spectra see to first order."""
    t = _tensors(tensor)
    return 0.5 * (t + np.swapaxes(t, -1, -2))


def antisymmetric(tensor: ArrayLike) -> Array:
    """(T - T^t) / 2."""
    t = _tensors(tensor)
    return 0.5 * (t - np.swapaxes(t, -1, -2))


def mehring(tensor: ArrayLike, kind: Kind = "shielding") -> Array:
    """Principal values 11, 22, 33, shape (..., 3): rising for a shielding, falling for a shift, eq. (11.2)."""
    values = np.asarray(np.linalg.eigvalsh(symmetric(tensor)), dtype=float)
    return values if _is_shielding(kind) else values[..., ::-1].copy()


def haeberlen(tensor: ArrayLike) -> Haeberlen:
    """Haeberlen's parameters, THEORY.md eq. (11.3); zeta has the sign of the tensor given, shielding or shift."""
    iso = isotropic(tensor)
    low, mid, high = _deviations(tensor, iso)
    upper = high >= -low
    zeta = np.where(upper, high, low)
    other = np.where(upper, low, high)  # xx: between yy and zz in distance from iso
    return Haeberlen(iso, zeta, _ratio(mid - other, zeta))


def haeberlen_principal_values(iso: ArrayLike, zeta: ArrayLike, eta: ArrayLike) -> Array:
    """Principal values xx, yy, zz, shape (..., 3), |zz - iso| >= |xx - iso| >= |yy - iso|; inverse of `haeberlen`."""
    iso, zeta, eta = _parameters(iso=iso, zeta=zeta, eta=eta)
    _require_eta(eta)
    return np.stack([iso - 0.5 * zeta * (1 + eta), iso - 0.5 * zeta * (1 - eta), iso + zeta], axis=-1)


def herzfeld_berger(tensor: ArrayLike, kind: Kind = "shielding") -> HerzfeldBerger:
    """Span and skew, THEORY.md eq. (11.4)."""
    iso = isotropic(tensor)
    low, mid, high = _deviations(tensor, iso)
    span = high - low
    skew = _ratio(3 * mid, span, low=-1)
    return HerzfeldBerger(iso, span, -skew if _is_shielding(kind) else skew)


def herzfeld_berger_principal_values(
    iso: ArrayLike, span: ArrayLike, skew: ArrayLike, kind: Kind = "shielding"
) -> Array:
    """Principal values 11, 22, 33, shape (..., 3), in the order of `mehring`; inverse of `herzfeld_berger`."""
    iso, span, skew = _parameters(iso=iso, span=span, skew=skew)
    if np.any(span < 0):
        raise ValueError(f"span must not be negative, got {np.min(span)}")
    if np.any(np.abs(skew) > 1):
        raise ValueError(f"skew must lie in [-1, 1], got {skew.flat[np.argmax(np.abs(skew))]}")
    mid = span * skew / 3
    first, last = 0.5 * (span - mid), 0.5 * (-span - mid)
    deviations = np.stack([first, mid, last], axis=-1)
    return iso[..., None] + (-deviations if _is_shielding(kind) else deviations)


def efg_principal_values(efg: ArrayLike) -> Array:
    """V_xx, V_yy, V_zz, shape (..., 3), with |V_zz| >= |V_yy| >= |V_xx|, of the symmetric traceless part."""
    low, mid, high = _deviations(efg, isotropic(efg))
    upper = high >= -low
    return np.stack([mid, np.where(upper, low, high), np.where(upper, high, low)], axis=-1)


def asymmetry(efg: ArrayLike) -> Array:
    """eta = (V_xx - V_yy) / V_zz in [0, 1], THEORY.md eq. (11.6); 0 where V = 0."""
    v = efg_principal_values(efg)
    return _ratio(v[..., 0] - v[..., 1], v[..., 2])


def quadrupolar_coupling(efg: ArrayLike, nucleus: str | Isotope, unit: Unit = "au") -> Array:
    """C_Q in MHz, sign kept, THEORY.md eq. (11.7); `unit` is that of the field gradient."""
    return _megahertz(nucleus, unit) * efg_principal_values(efg)[..., 2]


def quadrupolar_product(C_Q: ArrayLike, eta: ArrayLike) -> Array:
    """P_Q = |C_Q| sqrt(1 + eta^2 / 3), THEORY.md eq. (11.8), in the unit of C_Q."""
    C_Q, eta = _parameters(C_Q=C_Q, eta=eta)
    _require_eta(eta)
    return np.abs(C_Q) * np.sqrt(1 + eta**2 / 3)


def efg_parameters(efg: ArrayLike, nucleus: str | Isotope, unit: Unit = "au") -> EFGParameters:
    """C_Q, eta and P_Q of electric field gradients."""
    v = efg_principal_values(efg)
    C_Q = _megahertz(nucleus, unit) * v[..., 2]
    eta = _ratio(v[..., 0] - v[..., 1], v[..., 2])
    return EFGParameters(C_Q, eta, quadrupolar_product(C_Q, eta))


def efg_tensor(C_Q: ArrayLike, eta: ArrayLike, nucleus: str | Isotope, unit: Unit = "au") -> Array:
    """The diagonal field gradient diag(V_xx, V_yy, V_zz) with these parameters; inverse of `efg_parameters`."""
    C_Q, eta = _parameters(C_Q=C_Q, eta=eta)
    _require_eta(eta)
    zz = C_Q / _megahertz(nucleus, unit)
    return np.stack([-0.5 * zz * (1 - eta), -0.5 * zz * (1 + eta), zz], axis=-1)[..., None] * np.eye(3)


def convert_efg(values: ArrayLike, given: Unit, wanted: Unit) -> Array:
    """Field gradients from one unit to another: ``"au"``, ``"V/A^2"``, ``"V/m^2"``."""
    return np.asarray(np.asarray(values, dtype=float) * (_unit(wanted) / _unit(given)))


def euler_angles(tensor: ArrayLike, order: Literal["haeberlen", "efg", "mehring"] = "haeberlen") -> Array:
    """alpha, beta, gamma in radians, shape (..., 3), of the principal axes, THEORY.md eq. (11.9).

    Active rotations about z, y, z in the fixed frame: with R = `rotation_matrix`(alpha, beta, gamma),
    symmetric(T) = R diag(values) R^t, the values in the `order` asked for: xx, yy, zz of Haeberlen or of the EFG, or
    Mehring's rising 11, 22, 33. Of the equivalent sets the one with alpha in [0, 2 pi), beta in [0, pi/2], gamma in
    [0, pi) is given; gamma is 0 where beta is 0.
    """
    axes = np.linalg.eigh(symmetric(tensor))[1]
    low, mid, high = _deviations(tensor, isotropic(tensor))
    upper, middle = (high >= -low).astype(int), np.ones(mid.shape, dtype=int)  # the same zz as that of the values
    if order == "haeberlen":
        places = np.stack([2 - 2 * upper, middle, 2 * upper], axis=-1)
    elif order == "efg":
        places = np.stack([middle, 2 - 2 * upper, 2 * upper], axis=-1)
    elif order == "mehring":
        places = np.broadcast_to(np.arange(3), (*mid.shape, 3))
    else:
        raise ValueError(f"order must be 'haeberlen', 'efg' or 'mehring', got {order!r}")
    axes = np.take_along_axis(axes, places[..., None, :], axis=-1)
    x, z = axes[..., 0], axes[..., 2] * np.where(axes[..., 2, 2:] < 0, -1, 1)
    y = np.cross(z, x)
    sine = np.hypot(z[..., 0], z[..., 1])
    pole = sine < 1e-12
    alpha = np.where(pole, np.arctan2(x[..., 1], x[..., 0]) % np.pi, np.arctan2(z[..., 1], z[..., 0]) % (2 * np.pi))
    beta = np.where(pole, 0, np.arctan2(sine, z[..., 2]))
    gamma = np.where(pole, 0, np.arctan2(y[..., 2], -x[..., 2]) % np.pi)
    return np.stack([alpha, beta, gamma], axis=-1)


def relative_euler_angles(
    tensor: ArrayLike, efg: ArrayLike, order: Literal["haeberlen", "mehring"] = "haeberlen"
) -> Array:
    """alpha, beta, gamma in radians, shape (..., 3): the principal axes of `tensor` in those of `efg`, eq. (11.10).

    Both tensors in one frame, such as the crystal's; what `glassnmr.mas_spectrum` takes as `euler`. A shielding and its
    shift have the same axes. The field gradient's axes are x, y, z of |V_xx| <= |V_yy| <= |V_zz|.
    """
    angles = euler_angles(efg, "efg")
    frame = rotation_matrix(angles[..., 0], angles[..., 1], angles[..., 2])
    return euler_angles(np.swapaxes(frame, -1, -2) @ symmetric(tensor) @ frame, order)


def to_mrsimulator_euler(euler: ArrayLike) -> Array:
    """The angles (..., 3) of `glassnmr.mas_spectrum` as mrsimulator 1.0 takes them for the shielding, eq. (11.11).

    There they are passive, from the axes of the shielding to those of the field gradient, whose own angles are 0, and
    x and y of the field gradient are exchanged.
    """
    return _zyz_angles(np.swapaxes(_rotations(euler), -1, -2) @ _about_z(np.array(np.pi / 2)))


def from_mrsimulator_euler(angles: ArrayLike) -> Array:
    """The inverse of `to_mrsimulator_euler`."""
    return _zyz_angles(_about_z(np.array(np.pi / 2)) @ np.swapaxes(_rotations(angles), -1, -2))


def _rotations(euler: ArrayLike) -> Array:
    angles = np.asarray(euler, dtype=float)
    if angles.shape[-1:] != (3,):
        raise ValueError(f"Euler angles must have shape (..., 3), got {angles.shape}")
    return rotation_matrix(angles[..., 0], angles[..., 1], angles[..., 2])


def _zyz_angles(r: Array) -> Array:
    """alpha, beta, gamma of rotation matrices, gamma being 0 where beta is."""
    planar = np.hypot(r[..., 0, 2], r[..., 1, 2])
    pole = planar < 1e-12
    alpha = np.where(pole, np.arctan2(r[..., 1, 0], r[..., 1, 1]), np.arctan2(r[..., 1, 2], r[..., 0, 2]))
    gamma = np.where(pole, 0, np.arctan2(r[..., 2, 1], -r[..., 2, 0]))
    return np.stack([alpha % (2 * np.pi), np.arctan2(planar, r[..., 2, 2]), gamma % (2 * np.pi)], axis=-1)


def rotation_matrix(alpha: ArrayLike, beta: ArrayLike, gamma: ArrayLike) -> Array:
    """R_z(alpha) R_y(beta) R_z(gamma), active, shape (..., 3, 3); its columns are the rotated x, y and z axes."""
    a, b, c = _parameters(alpha=alpha, beta=beta, gamma=gamma)
    return _about_z(a) @ _about_y(b) @ _about_z(c)


def _about_z(angle: Array) -> Array:
    c, s, zero, one = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    return np.stack([np.stack(row, -1) for row in ((c, -s, zero), (s, c, zero), (zero, zero, one))], -2)


def _about_y(angle: Array) -> Array:
    c, s, zero, one = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    return np.stack([np.stack(row, -1) for row in ((c, zero, s), (zero, one, zero), (-s, zero, c))], -2)


def _tensors(tensor: ArrayLike) -> Array:
    t = np.asarray(tensor, dtype=float)
    if t.shape[-2:] != (3, 3):
        raise ValueError(f"tensor must have shape (..., 3, 3), got {t.shape}")
    if not np.all(np.isfinite(t)):
        raise ValueError("tensor must be finite, got nan or inf")
    return t


def _deviations(tensor: ArrayLike, iso: Array) -> tuple[Array, Array, Array]:
    """Principal values of the symmetric traceless part, rising; zero where they are round-off of a larger tensor."""
    t = symmetric(tensor)
    values = np.asarray(np.linalg.eigvalsh(t - iso[..., None, None] * np.eye(3)), dtype=float)
    noise = 8 * np.finfo(float).eps * np.abs(t).max(axis=(-2, -1))
    values = np.where(np.abs(values).max(axis=-1, keepdims=True) > noise[..., None], values, 0.0)
    return values[..., 0], values[..., 1], values[..., 2]


def _ratio(numerator: Array, denominator: Array, low: float = 0) -> Array:
    """numerator / denominator in [low, 1], beyond which only round-off leads; 0 where the denominator vanishes."""
    out = np.zeros(np.broadcast(numerator, denominator).shape)
    np.divide(numerator, denominator, out=out, where=np.abs(denominator) > np.finfo(float).tiny)
    return np.clip(out, low, 1, out=out)


def _parameters(**values: ArrayLike) -> tuple[Array, ...]:
    arrays = []
    for name, value in values.items():
        array = np.asarray(value, dtype=float)
        if not np.all(np.isfinite(array)):
            raise ValueError(f"{name} must be finite, got nan or inf")
        arrays.append(array)
    return tuple(np.array(array) for array in np.broadcast_arrays(*arrays))


def _require_eta(eta: Array) -> None:
    bad = (eta < 0) | (eta > 1)
    if np.any(bad):
        raise ValueError(f"eta must lie in [0, 1], got {eta[bad].flat[0]}")


def _is_shielding(kind: str) -> bool:
    if kind not in ("shielding", "shift"):
        raise ValueError(f"kind must be 'shielding' or 'shift', got {kind!r}")
    return kind == "shielding"


def _unit(unit: str) -> float:
    if unit not in _UNITS:
        raise ValueError(f"unit must be one of {', '.join(map(repr, _UNITS))}, got {unit!r}")
    return _UNITS[unit]


def _megahertz(nucleus: str | Isotope, unit: str) -> float:
    """C_Q in MHz of V_zz = 1 in `unit`."""
    known = isotope(nucleus)
    if known.quadrupole == 0:
        raise ValueError(f"{known} has spin 1/2 and no quadrupole moment, so no C_Q")
    return MHZ_PER_BARN_AU * known.quadrupole / _unit(unit)
