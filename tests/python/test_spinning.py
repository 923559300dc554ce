# SPDX-License-Identifier: BSD-3-Clause
"""Spectra at any speed and at rest, against the whole Hamiltonian, and the laws that they keep."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from glassnmr import _core
from glassnmr.isotopes import isotope
from glassnmr.spectra import Spectrum, central_transition_scale, mas_spectrum, quadrupolar_shift
from glassnmr.tensors import rotation_matrix
from glassnmr.transitions import transition_table
from spin_oracle import golden_sphere, gradient, lines, rotor_bands, shift_tensor, transition_frequencies

Array = NDArray[np.float64]
EULER = (0.5, 0.7, 0.9)


def misfit(a: Array | Spectrum, b: Array | Spectrum) -> float:
    """L2 difference of two spectra."""
    u, v = (x.intensity if isinstance(x, Spectrum) else x for x in (a, b))
    return float(np.linalg.norm(u - v) / np.linalg.norm(v))


def oracle_weights(spin: float, transitions: str) -> tuple[list[int], Array]:
    """Places of the transitions among energy differences, and their shares: |<m|I_x|m - 1>|^2."""
    m = np.arange(spin, -spin, -1)
    share = spin * (spin + 1) - m * (m - 1)
    kept = [k for k in range(len(m)) if transitions == "all" or (m[k] == 0.5) == (transitions == "central")]
    return kept, share[kept] / share[kept].sum()


CASES = [
    # nucleus, C_Q, eta, zeta, eta_csa, euler
    ("17O", 6.0, 0.3, 0.0, 0.0, None),
    ("23Na", 3.0, 1.0, 0.0, 0.0, None),
    ("29Si", None, None, 120.0, 0.4, None),
    ("27Al", 3.0, 0.6, 150.0, 0.7, EULER),
    ("17O", 5.0, 0.0, -200.0, 0.0, (0.3, 1.2, 0.0)),
    ("73Ge", 20.0, 0.5, 90.0, 1.0, (2.0, 0.4, 2.5)),
]


def known(case: tuple[object, ...], field: float) -> tuple[str, float, float, Array, Array, dict[str, object]]:
    """Nucleus, spin, nu_0 (MHz), tensors in MHz and in ppm of nu_0, and the same as arguments of mas_spectrum."""
    nucleus, coupling, eta, zeta, eta_csa, euler = case
    larmor = isotope(str(nucleus)).larmor_frequency(field)
    turned = None if euler is None else rotation_matrix(*euler)  # type: ignore[misc]
    efg = np.zeros((3, 3)) if coupling is None else gradient(float(coupling), float(eta))  # type: ignore[arg-type]
    sites = {"delta_iso": [0.0], "zeta": zeta, "eta_csa": eta_csa, "euler": euler, "zeta_kind": "shift"}
    if coupling is not None:
        sites |= {"C_Q": coupling, "eta": eta}
    shift = shift_tensor(zeta, eta_csa, turned) * isotope(str(nucleus)).reference_frequency(field) / larmor  # type: ignore[arg-type]
    return str(nucleus), isotope(str(nucleus)).spin, larmor, efg, shift, sites


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[1]} MHz {case[3]:g} ppm")
@pytest.mark.parametrize("transitions", ["central", "all"])
def test_a_sample_at_rest_shows_the_eigenvalues_of_the_hamiltonian(case: tuple[object, ...], transitions: str) -> None:
    field = 600.0  # so high that third order and cross terms are nothing
    nucleus, spin, larmor, efg, shift, sites = known(case, field)
    kept, share = oracle_weights(spin, transitions)
    offsets = transition_frequencies(spin, larmor, efg, shift * 1e-6, golden_sphere(40_000))[:, kept] / larmor * 1e6
    reference = isotope(nucleus).reference_frequency(field)
    span = 1.2 * np.max(np.abs(offsets))
    ppm = np.linspace(-span, span, 1025)
    expected = lines(offsets * larmor / reference, np.broadcast_to(share / len(offsets), offsets.shape), ppm, span / 60)
    got = mas_spectrum(nucleus, field=field, spinning_speed=0, transitions=transitions, density=150,  # type: ignore[arg-type]
                       axis=(-span, span, 1025), fwhm_ppm=span / 60, **sites)  # type: ignore[arg-type]
    assert got.metadata["method"] == "powder"
    assert misfit(got.intensity, expected) < 8e-3


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[1]} MHz {case[3]:g} ppm")
@pytest.mark.parametrize("relative_speed", [0.15, 0.4, 1.5])
def test_sidebands_are_those_of_the_phases_of_the_hamiltonian(case: tuple[object, ...], relative_speed: float) -> None:
    field = 60.0
    nucleus, spin, larmor, efg, shift, sites = known(case, field)
    kept, share = oracle_weights(spin, "central")
    still = transition_frequencies(spin, larmor, efg, shift * 1e-6, golden_sphere(500))[:, kept] / larmor * 1e6
    width = float(np.ptp(still))
    speed = relative_speed * width  # ppm
    places, weights = rotor_bands(spin, larmor * 1e6, efg * 1e6, shift * 1e-6, speed * larmor, 2000, 64, kept)
    reference = isotope(nucleus).reference_frequency(field)
    span = 2.5 * width
    ppm = np.linspace(-span, span, 2049)
    fwhm = span / 60
    expected = lines(places / reference, weights * share, ppm, fwhm)
    hertz = speed * larmor
    for method in ("auto", "powder"):
        got = mas_spectrum(nucleus, field=field, spinning_speed=hertz, method=method, density=60,  # type: ignore[arg-type]
                           axis=(-span, span, 2049), fwhm_ppm=fwhm, **sites)  # type: ignore[arg-type]
        assert misfit(got.intensity, expected) < 1e-2, got.metadata["method"]


@pytest.mark.parametrize("nucleus, coupling", [("23Na", 0.4), ("27Al", 0.9)])
def test_satellites_have_the_sidebands_of_the_hamiltonian(nucleus: str, coupling: float) -> None:
    field, hertz = 60.0, 40e3
    spin, larmor = isotope(nucleus).spin, isotope(nucleus).larmor_frequency(field)
    reference = isotope(nucleus).reference_frequency(field)
    kept, share = oracle_weights(spin, "all")
    places, weights = rotor_bands(spin, larmor * 1e6, gradient(coupling, 0.3) * 1e6, np.zeros((3, 3)), hertz,
                                  30_000 // int(2 * spin + 1) ** 2, 128, kept)
    span = 1.1 * coupling * 1e6 / reference
    ppm = np.linspace(-span, span, 4097)
    fwhm = span / 400
    expected = lines(places / reference, weights * share, ppm, fwhm)
    got = mas_spectrum(nucleus, field=field, delta_iso=[0], C_Q=coupling, eta=0.3, spinning_speed=hertz,
                       transitions="all", axis=(-span, span, 4097), fwhm_ppm=fwhm)
    assert misfit(got.intensity, expected) < 2.5e-2
    parts = [mas_spectrum(nucleus, field=field, delta_iso=[0], C_Q=coupling, eta=0.3, spinning_speed=hertz,
                          transitions=kind, axis=(-span, span, 4097), fwhm_ppm=fwhm).intensity  # type: ignore[arg-type]
             for kind in ("central", "satellite")]
    central = share[len(share) // 2]
    assert np.allclose(central * parts[0] + (1 - central) * parts[1], got.intensity, rtol=0,
                       atol=2e-3 * got.intensity.max())


def test_satellites_at_infinite_speed_agree_with_the_powder() -> None:
    options = {"field": 14.1, "delta_iso": [10.0], "C_Q": 3.0, "eta": 0.4, "transitions": "satellite", "fwhm_ppm": 1.0,
               "axis": (-40, 40, 2048)}
    fast = mas_spectrum("27Al", **options)  # type: ignore[arg-type]
    slow = mas_spectrum("27Al", method="powder", **options)  # type: ignore[arg-type]
    assert fast.metadata["method"] == "table" and misfit(fast, slow) < 3e-3


def test_the_pake_pattern_of_a_deuteron() -> None:
    # spin 1, at rest, C_Q = 200 kHz: horns 3/4 C_Q apart, edges at 3/2 C_Q apart
    got = mas_spectrum("2H", field=9.4, delta_iso=[0.0], C_Q=0.2, eta=0.0, spinning_speed=0, transitions="all",
                       fwhm_hz=500, axis=(-4000, 4000, 8001))
    hertz = got.ppm * isotope("2H").reference_frequency(9.4)
    left, right = (hertz[side][np.argmax(got.intensity[side])] for side in (hertz < 0, hertz > 0))
    assert right - left == pytest.approx(150e3, rel=5e-3)
    assert hertz[got.intensity > 0.02 * got.intensity.max()].max() == pytest.approx(150e3, rel=2e-2)


CONSERVED = [
    {"isotope": "29Si", "zeta": 80.0, "eta_csa": 0.3, "spinning_speed": 3000.0},
    {"isotope": "29Si", "zeta": -80.0, "eta_csa": 0.3, "spinning_speed": 0.0},
    {"isotope": "17O", "C_Q": 5.0, "eta": 0.3, "spinning_speed": 12e3},
    {"isotope": "17O", "C_Q": 5.0, "eta": 0.3, "spinning_speed": 0.0},
    {"isotope": "27Al", "C_Q": 5.0, "eta": 0.3, "zeta": 60.0, "euler": EULER, "spinning_speed": 12e3, "density": 24},
    {"isotope": "23Na", "C_Q": 0.5, "eta": 0.3, "spinning_speed": 30e3, "transitions": "all", "density": 24},
]


@pytest.mark.parametrize("case", CONSERVED, ids=str)
@pytest.mark.parametrize("shape", ["gaussian", "lorentzian"])
def test_a_folded_window_of_any_width_keeps_all_intensity(case: dict[str, object], shape: str) -> None:
    for low, high, points in [(-100, 100, 801), (-3.0, 11.0, 57), (20, 700, 4000)]:
        got = mas_spectrum(**case, field=14.1, delta_iso=[20.0], folding=True, fwhm_ppm=0.5,  # type: ignore[arg-type]
                           shape=shape, axis=(low, high, points))
        limit = 1e-10 if shape == "gaussian" else 0.02  # a Lorentzian has no end
        assert got.intensity.sum() * (got.ppm[1] - got.ppm[0]) == pytest.approx(1, abs=limit)
        assert got.metadata["outside"] < 1e-10


@pytest.mark.parametrize("case", CONSERVED, ids=str)
def test_what_a_window_does_not_show_is_told(case: dict[str, object]) -> None:
    wide = mas_spectrum(**case, field=14.1, delta_iso=[20.0], fwhm_ppm=0, axis=(-40_000, 40_000, 400_001))  # type: ignore[arg-type]
    assert wide.intensity.sum() * 0.2 == pytest.approx(1, abs=1e-10)
    part = mas_spectrum(**case, field=14.1, delta_iso=[20.0], fwhm_ppm=0, axis=(-10, 30, 201))  # type: ignore[arg-type]
    assert part.intensity.sum() * 0.2 + part.metadata["outside"] == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize("nucleus, coupling, eta", [("17O", 5.0, 0.2), ("11B", 2.6, 0.0), ("23Na", 3.0, 0.7),
                                                    ("27Al", 7.0, 1.0)])
@pytest.mark.parametrize("hertz", [4e3, 15e3, 60e3])
def test_the_centre_of_gravity_is_that_of_shift_and_induced_shift(nucleus: str, coupling: float, eta: float,
                                                                  hertz: float) -> None:
    centre = 12.0 + float(quadrupolar_shift(nucleus, 9.4, coupling, eta))
    for method, limit in (("auto", 1e-3), ("powder", 1e-6)):
        got = mas_spectrum(nucleus, field=9.4, delta_iso=[12.0], C_Q=coupling, eta=eta, spinning_speed=hertz,
                           method=method, fwhm_ppm=0.5, axis=(-12_000, 12_000, 120_001))  # type: ignore[arg-type]
        assert got.integral == pytest.approx(1, abs=1e-10)
        assert got.centroid == pytest.approx(centre, abs=limit)
    anisotropic = mas_spectrum("31P", field=9.4, delta_iso=[-20.0], zeta=90.0, eta_csa=eta, spinning_speed=hertz,
                               axis=(-3000, 3000, 60_001), fwhm_ppm=0.5)
    assert anisotropic.centroid == pytest.approx(-20, abs=1e-3)


@pytest.mark.parametrize("density", [2, 9, 48])
@pytest.mark.parametrize("transitions", ["central", "satellite", "all"])
@pytest.mark.parametrize("hertz", [0.0, 5e3, 40e3, math.inf])
def test_no_grid_of_orientations_moves_the_centre_of_a_pattern(density: int, transitions: str, hertz: float) -> None:
    coupling, eta = 1.2, 0.4
    table = transition_table(2.5, transitions)  # type: ignore[arg-type]
    mean = central_transition_scale("27Al", 14.1) * coupling**2 * (1 + eta**2 / 3) / 30
    centre = 60 - mean * np.average(table[:, 2], weights=table[:, 0])
    for euler in (None, (0.5, 0.7, 0.9)):
        got = mas_spectrum("27Al", field=14.1, delta_iso=[60.0], C_Q=coupling, eta=eta, zeta=120.0, eta_csa=0.3,
                           euler=euler, spinning_speed=hertz, transitions=transitions, method="powder",  # type: ignore[arg-type]
                           density=density, fwhm_ppm=2, axis=(-30_000, 30_000, 60_001))
        assert got.integral == pytest.approx(1, abs=1e-10)
        assert got.centroid == pytest.approx(centre, abs=1e-6)


@pytest.mark.parametrize("nucleus, coupling, eta", [("17O", 5.0, 0.2), ("27Al", 4.0, 0.9), ("11B", 2.7, 0.0)])
def test_the_sum_over_sidebands_is_the_line_at_infinite_speed(nucleus: str, coupling: float, eta: float) -> None:
    reference = isotope(nucleus).reference_frequency(11.7)
    hertz = 9000.0
    window = hertz / reference  # folds every sideband onto the centreband
    points = 3000
    sites = {"field": 11.7, "delta_iso": [3.0], "C_Q": coupling, "eta": eta, "fwhm_hz": 60, "folding": True,
             "axis": (-window / 2, window / 2 * (1 - 2 / points), points)}
    folded = mas_spectrum(nucleus, spinning_speed=hertz, **sites)  # type: ignore[arg-type]
    line = mas_spectrum(nucleus, **sites)  # type: ignore[arg-type]
    assert folded.metadata["method"] == line.metadata["method"] == "table"
    assert np.allclose(folded.intensity, line.intensity, rtol=0, atol=1e-9 * line.intensity.max())


def test_the_sum_over_sidebands_of_a_shift_is_one_line() -> None:
    hertz = isotope("29Si").reference_frequency(9.4) * 40
    got = mas_spectrum("29Si", field=9.4, delta_iso=[-95.0], zeta=70, eta_csa=0.2, spinning_speed=hertz, folding=True,
                       axis=(-115, -75.1, 400), fwhm_ppm=1)
    line = mas_spectrum("29Si", field=9.4, delta_iso=[-95.0], fwhm_ppm=1, axis=(-115, -75.1, 400))
    assert np.allclose(got.intensity, line.intensity, rtol=0, atol=1e-9)


@pytest.mark.parametrize("ratio", [0.3, 2.0, 6.5, 11.9])
@pytest.mark.parametrize("eta", [0.0, 0.1, 0.5, 1.0])
def test_the_table_of_central_sidebands_agrees_with_the_powder(ratio: float, eta: float) -> None:
    coupling = math.sqrt(600 / central_transition_scale("17O", 9.4))
    reference = isotope("17O").reference_frequency(9.4)
    options = {"field": 9.4, "delta_iso": [0.0], "C_Q": coupling, "eta": eta, "spinning_speed": 600 / ratio * reference,
               "fwhm_ppm": 0.8, "axis": (-300, 300, 8192)}
    fast = mas_spectrum("17O", **options)  # type: ignore[arg-type]
    slow = mas_spectrum("17O", method="powder", density=250, **options)  # type: ignore[arg-type]
    assert fast.metadata["method"] == "table" and slow.metadata["method"] == "powder"
    assert misfit(fast, slow) < 4e-3


@given(st.floats(-15.9, 15.9), st.floats(0, 1))
@settings(max_examples=25, deadline=None)
def test_the_table_of_shift_sidebands_agrees_with_the_powder(mu: float, eta: float) -> None:
    hertz = 5000.0
    zeta = mu * hertz / isotope("29Si").reference_frequency(9.4)
    options = {"field": 9.4, "delta_iso": [0.0], "zeta": zeta, "eta_csa": eta, "spinning_speed": hertz, "fwhm_ppm": 2,
               "axis": (-3000, 3000, 8192)}
    fast = mas_spectrum("29Si", **options)  # type: ignore[arg-type]
    slow = mas_spectrum("29Si", method="powder", density=40 + int(8 * abs(mu)), **options)  # type: ignore[arg-type]
    assert misfit(fast, slow) < 1e-3


def test_the_step_of_the_axis_does_not_matter() -> None:
    options = {"field": 9.4, "delta_iso": [0.3], "C_Q": 4.0, "eta": 0.5, "spinning_speed": 15e3, "fwhm_ppm": 2}
    coarse = mas_spectrum("17O", axis=(-500, 500, 2001), **options)  # type: ignore[arg-type]
    fine = mas_spectrum("17O", axis=(-500, 500, 16001), **options)  # type: ignore[arg-type]
    assert misfit(coarse.intensity, fine.intensity[::8]) < 2e-3


@pytest.mark.parametrize("transitions", ["central", "all"])
def test_patterns_far_wider_than_their_window_stay_smooth_and_positive(transitions: str) -> None:
    got = mas_spectrum("27Al", field=0.05, delta_iso=[0.0], C_Q=3.0, eta=0.4, spinning_speed=0, density=5,
                       transitions=transitions, fwhm_ppm=0, axis=(-0.001, 0.001, 301))  # type: ignore[arg-type]
    assert np.all(got.intensity >= 0)
    assert np.ptp(got.intensity) <= 1e-3 * got.intensity.max()
    assert got.integral + got.metadata["outside"] == pytest.approx(1, abs=1e-10)


def mixture(n: int, nucleus: str) -> dict[str, object]:
    random = np.random.default_rng(8)
    sites: dict[str, object] = {"isotope": nucleus, "delta_iso": random.normal(10, 12, n), "weights": random.random(n),
                                "zeta": random.normal(0, 60, n), "eta_csa": random.random(n), "field": 9.4}
    if isotope(nucleus).spin > 0.5:
        sites |= {"C_Q": random.normal(0, 3, n), "eta": random.random(n), "euler": random.uniform(0, 3, (n, 3))}
    return sites


KINDS = [("29Si", 3000.0, 9000, {}), ("17O", 12e3, 9000, {"zeta": None, "eta_csa": None, "euler": None}),
         ("17O", 12e3, 40, {"density": 10}), ("23Na", 0.0, 40, {"density": 10, "transitions": "all"})]


@pytest.mark.parametrize("nucleus, hertz, n, more", KINDS, ids=["shift table", "central table", "powder", "rest"])
def test_threads_do_not_change_a_bit_and_order_does_not_matter(nucleus: str, hertz: float, n: int,
                                                               more: dict[str, object]) -> None:
    sites = {**mixture(n, nucleus), **more, "spinning_speed": hertz, "axis": (-400, 400, 1024),
             "labels": np.arange(n) % 3}
    first, *others = (mas_spectrum(n_threads=threads, **sites) for threads in (1, 2, 3, 8))  # type: ignore[arg-type]
    for other in others:
        assert np.array_equal(first.intensity, other.intensity)
    order = np.random.default_rng(2).permutation(n)
    turned = {key: value[order] if isinstance(value, np.ndarray) else value for key, value in sites.items()}
    again = mas_spectrum(**turned)  # type: ignore[arg-type]
    assert np.allclose(first.intensity, again.intensity, rtol=0, atol=1e-12 * first.intensity.max())
    total = sum(first.components.values())
    assert np.allclose(total, first.intensity, rtol=0, atol=1e-12 * first.intensity.max())


def test_a_table_that_grew_gives_what_it_gave_before() -> None:
    options = {"field": 9.4, "delta_iso": [-90.0], "eta_csa": 0.4, "spinning_speed": 4000.0, "axis": (-300, 100, 999)}
    before = mas_spectrum("29Si", zeta=50.0, **options)  # type: ignore[arg-type]
    mas_spectrum("29Si", zeta=790.0, **options)  # type: ignore[arg-type]
    assert np.array_equal(before.intensity, mas_spectrum("29Si", zeta=50.0, **options).intensity)  # type: ignore[arg-type]


def test_the_method_is_chosen_site_by_site_and_told() -> None:
    options = {"field": 9.4, "spinning_speed": 5000.0, "axis": (-300, 300, 2048)}
    speed = 5000.0 / isotope("17O").reference_frequency(9.4)
    central, shift = _core.sideband_limits()
    wide = math.sqrt(1.5 * central * speed / central_transition_scale("17O", 9.4))

    def method(**sites: object) -> str:
        return str(mas_spectrum(delta_iso=[0.0, 5.0], **sites, **options).metadata["method"])  # type: ignore[arg-type]

    assert method(isotope="17O", C_Q=[1.0, 1.0], eta=0.1) == "table"
    assert method(isotope="17O", C_Q=[1.0, wide], eta=0.1, density=8) == "table + powder"
    assert method(isotope="17O", C_Q=[1.0, 1.0], eta=0.1, zeta=[0.0, 20.0], density=8) == "table + powder"
    assert method(isotope="17O", C_Q=1.0, eta=0.1, zeta=20.0, density=8) == "powder"
    assert method(isotope="17O", C_Q=0.3, eta=0.1, transitions="all", density=8) == "powder"
    assert method(isotope="29Si", zeta=[10.0, 20.0]) == "table"
    assert method(isotope="29Si", zeta=[10.0, 1.5 * shift * speed], density=8) == "table + powder"
    assert method(isotope="29Si") == "lines" == method(isotope="29Si", zeta=0.0)
    at_rest = mas_spectrum("29Si", delta_iso=[0.0], zeta=9.0, field=9.4, spinning_speed=0)
    assert at_rest.metadata["method"] == "powder" and at_rest.metadata["density"] == 300
    assert at_rest.metadata["spinning_speed_hz"] == 0


def test_a_shift_anisotropy_does_not_matter_at_infinite_speed() -> None:
    options = {"field": 9.4, "delta_iso": [5.0], "C_Q": 3.0, "eta": 0.2, "axis": (-200, 100, 512)}
    plain = mas_spectrum("17O", **options)  # type: ignore[arg-type]
    for speed in (None, math.inf):
        turned = mas_spectrum("17O", zeta=100.0, eta_csa=0.5, euler=EULER, spinning_speed=speed, **options)  # type: ignore[arg-type]
        assert np.array_equal(plain.intensity, turned.intensity)
    at_1_ghz = mas_spectrum("17O", zeta=100.0, eta_csa=0.5, euler=EULER, spinning_speed=1e9, **options)  # type: ignore[arg-type]
    assert misfit(at_1_ghz, plain) < 5e-3


@pytest.mark.parametrize("nucleus, coupling, zeta", [("17O", 5.0, 150.0), ("27Al", 10.0, 100.0), ("23Na", 3.0, 100.0)])
def test_cross_terms_of_coupling_and_shift_leave_the_central_transition_as_it_is(nucleus: str, coupling: float,
                                                                                 zeta: float) -> None:
    known = isotope(nucleus)
    larmor, efg = known.larmor_frequency(14.1), gradient(coupling, 0.4)
    shift, b = shift_tensor(zeta * 1e-6, 0.3, rotation_matrix(*EULER)), golden_sphere(2000)

    def across(tensor: Array) -> Array:
        exact, along = (transition_frequencies(known.spin, larmor, tensor, shift, b, across=a) for a in (True, False))
        return (exact - along) * 1e6  # Hz

    cross = across(efg) - across(0 * efg)  # what the shift does alone is the same for all
    quadrupolar = 3 * coupling / (2 * known.spin * (2 * known.spin - 1))
    order = np.arange(known.spin - 0.5, -known.spin, -1)  # m - 1/2
    size = quadrupolar * zeta * np.abs(order)  # Hz
    assert np.all(np.abs(cross) <= 1.05 * size + 3)
    assert np.all(np.abs(cross).max(axis=0) >= 0.7 * size - 3)
    assert np.abs(cross[:, order == 0]).max() < 3
    assert np.abs((cross + cross[:, ::-1]).mean(axis=0)).max() < 1  # the pair of satellites keeps its centre


def test_the_zeta_of_the_shielding_is_that_of_the_shift_with_the_other_sign() -> None:
    options = {"field": 9.4, "delta_iso": [0.0], "eta_csa": 0.0, "spinning_speed": 0.0, "fwhm_ppm": 1,
               "axis": (-150, 150, 1201)}
    shift = mas_spectrum("29Si", zeta=100.0, zeta_kind="shift", **options)  # type: ignore[arg-type]
    bare = isotope("29Si").larmor_frequency(9.4) / isotope("29Si").reference_frequency(9.4)
    assert bare == pytest.approx(1, abs=1e-3)
    shielding = mas_spectrum("29Si", zeta=-100.0 / bare, **options)  # type: ignore[arg-type]
    assert np.allclose(shift.intensity, shielding.intensity, rtol=0, atol=1e-9)
    assert shift.ppm[np.argmax(shift.intensity)] == pytest.approx(-50, abs=0.7)  # delta_xx = delta_yy = -zeta / 2


def test_turning_both_tensors_or_half_turns_change_nothing() -> None:
    base = np.array([0.4, 0.9, 1.3])
    options = {"field": 9.4, "delta_iso": [0.0], "C_Q": 4.0, "eta": 0.6, "zeta": 120.0, "eta_csa": 0.3,
               "spinning_speed": 0.0, "fwhm_ppm": 3, "density": 64, "axis": (-400, 300, 1024)}
    first = mas_spectrum("17O", euler=base, **options)  # type: ignore[arg-type]
    for half in ([math.pi, 0, 0], [0, 0, math.pi]):
        assert misfit(mas_spectrum("17O", euler=base + half, **options), first) < 1e-9  # type: ignore[arg-type]
    mirrored = np.array([math.pi - base[0], base[1], math.pi - base[2]])
    assert misfit(mas_spectrum("17O", euler=mirrored, **options), first) < 1e-9  # type: ignore[arg-type]
    other = mas_spectrum("17O", euler=base + np.array([math.pi / 2, 0, 0]), **options)  # type: ignore[arg-type]
    assert misfit(other, first) > 0.02


BASE = {"isotope": "17O", "field": 14.1, "delta_iso": [40.0, 50.0], "C_Q": 5.0, "eta": 0.1}


@pytest.mark.parametrize(
    "change, words",
    [
        ({"spinning_speed": -5.0}, "spinning_speed must not be negative, in Hz, got -5"),
        ({"spinning_speed": math.nan}, "spinning_speed must not be negative"),
        ({"spinning_speed": "fast"}, "spinning_speed must be a frequency in Hz, got 'fast'"),
        ({"spinning_speed": 1e-3, "transitions": "all"}, "spinning_speed is too slow"),
        ({"transitions": "outer"}, "transitions must be"),
        ({"isotope": "29Si", "C_Q": None, "eta": None, "transitions": "satellite"}, "no satellite transitions"),
        ({"isotope": "29Si"}, "29Si has spin 1/2 and no quadrupole moment, but C_Q was given"),
        ({"isotope": "2H"}, "2H has spin 1 and no central transition"),
        ({"zeta": [1.0]}, "zeta must have one value a site, 2, got 1"),
        ({"zeta": [1.0, math.nan]}, "zeta must be finite, got nan at site 1"),
        ({"zeta": 1.0, "eta_csa": 1.4}, r"eta_csa must lie in \[0, 1\], got 1.4"),
        ({"eta_csa": 0.4}, "eta_csa was given without zeta"),
        ({"euler": EULER}, "euler was given without zeta"),
        ({"zeta": 1.0, "euler": (1.0, 2.0)}, "euler must have three angles a site"),
        ({"zeta": 1.0, "euler": (1.0, 2.0, math.inf)}, "euler must be finite"),
        ({"zeta": 1.0, "euler": "abc"}, "euler must be numbers"),
        ({"zeta": 1.0, "zeta_kind": "delta"}, "zeta_kind must be"),
        ({"method": "magic"}, "method must be"),
        ({"method": "table", "spinning_speed": 0.0}, "method='table' serves"),
        ({"method": "table", "spinning_speed": 1e4, "transitions": "all"}, "method='table' serves"),
        ({"density": 0}, "density must be a whole number from 1 to 1024, got 0"),
        ({"density": 2.5}, "density must be a whole number"),
        ({"folding": True, "axis": (0.0, 1e-9, 3)}, "widen the steps"),
        ({"axis": (5.0, 5.0, 100)}, "axis must span a finite range"),
        ({"C_Q": math.nan}, "C_Q must be finite"),
        ({"eta": 1.1}, r"eta must lie in \[0, 1\]"),
        ({"isotope": "unobtainium"}, "isotope must be one of"),
    ],
)
def test_bad_input_is_told_in_one_line(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words) as error:
        mas_spectrum(**{**BASE, **change})  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
