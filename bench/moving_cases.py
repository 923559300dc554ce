# SPDX-License-Identifier: BSD-3-Clause
"""Cases of single moves in a large glass: the touched environments alone, beside the whole structure anew."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench import systems
from bench.cases import Work, case
from bench.scaling import model

MOVES = 20
"""In a call; every one is taken back."""


def _problem(tiny: bool) -> tuple[Any, Any, Any, Any]:
    """A model, silica of 10 368 atoms, atoms to move and where to."""
    atoms, rng = systems.silica(200 if tiny else 10_000), np.random.default_rng(6)
    which = rng.choice(len(atoms), 2 if tiny else MOVES, replace=False)
    return model(), atoms, which, atoms.positions[which] + rng.uniform(-0.1, 0.1, (len(which), 3))


@case("an atom of 10 000 moved and put back/glassnmr, the environments that it touches")
def touched(tiny: bool, threads: int) -> Work:
    from glassnmr import MovingStructure

    known, atoms, which, places = _problem(tiny)
    glass = MovingStructure(known, atoms, n_threads=threads)

    def walk() -> None:
        for atom, place in zip(which, places, strict=True):
            glass.values("sigma_iso", glass.move(int(atom), place))
            glass.undo()

    return Work(walk, len(which), "move")


@case("an atom of 10 000 moved and put back/glassnmr, all environments")
def anew(tiny: bool, threads: int) -> Work:
    known, atoms, which, places = _problem(tiny)

    def walk() -> None:
        before = atoms.positions[which[0]].copy()
        atoms.positions[which[0]] = places[0]
        known.predict_frame(atoms, n_threads=threads)
        atoms.positions[which[0]] = before

    return Work(walk, 1, "move")
