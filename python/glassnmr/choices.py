# SPDX-License-Identifier: BSD-3-Clause
"""What was tried for kappa and lambda, the best of it, and what is about as good (THEORY.md eq. (9.36))."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Choice", "chosen_parameters", "marked_choices"]

Floats = NDArray[np.float64]
Kappa = float | tuple[float, ...]


class Choice(NamedTuple):
    """Parameters tried inside one fold."""

    fold: int
    kappa: Kappa
    """one for each body of a sum of kernels"""
    lam: float
    error: float
    """leave-group-out error on the training part, in units of the targets (of their deviation for several)"""
    chosen: bool
    kept: bool = False
    """for estimators with a consensus: whether it is about as good as the chosen one"""


def _told(kappa: float | Floats) -> Kappa:
    """kappa as a number, or numbers."""
    return float(kappa) if np.ndim(kappa) == 0 else tuple(np.asarray(kappa).tolist())


def marked_choices(kappas: Sequence[float | Floats], lams: Floats, error: Floats, consensus: float | None
                   ) -> tuple[Choice, ...]:
    """What was tried, as fold 0, with the least error (kappas, lams) marked, and what is about as good.

    Parameters
    ----------
    consensus : share of the least error that the error of others may be above it; None keeps none
    """
    best = int(np.argmin(error))
    most = -np.inf if consensus is None else (1 + consensus) * error.min()
    return tuple(Choice(0, _told(kappa), float(lam), float(error[i, j]), i * len(lams) + j == best,
                        bool(error[i, j] <= most))
                 for i, kappa in enumerate(kappas) for j, lam in enumerate(lams))


def chosen_parameters(choices: Sequence[Choice]) -> dict[str, Any]:
    """What the choices of one fold mean for the estimator: kappa and lam, and members if several are kept.

    Examples
    --------
    >>> chosen_parameters([Choice(0, 0.1, 1e-6, 2.0, True, True), Choice(0, 0.1, 1e-5, 2.1, False, True)])
    {'kappa': 0.1, 'lam': 1e-06, 'members': [(0.1, 1e-06), (0.1, 1e-05)]}
    """
    best = next(choice for choice in choices if choice.chosen)
    kept = [(choice.kappa, choice.lam) for choice in choices if choice.kept]
    return {"kappa": best.kappa, "lam": best.lam, **({"members": kept} if len(kept) > 1 else {})}
