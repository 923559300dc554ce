# SPDX-License-Identifier: BSD-3-Clause
"""Transitions of quadrupolar spins and how far each feels the coupling: THEORY.md sections 12.1, 12.5 and 12.8."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr.isotopes import Isotope
from glassnmr.isotopes import isotope as find_isotope

__all__ = ["MQScale", "central_nucleus", "central_transition_scale", "first_order_scale", "mq_scale",
           "quadrupolar_shift", "second_order_ranks", "second_order_scale", "transition_table"]

Array = NDArray[np.float64]
Transitions = Literal["central", "satellite", "all"]
ScaleName = Literal["delta", "amoureux"]


class MQScale(NamedTuple):
    """F1 = s delta_iso + q delta_QIS of a sheared spectrum, and the shear ratio k: THEORY.md eq. (12.27)."""

    s: float
    q: float
    shear: float


def central_nucleus(nucleus: str | Isotope) -> Isotope:
    """The nucleus, if it has a central transition; ValueError otherwise."""
    known = find_isotope(nucleus)
    if not known.is_half_integer_quadrupolar:
        raise ValueError(f"{known} has spin {known.spin:g} and no central transition; that takes 3/2, 5/2, 7/2 or 9/2")
    return known


def central_transition_scale(nucleus: str | Isotope, field: float) -> float:
    """A / nu_ref in ppm at C_Q = 1 MHz: the width of the central transition goes as this times C_Q^2, eq. (12.4)."""
    return second_order_scale(central_nucleus(nucleus), field)


def second_order_scale(nucleus: str | Isotope, field: float) -> float:
    """The same for any spin above 1/2."""
    known = find_isotope(nucleus)
    spin = known.spin
    coupling = 3 / (2 * spin * (2 * spin - 1))
    larmor, reference = known.larmor_frequency(field), known.reference_frequency(field)
    return (spin * (spin + 1) - 0.75) * coupling**2 / (larmor * reference) * 1e6


def first_order_scale(nucleus: str | Isotope, field: float) -> float:
    """nu_Q / nu_ref in ppm at C_Q = 1 MHz, eq. (12.14)."""
    known = find_isotope(nucleus)
    return 3 / (2 * known.spin * (2 * known.spin - 1)) / known.reference_frequency(field) * 1e6


def quadrupolar_shift(nucleus: str | Isotope, field: float, C_Q: ArrayLike, eta: ArrayLike) -> Array:
    """delta_QIS in ppm: how far the centre of the central transition lies from delta_iso, eq. (12.2). C_Q in MHz."""
    C_Q, eta = np.asarray(C_Q, dtype=float), np.asarray(eta, dtype=float)
    return np.asarray(-central_transition_scale(nucleus, field) * C_Q**2 * (1 + eta**2 / 3) / 30)


def second_order_ranks(spin: float, upper: float, lower: float) -> tuple[float, float, float]:
    """Ranks 0, 2 and 4 of the transition m = upper -> lower, those of the central transition being 1: eq. (12.15)."""
    square = spin * (spin + 1)
    unit = square - 0.75
    zero, two, four = (
        sum(sign * m * (a * square - b * m**2 - c) for sign, m in ((1, upper), (-1, lower)))
        for a, b, c in ((1, 3, 0), (8, 12, 3), (18, 34, 5))
    )
    return zero / unit, two / (8 * unit), four / (18 * unit)


def transition_table(spin: float, transitions: Transitions) -> Array:
    """Rows weight, first order, ranks 0, 2, 4 of the transitions m -> m - 1 asked for; the weights add up to 1.

    A weak pulse that reaches all transitions alike gives m -> m - 1 the weight I(I + 1) - m(m - 1): eq. (12.14).
    """
    if transitions not in ("central", "satellite", "all"):
        raise ValueError(f"transitions must be 'central', 'satellite' or 'all', got {transitions!r}")
    rows = []
    for m in np.arange(spin, -spin, -1):
        if transitions == "all" or (m == 0.5) == (transitions == "central"):
            weight = spin * (spin + 1) - m * (m - 1)
            rows.append([weight, -(m - 0.5), *second_order_ranks(spin, m, m - 1)])
    table = np.array(rows, dtype=float).reshape(-1, 5)
    table[:, 0] /= table[:, 0].sum() or 1
    return table


def mq_scale(nucleus: str | Isotope, order: int = 3, scale: ScaleName = "delta") -> MQScale:
    """s, q and the shear ratio of the sheared spectrum of the coherence +-order/2: eq. (12.27).

    ``"delta"``: s = 1 and q = -10/17 for every spin and order; ``"amoureux"``: the frequencies of the echo divided by
    1 + |k|, as Amoureux, Fernandez and Frydman tabulate them (s = 17/8, -17/31, -17/73, -17/127 for triple quanta).
    """
    known = central_nucleus(nucleus)
    if order not in range(3, int(2 * known.spin) + 1, 2):
        allowed = ", ".join(map(str, range(3, int(2 * known.spin) + 1, 2)))
        raise ValueError(f"order must be {allowed} for {known} (spin {known.spin:g}), got {order!r}")
    if scale not in ("delta", "amoureux"):
        raise ValueError(f"scale must be 'delta' or 'amoureux', got {scale!r}")
    zero, _, four = second_order_ranks(known.spin, order / 2, -order / 2)
    s, q = order - four, zero - four
    if scale == "delta":
        return MQScale(1.0, q / s, four)
    unit = (1 + abs(four)) * (-1 if four > 0 else 1)
    return MQScale(s / unit, q / unit, four)
