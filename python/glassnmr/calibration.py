# SPDX-License-Identifier: BSD-3-Clause
"""Calibration of computed shieldings and couplings against measured crystals, THEORY.md eqs. (14.3) and (14.4)."""

from __future__ import annotations

import csv
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from glassnmr.io.text import open_text

__all__ = ["Calibration", "calibrate", "read_columns"]

_OUT = 4.0  # robust standard deviations beyond which a crystal is left out


@dataclass(frozen=True, eq=False)
class Calibration:
    """y = a + b x with its errors.

    a, b: the line; a_error, b_error: their standard errors; covariance: between them; rms: of the residuals of the N
    points used (divided by N); scatter: standard deviation of a point (divided by N - 2, or N - 1 with b fixed);
    mae, largest: mean and largest absolute residual; r2; x, y (M,): all points; used (M,) bool; names (M,).
    """

    a: float
    b: float
    a_error: float
    b_error: float
    covariance: float
    rms: float
    scatter: float
    mae: float
    largest: float
    r2: float
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    used: NDArray[np.bool_]
    names: tuple[str, ...]
    x_label: str = "computed"
    y_label: str = "measured"
    fixed_slope: bool = field(default=False)

    @property
    def n(self) -> int:
        """Points used."""
        return int(self.used.sum())

    def predict(self, x: ArrayLike) -> NDArray[np.float64]:
        """a + b x."""
        return np.asarray(self.a + self.b * np.asarray(x, dtype=float))

    def prediction_error(self, x: ArrayLike, confidence: float = 0.6827) -> NDArray[np.float64]:
        """Half width of the interval that holds a new measurement at `x` with this confidence, eq. (14.4)."""
        if not 0 < confidence < 1:
            raise ValueError(f"confidence must lie in (0, 1), got {confidence}")
        x = np.asarray(x, dtype=float)
        variance = self.a_error**2 + 2 * x * self.covariance + (x * self.b_error) ** 2 + self.scatter**2
        freedom = self.n - (1 if self.fixed_slope else 2)
        if freedom < 1:
            return np.full(x.shape, np.inf)
        return np.asarray(stats.t.ppf(0.5 + confidence / 2, freedom) * np.sqrt(np.maximum(variance, 0)))

    def equation(self) -> str:
        """The line in words of figures, with standard errors."""
        slope = f"{self.b:.4f}" + ("" if self.fixed_slope else f" ± {self.b_error:.4f}")
        return f"{self.a:.2f} ± {self.a_error:.2f} + ({slope}) x, rms {self.rms:.2f}"

    def story(self) -> dict[str, Any]:
        """What a model keeps of it: line, errors and points, plain numbers."""
        points = [{"name": name, "computed": float(x), "measured": float(y), "used": bool(u)}
                  for name, x, y, u in zip(self.names, self.x, self.y, self.used, strict=True)]  # fmt: skip
        keys = ("a", "b", "a_error", "b_error", "covariance", "rms", "scatter", "mae", "largest", "r2")
        return {**{key: float(getattr(self, key)) for key in keys}, "n": self.n, "fixed_slope": self.fixed_slope,
                "points": points}  # fmt: skip


def calibrate(computed: ArrayLike, measured: ArrayLike, *, slope: float | None = None, robust: bool = False,
              names: tuple[str, ...] | list[str] | None = None, x_label: str = "computed", y_label: str = "measured"
              ) -> Calibration:  # fmt: skip
    """The least-squares line through crystals that are both computed and measured, eq. (14.3).

    Parameters
    ----------
    computed, measured : (M,); pairs of which one is NaN are passed over
    slope : b, when it shall be fixed
    robust : leave out, one after the other, points more than four robust standard deviations off the line of the others
    names : of the points

    Returns
    -------
    Calibration

    Raises
    ------
    ValueError
        Lists of different length, infinite numbers, fewer points than parameters, all computed values the same.

    Examples
    --------
    >>> found = calibrate([430.0, 440.0, 452.0, 460.0], [-98.0, -108.1, -119.9, -128.0])
    >>> round(found.b, 3), round(found.a, 1), found.n
    (-0.998, 331.0, 4)
    """
    x, y = np.asarray(computed, dtype=float), np.asarray(measured, dtype=float)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"computed and measured must be two lists of one length, got {x.shape} and {y.shape}")
    if np.isinf(x).any() or np.isinf(y).any():
        raise ValueError("computed and measured must be finite")
    if slope is not None and not math.isfinite(slope):
        raise ValueError(f"slope must be finite, got {slope}")
    known = np.isfinite(x) & np.isfinite(y)
    labels = tuple(names) if names is not None else tuple(str(k) for k in range(len(x)))
    if len(labels) != len(x):
        raise ValueError(f"names must be one a point, {len(x)}, got {len(labels)}")
    x, y, labels = x[known], y[known], tuple(np.array(labels, dtype=object)[known].tolist())
    used = np.ones(len(x), dtype=bool)
    while robust and used.sum() > 4:
        a, b, _ = _line(x[used], y[used], slope)
        residual = np.abs(y - a - b * x)
        spread = 1.4826 * float(np.median(residual[used]))
        worst = int(np.argmax(np.where(used, residual, -1)))
        if spread == 0 or residual[worst] <= _OUT * spread:
            break
        used[worst] = False
    return _finish(x, y, used, slope, labels, x_label, y_label)


def _line(x: NDArray[np.float64], y: NDArray[np.float64], slope: float | None) -> tuple[float, float, float]:
    """a, b, and the sum of squares of x about its mean."""
    if len(x) < (1 if slope is not None else 2):
        raise ValueError(f"a calibration needs at least {1 if slope is not None else 2} crystals, got {len(x)}")
    centred = x - x.mean()
    square = float(centred @ centred)
    if slope is None:
        if not square > 0:
            raise ValueError("the computed values of the crystals are all the same: fix the slope")
        slope = float(centred @ y / square)
    return float(y.mean() - slope * x.mean()), slope, square


def _finish(x: NDArray[np.float64], y: NDArray[np.float64], used: NDArray[np.bool_], slope: float | None,
            names: tuple[str, ...], x_label: str, y_label: str) -> Calibration:  # fmt: skip
    u, v = x[used], y[used]
    a, b, square = _line(u, v, slope)
    residual = v - a - b * u
    n = len(u)
    freedom = n - (2 if slope is None else 1)
    variance = float(residual @ residual) / freedom if freedom > 0 else 0.0
    b_variance = variance / square if slope is None else 0.0
    total = float(((v - v.mean()) ** 2).sum())
    return Calibration(
        a=a, b=b, a_error=math.sqrt(variance / n + b_variance * float(u.mean()) ** 2), b_error=math.sqrt(b_variance),
        covariance=-b_variance * float(u.mean()), rms=float(np.sqrt(np.mean(residual**2))), scatter=math.sqrt(variance),
        mae=float(np.abs(residual).mean()), largest=float(np.abs(residual).max()),
        r2=1 - float(residual @ residual) / total if total > 0 else float("nan"), x=x, y=y, used=used, names=names,
        x_label=x_label, y_label=y_label, fixed_slope=slope is not None,
    )  # fmt: skip


def read_columns(path: str | os.PathLike[str], columns: list[str], *, absolute: bool = False
                 ) -> tuple[list[str], NDArray[np.float64]]:  # fmt: skip
    """Names and numbers (M, C) of some columns of a CSV file; NaN where a cell holds no number.

    Parameters
    ----------
    columns : their headings; blanks at the ends and a byte-order mark do not count
    absolute : take absolute values, as measured couplings mostly have no sign

    The name of a point is the last one given in the first column. Rows without any of the numbers are passed over.

    Raises
    ------
    FileNotFoundError, or ValueError that lists the headings when one is not there.
    """
    with open_text(path) as file:
        try:
            table = list(csv.reader(file))
        except csv.Error as error:
            raise ValueError(f"{path} is not a CSV file ({error})") from error
    if not table:
        raise ValueError(f"{path} is empty")
    heads = [head.strip().lstrip("\ufeff") for head in table[0]]
    missing = [column for column in columns if column.strip() not in heads]
    if missing:
        known = ", ".join(head for head in heads if head)
        raise ValueError(f"{Path(path)} has no column {missing[0]!r}; it has {known}")
    places = [heads.index(column.strip()) for column in columns]
    names, rows, current = [], [], ""
    for row in table[1:]:
        current = row[0].strip() if row and row[0].strip() else current
        values = [_number(row[k]) if k < len(row) else math.nan for k in places]
        if any(math.isfinite(value) for value in values):
            names.append(current)
            rows.append(values)
    numbers = np.array(rows, dtype=float).reshape(-1, len(columns))
    return names, np.abs(numbers) if absolute else numbers


def _number(text: str) -> float:
    try:
        value = float(text.strip())
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan
