# SPDX-License-Identifier: BSD-3-Clause
"""Cases of spectra: sites of a glass, in turns with mrsimulator, whose cost a site does not depend on their number."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.cases import Work, case

FIELD = 14.1
PEER_SITES = 100


def sites(n: int, nucleus: str) -> dict[str, Any]:
    """Columns of n sites; zeta of the shielding, ppm, for spin 1/2, C_Q, MHz, and eta for the others."""
    random = np.random.default_rng(7)
    if nucleus == "29Si":
        return {"delta_iso": random.normal(-95, 8, n), "zeta": random.normal(0, 50, n), "eta_csa": random.random(n)}
    return {"delta_iso": random.normal(40, 10, n), "C_Q": random.normal(4.5, 1, n), "eta": random.random(n)}


def _own(what: str, nucleus: str, n_sites: int, **options: Any) -> None:
    @case(f"{what}/glassnmr")
    def own(tiny: bool, threads: int) -> Work:
        from glassnmr.spectra import mas_spectrum

        n = 50 if tiny else n_sites
        given = {**sites(n, nucleus), **options, "field": FIELD, "fwhm_hz": 100, "n_threads": threads}
        return Work(lambda: mas_spectrum(nucleus, **given), n, "site")


def _peer(what: str, nucleus: str, speed: float, width: float, **settings: Any) -> None:
    @case(f"{what}/mrsimulator")
    def peer(tiny: bool, threads: int) -> Work:
        from mrsimulator import Simulator
        from mrsimulator.method import SpectralDimension
        from mrsimulator.method.lib import BlochDecayCTSpectrum, BlochDecaySpectrum

        n = 2 if tiny else PEER_SITES
        method = (BlochDecaySpectrum if nucleus == "29Si" else BlochDecayCTSpectrum)(
            channels=[nucleus], magnetic_flux_density=FIELD, rotor_frequency=speed,
            spectral_dimensions=[SpectralDimension(count=4096, spectral_width=width)])
        simulator = Simulator(spin_systems=_systems(n, nucleus), methods=[method])
        for name, value in settings.items():
            setattr(simulator.config, name, value)
        return Work(lambda: simulator.run(n_jobs=threads), n, "site")


def _systems(n: int, nucleus: str) -> list[Any]:
    """Spin systems of the peer."""
    from mrsimulator import Site, SpinSystem

    table = sites(n, nucleus)
    made = []
    for k in range(n):
        own: dict[str, Any] = {"isotropic_chemical_shift": table["delta_iso"][k]}
        if nucleus == "29Si":
            own["shielding_symmetric"] = {"zeta": table["zeta"][k], "eta": table["eta_csa"][k]}
        else:
            own["quadrupolar"] = {"Cq": table["C_Q"][k] * 1e6, "eta": table["eta"][k]}
        made.append(SpinSystem(sites=[Site(isotope=nucleus, **own)]))
    return made


def _two_dimensional() -> None:
    @case("3QMAS, 17O/glassnmr")
    def own(tiny: bool, threads: int) -> Work:
        from glassnmr.mqmas import mqmas_spectrum

        n = 50 if tiny else 100_000
        given = {**sites(n, "17O"), "field": FIELD, "fwhm_hz": 100, "n_threads": threads}
        return Work(lambda: mqmas_spectrum("17O", **given), n, "site")

    @case("3QMAS, 17O/mrsimulator")
    def peer(tiny: bool, threads: int) -> Work:
        from mrsimulator import Simulator
        from mrsimulator.method import SpectralDimension
        from mrsimulator.method.lib import ThreeQ_VAS

        n = 2 if tiny else PEER_SITES
        method = ThreeQ_VAS(channels=["17O"], magnetic_flux_density=FIELD, spectral_dimensions=[
            SpectralDimension(count=256, spectral_width=1e4), SpectralDimension(count=1024, spectral_width=2e4)])
        simulator = Simulator(spin_systems=_systems(n, "17O"), methods=[method])
        return Work(lambda: simulator.run(n_jobs=threads), n, "site")


for _what, _nucleus, _n, _speed, _width in (
    ("central transition, infinite speed, 17O", "17O", 1_000_000, 1e12, 2e4),
    ("central transition, 20 kHz, 17O", "17O", 100_000, 2e4, 1e5),
    ("shift anisotropy, 3 kHz, 29Si", "29Si", 100_000, 3e3, 5e4),
):
    _own(_what, _nucleus, _n, spinning_speed=None if _speed > 1e11 else _speed)
    _peer(_what, _nucleus, _speed, _width)
_own("any tensors at any speed, 12 kHz, 17O", "17O", 100, spinning_speed=12e3, zeta=60.0, eta_csa=0.3,
     euler=(0.3, 0.7, 1.1))
_two_dimensional()
