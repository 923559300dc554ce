# SPDX-License-Identifier: BSD-3-Clause
"""Tensor conventions: laws on random tensors, both ways, and values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from glassnmr import tensors

numbers = st.floats(-1e4, 1e4, allow_nan=False).map(lambda x: 0.0 if abs(x) < 1e-6 else x)
matrices = arrays(float, (3, 3), elements=numbers)
unit = st.floats(0, 1)
angle = st.floats(-7, 7)


@given(matrices)
def test_parts_of_a_tensor_add_up(t: np.ndarray) -> None:
    assert np.allclose(tensors.symmetric(t) + tensors.antisymmetric(t), t, rtol=0, atol=1e-15 * np.abs(t).max())
    assert np.array_equal(tensors.antisymmetric(t), -tensors.antisymmetric(t).T)
    assert tensors.isotropic(t) == pytest.approx(np.trace(t) / 3, abs=1e-11)


@given(matrices, angle, angle, angle)
def test_a_rotation_changes_no_parameter(t: np.ndarray, a: float, b: float, c: float) -> None:
    r = tensors.rotation_matrix(a, b, c)
    turned = r @ t @ r.T
    size = np.abs(t).max() + 1e-300
    for function in (tensors.mehring, tensors.efg_principal_values):
        # |V_zz| = |V_yy| may swap them: compare as sets
        assert np.allclose(np.sort(function(turned)), np.sort(function(t)), rtol=0, atol=1e-13 * 100 * size)
    assert np.allclose(tensors.herzfeld_berger(turned).span, tensors.herzfeld_berger(t).span, atol=1e-11 * size)
    assert np.allclose(abs(tensors.haeberlen(turned).zeta), abs(tensors.haeberlen(t).zeta), atol=1e-11 * size)


@given(matrices)
def test_haeberlen_parameters_give_back_the_principal_values_in_order(t: np.ndarray) -> None:
    iso, zeta, eta = tensors.haeberlen(t)
    assert 0 <= eta <= 1
    values = tensors.haeberlen_principal_values(iso, zeta, eta)
    size = np.abs(t).max()
    assert np.allclose(np.sort(values), tensors.mehring(t), rtol=0, atol=1e-13 * 100 * size)
    xx, yy, zz = np.abs(values - iso)
    assert zz >= xx - 1e-12 * size and xx >= yy - 1e-12 * size


@given(matrices, st.sampled_from(["shielding", "shift"]))
def test_herzfeld_berger_parameters_give_back_mehring_s_values(t: np.ndarray, kind: str) -> None:
    iso, span, skew = tensors.herzfeld_berger(t, kind)
    assert span >= 0 and -1 <= skew <= 1
    values = tensors.herzfeld_berger_principal_values(iso, span, skew, kind)
    assert np.allclose(values, tensors.mehring(t, kind), rtol=0, atol=1e-11 * np.abs(t).max())


@given(matrices)
def test_a_shielding_and_its_shift_have_one_span_and_skew_and_opposite_zeta(t: np.ndarray) -> None:
    sigma, delta = tensors.herzfeld_berger(t, "shielding"), tensors.herzfeld_berger(100 * np.eye(3) - t, "shift")
    assert delta.span == pytest.approx(sigma.span, abs=1e-10 + 1e-11 * np.abs(t).max())
    if sigma.span > 1e-6 * np.abs(t).max() + 1e-6:
        assert delta.skew == pytest.approx(sigma.skew, abs=1e-6)


def test_the_iupac_example_of_an_axial_shielding() -> None:
    # sigma_11 = sigma_22 < sigma_33: skew +1, zeta positive, eta 0
    t = np.diag([10.0, 10.0, 40.0])
    assert tensors.herzfeld_berger(t) == pytest.approx((20, 30, 1))
    assert tensors.haeberlen(t) == pytest.approx((20, 20, 0))
    assert tensors.mehring(t, "shift").tolist() == [40, 10, 10]
    assert tensors.haeberlen(np.diag([1.0, 2.0, 6.0])) == pytest.approx((3, 3, 1 / 3))


@given(matrices)
def test_efg_values_are_ordered_traceless_and_rotation_free(t: np.ndarray) -> None:
    xx, yy, zz = tensors.efg_principal_values(t)
    size = np.abs(t).max()
    assert abs(zz) >= abs(yy) - 1e-12 * size >= abs(xx) - 3e-12 * size
    assert abs(xx + yy + zz) <= 1e-12 * size
    assert 0 <= tensors.asymmetry(t) <= 1


@given(st.floats(-30, 30).filter(lambda c: abs(c) > 1e-6), unit, st.sampled_from(["17O", "27Al", "43Ca", "23Na"]))
def test_efg_parameters_invert_efg_tensor(C_Q: float, eta: float, nucleus: str) -> None:
    for scale in ("au", "V/A^2", "V/m^2"):
        tensor = tensors.efg_tensor(C_Q, eta, nucleus, scale)
        found = tensors.efg_parameters(tensor, nucleus, scale)
        if eta < 1 - 1e-9:
            assert found.C_Q == pytest.approx(C_Q, rel=1e-12)
        assert abs(found.C_Q) == pytest.approx(abs(C_Q), rel=1e-12)
        assert found.eta == pytest.approx(eta, abs=1e-12)
        assert found.P_Q == pytest.approx(abs(C_Q) * math.sqrt(1 + eta**2 / 3), rel=1e-12)


def test_the_constants_of_the_contract() -> None:
    assert tensors.MHZ_PER_BARN_AU == pytest.approx(234.964778, rel=3e-9)
    assert tensors.MHZ_PER_BARN_V_PER_ANGSTROM2 == pytest.approx(2.417989, rel=2e-7)
    assert tensors.AU_IN_V_PER_ANGSTROM2 == pytest.approx(97.17362, rel=5e-8)
    hartree, bohr, charge = 4.3597447222060e-18, 5.29177210544e-11, 1.602176634e-19
    assert tensors.AU_IN_V_PER_M2 == pytest.approx(hartree / (charge * bohr**2), rel=1e-9)


def test_the_sign_of_the_coupling_is_that_of_q_times_v() -> None:
    v = np.diag([-0.3, -0.7, 1.0])
    assert tensors.quadrupolar_coupling(v, "17O") == pytest.approx(-234.964778 * 0.02558, rel=1e-8)
    assert tensors.quadrupolar_coupling(-v, "27Al") == pytest.approx(-234.964778 * 0.1466, rel=1e-8)
    assert tensors.convert_efg(1, "au", "V/A^2") == pytest.approx(97.17362, rel=1e-7)


def test_no_field_gradient_has_eta_zero() -> None:
    found = tensors.efg_parameters(np.zeros((2, 3, 3)), "17O")
    assert not np.any(found.C_Q) and not np.any(found.eta) and not np.any(found.P_Q)
    assert tensors.herzfeld_berger(7 * np.eye(3)) == (7, 0, 0)
    # an isotropic tensor whose round-off would have any eta
    r = tensors.rotation_matrix(0.3, 0.9, 2.0)
    assert tensors.haeberlen(r @ (517.3 * np.eye(3)) @ r.T)[1:] == (0, 0)


@given(angle, angle, angle)
def test_rotation_matrix_is_the_active_zyz_rotation(a: float, b: float, c: float) -> None:
    expected = Rotation.from_euler("ZYZ", [a, b, c]).as_matrix()
    assert np.allclose(tensors.rotation_matrix(a, b, c), expected, atol=1e-14)


@given(matrices, st.sampled_from(["haeberlen", "efg", "mehring"]))
@settings(max_examples=200)
def test_euler_angles_turn_the_principal_values_into_the_tensor(t: np.ndarray, order: str) -> None:
    angles = tensors.euler_angles(t, order)
    alpha, beta, gamma = angles
    assert 0 <= alpha < 2 * np.pi + 1e-15 and 0 <= beta <= np.pi / 2 + 1e-15 and 0 <= gamma <= np.pi
    r = tensors.rotation_matrix(alpha, beta, gamma)
    diagonal = r.T @ tensors.symmetric(t) @ r
    size = np.abs(t).max()
    assert np.allclose(diagonal, np.diag(np.diag(diagonal)), rtol=0, atol=1e-11 * size)
    values = np.diag(diagonal)
    deviation = np.abs(values - values.mean())
    slack = 1e-11 * size
    if order == "mehring":
        assert np.all(np.diff(values) >= -slack)
    else:
        first, second = (deviation[0], deviation[1]) if order == "haeberlen" else (deviation[1], deviation[0])
        assert deviation[2] >= first - slack and first >= second - slack


@pytest.mark.parametrize("eta", [0.0, 1e-9, 1 - 1e-9, 1.0])
def test_values_and_axes_agree_on_which_value_is_zz(eta: float) -> None:
    # where eta is 1, round-off decides: of both in the same way
    rng = np.random.default_rng(0)
    for angles in rng.uniform(0, 3, (200, 3)):
        turn = tensors.rotation_matrix(*angles)
        t = turn @ np.diag(tensors.haeberlen_principal_values(0.0, rng.normal(), eta)) @ turn.T
        frame = tensors.rotation_matrix(*tensors.euler_angles(t, "efg"))
        assert np.allclose(frame @ np.diag(tensors.efg_principal_values(t)) @ frame.T, t, rtol=0, atol=1e-12)
        own = tensors.haeberlen(t)
        frame = tensors.rotation_matrix(*tensors.euler_angles(t, "haeberlen"))
        values = tensors.haeberlen_principal_values(*own)
        assert np.allclose(frame @ np.diag(values) @ frame.T, t, rtol=0, atol=1e-12)


@given(matrices, matrices, angle, angle, angle)
def test_relative_axes_do_not_depend_on_the_frame(t: np.ndarray, v: np.ndarray, a: float, b: float, c: float) -> None:
    # distinct principal values, so that axes exist
    r = tensors.rotation_matrix(a, b, c)
    shift = np.diag([1.0, 2.0, 6.0]) if np.ptp(tensors.mehring(t)) < 1 else tensors.symmetric(t)
    frame = tensors.rotation_matrix(*(v[0] % 3))
    efg = frame @ np.diag([-0.3, -0.7, 1.0]) @ frame.T
    values, gaps = tensors.mehring(shift), np.diff(tensors.mehring(shift))
    haeberlen = np.abs(values - values.mean())
    if gaps.min() < 1e-3 * np.ptp(values) or np.diff(np.sort(haeberlen)).min() < 1e-3 * haeberlen.max():
        return
    angles = tensors.relative_euler_angles(shift, efg)
    # in the frame of the field gradient the tensor is what the angles say, up to half turns of the gradient's axes
    turn = tensors.rotation_matrix(*angles)
    own = tensors.haeberlen(shift)
    seen = turn @ np.diag(tensors.haeberlen_principal_values(*own)) @ turn.T
    axes = tensors.rotation_matrix(*tensors.euler_angles(efg, "efg"))
    assert np.allclose(axes @ seen @ axes.T, shift, rtol=0, atol=1e-8 * np.abs(shift).max())
    again = tensors.relative_euler_angles(r @ shift @ r.T, r @ efg @ r.T)
    rotated = tensors.rotation_matrix(*again)
    # equal up to half turns about the axes of either tensor: |cosines| between axes are the same
    assert np.allclose(np.abs(rotated), np.abs(turn), atol=1e-6)


@given(angle, angle, angle)
def test_the_angles_of_mrsimulator_go_there_and_back(a: float, b: float, c: float) -> None:
    there = tensors.to_mrsimulator_euler([a, b, c])
    back = tensors.from_mrsimulator_euler(there)
    assert np.allclose(tensors.rotation_matrix(*back), tensors.rotation_matrix(a, b, c), atol=1e-9)
    quarter = tensors.rotation_matrix(math.pi / 2, 0, 0)
    assert np.allclose(tensors.rotation_matrix(*there), tensors.rotation_matrix(a, b, c).T @ quarter, atol=1e-9)


@pytest.mark.filterwarnings("ignore:Gimbal lock")
@given(matrices)
@settings(max_examples=30, deadline=None)
def test_conventions_agree_with_soprano(t: np.ndarray) -> None:
    nmr = pytest.importorskip("soprano.nmr", reason="soprano is not installed")
    size = np.abs(t).max()
    values = tensors.mehring(t)
    if np.diff(values).min() < 1e-3 * size or size == 0:
        return
    own = tensors.haeberlen(t)
    if min(own.eta, 1 - own.eta) < 1e-3:
        return
    peer = nmr.NMRTensor(tensors.symmetric(t))
    assert own.iso == pytest.approx(peer.isotropy, abs=1e-9 * size)
    assert 1.5 * own.zeta == pytest.approx(peer.anisotropy, abs=1e-9 * size)
    assert own.eta == pytest.approx(peer.asymmetry, abs=1e-7)
    bounds = tensors.herzfeld_berger(t)
    assert bounds.span == pytest.approx(peer.span, abs=1e-9 * size)
    assert abs(bounds.skew) == pytest.approx(abs(peer.skew), abs=1e-7)
    ordered = nmr.NMRTensor(tensors.symmetric(t), order="h")
    alpha, beta, gamma = ordered.euler_angles(convention="zyz", passive=False)
    turn = tensors.rotation_matrix(alpha, beta, gamma)
    ours = tensors.rotation_matrix(*tensors.euler_angles(t, "haeberlen"))
    # the same axes up to their signs; soprano's x and y may be exchanged
    overlap = np.abs(turn.T @ ours)
    same = np.allclose(overlap, np.eye(3), atol=1e-5)
    assert same or np.allclose(overlap, [[0, 1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-5)


def test_functions_work_on_many_tensors_as_on_one() -> None:
    many = np.random.default_rng(3).normal(size=(4, 5, 3, 3))
    for function in (tensors.haeberlen, tensors.herzfeld_berger, lambda t: tensors.efg_parameters(t, "27Al")):
        together = function(many)
        for place in np.ndindex(4, 5):
            assert [field[place] for field in together] == pytest.approx(np.array(function(many[place])), rel=1e-12)
    assert np.allclose(tensors.euler_angles(many)[2, 3], tensors.euler_angles(many[2, 3]))


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: tensors.isotropic(np.zeros((3, 2))), r"tensor must have shape \(..., 3, 3\), got \(3, 2\)"),
        (lambda: tensors.haeberlen(np.full((3, 3), np.nan)), "tensor must be finite"),
        (lambda: tensors.efg_principal_values(np.diag([1, 2, np.inf])), "tensor must be finite"),
        (lambda: tensors.quadrupolar_product(1, 1.5), r"eta must lie in \[0, 1\], got 1.5"),
        (lambda: tensors.quadrupolar_product(np.nan, 0.5), "C_Q must be finite"),
        (lambda: tensors.haeberlen_principal_values(1, 2, -0.1), "eta must lie"),
        (lambda: tensors.herzfeld_berger_principal_values(1, -2, 0), "span must not be negative, got -2"),
        (lambda: tensors.herzfeld_berger_principal_values(1, 2, 1.2), r"skew must lie in \[-1, 1\], got 1.2"),
        (lambda: tensors.quadrupolar_coupling(np.eye(3), "29Si"), "29Si has spin 1/2"),
        (lambda: tensors.quadrupolar_coupling(np.eye(3), "17O", "eV"), "unit must be one of"),
        (lambda: tensors.mehring(np.eye(3), "delta"), "kind must be"),
        (lambda: tensors.euler_angles(np.eye(3), "zyx"), "order must be"),
        (lambda: tensors.convert_efg(1, "au", "barn"), "unit must be one of"),
        (lambda: tensors.to_mrsimulator_euler([1.0, 2.0]), r"Euler angles must have shape \(..., 3\)"),
    ],
)
def test_bad_input_is_told_in_one_line(call: object, words: str) -> None:
    with pytest.raises(ValueError, match=words) as error:
        call()  # type: ignore[operator]
    assert "\n" not in str(error.value)
