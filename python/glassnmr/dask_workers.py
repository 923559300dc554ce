# SPDX-License-Identifier: BSD-3-Clause
"""Dask's workers at work on frames: models go to each worker once, as the bytes of their files."""

from __future__ import annotations

import tempfile
import time
import uuid
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import glassnmr
from glassnmr.workers import Found, available_threads, predicted

try:
    import distributed
    from distributed.comm.core import CommClosedError
except ImportError:
    raise ImportError("Dask needs dask and distributed: pip install 'glassnmr[dask]'") from None

if TYPE_CHECKING:
    import ase

    from glassnmr.model import NMRModel
    from glassnmr.tensor_model import TensorModel

__all__ = ["DaskCrew", "dask_crew"]

_ANSWER = 30  # seconds until a scheduler has to answer, or to have a worker
_AHEAD = 3  # frames for each thread of a worker: one in work, one on its way, one waiting
_RECOUNT = 5.0  # seconds between counts of the workers, which may come and go

_HELD: dict[str, tuple[NMRModel | TensorModel, ...]] = {}
"""On a worker: the models of each run."""


class Models(distributed.WorkerPlugin):
    """Models on every worker, also on those that join later."""

    def __init__(self, run: str, files: tuple[bytes, ...]) -> None:
        self.run, self.files, self.name = run, files, f"glassnmr-{run}"

    def setup(self, worker: Any) -> None:
        """Load the models, once for the process."""
        del worker
        if self.run not in _HELD:
            _HELD[self.run] = tuple(map(_unpacked, self.files))

    def teardown(self, worker: Any) -> None:
        """Forget them."""
        del worker
        _HELD.pop(self.run, None)


def _packed(model: NMRModel | TensorModel) -> bytes:
    with tempfile.TemporaryDirectory(prefix="glassnmr-") as folder:
        file = Path(folder, "model.gnmr")
        model.save(file)
        return file.read_bytes()


def _unpacked(content: bytes) -> NMRModel | TensorModel:
    from glassnmr.tensor_model import load_model

    with tempfile.TemporaryDirectory(prefix="glassnmr-") as folder:
        file = Path(folder, "model.gnmr")
        file.write_bytes(content)
        return load_model(file)


def _about() -> tuple[str, str]:
    """Version and instruction level of a worker."""
    found = glassnmr.config()
    return glassnmr.__version__, str(found["level"])


Frame = tuple[NDArray[Any], NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]


def _work(run: str, number: int, frame: Frame, labels: Sequence[str], n_threads: int) -> Found:
    """One frame on a worker."""
    import ase

    numbers, positions, cell, pbc = frame
    atoms = ase.Atoms(numbers=numbers, positions=positions, cell=cell, pbc=pbc)
    return predicted(number, atoms, _HELD[run], labels, n_threads)


def dask_crew(where: Any, models: Sequence[NMRModel | TensorModel], jobs: int, n_threads: int) -> DaskCrew:
    """Workers at `where`: "local", the address or the file of a scheduler, or a client; `jobs` of them if local."""
    with ExitStack() as opened:
        if isinstance(where, distributed.Client):
            client = where
        elif where == "local":
            n = jobs or available_threads()
            cluster = opened.enter_context(distributed.LocalCluster(
                n_workers=n, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0))
            client = opened.enter_context(distributed.Client(cluster))
        elif isinstance(where, str) and ("://" in where or where.endswith(".json")):
            client = opened.enter_context(_remote(where))
        else:
            raise ValueError("dask must be 'local', the address of a scheduler such as tcp://host:8786, its scheduler "
                             f"file (.json) or a distributed.Client, got {where!r}")
        _check(client)
        return DaskCrew(client, models, n_threads or 1, opened.pop_all())


def _remote(where: str) -> Any:
    try:
        if "://" in where:
            return distributed.Client(where, timeout=_ANSWER)
        if not Path(where).is_file():
            raise FileNotFoundError(f"there is no scheduler file {where}")
        return distributed.Client(scheduler_file=where, timeout=_ANSWER)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise ValueError(f"no Dask scheduler answers at {where} within {_ANSWER} s") from error


def _check(client: Any) -> None:
    """Workers are there, with this version of glassnmr; another instruction level is told."""
    where = client.scheduler.address if client.scheduler is not None else "Dask"
    try:
        client.wait_for_workers(1, timeout=_ANSWER)
    except TimeoutError as error:
        raise ValueError(f"the Dask scheduler at {where} has no workers") from error
    try:
        found = client.run(_about)
    except ImportError as error:
        raise ValueError(f"a worker at {where} cannot import glassnmr ({error}): install it there") from error
    own = _about()
    for worker, (version, level) in found.items():
        if version != own[0]:
            raise ValueError(f"worker {worker} has glassnmr {version}, here is {own[0]}: install the same version")
        if level != own[1]:
            warnings.warn(f"worker {worker} runs level {level}, this machine {own[1]}: last digits may differ; "
                          "GLASSNMR_LEVEL makes them alike", stacklevel=2)


class DaskCrew:
    """Workers of a Dask cluster. What dies with a worker is done again by another one."""

    def __init__(self, client: Any, models: Sequence[NMRModel | TensorModel], n_threads: int,
                 opened: ExitStack) -> None:
        self._client, self._n_threads, self._opened = client, n_threads, opened
        self._run = uuid.uuid4().hex
        self._plugin = Models(self._run, tuple(map(_packed, models)))
        self._flying: set[Any] = set()
        self._counted, self._slots = -_RECOUNT, 1

    @property
    def in_flight(self) -> int:
        """A few frames for each thread of all workers that are there now."""
        now = time.monotonic()
        if now - self._counted >= _RECOUNT:
            self._counted = now
            with suppress(OSError):  # the next result tells that the scheduler is gone
                self._slots = max(1, sum(self._client.nthreads().values()))
        return _AHEAD * self._slots

    def submit(self, number: int, atoms: ase.Atoms, labels: Sequence[str]) -> Callable[[], Found]:
        """Send a frame: numbers, positions, cell and periodicity, no more."""
        frame = (atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc)
        future = self._client.submit(_work, self._run, number, frame, tuple(labels), self._n_threads, pure=False)
        self._flying.add(future)
        return lambda: self._result(future, number)

    def _result(self, future: Any, number: int) -> Found:
        try:
            found: Found = future.result()
        except distributed.KilledWorker as error:
            raise ConnectionError(f"frame {number} was lost: workers that took it died one after the other") from error
        except (distributed.CancelledError, CommClosedError) as error:
            raise ConnectionError(f"the Dask scheduler was lost before frame {number} was done") from error
        self._flying.discard(future)
        return found

    def __enter__(self) -> DaskCrew:
        try:
            self._client.register_plugin(self._plugin)
        except BaseException:
            self._opened.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with self._opened, suppress(OSError, distributed.CancelledError):
            self._client.cancel(list(self._flying))
            self._flying.clear()
            self._client.unregister_worker_plugin(self._plugin.name)
