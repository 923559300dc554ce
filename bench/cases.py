# SPDX-License-Identifier: BSD-3-Clause
"""Named cases. A case prepares its input and returns what is timed and how many items one call handles.

Names are `<what>/<who>`: cases with one <what> do the same work and are measured in turns. `who` is glassnmr or a
peer; a peer that is not installed is skipped with a note.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench import systems

SOAP = {"cutoff": 5.0, "n_max": 8, "l_max": 4, "sigma": 0.4}
FEATOMIC = {"cutoff": {"radius": 5.0, "smoothing": {"type": "ShiftedCosine", "width": 0.5}},
            "density": {"type": "Gaussian", "width": 0.4},
            "basis": {"type": "TensorProduct", "max_angular": 4, "radial": {"type": "Gto", "max_radial": 7}}}


class Work(NamedTuple):
    """What is timed: call() handles `items` things called `unit`."""

    call: Callable[[], Any]
    items: int
    unit: str


@dataclass(frozen=True)
class Case:
    """A named piece of work; prepare(tiny, threads) may raise ImportError where a peer is missing."""

    name: str
    prepare: Callable[[bool, int], Work]


CASES: dict[str, Case] = {}


def case(name: str) -> Callable[[Callable[[bool, int], Work]], Callable[[bool, int], Work]]:
    """Enter a function into the list of cases."""
    def enter(prepare: Callable[[bool, int], Work]) -> Callable[[bool, int], Work]:
        CASES[name] = Case(name, prepare)
        return prepare
    return enter


def structure(kind: str, tiny: bool) -> tuple[Any, list[str]]:
    """Atoms and species of one of the two systems."""
    n_atoms = 27 if tiny else 1728
    if kind == "2 species":
        return systems.silica(n_atoms), ["Si", "O"]
    return systems.packing(n_atoms), ["Na", "Al", "B", "Si", "O"]


def regression(tiny: bool) -> tuple[int, int, int]:
    """N, D, M of the fit."""
    return (60, 20, 15) if tiny else (10_000, 1_500, 1_000)


def _neighbour_cases(cutoff: float) -> None:
    what = f"neighbours {cutoff:g} A"

    @case(f"{what}/glassnmr")
    def own(tiny: bool, threads: int) -> Work:
        from glassnmr import _core

        atoms, _ = structure("2 species", tiny)
        args = (atoms.positions, atoms.cell.array, [True] * 3)
        return Work(lambda: _core.neighbours(*args, cutoff=cutoff, n_threads=threads), len(atoms), "atom")

    @case(f"{what}/vesin")
    def vesin(tiny: bool, threads: int) -> Work:
        from vesin import NeighborList

        atoms, _ = structure("2 species", tiny)
        search = NeighborList(cutoff=cutoff, full_list=True)
        return Work(lambda: search.compute(points=atoms.positions, box=atoms.cell.array, periodic=True,
                                           quantities="ijD"), len(atoms), "atom")

    @case(f"{what}/ase")
    def ase_list(tiny: bool, threads: int) -> Work:
        from ase.neighborlist import neighbor_list

        atoms, _ = structure("2 species", tiny)
        return Work(lambda: neighbor_list("ijD", atoms, cutoff), len(atoms), "atom")


def _soap_cases(kind: str) -> None:
    @case(f"coefficients {kind}/glassnmr")
    def coefficients(tiny: bool, threads: int) -> Work:
        from glassnmr.descriptors import SphericalBesselSOAP

        atoms, species = structure(kind, tiny)
        soap = SphericalBesselSOAP(species, **SOAP)
        return Work(lambda: soap.coefficients(atoms, n_threads=threads), len(atoms), "environment")

    @case(f"power spectrum {kind}, new array/glassnmr")
    def fresh(tiny: bool, threads: int) -> Work:
        from glassnmr.descriptors import SphericalBesselSOAP

        atoms, species = structure(kind, tiny)
        soap = SphericalBesselSOAP(species, **SOAP)
        return Work(lambda: soap.transform(atoms, n_threads=threads), len(atoms), "environment")

    @case(f"power spectrum {kind}, reused array/glassnmr")
    def reused(tiny: bool, threads: int) -> Work:
        from glassnmr.descriptors import SphericalBesselSOAP

        atoms, species = structure(kind, tiny)
        soap = SphericalBesselSOAP(species, **SOAP)
        out = np.empty((len(atoms), soap.n_features))
        return Work(lambda: soap.transform(atoms, out=out, n_threads=threads), len(atoms), "environment")

    @case(f"power spectrum {kind}, reused float32 array/glassnmr")
    def single(tiny: bool, threads: int) -> Work:
        from glassnmr.descriptors import SphericalBesselSOAP

        atoms, species = structure(kind, tiny)
        soap = SphericalBesselSOAP(species, **SOAP)
        out = np.empty((len(atoms), soap.n_features), dtype=np.float32)
        return Work(lambda: soap.transform(atoms, out=out, n_threads=threads), len(atoms), "environment")

    @case(f"power spectrum {kind}, new array/dscribe")
    def dscribe(tiny: bool, threads: int) -> Work:
        from dscribe.descriptors import SOAP as DscribeSOAP

        atoms, species = structure(kind, tiny)
        soap = DscribeSOAP(species=species, r_cut=5.0, n_max=8, l_max=4, sigma=0.4, rbf="gto", periodic=True)
        return Work(lambda: soap.create(atoms), len(atoms), "environment")

    @case(f"power spectrum {kind}, new array/featomic")
    def featomic(tiny: bool, threads: int) -> Work:
        from featomic import SoapPowerSpectrum

        atoms, _ = structure(kind, tiny)
        calculator = SoapPowerSpectrum(**FEATOMIC)
        return Work(lambda: calculator.compute(atoms), len(atoms), "environment")

    @case(f"power spectrum {kind}, new array/quippy")
    def quippy(tiny: bool, threads: int) -> Work:
        from ase.data import atomic_numbers
        from quippy.descriptors import Descriptor

        atoms, species = structure(kind, tiny)
        numbers = " ".join(str(atomic_numbers[symbol]) for symbol in species)
        soap = Descriptor(f"soap cutoff=5.0 cutoff_transition_width=0.5 n_max=8 l_max=4 atom_sigma=0.4 "
                          f"n_Z={len(species)} Z={{{numbers}}} n_species={len(species)} species_Z={{{numbers}}}")
        return Work(lambda: soap.calc(atoms, grad=False), len(atoms), "environment")


def _triplet_cases(kind: str) -> None:
    def functions() -> tuple[Any, Any]:
        """f_c and 10 shifted G2; 12 centred G4, lambda = -1, 1 and zeta = 1, 4."""
        from glassnmr.descriptors import BehlerParrinello

        g2 = np.vstack([[0.0, 0.0], BehlerParrinello.radial_grid(5.0, 10)])
        return g2, BehlerParrinello.angular_grid(5.0, 3, zetas=(1, 4))

    @case(f"symmetry functions {kind}/glassnmr")
    def behler(tiny: bool, threads: int) -> Work:
        from glassnmr.descriptors import BehlerParrinello

        atoms, species = structure(kind, tiny)
        g2, g4 = functions()
        model = BehlerParrinello(species, 5.0, g2=g2, g4=g4)
        return Work(lambda: model.transform(atoms, n_threads=threads), len(atoms), "environment")

    @case(f"symmetry functions {kind}/dscribe")
    def dscribe(tiny: bool, threads: int) -> Work:
        from dscribe.descriptors import ACSF

        atoms, species = structure(kind, tiny)
        g2, g4 = functions()
        model = ACSF(r_cut=5.0, g2_params=g2[1:], g4_params=g4[:, :3], species=species, periodic=True)
        return Work(lambda: model.create(atoms), len(atoms), "environment")

    @case(f"distribution functions {kind}/glassnmr")
    def ardf(tiny: bool, threads: int) -> Work:
        from glassnmr.descriptors import ChebyshevARDF

        atoms, species = structure(kind, tiny)
        model = ChebyshevARDF(species, 5.0)
        return Work(lambda: model.transform(atoms, n_threads=threads), len(atoms), "environment")


def _gradient_cases(kind: str) -> None:
    def pulled(name: str, make: Callable[[list[str]], Any]) -> None:
        @case(f"gradient {name}{kind}/glassnmr")
        def own(tiny: bool, threads: int) -> Work:
            atoms, species = structure(kind, tiny)
            model = make(species)
            given = np.ones((len(atoms), model.n_features))
            return Work(lambda: model.gradient(atoms, given, n_threads=threads), len(atoms), "environment")

    def soap(species: list[str]) -> Any:
        from glassnmr.descriptors import SphericalBesselSOAP

        return SphericalBesselSOAP(species, **SOAP)

    def behler(species: list[str]) -> Any:
        from glassnmr.descriptors import BehlerParrinello

        return BehlerParrinello(species, 5.0, g4=BehlerParrinello.angular_grid(5.0, 3, zetas=(1, 4)))

    def ardf(species: list[str]) -> Any:
        from glassnmr.descriptors import ChebyshevARDF

        return ChebyshevARDF(species, 5.0)

    pulled("", soap)
    pulled("symmetry functions ", behler)
    pulled("distribution functions ", ardf)

    @case(f"gradient {kind}/featomic")
    def featomic(tiny: bool, threads: int) -> Work:
        from featomic import SoapPowerSpectrum

        n_atoms = 27 if tiny else 216  # its array of derivatives takes 0.6 MB an atom
        atoms = systems.silica(n_atoms) if kind == "2 species" else systems.packing(n_atoms)
        calculator = SoapPowerSpectrum(**FEATOMIC)
        return Work(lambda: calculator.compute(atoms, gradients=["positions"]), len(atoms), "environment")


def plain_cholesky(X: NDArray[np.float64], count: int, kappa: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Pivots (count,) and factor (count, N) of the Gaussian kernel by the textbook's loop, one row at a time."""
    squares, left = np.einsum("ij,ij->i", X, X), np.ones(len(X))
    index, factor = np.zeros(count, dtype=np.int64), np.zeros((count, len(X)))
    for k in range(count):
        p = index[k] = np.argmax(left)
        row = np.exp(-kappa * np.maximum(squares + squares[p] - 2 * (X @ X[p]), 0)) - factor[:k, p] @ factor[:k]
        factor[k] = row / np.sqrt(left[p])
        left = np.maximum(left - factor[k] ** 2, 0)
    return index, factor


def _learning_cases() -> None:
    @case("set-up of the descriptor/glassnmr")
    def set_up(tiny: bool, threads: int) -> Work:
        from glassnmr.descriptors import SphericalBesselSOAP

        return Work(lambda: SphericalBesselSOAP(["Na", "Al", "B", "Si", "O"], **SOAP), 1, "descriptor")

    def own(tiny: bool, threads: int, landmarks: str = "icd") -> Any:
        from glassnmr.learning import LSSVR

        return LSSVR(kappa=0.05, lam=1e-6, n_landmarks=regression(tiny)[2], landmarks=landmarks, n_threads=threads)

    def learner(who: str, tiny: bool, threads: int) -> Any:
        n_landmarks = regression(tiny)[2]
        if who == "glassnmr":
            return own(tiny, threads)
        if who == "scikit-learn KernelRidge":
            from sklearn.kernel_ridge import KernelRidge

            return KernelRidge(kernel="rbf", gamma=0.05, alpha=1e-6)
        from sklearn.kernel_approximation import Nystroem
        from sklearn.linear_model import Ridge
        from sklearn.pipeline import make_pipeline

        return make_pipeline(Nystroem(gamma=0.05, n_components=n_landmarks, random_state=0), Ridge(alpha=1e-6))

    for who in ("glassnmr", "scikit-learn KernelRidge", "scikit-learn Nystroem"):
        @case(f"fit/{who}")
        def fit(tiny: bool, threads: int, who: str = who) -> Work:
            X, y = systems.table(*regression(tiny)[:2])
            model = learner(who, tiny, threads)
            return Work(lambda: model.fit(X, y), 1, "fit")

        @case(f"predict/{who}")
        def predict(tiny: bool, threads: int, who: str = who) -> Work:
            n, d, _ = regression(tiny)
            X, y = systems.table(n, d)
            model = learner(who, tiny, threads).fit(X, y)
            fresh = systems.table(20 if tiny else 2_000, d, seed=5)[0]
            return Work(lambda: model.predict(fresh), len(fresh), "environment")

    for method in ("icd", "rpcholesky", "fps", "entropy", "kmeans", "random"):
        @case(f"fit by landmarks/{method}")
        def by_landmarks(tiny: bool, threads: int, method: str = method) -> Work:
            X, y = systems.table(*regression(tiny)[:2])
            model = own(tiny, threads, method)
            return Work(lambda: model.fit(X, y), 1, "fit")

    @case("pivots and factor/glassnmr")
    def pivots(tiny: bool, threads: int) -> Work:
        from glassnmr.learning import select_landmarks

        n, d, m = regression(tiny)
        X = systems.table(n, d)[0]
        return Work(lambda: select_landmarks(X, m, kappa=0.05, tolerance=0.0, n_threads=threads), 1, "choice")

    @case("pivots and factor/NumPy incomplete Cholesky")
    def pivots_numpy(tiny: bool, threads: int) -> Work:
        n, d, m = regression(tiny)
        X = systems.table(n, d)[0]
        return Work(lambda: plain_cholesky(X, m, 0.05), 1, "choice")

    @case("farthest points/glassnmr")
    def farthest(tiny: bool, threads: int) -> Work:
        from glassnmr.learning import select_landmarks

        n, d, m = regression(tiny)
        X = systems.table(n, d)[0]
        return Work(lambda: select_landmarks(X, m, method="fps", kernel="linear", n_threads=threads), 1, "choice")

    @case("farthest points/skmatter")
    def farthest_skmatter(tiny: bool, threads: int) -> Work:
        from skmatter.sample_selection import FPS

        n, d, m = regression(tiny)
        X = systems.table(n, d)[0]
        return Work(lambda: FPS(n_to_select=m).fit(X), 1, "choice")


def _precision_cases() -> None:
    """Long rows: what the machine's matrix product alone would take beside the whole prediction."""
    def problem(tiny: bool, threads: int) -> tuple[Any, Any]:
        from glassnmr.learning import LSSVR

        n, d, m = (60, 20, 15) if tiny else (3_000, 4_100, 1_000)
        model = LSSVR(kappa=0.05, lam=1e-6, n_landmarks=m, n_threads=threads).fit(*systems.table(n, d))
        return model, systems.table(20 if tiny else 2_000, d, seed=5)[0]

    for precision in ("double", "single"):
        @case(f"predict 4100 x 1000, {precision}/glassnmr")
        def predict(tiny: bool, threads: int, precision: str = precision) -> Work:
            model, X = problem(tiny, threads)
            return Work(lambda: model.predict(X, precision=precision), len(X), "environment")

        @case(f"predict 4100 x 1000, {precision}/NumPy, the product of rows and landmarks alone")
        def product(tiny: bool, threads: int, precision: str = precision) -> Work:
            model, X = problem(tiny, threads)
            kind = np.float64 if precision == "double" else np.float32
            rows, landmarks = X.astype(kind), model.landmarks_.astype(kind)
            return Work(lambda: rows @ landmarks.T, len(X), "environment")

    @case("predict 4100 x 1000, double with deviation/glassnmr")
    def deviation(tiny: bool, threads: int) -> Work:
        model, X = problem(tiny, threads)
        return Work(lambda: model.predict(X, return_std=True), len(X), "environment")


for _cutoff in (5.0, 8.0):
    _neighbour_cases(_cutoff)
for _kind in ("2 species", "5 species"):
    _soap_cases(_kind)
    _triplet_cases(_kind)
    _gradient_cases(_kind)
_learning_cases()
_precision_cases()

from bench import equivariant_cases, moving_cases, spectra_cases  # noqa: E402, F401  # enter their cases, with what stands above
