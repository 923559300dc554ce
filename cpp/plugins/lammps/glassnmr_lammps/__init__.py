# SPDX-License-Identifier: GPL-2.0-or-later
"""`compute glassnmr` of LAMMPS: LAMMPS finds it by itself, or by `plugin load` with the file that `plugin` names."""

from __future__ import annotations

from pathlib import Path

__all__ = ["folder", "plugin"]


def folder() -> str:
    """Where the plugin lies: what the entry point `lammps.plugins` calls."""
    return str(Path(__file__).parent)


def plugin() -> str:
    """File for LAMMPS's `plugin load`."""
    return str(Path(__file__).parent / "glassnmrplugin.so")
