# SPDX-License-Identifier: BSD-3-Clause
"""Spectra against exact diagonalisation, powder sums, analytic edges and moments."""

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

Array = NDArray[np.float64]
QUADRUPOLAR = ["11B", "17O", "23Na", "27Al", "43Ca", "73Ge"]
ETAS = [0.0, 0.004, 0.1, 0.25, 3 / 7, 0.5, 0.77, 0.995, 1.0]
unit = st.floats(0, 1)


def reduced_frequency(eta: float, x: Array, alpha: Array) -> Array:
    """Equation (12.3) as it stands."""
    p4 = (35 * x**4 - 30 * x**2 + 3) / 8
    return (1 + eta**2 / 3) / 30 + (1 / 20) * (
        (1 + eta**2 / 18) * p4
        - (5 * eta / 12) * (1 - x**2) * (7 * x**2 - 1) * np.cos(2 * alpha)
        + (35 * eta**2 / 144) * (1 - x**2) ** 2 * np.cos(4 * alpha)
    )


def exact_central_transition(spin: float, larmor: float, coupling: float, eta: float, to_rotor: Array) -> float:
    """Frequency of the central transition of the full Hamiltonian, averaged over a rotor turn."""
    m = np.arange(spin, -spin - 1, -1)
    plus = np.diag(np.sqrt(spin * (spin + 1) - m[1:] * (m[1:] + 1)), 1)
    i = np.array([(plus + plus.T) / 2, (plus - plus.T) / 2j, np.diag(m)])
    v = to_rotor @ np.diag([(eta - 1) / 2, -(1 + eta) / 2, 1.0]) @ to_rotor.T
    magic, found = math.acos(1 / math.sqrt(3)), []
    for turn in np.arange(16) * 2 * math.pi / 16:
        r = rotation_matrix(0, magic, turn)
        lab = r @ v @ r.T
        h = -larmor * i[2] + coupling / (2 * spin * (2 * spin - 1)) * np.einsum("ab,aij,bjk->ik", lab, i, i)
        energies = np.sort(np.linalg.eigvalsh(h))
        middle = len(m) // 2
        found.append(energies[middle] - energies[middle - 1])
    return float(np.mean(found))


@pytest.mark.parametrize("spin", [1.5, 2.5, 3.5, 4.5])
@pytest.mark.parametrize("eta", [0.0, 0.37, 1.0])
def test_the_shift_is_that_of_the_full_hamiltonian_for_every_half_integer_spin(spin: float, eta: float) -> None:
    larmor, coupling = 1e4, 40.0
    nu_q = 3 * coupling / (2 * spin * (2 * spin - 1))
    scale = (spin * (spin + 1) - 0.75) * nu_q**2 / larmor
    for alpha, beta in [(0.0, 0.0), (0.3, 0.7), (1.1, 1.3), (2.9, 0.5), (1.6, 1.57)]:
        # the rotor axis in the frame of the field gradient: alpha counts from y, the axis of V_yy
        to_rotor = rotation_matrix(alpha + math.pi / 2, beta, 0).T
        exact = exact_central_transition(spin, larmor, coupling, eta, to_rotor)
        u = _core.central_transition_frequency(eta, math.cos(beta), alpha)
        assert larmor - scale * u == pytest.approx(exact, abs=2e-4 * scale)


@given(unit, unit, st.floats(-10, 10))
def test_the_core_s_frequency_is_the_equation(eta: float, x: float, alpha: float) -> None:
    got = _core.central_transition_frequency(eta, x, alpha)
    assert got == pytest.approx(float(reduced_frequency(eta, np.array(x), np.array(alpha))), abs=1e-15)


@pytest.mark.parametrize("eta", ETAS)
def test_the_distribution_is_that_of_evenly_spread_orientations(eta: float) -> None:
    n = 400_000
    k = np.arange(n)
    u = np.sort(reduced_frequency(eta, (k + 0.5) / n, np.pi * ((k * 0.6180339887498949) % 1)))
    critical = _core.central_transition_critical_values(eta)
    assert u[0] >= critical[0] - 1e-12 and u[-1] <= critical[5] + 1e-12
    levels = np.linspace(critical[0], critical[5], 83)
    below = [_core.central_transition_distribution(eta, level) for level in levels]
    assert np.all(np.diff(below) >= 0)
    assert below == pytest.approx(np.searchsorted(u, levels, side="right") / n, abs=2e-4)


@pytest.mark.parametrize("eta", ETAS)
def test_critical_values_have_their_closed_forms(eta: float) -> None:
    corner = 5 / 96 - eta / 48 + 7 * eta**2 / 288
    expected = [1 / 12 + eta**2 / 72, corner, corner + eta / 24, (1 - eta) ** 2 / 84, (1 + eta) ** 2 / 84]
    expected.append(1 / 21 if eta >= 3 / 7 else corner)
    assert _core.central_transition_critical_values(eta) == pytest.approx(sorted(expected), abs=1e-15)


def test_edges_and_singularities_lie_at_the_analytic_places() -> None:
    # eta = 0: pole at 1/12, equator at 5/96, minimum at 1/84; eta = 1: 0, 1/21, 1/18, 7/72
    zero = _core.central_transition_critical_values(0)
    assert zero == pytest.approx([1 / 84, 1 / 84, 5 / 96, 5 / 96, 5 / 96, 1 / 12], abs=1e-15)
    one = _core.central_transition_critical_values(1)
    assert one == pytest.approx([0, 1 / 21, 1 / 21, 1 / 18, 7 / 72, 7 / 72], abs=1e-15)
    field, coupling = 14.1, 5.0
    scale = central_transition_scale("17O", field) * coupling**2
    for eta, low, high, peaks in [(0, 1 / 84, 1 / 12, [1 / 84]), (1, 0, 7 / 72, [1 / 21])]:
        line = mas_spectrum("17O", field=field, delta_iso=[0], C_Q=coupling, eta=eta, axis=(-80, 10, 9001), fwhm_ppm=0)
        seen = line.ppm[line.intensity > 0]
        assert seen[0] == pytest.approx(-scale * high, abs=0.03)
        assert seen[-1] == pytest.approx(-scale * low, abs=0.03)
        assert line.ppm[np.argmax(line.intensity)] == pytest.approx(-scale * peaks[0], abs=0.05)


@pytest.mark.parametrize("nucleus", QUADRUPOLAR)
@pytest.mark.parametrize("eta", ETAS)
def test_the_table_agrees_with_the_powder_sum(nucleus: str, eta: float) -> None:
    known = isotope(nucleus)
    field = 9.4
    reference = known.reference_frequency(field)
    coupling = math.sqrt(600 / central_transition_scale(nucleus, field))
    options = {"delta_iso": [10.0], "C_Q": coupling, "eta": eta, "axis": (-65, 25, 4096), "fwhm_hz": 0.75 * reference}
    fast = mas_spectrum(nucleus, field=field, **options)
    slow = mas_spectrum(nucleus, field=field, method="powder", **options)
    difference = np.linalg.norm(fast.intensity - slow.intensity) / np.linalg.norm(slow.intensity)
    assert difference < 2.5e-3
    assert fast.centroid == pytest.approx(10 + quadrupolar_shift(nucleus, field, coupling, eta), abs=1e-9)


def test_the_table_agrees_with_the_powder_sum_on_an_ensemble() -> None:
    random = np.random.default_rng(5)
    n = 300
    sites = {"delta_iso": random.normal(40, 10, n), "C_Q": random.normal(4, 1, n), "eta": random.random(n)}
    options = {"field": 14.1, "axis": (-150, 100, 4096), "fwhm_hz": 50}
    fast = mas_spectrum("17O", **sites, **options)
    slow = mas_spectrum("17O", **sites, **options, method="powder", density=128)
    assert np.linalg.norm(fast.intensity - slow.intensity) < 5e-4 * np.linalg.norm(slow.intensity)


@pytest.mark.parametrize("spin, c", [("23Na", 1 / 40), ("17O", 3 / 500), ("43Ca", 1 / 392), ("73Ge", 1 / 720)])
def test_the_second_order_shift_has_the_textbook_factor(spin: str, c: float) -> None:
    known, field = isotope(spin), 11.7
    shift = quadrupolar_shift(spin, field, 2.0, 0.6)
    product = 2.0 * math.sqrt(1 + 0.6**2 / 3)
    larmor, reference = known.larmor_frequency(field), known.reference_frequency(field)
    assert shift == pytest.approx(-c * product**2 / (larmor * reference) * 1e6, rel=1e-13)


@given(
    st.lists(st.tuples(st.floats(-50, 50), st.floats(-6, 6), unit, st.floats(0.1, 3)), min_size=1, max_size=8),
    st.sampled_from(["17O", "23Na"]),
)
@settings(max_examples=40, deadline=None)
def test_area_is_one_and_the_centroid_is_that_of_the_sites(sites: list[tuple[float, ...]], nucleus: str) -> None:
    delta, coupling, eta, weight = map(np.array, zip(*sites, strict=True))
    got = mas_spectrum(
        nucleus, field=14.1, delta_iso=delta, C_Q=coupling, eta=eta, weights=weight, axis=(-900, 300, 6001), fwhm_ppm=3
    )
    centre = np.average(delta + quadrupolar_shift(nucleus, 14.1, coupling, eta), weights=weight)
    assert got.intensity.sum() * 0.2 == pytest.approx(1, abs=1e-10)
    assert np.sum(got.ppm * got.intensity) * 0.2 == pytest.approx(centre, abs=1e-7)
    assert got.metadata["outside"] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("maker", ["fast", "powder"])
@given(st.floats(-40, 40), st.floats(0, 8), unit, st.integers(2, 400), st.floats(-60, 0), st.floats(0.5, 90))
@settings(max_examples=150)
def test_no_weight_is_lost_whatever_the_window(
    maker: str, delta: float, coupling: float, eta: float, points: int, low: float, span: float
) -> None:
    made = _core.Lines(np.array([delta]), coupling=np.array([coupling]), eta=np.array([eta]), scale=25.0, density=8)
    lines, outside = getattr(made, maker)(axis=(low, span / (points - 1), points))
    assert np.all(lines >= 0) and outside[0] >= 0
    assert lines.sum() + outside[0] == pytest.approx(1, abs=1e-12)


def test_half_of_a_line_beyond_the_window_is_told() -> None:
    got = mas_spectrum("29Si", field=9.4, delta_iso=[-100, 50], axis=(-130, -70, 601), fwhm_ppm=1)
    assert got.metadata["outside"] == pytest.approx(0.5)
    assert got.integral == pytest.approx(0.5, abs=1e-9)


@pytest.mark.parametrize("shape", ["gaussian", "lorentzian"])
@pytest.mark.parametrize("fwhm", [0.6, 2.0, 7.3])
def test_a_single_line_has_the_width_and_shape_asked_for(shape: str, fwhm: float) -> None:
    axis = (-30, 30, 3001)
    got = mas_spectrum("31P", field=9.4, delta_iso=[1.2345], axis=axis, fwhm_ppm=fwhm, shape=shape)  # type: ignore[arg-type]
    x = got.ppm - 1.2345
    if shape == "gaussian":
        expected = np.sqrt(4 * math.log(2) / math.pi) / fwhm * np.exp(-4 * math.log(2) * (x / fwhm) ** 2)
    else:
        expected = 2 / (math.pi * fwhm) / (1 + (2 * x / fwhm) ** 2)
    # a Lorentzian has no variance from which that of tents and bins could be taken
    limit = 1e-3 + (1.5 * (0.02 / fwhm) ** 2 if shape == "lorentzian" else 0)
    assert np.max(np.abs(got.intensity - expected)) < limit * expected.max()


def test_hertz_and_ppm_name_the_same_width() -> None:
    reference = isotope("29Si").reference_frequency(9.4)
    a = mas_spectrum("29Si", field=9.4, delta_iso=[-100], fwhm_ppm=2)
    b = mas_spectrum("29Si", larmor=reference, delta_iso=[-100], fwhm_hz=2 * reference, axis=a)
    assert a.larmor == pytest.approx(reference)
    assert b.field == pytest.approx(9.4)
    assert np.allclose(a.intensity, b.intensity, rtol=0, atol=1e-12)


def ensemble(n: int) -> dict[str, Array]:
    random = np.random.default_rng(11)
    return {
        "delta_iso": random.normal(30, 12, n),
        "C_Q": random.normal(0, 4, n),
        "eta": random.random(n),
        "weights": random.random(n),
    }


@pytest.mark.parametrize("method", ["table", "powder"])
def test_threads_do_not_change_a_bit(method: str) -> None:
    n = 30_000 if method == "table" else 40
    sites = ensemble(n)
    labels = np.arange(n) % 3
    results = [
        mas_spectrum("17O", field=14.1, labels=labels, method=method, n_threads=k, **sites)  # type: ignore[arg-type]
        for k in (1, 2, 3, 8)
    ]
    for other in results[1:]:
        assert np.array_equal(results[0].intensity, other.intensity)
        assert np.array_equal(results[0].components["1"], other.components["1"])


def test_the_order_of_sites_does_not_matter() -> None:
    sites = ensemble(9000)
    order = np.random.default_rng(2).permutation(9000)
    a = mas_spectrum("17O", field=14.1, axis=(-100, 100, 2048), **sites)
    b = mas_spectrum("17O", field=14.1, axis=(-100, 100, 2048), **{k: v[order] for k, v in sites.items()})
    assert np.allclose(a.intensity, b.intensity, rtol=0, atol=1e-12 * a.intensity.max())


def test_the_sign_of_the_coupling_does_not_matter() -> None:
    sites = ensemble(100)
    a = mas_spectrum("17O", field=14.1, **sites)
    sites["abs_C_Q"] = np.abs(sites.pop("C_Q"))
    assert np.array_equal(a.intensity, mas_spectrum("17O", field=14.1, **sites).intensity)


def test_components_add_up_to_the_sum_and_hold_their_fraction() -> None:
    labels = ["Q3", "Q4", "Q4", "Q3", "Q2"]
    weights = [1.0, 2.0, 2.0, 1.0, 4.0]
    got = mas_spectrum("29Si", field=9.4, delta_iso=[-92, -106, -108, -94, -80], labels=labels, weights=weights)
    assert list(got.components) == ["Q2", "Q3", "Q4"]
    assert dict(got.fractions) == pytest.approx({"Q2": 0.4, "Q3": 0.2, "Q4": 0.4})
    assert np.allclose(sum(got.components.values()), got.intensity, rtol=0, atol=1e-15)
    step = got.ppm[1] - got.ppm[0]
    for label, values in got.components.items():
        assert values.sum() * step == pytest.approx(got.fractions[label], abs=1e-9)


def test_repeating_every_frame_changes_nothing() -> None:
    delta = np.array([-92.0, -106.0, -108.0])
    once = mas_spectrum("29Si", field=9.4, delta_iso=delta, axis=(-130, -70, 512))
    often = mas_spectrum("29Si", field=9.4, delta_iso=np.tile(delta, 7), axis=(-130, -70, 512))
    assert np.allclose(once.intensity, often.intensity, rtol=0, atol=1e-14)


def test_the_axis_made_for_the_lines_covers_them() -> None:
    for sites in (ensemble(50), {"delta_iso": [5.0], "C_Q": 9.0, "eta": 0.1}):
        got = mas_spectrum("27Al", field=9.4, fwhm_hz=100, **sites)  # type: ignore[arg-type]
        assert got.metadata["outside"] < 1e-3
        assert got.integral == pytest.approx(1, abs=2e-3)


def test_normalised_spectra() -> None:
    got = mas_spectrum("29Si", field=9.4, delta_iso=[-92, -106], labels=["a", "b"], fwhm_ppm=3)
    assert got.normalised("height").intensity.max() == 1
    area = got.normalised("area")
    assert area.integral == pytest.approx(1)
    assert np.allclose(sum(area.components.values()), area.intensity)
    empty = Spectrum(np.array([0.0, 1.0]), np.zeros(2))
    with pytest.raises(ValueError, match="without intensity"):
        empty.normalised()


def test_a_falling_axis_is_turned() -> None:
    got = Spectrum(np.array([3.0, 2.0, 1.0]), np.array([1.0, 2.0, 3.0]), components={"a": np.array([1.0, 0, 0])})
    assert got.ppm.tolist() == [1, 2, 3] and got.intensity.tolist() == [3, 2, 1]
    assert got.components["a"].tolist() == [0, 0, 1]


OXYGEN = {"isotope": "17O", "field": 14.1, "delta_iso": [40.0, 50.0], "C_Q": [5.0, 4.0], "eta": [0.1, 0.2]}


@pytest.mark.parametrize(
    "change, words",
    [
        ({"isotope": "18O"}, "isotope must be one of .*17O"),
        ({"field": None}, "give either field, in tesla, or larmor"),
        ({"larmor": 81.0}, "give either field, in tesla, or larmor"),
        ({"field": -9.4}, "field must be a positive number of tesla, got -9.4"),
        ({"field": math.nan}, "field must be a positive"),
        ({"C_Q": None}, r"17O is quadrupolar: .* C_Q \(MHz\) was not given"),
        ({"eta": None}, "eta was not given"),
        ({"abs_C_Q": [5.0, 4.0]}, "give C_Q or abs_C_Q, not both"),
        ({"eta": [0.1, 1.2]}, r"eta must lie in \[0, 1\], got 1.2 at site 1"),
        ({"eta": [-0.1, 0.2]}, r"eta must lie in \[0, 1\], got -0.1 at site 0"),
        ({"C_Q": [5.0, math.nan]}, "C_Q must be finite, got nan at site 1"),
        ({"C_Q": [5.0]}, "C_Q must have one value a site, 2, got 1"),
        ({"C_Q": [1e7, 1.0]}, "C_Q must be finite and below 1e6 MHz"),
        ({"delta_iso": [math.inf, 0]}, "delta_iso must be finite, got inf at site 0"),
        ({"delta_iso": []}, "delta_iso must hold one number"),
        ({"delta_iso": "abc"}, "delta_iso must be numbers"),
        ({"weights": [1.0, -1.0]}, "weights must"),
        ({"weights": [2.0, -1.0]}, "weights must be finite and not negative"),
        ({"weights": [0.0, 0.0]}, "weights must have a positive sum"),
        ({"labels": ["a"]}, "labels must have one value a site, 2"),
        ({"fwhm_ppm": -1.0}, "fwhm_ppm must be finite and not negative, got -1"),
        ({"fwhm_hz": math.nan}, "fwhm_hz must be finite"),
        ({"fwhm_ppm": 1.0, "fwhm_hz": 1.0}, "give fwhm_ppm or fwhm_hz, not both"),
        ({"shape": "voigt"}, "shape must be"),
        ({"method": "magic"}, "method must be"),
        ({"axis": (10.0, 10.0, 100)}, "axis must span a finite range"),
        ({"axis": (0.0, 10.0, 1)}, "axis must have 2 to"),
        ({"axis": (0.0,)}, "axis must be"),
        ({"isotope": "14N"}, "14N has spin 1 and no central transition"),
        ({"isotope": "29Si"}, "29Si has spin 1/2 and no quadrupole moment, but C_Q was given"),
    ],
)
def test_bad_input_is_told_in_one_line(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words) as error:
        mas_spectrum(**{**OXYGEN, **change})  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
