# SPDX-License-Identifier: BSD-3-Clause
"""How well a multiple-quantum coherence is excited and converted, against the coupling: THEORY.md eq. (12.29)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr.isotopes import Isotope
from glassnmr.transitions import central_nucleus

__all__ = ["mq_efficiency"]

Array = NDArray[np.float64]


def mq_efficiency(
    isotope: str | Isotope,
    *,
    order: int = 3,
    nutation_hz: float = 100e3,
    P_Q: ArrayLike | None = None,
    excitation_us: float | None = None,
    conversion_us: float | None = None,
    orientations: int = 60,
) -> tuple[Array, Array]:
    """The excitation curve of a two-pulse multiple-quantum experiment with z-filter, as `mqmas_spectrum` takes it.

    Parameters
    ----------
    isotope : with spin 3/2 to 9/2.
    order : of the coherence, odd, 3 to 2 I.
    nutation_hz : nutation frequency of both pulses, that of all spins in a liquid.
    P_Q : (n,) where the curve is wanted, MHz, rising; by default 0 to where nu_Q is forty times the nutation.
    excitation_us, conversion_us : durations of the pulses, microseconds; those that give the most for a nu_Q ten times
        the nutation, by default.
    orientations : of the powder, Gauss-Legendre in cos beta.

    Returns
    -------
    P_Q (n,) in MHz and efficiency (n,), the highest being 1.

    Raises
    ------
    ValueError for values outside their range.

    Notes
    -----
    THEORY.md eq. (12.29): pulses short against the turn of the rotor, first order of the coupling, eta = 0.

    Examples
    --------
    >>> P_Q, curve = mq_efficiency("27Al", nutation_hz=100e3, orientations=24)
    >>> bool(curve.max() == 1 and curve[0] < 0.1)
    True
    """
    nucleus = central_nucleus(isotope)
    spin = nucleus.spin
    if order not in range(3, int(2 * spin) + 1, 2):
        raise ValueError(f"order must be odd and lie in 3 ... {int(2 * spin)} for {nucleus}, got {order!r}")
    nutation = _positive(nutation_hz, "nutation_hz")
    per_product = 3 / (2 * spin * (2 * spin - 1)) * 1e6  # nu_Q in Hz at C_Q = 1 MHz
    wanted = np.linspace(0, 40 * nutation / per_product, 81) if P_Q is None else np.asarray(P_Q, dtype=float)
    if wanted.ndim != 1 or len(wanted) < 2 or not np.all(np.diff(wanted) > 0) or wanted[0] < 0:
        raise ValueError("P_Q must be at least two rising numbers, none negative, in MHz")
    if isinstance(orientations, bool) or not 2 <= orientations <= 2000:
        raise ValueError(f"orientations must lie in 2 ... 2000, got {orientations}")
    x, w = np.polynomial.legendre.leggauss(2 * int(orientations))
    x, w = x[x > 0], w[x > 0]
    turn = 1e6 / nutation  # microseconds
    first = None if excitation_us is None else _positive(excitation_us, "excitation_us")
    second = None if conversion_us is None else _positive(conversion_us, "conversion_us")
    at = 10 * nutation
    if first is None or second is None:
        trial = np.linspace(0.02, 2.5, 125) * turn
        excited = _excited(spin, order, at, nutation, trial if first is None else np.array([first]), x)
        converted = _converted(spin, order, at, nutation, trial if second is None else np.array([second]), x)
        signal = np.abs(np.einsum("k,ik,jk->ij", w, excited, converted))
        i, j = np.unravel_index(np.argmax(signal), signal.shape)
        first, second = (trial[i] if first is None else first), (trial[j] if second is None else second)
    curve = np.array([
        abs(float(w @ (_excited(spin, order, c * per_product, nutation, np.array([first]), x)[0]
                       * _converted(spin, order, c * per_product, nutation, np.array([second]), x)[0])))
        for c in wanted])
    if not curve.max() > 0:
        raise ValueError("these pulses excite nothing at any P_Q asked for")
    return wanted, curve / curve.max()


def _positive(value: float, name: str) -> float:
    number = float(value)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{name} must be positive and finite, got {value}")
    return number


def _operators(spin: float) -> tuple[Array, Array]:
    """I_x and the diagonal of I_z, m falling."""
    m = np.arange(spin, -spin - 1, -1)
    plus = np.diag(np.sqrt(spin * (spin + 1) - m[1:] * (m[1:] + 1)), 1)
    return (plus + plus.T) / 2, m


def _propagators(spin: float, coupling: float, nutation: float, times: Array, x: Array) -> NDArray[np.complex128]:
    """U (times, orientations, 2I + 1, 2I + 1); frequencies in Hz, times in microseconds."""
    i_x, m = _operators(spin)
    first = coupling * (3 * x**2 - 1) / 2
    h = nutation * i_x + np.einsum("k,m,mn->kmn", first, (3 * m**2 - spin * (spin + 1)) / 6, np.eye(len(m)))
    energies, states = np.linalg.eigh(h)
    phases = np.exp(-2j * np.pi * 1e-6 * times[:, None, None] * energies)
    return np.asarray(np.einsum("kab,tkb,kcb->tkac", states, phases, states, optimize=True))


def _excited(spin: float, order: int, coupling: float, nutation: float, times: Array, x: Array) -> Array:
    """The coherence order/2, -order/2 after the first pulse on I_z: imaginary for odd orders."""
    _, m = _operators(spin)
    u = _propagators(spin, coupling, nutation, times, x)
    up, down = int(spin - order / 2), int(spin + order / 2)
    return np.asarray(np.einsum("tkb,b,tkb->tk", u[:, :, up], m, u[:, :, down].conj()).imag)


def _converted(spin: float, order: int, coupling: float, nutation: float, times: Array, x: Array) -> Array:
    """The polarisation of the central transition that the second pulse makes of that coherence."""
    u = _propagators(spin, coupling, nutation, times, x)
    up, down = int(spin - order / 2), int(spin + order / 2)
    a, b = int(spin - 0.5), int(spin + 0.5)
    return np.asarray((u[:, :, a, up] * u[:, :, a, down].conj() - u[:, :, b, up] * u[:, :, b, down].conj()).imag)
