# SPDX-License-Identifier: BSD-3-Clause
"""Slow spectra from the whole Hamiltonian: eigenvalues for every direction of the field, phases summed in time."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
MAGIC = math.acos(1 / math.sqrt(3))


def spin_operators(spin: float) -> NDArray[np.complex128]:
    """I_x, I_y, I_z with m falling."""
    m = np.arange(spin, -spin - 1, -1)
    plus = np.diag(np.sqrt(spin * (spin + 1) - m[1:] * (m[1:] + 1)), 1)
    return np.array([(plus + plus.T) / 2, (plus - plus.T) / 2j, np.diag(m)])


def gradient(coupling: float, eta: float) -> Array:
    """C_Q times the field gradient in units of V_zz, in its principal axes."""
    return coupling * np.diag([(eta - 1) / 2, -(1 + eta) / 2, 1.0])


def shift_tensor(zeta: float, eta: float, rotation: Array | None = None) -> Array:
    """Haeberlen's traceless tensor, turned."""
    turned = np.eye(3) if rotation is None else rotation
    return turned @ np.diag([-zeta * (1 + eta) / 2, -zeta * (1 - eta) / 2, zeta]) @ turned.T


def transition_frequencies(spin: float, larmor: float, efg: Array, shift: Array, b: Array, across: bool = False
                           ) -> Array:
    """Offsets (n, 2I) from the Larmor frequency of the transitions m -> m - 1 with the field along b (n, 3).

    `efg` is in frequency units, `shift` is a fraction of one. The field is the quantisation axis of exact eigenstates.
    `across` counts the part of the shift across the field, too, which the engine leaves out.
    """
    i = spin_operators(spin)
    felt = b + b @ shift if across else b * (1 + np.einsum("na,ab,nb->n", b, shift, b))[:, None]
    zeeman = -larmor * np.einsum("na,aij->nij", felt, i)
    quadrupolar = np.einsum("ab,aij,bjk->ik", efg, i, i) / (2 * spin * (2 * spin - 1)) if spin > 0.5 else 0.0
    energies = np.linalg.eigvalsh(zeeman + quadrupolar)
    return np.diff(energies, axis=1) - larmor


def golden_sphere(n: int, half: bool = True) -> Array:
    """Even directions (n, 3), of the upper half."""
    k = np.arange(n)
    z = (k + 0.5) / n if half else 1 - (2 * k + 1) / n
    phi = 2 * np.pi * ((k * 0.5 * (math.sqrt(5) - 1)) % 1)
    r = np.sqrt(1 - z**2)
    return np.stack([r * np.cos(phi), r * np.sin(phi), z], axis=1)


def rotor_bands(spin: float, larmor: float, efg: Array, shift: Array, speed: float, n: int, times: int, kept: list[int]
                ) -> tuple[Array, Array]:
    """Frequencies and weights (n, transitions, times) of all sidebands of a powder under magic-angle spinning."""
    axis = golden_sphere(n)
    one = np.cross(axis, [0.12, 0.85, 0.51])
    one /= np.linalg.norm(one, axis=1, keepdims=True)
    two = np.cross(axis, one)
    turn = 2 * np.pi * np.arange(times) / times
    b = (math.cos(MAGIC) * axis[:, None] + math.sin(MAGIC)
         * (np.cos(turn)[:, None] * one[:, None] + np.sin(turn)[:, None] * two[:, None]))
    offsets = transition_frequencies(spin, larmor, efg, shift, b.reshape(-1, 3))[:, kept].reshape(n, times, -1)
    mean = offsets.mean(axis=1, keepdims=True)
    spectrum = np.fft.fft(offsets - mean, axis=1)
    order = np.fft.fftfreq(times, 1 / times)
    spectrum[:, (order == -times / 2) | (order == 0)] = 0
    phase = np.fft.ifft(spectrum / (1j * np.where(order == 0, 1, order)[:, None]), axis=1).real / speed
    weights = np.abs(np.fft.fft(np.exp(1j * phase), axis=1) / times) ** 2
    places = mean + order[None, :, None] * speed
    return np.broadcast_to(places, weights.shape), weights / n


def lines(places: Array, weights: Array, ppm: Array, fwhm: float) -> Array:
    """Gaussians (ppm) of width fwhm on an axis, per ppm: each straight on the points that it reaches."""
    step, sigma = ppm[1] - ppm[0], fwhm / math.sqrt(8 * math.log(2))
    fine = 8 * (len(ppm) - 1) + 1  # points of an eighth of a step
    at = (places.ravel() - ppm[0]) / (step / 8)
    within = (at >= 0) & (at < fine - 1)
    at, w = at[within], weights.ravel()[within]
    below = at.astype(int)
    bins = np.bincount(below, w * (1 - at + below), fine) + np.bincount(below + 1, w * (at - below), fine)
    reach = math.ceil(5 * fwhm / (step / 8))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * step / 8 / sigma) ** 2)
    return np.convolve(bins, kernel / (sigma * math.sqrt(2 * math.pi)), "same")[::8]
