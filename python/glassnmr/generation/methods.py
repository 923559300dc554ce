# SPDX-License-Identifier: BSD-3-Clause
"""The methods that compute NMR tensors, by name, and the one way to run them over structures."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ase import Atoms

from glassnmr.generation import abinit_efg, campaign, pyscf_shielding
from glassnmr.generation.campaign import Outcome

__all__ = ["Method", "assemble", "generate", "methods"]


@dataclass(frozen=True)
class Method:
    """One way to compute a tensor.

    summary : what it computes, for which structures
    array : name of the per-atom array that results carry; ``"efg"`` (a.u.) or ``"ms"`` (ppm, shielding)
    compute : ``compute(atoms, folder, timeout=seconds, **settings) -> Atoms``
    missing : tells what is not installed and how to get it; empty when all is there
    settings : the names that `settings` may hold, with their defaults
    """

    summary: str
    array: str
    compute: Callable[..., Atoms]
    missing: Callable[[], str]
    settings: Mapping[str, Any]


def _defaults(function: Callable[..., Any]) -> dict[str, Any]:
    return {name: p.default for name, p in inspect.signature(function).parameters.items()
            if p.kind is inspect.Parameter.KEYWORD_ONLY}


methods: dict[str, Method] = {
    "abinit-efg": Method("electric field gradients of every atom of a periodic cell (ABINIT, PAW-PBE)", "efg",
                         abinit_efg.compute, abinit_efg.missing, _defaults(abinit_efg.abinit_input)),
    "pyscf-giao": Method("magnetic shielding of the first atom of a cluster (PySCF, GIAO-PBE)", "ms",
                         pyscf_shielding.compute, pyscf_shielding.missing, _defaults(pyscf_shielding.shielding)),
}
"""Every method by the name that `generate` and the command line take."""


def _method(name: str, settings: Mapping[str, Any] | None) -> Method:
    if name not in methods:
        raise ValueError(f"method must be one of {', '.join(methods)}, got {name!r}")
    unknown = sorted(set(settings or {}) - set(methods[name].settings))
    if unknown:
        raise ValueError(f"{name} knows the settings {', '.join(methods[name].settings)}, not {', '.join(unknown)}")
    return methods[name]


def generate(structures: Iterable[Atoms], method: str, folder: str | os.PathLike[str], *, jobs: int = 1,
             retry: bool = False, timeout: float | None = None,
             settings: Mapping[str, Any] | None = None) -> Iterator[Outcome]:
    """Compute the tensors of structures by a method, one result file each in `folder`; yields what became of each.

    Run it again with the same folder to go on where it ended: finished structures are kept, failed ones are tried again
    only with `retry`. One that fails, crashes or takes more than `timeout` seconds stops no other.

    Parameters
    ----------
    structures : periodic cells for ``"abinit-efg"``, neutral clusters for ``"pyscf-giao"`` (see `sample`)
    jobs : calculations at once, one thread each
    settings : of the method, see ``methods[method].settings``; results of other settings are told apart

    Raises
    ------
    ValueError for an unknown method or setting, ImportError when the program it needs is not installed.
    """
    chosen = _method(method, settings)
    if chosen.missing():
        raise ImportError(chosen.missing())
    return campaign.run(structures, chosen.compute, folder, method=method, settings=dict(settings or {}), jobs=jobs,
                        retry=retry, timeout=timeout)


def assemble(structures: Iterable[Atoms], method: str, folder: str | os.PathLike[str], *,
             settings: Mapping[str, Any] | None = None) -> list[Atoms]:
    """The finished results of `generate` for these structures, in their order, with the tensors as arrays.

    `info` of the structures given, such as a `group`, is kept.
    """
    _method(method, settings)
    return list(campaign.results(structures, folder, method=method, settings=dict(settings or {})))
