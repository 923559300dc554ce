# SPDX-License-Identifier: BSD-3-Clause
"""Sheared multiple-quantum spectra: frequencies of the whole Hamiltonian, scales of the literature, laws, files."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from glassnmr.excitation import mq_efficiency
from glassnmr.isotopes import isotope
from glassnmr.mqmas import Spectrum2D, mqmas_spectrum
from glassnmr.spectra import mas_spectrum, quadrupolar_shift
from glassnmr.transitions import mq_scale, second_order_ranks, transition_table
from spin_oracle import MAGIC, golden_sphere, gradient, spin_operators

Array = NDArray[np.float64]
BY_SPIN = {1.5: "23Na", 2.5: "17O", 3.5: "43Ca", 4.5: "73Ge"}
ORDERS = [(spin, order) for spin in BY_SPIN for order in range(3, int(2 * spin) + 1, 2)]


@pytest.mark.parametrize("spin, order", ORDERS)
def test_multiple_quantum_frequencies_are_those_of_the_hamiltonian(spin: float, order: int) -> None:
    larmor, coupling, eta = 2e4, 30.0, 0.6
    i = spin_operators(spin)
    efg = gradient(coupling, eta)
    quadrupolar = np.einsum("ab,aij,bjk->ik", efg, i, i) / (2 * spin * (2 * spin - 1))
    axis = golden_sphere(40)
    one = np.cross(axis, [0.1, 0.9, 0.4])
    one /= np.linalg.norm(one, axis=1, keepdims=True)
    two = np.cross(axis, one)
    turn = (2 * np.pi * np.arange(12) / 12)[:, None]
    b = math.cos(MAGIC) * axis[:, None] + math.sin(MAGIC) * (np.cos(turn) * one[:, None] + np.sin(turn) * two[:, None])
    energies = np.linalg.eigvalsh(-larmor * np.einsum("nta,aij->ntij", b, i) + quadrupolar)
    upper, lower = int(spin - order / 2), int(spin + order / 2)
    middle = int(spin - 0.5)
    multiple = (energies[..., lower] - energies[..., upper] - order * larmor).mean(axis=1)
    single = (energies[..., middle + 1] - energies[..., middle] - larmor).mean(axis=1)
    rank0, _, rank4 = second_order_ranks(spin, order / 2, -order / 2)
    scale = (spin * (spin + 1) - 0.75) * (3 * coupling / (2 * spin * (2 * spin - 1))) ** 2 / larmor
    induced = -scale * (1 + eta**2 / 3) / 30
    assert multiple == pytest.approx(rank0 * induced + rank4 * (single - induced), abs=2e-3 * scale)
    # sheared by rank4 nothing is left of the anisotropy
    sheared = multiple - rank4 * single
    assert np.ptp(sheared) < 2e-3 * scale
    chosen = mq_scale(BY_SPIN[spin], order, "delta")
    assert sheared / (order - rank4) == pytest.approx(chosen.q * induced, abs=2e-3 * scale)


def test_shear_ratios_and_scales_are_those_of_the_literature() -> None:
    shears = {1.5: -7 / 9, 2.5: 19 / 12, 3.5: 101 / 45, 4.5: 91 / 36}
    s = {1.5: 17 / 8, 2.5: -17 / 31, 3.5: -17 / 73, 4.5: -17 / 127}
    q = {1.5: -5 / 4, 2.5: 10 / 31, 3.5: 10 / 73, 4.5: 10 / 127}
    for spin, nucleus in BY_SPIN.items():
        own = mq_scale(nucleus, 3, "amoureux")
        assert own.shear == pytest.approx(shears[spin], rel=1e-14)
        assert (own.s, own.q) == pytest.approx((s[spin], q[spin]), rel=1e-14)
    five = mq_scale("27Al", 5, "amoureux")
    assert (five.shear, five.s, five.q) == pytest.approx((-25 / 12, 85 / 37, -50 / 37), rel=1e-14)
    for spin, order in ORDERS:
        assert mq_scale(BY_SPIN[spin], order)[:2] == pytest.approx((1, -10 / 17), rel=1e-14)


def test_weights_of_transitions_add_up_and_the_central_one_is_one() -> None:
    assert second_order_ranks(2.5, 0.5, -0.5) == pytest.approx((1, 1, 1))
    table = transition_table(2.5, "all")
    assert table[:, 0] * 35 == pytest.approx([5, 8, 9, 8, 5])
    assert table[:, 1] == pytest.approx([-2, -1, 0, 1, 2])
    assert table[:, 2:] == pytest.approx(table[::-1, 2:])


SITES = {"delta_iso": [50.0, 20.0], "C_Q": [4.9, 2.5], "eta": [0.2, 0.6]}


@pytest.mark.parametrize("nucleus, order", [("17O", 3), ("27Al", 5), ("23Na", 3), ("43Ca", 7)])
@pytest.mark.parametrize("scale", ["delta", "amoureux"])
def test_projections_hold_the_line_and_the_isotropic_places(nucleus: str, order: int, scale: str) -> None:
    options = {"field": 14.1, "fwhm_ppm": 1.0}
    got = mqmas_spectrum(nucleus, order=order, scale=scale, axis_f2=(-150, 150, 3001), axis_f1=(-250, 250, 2001),  # type: ignore[arg-type]
                         **SITES, **options)
    assert got.integral == pytest.approx(1, abs=1e-3)
    assert got.metadata["outside"] == pytest.approx(0, abs=1e-12)
    line = mas_spectrum(nucleus, axis=(-150, 150, 3001), **SITES, **options)  # type: ignore[arg-type]
    assert np.linalg.norm(got.projection("F2").intensity - line.intensity) < 2e-3 * np.linalg.norm(line.intensity)
    induced = quadrupolar_shift(nucleus, 14.1, SITES["C_Q"], SITES["eta"])
    s, q, _ = mq_scale(nucleus, order, scale)  # type: ignore[arg-type]
    places = s * np.array(SITES["delta_iso"]) + q * induced
    assert got.projection("F1").centroid == pytest.approx(places.mean(), abs=1e-3)
    for place, shift, coupling, eta, own in zip(places, *(SITES[k] for k in ("delta_iso", "C_Q", "eta")), induced,
                                                strict=True):
        row = got.row(place)
        if abs(np.diff(places)[0]) > 8:
            assert row.centroid == pytest.approx(shift + own, abs=0.02)
        delta, product = got.parameters(place, shift + own)
        assert float(delta) == pytest.approx(shift, abs=1e-9)
        assert float(product) == pytest.approx(coupling * math.sqrt(1 + eta**2 / 3), abs=1e-6)


def test_lines_of_pure_shift_and_of_pure_coupling_pass_through_their_sites() -> None:
    got = mqmas_spectrum("27Al", field=14.1, fwhm_ppm=1, scale="amoureux", **SITES)  # type: ignore[arg-type]
    induced = quadrupolar_shift("27Al", 14.1, 4.9, 0.2)
    assert got.cs_line(33.0) == pytest.approx(got.scale.s * 33)
    assert got.qis_line(50.0 + induced, 50.0) == pytest.approx(got.scale.s * 50 + got.scale.q * induced)


@given(st.lists(st.tuples(st.floats(-40, 40), st.floats(-6, 6), st.floats(0, 1), st.floats(0.1, 3)), min_size=1,
                max_size=6),
       st.tuples(st.floats(-60, 20), st.floats(5, 90), st.integers(2, 60)),
       st.tuples(st.floats(-60, 20), st.floats(5, 90), st.integers(2, 200)))
@settings(max_examples=50, deadline=None)
def test_no_weight_is_lost_whatever_the_windows(sites: list[tuple[float, ...]], one: tuple[float, float, int],
                                                two: tuple[float, float, int]) -> None:
    delta, coupling, eta, weight = map(np.array, zip(*sites, strict=True))
    got = mqmas_spectrum("23Na", field=11.7, delta_iso=delta, C_Q=coupling, eta=eta, weights=weight, fwhm_ppm=0,
                         axis_f1=(one[0], one[0] + one[1], one[2]), axis_f2=(two[0], two[0] + two[1], two[2]),
                         labels=np.arange(len(delta)) % 2)
    cell = (got.f1[1] - got.f1[0]) * (got.f2[1] - got.f2[0])
    assert got.intensity.sum() * cell + got.metadata["outside"] == pytest.approx(1, abs=1e-10)
    assert np.all(got.intensity >= 0)
    assert sum(got.fractions.values()) == pytest.approx(1, abs=1e-12)
    assert np.allclose(sum(got.components.values()), got.intensity, rtol=0, atol=1e-12)


def test_threads_do_not_change_a_bit_and_order_does_not_matter() -> None:
    random = np.random.default_rng(3)
    n = 9000
    sites = {"delta_iso": random.normal(30, 12, n), "C_Q": random.normal(0, 3, n), "eta": random.random(n),
             "weights": random.random(n), "labels": np.arange(n) % 3}
    options = {"field": 9.4, "axis_f1": (-50, 100, 200), "axis_f2": (-100, 100, 512)}
    first, *others = (mqmas_spectrum("17O", n_threads=k, **sites, **options) for k in (1, 2, 3, 8))  # type: ignore[arg-type]
    for other in others:
        assert np.array_equal(first.intensity, other.intensity)
        assert np.array_equal(first.components["1"], other.components["1"])
    order = random.permutation(n)
    again = mqmas_spectrum("17O", **{k: v[order] for k, v in sites.items()}, **options)  # type: ignore[arg-type]
    assert np.allclose(first.intensity, again.intensity, rtol=0, atol=1e-12 * first.intensity.max())


def test_an_efficiency_weights_the_sites() -> None:
    options = {"field": 14.1, "fwhm_ppm": 1, "axis_f1": (0, 80, 400), "axis_f2": (-30, 60, 400), "labels": ["a", "b"]}
    plain = mqmas_spectrum("17O", **SITES, **options)  # type: ignore[arg-type]
    products = np.array(SITES["C_Q"]) * np.sqrt(1 + np.array(SITES["eta"]) ** 2 / 3)
    assert dict(plain.fractions) == pytest.approx({"a": 0.5, "b": 0.5})
    for curve in (lambda p: np.exp(-p), (products[::-1], np.exp(-products[::-1]))):
        got = mqmas_spectrum("17O", efficiency=curve, **SITES, **options)  # type: ignore[arg-type]
        share = np.exp(-products) / np.exp(-products).sum()
        assert dict(got.fractions) == pytest.approx({"a": share[0], "b": share[1]}, rel=1e-9)
        assert got.integral == pytest.approx(1, abs=2e-3)
        assert got.metadata["efficiency"] == "curve"


@pytest.mark.parametrize("nucleus, order", [("23Na", 3), ("27Al", 3), ("27Al", 5)])
def test_the_efficiency_is_that_of_density_matrices_with_a_phase_cycle(nucleus: str, order: int) -> None:
    spin, nutation, first, second = isotope(nucleus).spin, 80e3, 4.0e-6, 1.3e-6
    i = spin_operators(spin)
    products = np.array([0.6, 1.4, 3.0])
    got = mq_efficiency(nucleus, order=order, nutation_hz=nutation, P_Q=products, excitation_us=first * 1e6,
                        conversion_us=second * 1e6, orientations=16)[1]
    x, w = np.polynomial.legendre.leggauss(32)
    signal = []
    for product in products:
        total = 0.0
        for cosine, weight in zip(x[x > 0], w[x > 0], strict=True):
            nu = 3 * product * 1e6 / (2 * spin * (2 * spin - 1)) * (3 * cosine**2 - 1) / 2
            static = nu / 6 * (3 * i[2] @ i[2] - spin * (spin + 1) * np.eye(len(i[2])))

            def pulse(phase: float, time: float, static: NDArray[np.complex128] = static) -> NDArray[np.complex128]:
                energies, states = np.linalg.eigh(static + nutation * (math.cos(phase) * i[0] + math.sin(phase) * i[1]))
                return np.asarray(states @ np.diag(np.exp(-2j * np.pi * energies * time)) @ states.conj().T)

            evolved = 1 - np.eye(len(i[2]))  # coherences that the first order moves dephase between the pulses
            m = np.diag(i[2]).real
            evolved *= np.isclose(np.abs(m)[:, None], np.abs(m)[None, :])
            n = 4 * order  # the phase of the first pulse picks the coherences +-order alone
            for phase in 2 * np.pi * np.arange(n) / n:
                u, v = pulse(phase, first), pulse(0.0, second)
                rho = v @ (evolved * (u @ i[2] @ u.conj().T)) @ v.conj().T
                middle = int(spin - 0.5)
                polarised = (rho[middle, middle] - rho[middle + 1, middle + 1]).real
                total += weight * polarised * math.cos(order * phase) / n
        signal.append(abs(total))
    assert max(signal) > 1e-3
    assert got == pytest.approx(np.array(signal) / max(signal), abs=2e-3)


def test_a_curve_rises_from_nothing_and_falls_again() -> None:
    products, curve = mq_efficiency("27Al", nutation_hz=100e3)
    assert curve[0] == pytest.approx(0, abs=1e-9) and curve.max() == 1
    assert 0 < np.argmax(curve) < len(curve) - 1 and curve[-1] < 0.5
    faster = mq_efficiency("27Al", nutation_hz=200e3, P_Q=2 * products)[1]
    assert faster == pytest.approx(curve, abs=1e-9)


def test_files_hold_the_whole_spectrum(tmp_path: Path) -> None:
    got = mqmas_spectrum("17O", field=14.1, fwhm_ppm=2, labels=["BO", "NBO"], axis_f1=(0, 80, 40),
                         axis_f2=(-20, 60, 50), **SITES)  # type: ignore[arg-type]
    got.save(tmp_path / "o.csdf")
    back = Spectrum2D.load(tmp_path / "o.csdf")
    assert np.array_equal(back.intensity, got.intensity) and back.scale == got.scale
    assert np.allclose(back.f1, got.f1, atol=1e-9) and np.allclose(back.f2, got.f2, atol=1e-9)
    assert dict(back.fractions) == dict(got.fractions) and dict(back.metadata) == dict(got.metadata)
    assert np.array_equal(back.components["BO"], got.components["BO"])
    got.save(tmp_path / "o.csv")
    table = np.loadtxt(tmp_path / "o.csv", delimiter=",", skiprows=6)
    assert table.shape == (2000, 5)
    assert np.allclose(table[:, 2].reshape(40, 50), got.intensity, rtol=1e-6, atol=1e-12)
    for suffix in ("png", "svg", "pdf"):
        got.save(tmp_path / f"o.{suffix}")
        assert (tmp_path / f"o.{suffix}").stat().st_size > 2000
    with pytest.raises(ValueError, match="is written as"):
        got.save(tmp_path / "o.wav")
    with pytest.raises(FileNotFoundError, match="no file"):
        Spectrum2D.load(tmp_path / "none.csdf")
    for content in ("{}", "nonsense", '{"csdm": {"dimensions": [1]}}', '{"csdm": {"dimensions": [{}, {}]}}'):
        (tmp_path / "bad.csdf").write_text(content)
        with pytest.raises(ValueError, match=r"bad\.csdf") as error:
            Spectrum2D.load(tmp_path / "bad.csdf")
        assert "\n" not in str(error.value)


def test_a_csdf_file_is_read_by_csdmpy(tmp_path: Path) -> None:
    csdmpy = pytest.importorskip("csdmpy", reason="csdmpy is not installed")
    got = mqmas_spectrum("17O", field=14.1, axis_f1=(0, 80, 40), axis_f2=(-20, 60, 50), **SITES)  # type: ignore[arg-type]
    got.save(tmp_path / "o.csdf")
    data = csdmpy.load(str(tmp_path / "o.csdf"))
    for dimension, axis in zip(data.x, (got.f2, got.f1), strict=True):
        dimension.to("ppm", "nmr_frequency_ratio")
        assert np.allclose(dimension.coordinates.value, axis, atol=1e-6)
    assert np.array_equal(data.y[0].components[0], got.intensity)


def test_pictures_run_the_nmr_way() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    got = mqmas_spectrum("17O", field=14.1, labels=["BO", "NBO"], **SITES)  # type: ignore[arg-type]
    figure = got.plot(title="two oxygens")
    plane, above, beside = figure.axes
    assert plane.get_xlim()[0] > plane.get_xlim()[1] and plane.get_ylim()[0] > plane.get_ylim()[1]
    assert above.get_xlim() == plane.get_xlim() and beside.get_ylim() == plane.get_ylim()
    texts = [text.get_text() for text in plane.get_legend().get_texts()]
    assert {"CS", "QIS"} < set(texts)
    bare = [text.get_text() for text in got.plot(lines=False).axes[0].get_legend().get_texts()]
    assert bare == [text for text in texts if text not in ("CS", "QIS")]
    for bad in ({"levels": 1}, {"lowest": 0.0}, {"lowest": 1.5}):
        with pytest.raises(ValueError, match="levels must be"):
            got.plot(**bad)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"isotope": "29Si"}, "29Si has spin 0.5 and no central transition"),
        ({"isotope": "14N"}, "14N has spin 1 and no central transition"),
        ({"order": 4}, r"order must be 3, 5 for 17O \(spin 2.5\), got 4"),
        ({"order": 7}, "order must be 3, 5 for 17O"),
        ({"isotope": "23Na", "order": 5}, "order must be 3 for 23Na"),
        ({"scale": "ppm"}, "scale must be"),
        ({"field": None}, "give either field"),
        ({"eta": [0.1, 1.2]}, r"eta must lie in \[0, 1\]"),
        ({"C_Q": None}, "C_Q .MHz. was not given"),
        ({"C_Q": [math.nan, 1]}, "C_Q must be finite"),
        ({"axis_f1": (1.0, 1.0, 10)}, "axis_f1 must span a finite range"),
        ({"axis_f2": (1.0, 2.0, 1)}, "axis_f2 must have 2 to"),
        ({"axis_f1": (0.0, 1.0, 100_000), "axis_f2": (0.0, 1.0, 100_000)}, "the axes have"),
        ({"fwhm_ppm": (1.0, 2.0, 3.0)}, "fwhm_ppm must be one number, or two"),
        ({"fwhm_ppm": -1.0}, "fwhm_ppm must be finite and not negative"),
        ({"fwhm_hz": 1.0, "fwhm_ppm": 1.0}, "not both"),
        ({"shape": "voigt"}, "shape must be"),
        ({"efficiency": 3.0}, "efficiency must be a function"),
        ({"efficiency": ([1.0, 1.0], [1.0, 1.0])}, "P_Q rising"),
        ({"efficiency": ([1.0, 2.0], [1.0, -1.0])}, "efficiency must be finite and not negative"),
        ({"efficiency": lambda p: p[:1]}, "efficiency must give one number a site, 2"),
        ({"efficiency": lambda p: 0 * p}, "efficiency leaves no site"),
        ({"labels": ["a"]}, "labels must have one value a site"),
        ({"weights": [0.0, 0.0]}, "weights must have a positive sum"),
    ],
)
def test_bad_input_is_told_in_one_line(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words) as error:
        mqmas_spectrum(**{"isotope": "17O", "field": 14.1, **SITES, **change})  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("change, words", [
    ({"order": 7}, "order must be odd"), ({"nutation_hz": 0.0}, "nutation_hz must be positive"),
    ({"nutation_hz": math.nan}, "nutation_hz must be positive"), ({"P_Q": [1.0]}, "P_Q must be at least two"),
    ({"P_Q": [2.0, 1.0]}, "P_Q must be"), ({"orientations": 1}, "orientations must lie"),
    ({"excitation_us": -1.0}, "excitation_us must be"), ({"conversion_us": math.inf}, "conversion_us must be")])
def test_bad_pulses_are_told_in_one_line(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words) as error:
        mq_efficiency("27Al", **change)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
