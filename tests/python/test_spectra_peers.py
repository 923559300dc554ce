# SPDX-License-Identifier: BSD-3-Clause
"""Spectra against mrsimulator, where it is installed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from glassnmr.isotopes import isotope
from glassnmr.mqmas import mqmas_spectrum
from glassnmr.spectra import central_transition_scale, mas_spectrum
from glassnmr.tensors import to_mrsimulator_euler

pytest.importorskip("mrsimulator", reason="mrsimulator is not installed")

Array = NDArray[np.float64]
NUCLEI = ["17O", "11B", "23Na", "27Al"]
ETAS = [0.0, 0.25, 0.5, 0.75, 1.0]
FIELD = 14.1


def smoothed(values: Array, width: float, fwhm: float) -> Array:
    """Convolved with a Gaussian along the last axis, whose points span `width` Hz."""
    n = values.shape[-1]
    time = np.fft.rfftfreq(2 * n, width / n)
    damping = np.exp(-2 * (np.pi * fwhm / math.sqrt(8 * math.log(2)) * time) ** 2)
    return np.asarray(np.fft.irfft(np.fft.rfft(values, 2 * n, axis=-1) * damping, 2 * n, axis=-1)[..., :n])


def misfit(ours: Array, peer: Array) -> float:
    """L2 difference of two spectra of one area."""
    a, b = ours / ours.sum(), peer / peer.sum()
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def peer_spectrum(nucleus: str, sites: list[dict[str, Any]], speed: float, points: int, width: float,
                  density: int = 200, volume: str = "octant") -> tuple[Array, Array, float]:
    """Hertz (rising), intensities, and the factor by which C_Q must grow, as the peer's gamma differs."""
    from mrsimulator import Simulator, Site, SpinSystem
    from mrsimulator.method import SpectralDimension
    from mrsimulator.method.lib import BlochDecayCTSpectrum, BlochDecaySpectrum

    known = isotope(nucleus)
    method = BlochDecaySpectrum if known.spin == 0.5 else BlochDecayCTSpectrum
    axis = SpectralDimension(count=points, spectral_width=width)
    simulator = Simulator(
        spin_systems=[SpinSystem(sites=[Site(isotope=nucleus, **site)]) for site in sites],
        methods=[method(channels=[nucleus], magnetic_flux_density=FIELD, rotor_frequency=speed,
                        spectral_dimensions=[axis])])
    simulator.config.integration_density = density
    simulator.config.integration_volume = volume
    simulator.config.number_of_sidebands = 64
    simulator.run()
    data = simulator.methods[0].simulation
    hertz = data.x[0].coordinates.to("ppm").value * 1e-6 * data.x[0].origin_offset.to("Hz").value
    order = np.argsort(hertz)
    larmor = abs(simulator.methods[0].channels[0].gyromagnetic_ratio) * FIELD
    return hertz[order], data.y[0].components[0].real[order], math.sqrt(known.larmor_frequency(FIELD) / larmor)


@pytest.mark.parametrize("nucleus", NUCLEI)
@pytest.mark.parametrize("eta", ETAS)
@pytest.mark.parametrize("speed", [1e12, 20e3])
def test_single_lines_of_the_central_transition(nucleus: str, eta: float, speed: float) -> None:
    coupling = math.sqrt(300 / central_transition_scale(nucleus, FIELD))
    reference = isotope(nucleus).reference_frequency(FIELD)
    # steps so fine that the peer's own binning is nothing
    points, width = (4096, 80 * reference) if speed > 1e11 else (131072, 262144.0)
    site = {"isotropic_chemical_shift": 0, "quadrupolar": {"Cq": coupling * 1e6, "eta": eta}}
    hertz, peer, factor = peer_spectrum(nucleus, [site], speed, points, width, 400)
    for method in ("auto", "powder"):
        ours = mas_spectrum(nucleus, field=FIELD, delta_iso=[0], C_Q=coupling * factor, eta=eta, fwhm_hz=50,
                            spinning_speed=None if speed > 1e11 else speed, method=method,  # type: ignore[arg-type]
                            axis=(hertz[0] / reference, hertz[-1] / reference, points))
        assert misfit(ours.intensity, smoothed(peer, width, 50)) < 2.5e-3


@pytest.mark.parametrize("speed", [1e12, 12500.0])
@pytest.mark.parametrize("nucleus", ["17O", "27Al"])
def test_ensembles_of_the_central_transition(nucleus: str, speed: float) -> None:
    random = np.random.default_rng(1)
    n, points, width = 150, 32768, 131072.0
    delta, eta = random.normal(20, 8, n), random.random(n)
    coupling = np.abs(random.normal(4, 1, n))
    sites = [{"isotropic_chemical_shift": d, "quadrupolar": {"Cq": c * 1e6, "eta": e}}
             for d, c, e in zip(delta, coupling, eta, strict=True)]
    hertz, peer, factor = peer_spectrum(nucleus, sites, speed, points, width, 120)
    reference = isotope(nucleus).reference_frequency(FIELD)
    ours = mas_spectrum(nucleus, field=FIELD, delta_iso=delta, C_Q=coupling * factor, eta=eta, fwhm_hz=50,
                        spinning_speed=None if speed > 1e11 else speed,
                        axis=(hertz[0] / reference, hertz[-1] / reference, points))
    assert misfit(ours.intensity, smoothed(peer, width, 50)) < 1e-3


@pytest.mark.parametrize("zeta, eta", [(-80.0, 0.0), (100.0, 0.3), (60.0, 1.0), (-300.0, 0.6)])
@pytest.mark.parametrize("speed", [1500.0, 4000.0, 10000.0])
def test_sidebands_of_a_shielding(zeta: float, eta: float, speed: float) -> None:
    points, width = 131072, 131072.0
    site = {"isotropic_chemical_shift": 0, "shielding_symmetric": {"zeta": zeta, "eta": eta}}
    hertz, peer, _ = peer_spectrum("29Si", [site], speed, points, width, 100)
    reference = isotope("29Si").reference_frequency(FIELD)
    # its zeta is that of the shielding, as ours is by default, though its shift is a shift
    ours = mas_spectrum("29Si", field=FIELD, delta_iso=[0], zeta=zeta, eta_csa=eta, spinning_speed=speed, fwhm_hz=50,
                        axis=(hertz[0] / reference, hertz[-1] / reference, points))
    assert misfit(ours.intensity, smoothed(peer, width, 50)) < 1e-3


@pytest.mark.parametrize("euler", [(0.0, 0.0, 0.0), (0.0, 0.7, 0.0), (0.5, 0.7, 0.9), (2.0, 1.2, 2.5), (4.0, 2.2, 5.5)])
@pytest.mark.parametrize("speed", [0.0, 12e3])
def test_both_tensors_and_their_orientation(euler: tuple[float, float, float], speed: float) -> None:
    points, width = 65536, 262144.0
    angles = dict(zip(("alpha", "beta", "gamma"), map(float, to_mrsimulator_euler(euler)), strict=True))
    site = {"isotropic_chemical_shift": 10.0, "quadrupolar": {"Cq": 4e6, "eta": 0.4},
            "shielding_symmetric": {"zeta": 150.0, "eta": 0.3, **angles}}
    hertz, peer, factor = peer_spectrum("17O", [site], speed, points, width, 120, "hemisphere")
    reference = isotope("17O").reference_frequency(FIELD)
    ours = mas_spectrum("17O", field=FIELD, delta_iso=[10.0], C_Q=4.0 * factor, eta=0.4, zeta=150.0, eta_csa=0.3,
                        euler=euler, spinning_speed=speed, fwhm_hz=200,
                        axis=(hertz[0] / reference, hertz[-1] / reference, points))
    assert misfit(ours.intensity, smoothed(peer, width, 200)) < 2e-3


@pytest.mark.parametrize("nucleus, order", [("17O", 3), ("23Na", 3), ("27Al", 3), ("27Al", 5)])
def test_multiple_quantum_spectra(nucleus: str, order: int) -> None:
    from mrsimulator import Simulator, Site, SpinSystem
    from mrsimulator.method import SpectralDimension
    from mrsimulator.method.lib import FiveQ_VAS, ThreeQ_VAS

    sites = [(50.0, 4.0, 0.3), (20.0, 2.5, 0.8), (-5.0, 3.2, 0.0)]
    points, width = (256, 2048), (20e3, 20e3)
    method = ThreeQ_VAS if order == 3 else FiveQ_VAS
    simulator = Simulator(
        spin_systems=[SpinSystem(sites=[Site(isotope=nucleus, isotropic_chemical_shift=d,
                                             quadrupolar={"Cq": c * 1e6, "eta": e})]) for d, c, e in sites],
        methods=[method(channels=[nucleus], magnetic_flux_density=FIELD,
                        spectral_dimensions=[SpectralDimension(count=n, spectral_width=w)
                                             for n, w in zip(points, width, strict=True)])])
    simulator.config.integration_density = 200
    simulator.run()
    data = simulator.methods[0].simulation
    reference, known = isotope(nucleus).reference_frequency(FIELD), isotope(nucleus)
    axes, plane = [], data.y[0].components[0].real
    for place, dimension in enumerate(data.x):  # csdm: the first dimension is the last index
        ppm = dimension.coordinates.to("ppm").value * dimension.origin_offset.to("MHz").value / reference
        order_of = np.argsort(ppm)
        plane = np.take(plane, order_of, axis=1 - place)
        axes.append(ppm[order_of])
    larmor = abs(simulator.methods[0].channels[0].gyromagnetic_ratio) * FIELD
    factor = math.sqrt(known.larmor_frequency(FIELD) / larmor)
    delta, coupling, eta = map(np.array, zip(*sites, strict=True))
    f2, f1 = axes
    ours = mqmas_spectrum(nucleus, order=order, scale="amoureux", field=FIELD, delta_iso=delta, C_Q=coupling * factor,
                          eta=eta, fwhm_hz=(400.0, 100.0), axis_f1=f1, axis_f2=f2)
    peer = smoothed(smoothed(plane, width[1], 100).T, width[0], 400).T
    assert misfit(ours.projection("F2").intensity, peer.sum(axis=0)) < 5e-3
    first, theirs = ours.projection("F1").intensity, peer.sum(axis=1)
    centre, other = (float(f1 @ y / y.sum()) for y in (first, theirs))
    assert centre == pytest.approx(other, abs=0.6 * (f1[1] - f1[0]))
    strong = np.sort(theirs)[-3:].min()
    assert strong > 0 and misfit(ours.intensity, peer) < 0.15  # its F1 is binned, ours is not
