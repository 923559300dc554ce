# SPDX-License-Identifier: BSD-3-Clause
"""Two result files side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def differences(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """What the two files do not share of the machine, then a line for each case in both: old, new, ratio of minima."""
    for key in ("cpu", "threads", "commit"):
        if old["machine"].get(key) != new["machine"].get(key):
            yield f"{key}: {old['machine'].get(key)} -> {new['machine'].get(key)}"
    for name, after in new["results"].items():
        before = old["results"].get(name, {})
        if "min" in before and "min" in after:
            yield (f"{name:48s} {before['min']:12.2f} {after['min']:12.2f}  {after['unit']:15s} "
                   f"x {after['min'] / before['min']:.2f}")
