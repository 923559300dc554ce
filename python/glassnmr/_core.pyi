# SPDX-License-Identifier: BSD-3-Clause
# Written by python/bindings/stubs.py.
from collections.abc import Sequence
from typing import Any, SupportsFloat, SupportsInt, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

class BehlerParrinello(Descriptor):
    def __init__(
        self,
        n_species: SupportsInt,
        *,
        cutoff: SupportsFloat,
        angular_cutoff: SupportsFloat,
        g2: ArrayLike,
        g4: ArrayLike,
        g5: ArrayLike,
        channels: ArrayLike,
        weights: tuple[SupportsFloat, SupportsFloat],
    ) -> None: ...
    @property
    def settings(self) -> dict[str, Any]: ...

class ChebyshevArdf(Descriptor):
    def __init__(
        self,
        n_species: SupportsInt,
        *,
        cutoff: SupportsFloat,
        angular_cutoff: SupportsFloat,
        n_radial: SupportsInt,
        n_angular: SupportsInt,
        channels: ArrayLike,
        weights: tuple[SupportsFloat, SupportsFloat],
    ) -> None: ...
    @property
    def settings(self) -> dict[str, Any]: ...

class Descriptor:
    @property
    def name(self) -> str: ...
    @property
    def cutoff(self) -> float: ...
    @property
    def n_species(self) -> int: ...
    @property
    def n_features(self) -> int: ...
    @overload
    def transform(
        self,
        positions: ArrayLike,
        cell: ArrayLike,
        pbc: Sequence[bool],
        species: ArrayLike,
        centres: ArrayLike,
        out: NDArray[np.float64],
        *,
        n_threads: SupportsInt = ...,
    ) -> None: ...
    @overload
    def transform(
        self,
        positions: ArrayLike,
        cell: ArrayLike,
        pbc: Sequence[bool],
        species: ArrayLike,
        centres: ArrayLike,
        out: NDArray[np.float32],
        *,
        n_threads: SupportsInt = ...,
    ) -> None: ...
    def gradient(
        self,
        positions: ArrayLike,
        cell: ArrayLike,
        pbc: Sequence[bool],
        species: ArrayLike,
        centres: ArrayLike,
        dl_drows: ArrayLike,
        *,
        n_threads: SupportsInt = ...,
    ) -> tuple[Any, ...]: ...
    def jacobian(
        self,
        positions: ArrayLike,
        cell: ArrayLike,
        pbc: Sequence[bool],
        species: ArrayLike,
        centres: ArrayLike,
        *,
        n_threads: SupportsInt = ...,
    ) -> NDArray[np.float64]: ...

class Equivariants(Descriptor):
    def __init__(
        self,
        n_species: SupportsInt,
        *,
        cutoff: SupportsFloat,
        n_max: SupportsInt,
        l_max: SupportsInt,
        sigma: SupportsFloat,
        lam: SupportsInt,
        parity: SupportsInt,
        basis: str,
        scaling: tuple[SupportsFloat, SupportsFloat] = ...,
        mixing: ArrayLike = ...,
        body: tuple[bool, bool] = ...,
        weights: tuple[SupportsFloat, SupportsFloat] = ...,
        compression: str = ...,
        pairs: Sequence[tuple[SupportsInt, SupportsInt]] = ...,
    ) -> None: ...
    @property
    def n_components(self) -> int: ...
    @property
    def n_equivariants(self) -> int: ...
    @property
    def settings(self) -> dict[str, Any]: ...
    def feature_index(self) -> NDArray[np.void]: ...

class Kernel:
    def __init__(
        self,
        name: str,
        *,
        kappa: SupportsFloat = ...,
        degree: SupportsInt = ...,
        offset: SupportsFloat = ...,
    ) -> None: ...
    @staticmethod
    def sum(
        kernels: Sequence[Kernel],
        *,
        widths: Sequence[SupportsInt],
        relevance: Sequence[SupportsFloat],
    ) -> Kernel: ...

class Lines:
    def __init__(
        self,
        delta_iso: ArrayLike,
        *,
        coupling: ArrayLike | None = ...,
        eta: ArrayLike | None = ...,
        weight: ArrayLike | None = ...,
        zeta: ArrayLike | None = ...,
        zeta_eta: ArrayLike | None = ...,
        euler: ArrayLike | None = ...,
        component: ArrayLike | None = ...,
        n_components: SupportsInt = ...,
        scale: SupportsFloat = ...,
        order1: SupportsFloat = ...,
        speed: SupportsFloat = ...,
        transitions: ArrayLike | None = ...,
        density: SupportsInt = ...,
    ) -> None: ...
    def fast(
        self,
        axis: tuple[SupportsFloat, SupportsFloat, SupportsInt],
        n_threads: SupportsInt = ...,
    ) -> tuple[Any, ...]: ...
    def powder(
        self,
        axis: tuple[SupportsFloat, SupportsFloat, SupportsInt],
        n_threads: SupportsInt = ...,
    ) -> tuple[Any, ...]: ...
    def shift_sidebands(
        self,
        axis: tuple[SupportsFloat, SupportsFloat, SupportsInt],
        n_threads: SupportsInt = ...,
    ) -> tuple[Any, ...]: ...
    def central_sidebands(
        self,
        axis: tuple[SupportsFloat, SupportsFloat, SupportsInt],
        n_threads: SupportsInt = ...,
    ) -> tuple[Any, ...]: ...
    def sheared(
        self,
        isotropic: ArrayLike,
        axis1: tuple[SupportsFloat, SupportsFloat, SupportsInt],
        axis2: tuple[SupportsFloat, SupportsFloat, SupportsInt],
        n_threads: SupportsInt = ...,
    ) -> tuple[Any, ...]: ...

class LocalModel:
    def gradient(
        self,
        positions: ArrayLike,
        cell: ArrayLike,
        pbc: Sequence[bool],
        species: ArrayLike,
        centres: ArrayLike,
        dl_dvalues: ArrayLike,
        *,
        n_threads: SupportsInt = ...,
    ) -> tuple[Any, ...]: ...
    def derive(self, values: ArrayLike) -> NDArray[np.float64]: ...
    def derive_gradient(self, values: ArrayLike, dl_dderived: ArrayLike) -> NDArray[np.float64]: ...
    def deviations(self, values: ArrayLike, novelty: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
    def half_widths(
        self,
        level: SupportsFloat,
        values: ArrayLike,
        novelty: ArrayLike,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
    @property
    def novelty_limit(self) -> float: ...
    @property
    def cutoff(self) -> float: ...
    @property
    def has_uncertainty(self) -> bool: ...
    @property
    def quantities(self) -> list[str]: ...
    @property
    def derived(self) -> list[str]: ...

class Model(LocalModel):
    def __init__(
        self,
        *,
        descriptor: Descriptor,
        species: Sequence[str],
        isotope: str,
        centre: str,
        kernel: Kernel,
        landmarks: ArrayLike,
        weights: ArrayLike,
        bias: ArrayLike,
        targets: Sequence[str],
        units: Sequence[str],
        reference: tuple[SupportsFloat, SupportsFloat] | None,
        provenance: str,
        uncertainty: Uncertainty | None = ...,
    ) -> None: ...
    @staticmethod
    def load(path: str) -> Model: ...
    def save(self, path: str) -> None: ...
    def predict(
        self,
        positions: ArrayLike,
        cell: ArrayLike,
        pbc: Sequence[bool],
        species: ArrayLike,
        centres: ArrayLike,
        *,
        precision: str = ...,
        n_threads: SupportsInt = ...,
    ) -> NDArray[np.float64]: ...
    def with_reference(self, reference: tuple[SupportsFloat, SupportsFloat] | None, *, provenance: str) -> Model: ...
    @property
    def landmarks(self) -> NDArray[np.float64]: ...
    def predict_with_novelty(
        self,
        positions: ArrayLike,
        cell: ArrayLike,
        pbc: Sequence[bool],
        species: ArrayLike,
        centres: ArrayLike,
        *,
        precision: str = ...,
        n_threads: SupportsInt = ...,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
    def with_intervals(
        self,
        levels: ArrayLike,
        factors: ArrayLike,
        limit: SupportsFloat,
        *,
        exponent: SupportsFloat = ...,
        provenance: str,
    ) -> Model: ...
    @property
    def uncertainty(self) -> dict[str, Any] | None: ...
    @property
    def species(self) -> list[str]: ...
    @property
    def isotope(self) -> str: ...
    @property
    def centre(self) -> str: ...
    @property
    def targets(self) -> list[str]: ...
    @property
    def units(self) -> list[str]: ...
    @property
    def reference(self) -> tuple[float, float] | None: ...
    @property
    def provenance(self) -> str: ...
    @property
    def n_landmarks(self) -> int: ...
    @property
    def descriptor(self) -> Descriptor: ...
    @property
    def kernel(self) -> list[Any]: ...

class MovingStructure:
    def __init__(
        self,
        model: LocalModel,
        positions: ArrayLike,
        cell: ArrayLike,
        pbc: Sequence[bool],
        species: ArrayLike,
        *,
        centre: SupportsInt,
        with_novelty: bool = ...,
        n_threads: SupportsInt = ...,
    ) -> None: ...
    def move(self, atom: SupportsInt, position: ArrayLike) -> NDArray[np.int64]: ...
    def swap(self, a: SupportsInt, b: SupportsInt) -> NDArray[np.int64]: ...
    def insert(self, species: SupportsInt, position: ArrayLike) -> NDArray[np.int64]: ...
    def remove(self, atom: SupportsInt) -> NDArray[np.int64]: ...
    def undo(self) -> None: ...
    def accept(self) -> None: ...
    def values(self, atoms: ArrayLike) -> NDArray[np.float64]: ...
    def novelty(self, atoms: ArrayLike) -> NDArray[np.float64]: ...
    @property
    def size(self) -> int: ...
    @property
    def n_changes(self) -> int: ...
    @property
    def positions(self) -> NDArray[np.float64]: ...
    @property
    def species(self) -> NDArray[np.int32]: ...

class NumericalError(ArithmeticError):
    ...

class Reduced(Descriptor):
    def __init__(self, inner: Descriptor, *, columns: ArrayLike, matrix: ArrayLike, offset: ArrayLike) -> None: ...
    @property
    def inner(self) -> Descriptor: ...
    @property
    def settings(self) -> dict[str, Any]: ...

class RidgePath:
    def __init__(
        self,
        factor: ArrayLike,
        weights: ArrayLike | None = ...,
        *,
        free_bias: bool = ...,
        n_threads: SupportsInt = ...,
    ) -> None: ...
    def solve(self, y: ArrayLike, lam: ArrayLike) -> tuple[Any, ...]: ...
    def leave_out(
        self,
        y: ArrayLike,
        group: ArrayLike,
        *,
        n_groups: SupportsInt,
        lam: ArrayLike,
        n_threads: SupportsInt = ...,
    ) -> NDArray[np.float64]: ...

class Soap(Descriptor):
    def __init__(
        self,
        n_species: SupportsInt,
        *,
        cutoff: SupportsFloat,
        n_max: SupportsInt,
        l_max: SupportsInt,
        sigma: SupportsFloat,
        basis: str,
        scaling: tuple[SupportsFloat, SupportsFloat] = ...,
        mixing: ArrayLike = ...,
        body: tuple[bool, bool] = ...,
        weights: tuple[SupportsFloat, SupportsFloat] = ...,
        angular_filter: SupportsFloat = ...,
        normalise: bool = ...,
        compression: str = ...,
        remove_self: bool = ...,
    ) -> None: ...
    @property
    def n_channels(self) -> int: ...
    @property
    def settings(self) -> dict[str, Any]: ...
    def feature_index(self) -> NDArray[np.void]: ...
    def mixing_gradient(
        self,
        positions: ArrayLike,
        cell: ArrayLike,
        pbc: Sequence[bool],
        species: ArrayLike,
        centres: ArrayLike,
        dl_drows: ArrayLike,
        *,
        n_threads: SupportsInt = ...,
    ) -> NDArray[np.float64]: ...
    def coefficients(
        self,
        positions: ArrayLike,
        cell: ArrayLike,
        pbc: Sequence[bool],
        species: ArrayLike,
        centres: ArrayLike,
        *,
        n_threads: SupportsInt = ...,
    ) -> NDArray[np.float64]: ...

class Surroundings(Descriptor):
    def __init__(
        self,
        own: Descriptor,
        around: Descriptor,
        *,
        centre: SupportsInt,
        neighbours: Sequence[SupportsInt],
        radius: SupportsFloat,
        weight: SupportsFloat,
    ) -> None: ...
    @property
    def own(self) -> Descriptor: ...
    @property
    def around(self) -> Descriptor: ...
    @property
    def settings(self) -> dict[str, Any]: ...

class TensorModel(LocalModel):
    def __init__(
        self,
        *,
        descriptor: Descriptor,
        species: Sequence[str],
        isotope: str,
        centre: str,
        tensor: str,
        parts: Sequence[TensorPart],
        isotropic: Any,
        provenance: str,
        uncertainty: Uncertainty | None = ...,
    ) -> None: ...
    @staticmethod
    def holds_tensors(path: str) -> bool: ...
    @staticmethod
    def load(path: str) -> TensorModel: ...
    def save(self, path: str) -> None: ...
    def predict(
        self,
        positions: ArrayLike,
        cell: ArrayLike,
        pbc: Sequence[bool],
        species: ArrayLike,
        centres: ArrayLike,
        *,
        n_threads: SupportsInt = ...,
    ) -> NDArray[np.float64]: ...
    def predict_with_novelty(
        self,
        positions: ArrayLike,
        cell: ArrayLike,
        pbc: Sequence[bool],
        species: ArrayLike,
        centres: ArrayLike,
        *,
        n_threads: SupportsInt = ...,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
    def with_intervals(
        self,
        names: Sequence[str],
        levels: ArrayLike,
        factors: ArrayLike,
        limit: SupportsFloat,
    ) -> TensorModel: ...
    @property
    def uncertainty(self) -> dict[str, Any] | None: ...
    @property
    def calibrated(self) -> list[str]: ...
    @property
    def species(self) -> list[str]: ...
    @property
    def isotope(self) -> str: ...
    @property
    def centre(self) -> str: ...
    @property
    def tensor(self) -> str: ...
    @property
    def provenance(self) -> str: ...
    @property
    def descriptor(self) -> Descriptor: ...
    @property
    def equivariants(self) -> list[Equivariants]: ...
    @property
    def isotropic(self) -> Model | None: ...

class TensorPart:
    def __init__(
        self,
        *,
        equivariants: Equivariants,
        kernel: str,
        kappa: SupportsFloat,
        degree: SupportsInt,
        offset: SupportsFloat,
        landmarks: ArrayLike,
        weights: ArrayLike,
    ) -> None: ...

class Uncertainty:
    def __init__(self, variance: Variance, *, lam: SupportsFloat, noise: ArrayLike) -> None: ...

class Variance:
    def __init__(
        self,
        *,
        cholesky: ArrayLike,
        root: ArrayLike | None = ...,
        means: ArrayLike | None = ...,
        total_weight: SupportsFloat = ...,
    ) -> None: ...

def central_transition_critical_values(eta: SupportsFloat) -> NDArray[np.float64]: ...

def central_transition_distribution(eta: SupportsFloat, u: SupportsFloat) -> float: ...

def central_transition_frequency(eta: SupportsFloat, x: SupportsFloat, alpha: SupportsFloat) -> float: ...

def config() -> dict[str, Any]: ...

def coupling_coefficients(lam: SupportsInt, l1: SupportsInt, l2: SupportsInt) -> NDArray[np.float64]: ...

def gaussian_from_distances(
    d2: ArrayLike,
    *,
    kappa: SupportsFloat,
    n_threads: SupportsInt = ...,
) -> NDArray[np.float64]: ...

def kernel_diagonal(kernel: Kernel, X: ArrayLike, *, n_threads: SupportsInt = ...) -> NDArray[np.float64]: ...

def kernel_matrix(
    kernel: Kernel,
    X: ArrayLike,
    Y: ArrayLike | None = ...,
    *,
    n_threads: SupportsInt = ...,
) -> NDArray[np.float64]: ...

def kernel_predict(
    kernel: Kernel,
    X: ArrayLike,
    landmarks: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike,
    *,
    variance: Variance | None = ...,
    precision: str = ...,
    n_threads: SupportsInt = ...,
) -> tuple[Any, ...]: ...

def kernel_ridge(
    K: ArrayLike,
    y: ArrayLike,
    *,
    lam: SupportsFloat,
    weights: ArrayLike | None = ...,
) -> tuple[Any, ...]: ...

def leave_one_out(
    factor: ArrayLike,
    y: ArrayLike,
    *,
    lam: SupportsFloat,
    weights: ArrayLike | None = ...,
    n_threads: SupportsInt = ...,
) -> NDArray[np.float64]: ...

def neighbours(
    positions: ArrayLike,
    cell: ArrayLike,
    pbc: Sequence[bool],
    *,
    cutoff: SupportsFloat,
    n_threads: SupportsInt = ...,
) -> tuple[Any, ...]: ...

def radial_functions(
    r: ArrayLike,
    *,
    basis: str,
    cutoff: SupportsFloat,
    n_max: SupportsInt,
    l_max: SupportsInt,
    sigma: SupportsFloat,
    scaling: tuple[SupportsFloat, SupportsFloat] = ...,
    exact: bool = ...,
) -> NDArray[np.float64]: ...

def ridge(
    factor: ArrayLike,
    y: ArrayLike,
    *,
    lam: SupportsFloat,
    counts: ArrayLike,
    weights: ArrayLike | None = ...,
    with_root: bool = ...,
    free_bias: bool = ...,
    n_threads: SupportsInt = ...,
) -> tuple[Any, ...]: ...

def select_landmarks(
    kernel: Kernel | None,
    X: ArrayLike,
    *,
    method: str,
    count: SupportsInt,
    tolerance: SupportsFloat,
    seed: SupportsInt = ...,
    n_threads: SupportsInt = ...,
) -> tuple[Any, ...]: ...

def sideband_limits() -> tuple[float, float]: ...

def solve_triangular(
    L: ArrayLike,
    B: ArrayLike,
    *,
    transposed: bool = ...,
    n_threads: SupportsInt = ...,
) -> NDArray[np.float64]: ...

def spherical_harmonics(xyz: ArrayLike, *, l_max: SupportsInt, n_threads: SupportsInt = ...) -> NDArray[np.float64]: ...

def squared_distances(X: ArrayLike, *, n_threads: SupportsInt = ...) -> NDArray[np.float64]: ...
