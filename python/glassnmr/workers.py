# SPDX-License-Identifier: BSD-3-Clause
"""Many frames through models, always in order: one by one, several at once on threads, or on the workers of Dask."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from glassnmr.io.predictions import Prediction
from glassnmr.sites import is_kind, site_labels

if TYPE_CHECKING:
    from types import TracebackType

    import ase

    from glassnmr.model import NMRModel
    from glassnmr.tensor_model import TensorModel

__all__ = ["Crew", "Found", "PredictedFrame", "available_threads", "predict_frames", "predicted"]

Labels = Mapping[str, NDArray[Any]]
Found = tuple[Labels, tuple[Prediction, ...]]
"""What is found out about a frame: labels that it lacked, and one prediction for each model."""


@dataclass(frozen=True, eq=False)
class PredictedFrame:
    """A frame with what the models say of it.

    number: its place among all frames; atoms: the structure, with the labels asked for among its arrays; predictions:
    one for each model, in their order.
    """

    number: int
    atoms: ase.Atoms
    predictions: tuple[Prediction, ...]


class Crew(Protocol):
    """Who works on frames: `submit` hands one over and returns what gives its result; `in_flight` may wait at once."""

    @property
    def in_flight(self) -> int: ...
    def submit(self, number: int, atoms: ase.Atoms, labels: Sequence[str]) -> Callable[[], Found]: ...
    def __enter__(self) -> Crew: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None: ...


def available_threads() -> int:
    """Threads that this process may well use: OMP_NUM_THREADS, or the processors it may run on."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def predict_frames(frames: Iterable[ase.Atoms], models: Sequence[NMRModel | TensorModel], *, first: int = 0,
                   jobs: int = 1, dask: str | Any | None = None, labels: Sequence[str] = (), n_threads: int = 0,
                   progress: Callable[[int], None] | None = None) -> Generator[PredictedFrame, None, None]:
    """Predict frame after frame, several at once where asked for, in the order given and with the same bits always.

    Only a window of frames, a few for each worker, is read ahead and held. On Dask each worker gets the models once;
    a frame whose worker dies goes to another one.

    Parameters
    ----------
    frames : structures, as from `glassnmr.read_frames`
    models : the models that see each of them
    first : number of the first frame, where earlier ones were predicted by another run
    jobs : frames at once: threads of this process or, with ``dask="local"``, processes; 0 is one for each processor
    dask : None; "local" for workers on this machine; the address of a scheduler, "tcp://host:port", or its scheduler
        file (.json); or a `distributed.Client`. Needs ``pip install 'glassnmr[dask]'``; workers elsewhere need
        glassnmr of the same version. Scripts that use "local" must guard their main part by
        ``if __name__ == "__main__"``, as always with processes.
    labels : per-atom arrays to be counted from bonds where a frame lacks them (`glassnmr.site_labels`)
    n_threads : threads in each frame; 0 shares out the machine: all of them to one job, one in each of many
    progress : called with the number of frames done, earlier ones included

    Yields
    ------
    PredictedFrame

    Raises
    ------
    ValueError
        As `NMRModel.predict_frame`, from the first frame that is wrong, after all before it were yielded; an address
        where nobody answers; workers with another version.
    ImportError
        Dask is asked for and not installed.
    ConnectionError
        The scheduler was lost, or a frame ended several workers one after the other.

    Examples
    --------
    >>> from glassnmr.data.reference import load
    >>> from glassnmr.descriptors import SphericalBesselSOAP
    >>> from glassnmr.model import NMRModel
    >>> data = load("shielding", isotope="29Si")
    >>> model = NMRModel.fit(data, SphericalBesselSOAP(["O", "Si", "Na"], cutoff=3.3, n_max=4, l_max=2))
    >>> found = list(predict_frames(data.structures[:4], [model], jobs=2, labels=["site"]))
    >>> [frame.number for frame in found], found[0].predictions[0].isotope
    ([0, 1, 2, 3], '29Si')
    """
    for name, value in (("first", first), ("jobs", jobs), ("n_threads", n_threads)):
        if not isinstance(value, (int, np.integer)) or value < 0:
            raise ValueError(f"{name} must be a whole number of at least 0, got {value!r}")
    crew: Crew
    if dask is not None:
        from glassnmr.dask_workers import dask_crew

        crew = dask_crew(dask, models, jobs, n_threads)
    elif jobs == 1:
        crew = _Alone(models, n_threads)
    else:
        jobs = jobs or available_threads()
        crew = _Threads(models, jobs, n_threads or max(1, available_threads() // jobs))
    return _in_order(enumerate(frames, start=first), crew, labels, progress)


def _in_order(frames: Iterable[tuple[int, ase.Atoms]], crew: Crew, labels: Sequence[str],
              progress: Callable[[int], None] | None) -> Generator[PredictedFrame, None, None]:
    """Hand frames over until enough are in flight, then wait for the oldest."""
    waiting: deque[tuple[int, ase.Atoms, Callable[[], Found]]] = deque()

    def oldest() -> PredictedFrame:
        number, atoms, result = waiting.popleft()
        counted, predictions = result()
        for name, array in counted.items():
            atoms.set_array(name, array)
        if progress is not None:
            progress(number + 1)
        return PredictedFrame(number, atoms, predictions)

    with crew:
        source = iter(frames)
        failed: Exception | None = None
        while failed is None:
            try:
                number, atoms = next(source)
            except StopIteration:
                break
            except Exception as error:  # a frame that cannot be read: those before it are handed out first
                failed = error
                continue
            lacking = [label for label in labels if label not in atoms.arrays and is_kind(label)]
            waiting.append((number, atoms, crew.submit(number, atoms, lacking)))
            if len(waiting) >= crew.in_flight:
                yield oldest()
        while waiting:
            yield oldest()
        if failed is not None:
            raise failed


def predicted(number: int, atoms: ase.Atoms, models: Sequence[NMRModel | TensorModel], labels: Sequence[str],
              n_threads: int) -> Found:
    """The work on one frame, the same wherever it is done."""
    counted = {label: site_labels(atoms, kind=label) for label in labels}
    return counted, tuple(model.predict_frame(atoms, frame=number, n_threads=n_threads) for model in models)


@dataclass(frozen=True)
class _Alone:
    """This thread, when the result is wanted."""

    models: Sequence[NMRModel | TensorModel]
    n_threads: int
    in_flight = 1

    def submit(self, number: int, atoms: ase.Atoms, labels: Sequence[str]) -> Callable[[], Found]:
        return lambda: predicted(number, atoms, self.models, labels, self.n_threads)

    def __enter__(self) -> _Alone:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class _Threads:
    """Threads of this process: the core works without the interpreter's lock."""

    def __init__(self, models: Sequence[NMRModel | TensorModel], jobs: int, n_threads: int) -> None:
        self.in_flight = 2 * jobs
        self._models, self._n_threads = models, n_threads
        self._pool = ThreadPoolExecutor(jobs, thread_name_prefix="glassnmr")

    def submit(self, number: int, atoms: ase.Atoms, labels: Sequence[str]) -> Callable[[], Found]:
        return self._pool.submit(predicted, number, atoms, self._models, labels, self._n_threads).result

    def __enter__(self) -> _Threads:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
