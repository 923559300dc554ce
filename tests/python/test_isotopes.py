# SPDX-License-Identifier: BSD-3-Clause
"""The isotope table against physics, against mrsimulator where installed, and its errors."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from glassnmr.isotopes import Isotope, default_isotope, isotope, isotopes

ALL = list(isotopes().values())


def test_the_table_is_large_and_in_order() -> None:
    assert len(ALL) >= 45
    assert len({nucleus.symbol for nucleus in ALL}) == len(ALL)
    assert all(nucleus.symbol == f"{nucleus.mass_number}{nucleus.element}" for nucleus in ALL)


@pytest.mark.parametrize("nucleus", ALL, ids=str)
def test_spin_parity_follows_the_mass_number(nucleus: Isotope) -> None:
    assert int(2 * nucleus.spin) % 2 == nucleus.mass_number % 2
    assert (nucleus.quadrupole == 0) == (nucleus.spin == 0.5)
    assert 0 <= nucleus.abundance <= 100


@pytest.mark.parametrize("nucleus", ALL, ids=str)
def test_gamma_and_xi_tell_the_same_frequency_but_for_the_shielding_of_the_reference(nucleus: Isotope) -> None:
    # The reference compound's shielding is below 0.1 % for light nuclei and reaches 2 % for lead and bismuth.
    limit = 1e-3 if nucleus.mass_number < 32 else 5e-3 if nucleus.mass_number < 100 else 2e-2
    ratio = nucleus.larmor_frequency(10) / nucleus.reference_frequency(10)
    assert abs(ratio - 1) < limit


def test_isotopes_of_an_element_share_abundance_and_the_shielding_of_their_reference() -> None:
    for element in {nucleus.element for nucleus in ALL}:
        family = [nucleus for nucleus in ALL if nucleus.element == element]
        assert sum(nucleus.abundance for nucleus in family) <= 100 + 1e-9
        ratios = [nucleus.gamma / nucleus.xi for nucleus in family]
        # Hyperfine anomalies and four-digit gammas leave up to 0.2 %.
        assert np.ptp(np.abs(ratios)) / abs(ratios[0]) < 3e-3


def test_the_protons_of_tms_resonate_at_one_hundred_megahertz_in_the_defining_field() -> None:
    assert isotope("1H").reference_frequency(2.348731439404777) == pytest.approx(100, rel=1e-14)


@pytest.mark.parametrize("symbol, barn", [("27Al", 0.1466), ("43Ca", -0.0408), ("17O", -0.02558), ("11B", 0.04059)])
def test_quadrupole_moments_on_which_tables_disagree_are_those_of_pyykko_2018(symbol: str, barn: float) -> None:
    assert isotope(symbol).quadrupole == pytest.approx(barn, rel=1e-12)


@pytest.mark.parametrize(
    "symbol, sign", [("29Si", -1), ("17O", -1), ("25Mg", -1), ("27Al", 1), ("15N", -1), ("43Ca", -1)]
)
def test_signs_of_gamma(symbol: str, sign: int) -> None:
    assert math.copysign(1, isotope(symbol).gamma) == sign


def test_field_inverts_the_reference_frequency() -> None:
    for nucleus in ALL:
        assert nucleus.field(nucleus.reference_frequency(14.1)) == pytest.approx(14.1, rel=1e-14)


@pytest.mark.parametrize("name", ["29Si", "Si29", "Si-29", "29-si", " 29Si "])
def test_a_nucleus_is_found_under_its_usual_spellings(name: str) -> None:
    assert isotope(name).symbol == "29Si"


def test_every_element_of_the_table_has_one_default() -> None:
    assert {nucleus.element for nucleus in ALL} == {default_isotope(n.element).element for n in ALL}
    assert default_isotope("Si").symbol == "29Si"
    assert default_isotope("O").symbol == "17O"


def test_an_isotope_is_immutable_and_passes_through() -> None:
    silicon = isotope("29Si")
    assert isotope(silicon) is silicon
    with pytest.raises(dataclasses.FrozenInstanceError):
        silicon.spin = 1.0  # type: ignore[misc]


@pytest.mark.parametrize("name, near", [("28Si", "29Si"), ("30P", "31P"), ("47Ca", "43Ca"), ("Si", "29Si"), ("", "")])
def test_an_unknown_isotope_is_refused_with_near_names(name: str, near: str) -> None:
    with pytest.raises(ValueError, match=f"isotope must be .*{near}") as error:
        isotope(name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["Xx", "29Si", "", None])
def test_an_element_without_nucleus_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="element must be"):
        default_isotope(name)


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_a_field_that_is_none_is_refused(value: float) -> None:
    silicon = isotope("29Si")
    for call in (silicon.larmor_frequency, silicon.reference_frequency, silicon.field):
        with pytest.raises(ValueError, match="positive"):
            call(value)


def test_spins_and_gammas_agree_with_mrsimulator() -> None:
    table = pytest.importorskip("mrsimulator.spin_system.isotope", reason="mrsimulator is not installed")
    for nucleus in ALL:
        if nucleus.symbol in table.ISOTOPE_DATA:
            peer = table.Isotope(symbol=nucleus.symbol)
            assert peer.spin_multiplicity == int(2 * nucleus.spin) + 1
            # 55Mn, 57Fe and 63Cu rest on newer moments there
            assert nucleus.gamma / (2e6 * math.pi) == pytest.approx(peer.gyromagnetic_ratio, rel=5e-3)
