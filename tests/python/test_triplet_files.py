# SPDX-License-Identifier: BSD-3-Clause
"""Model files with symmetry functions and distribution functions: kept to the bit, damaged records refused."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from glassnmr.descriptors import reduce_descriptor
from glassnmr.learning import LSSVR
from glassnmr.model import NMRModel
from glassnmr.table import Dataset
from test_triplets import KINDS


@pytest.fixture(scope="module")
def glass() -> Atoms:
    """27 atoms on a rattled lattice, nine of them Si."""
    rng = np.random.default_rng(6)
    grid = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), -1).reshape(-1, 3) * 2.5
    return Atoms(rng.permutation(["Si"] * 9 + ["O"] * 16 + ["Na"] * 2), grid + rng.uniform(-0.3, 0.3, (27, 3)),
                 cell=[7.5] * 3, pbc=True)


def small_data(glass: Atoms) -> Dataset:
    """The Si atoms of the glass with made-up shieldings."""
    centres = np.flatnonzero(glass.numbers == 14)
    n = len(centres)
    return Dataset(structures=[glass], structure=np.zeros(n, int), centre=centres, element=np.array(["Si"] * n),
                   isotope=np.array(["29Si"] * n), tensors={}, scalars={"sigma_iso": np.linspace(400, 440, n)},
                   source=np.array(["made up"] * n), group=np.array(["g"] * n))


@pytest.mark.parametrize("kind", [*KINDS, "reduced"])
def test_model_files_hold_them(glass: Atoms, tmp_path: Path, kind: str) -> None:
    model = KINDS["ARDF" if kind == "reduced" else kind]()
    if kind == "reduced":
        model = reduce_descriptor(model, model.transform(glass), 4, method="cur")
    data = small_data(glass)
    made = NMRModel.fit(data, model, LSSVR(n_landmarks=5, kappa=1e-3, lam=1e-6))
    made.save(tmp_path / "m.gnmr")
    again = NMRModel.load(tmp_path / "m.gnmr")
    assert type(again.descriptor) is type(model)
    np.testing.assert_array_equal(again.descriptor.transform(glass), model.transform(glass))
    if kind != "reduced":
        assert again.descriptor.get_params() == model.get_params()
    (a,), (b,) = made.predict([glass]), again.predict([glass])
    np.testing.assert_array_equal(a.values["sigma_iso"], b.values["sigma_iso"])
    rows = model.transform(glass, "Si")
    fitted = LSSVR(n_landmarks=5, kappa=1e-3, lam=1e-6).fit(rows, data.target("sigma_iso"))
    np.testing.assert_allclose(a.values["sigma_iso"], fitted.predict(rows), rtol=1e-9)


def with_record(path: Path, name: str, values: list[float] | None) -> Path:
    """A copy of a model file, checksum right, one record of numbers replaced or left out: THEORY.md eq. (10.1)."""
    data = path.read_bytes()
    (count,) = struct.unpack_from("<I", data, 12)
    at, records = 16, []
    for _ in range(count):
        start = at
        (length,) = struct.unpack_from("<I", data, at)
        found = data[at + 4:at + 4 + length].decode()
        kind, n_dim = data[at + 4 + length], data[at + 5 + length]
        at += 6 + length
        shape = struct.unpack_from(f"<{n_dim}Q", data, at)
        at += 8 * n_dim + int(np.prod(shape)) * {0: 1, 1: 8, 2: 4, 3: 8}[kind]
        if found != name:
            records.append(data[start:at])
        elif values is not None:
            shape = () if n_dim == 0 else (len(values),)
            records.append(data[start:start + 5 + length] + struct.pack(f"<B{len(shape)}Q{len(values)}d", len(shape),
                                                                        *shape, *values))
    assert at == len(data) - 4
    body = data[:12] + struct.pack("<I", len(records)) + b"".join(records)
    other = path.with_name("other.gnmr")
    other.write_bytes(body + struct.pack("<I", zlib.crc32(body)))
    return other


@pytest.mark.parametrize(("kind", "name", "values", "message"), [
    ("G2, G4, G5", "g2", [1.0, 2.0, 3.0], 'damaged model file: record "g2"'),
    ("G2, G4, G5", "g4", [0.1] * 5, 'damaged model file: record "g4"'),
    ("G2, G4, G5", "g4", [0.1, 1.5, 1.0, 0.0], r"zeta of g4 must be a whole number in 1\.\.1024, got 1.5"),
    ("G2, G4, G5", "g5", [np.nan, 1.0, 1.0, 0.0], "eta of g5 must be finite"),
    ("G2, G4, G5", "g5", None, 'damaged model file: record "g5"'),
    ("weighted", "channels", [1.0, 2.0], 'damaged model file: record "channels"'),
    ("weighted", "channels", [1.0, 2.0, np.inf], "channels must be finite"),
    ("ARDF", "angular_cutoff", [9.0], "angular_cutoff must be positive and at most the cutoff"),
    ("ARDF", "cutoff", [-1.0], "cutoff must be positive and finite"),
    ("ARDF", "n_radial", [1.5], 'damaged model file: record "n_radial"'),
    ("ARDF", "n_angular", [5000.0], "n_angular must be at most 1000"),
    ("ARDF", "body_weights", [1.0], 'damaged model file: record "body_weights"'),
    ("ARDF", "n_radial", [7.0], "landmarks"),  # rows of another length than theirs
])
def test_damaged_records_are_refused(glass: Atoms, tmp_path: Path, kind: str, name: str, values: list[float] | None,
                                     message: str) -> None:
    NMRModel.fit(small_data(glass), KINDS[kind](), LSSVR(n_landmarks=5, lam=1e-6)).save(tmp_path / "m.gnmr")
    assert with_record(tmp_path / "m.gnmr", "absent", None).read_bytes() == (tmp_path / "m.gnmr").read_bytes()
    with pytest.raises(ValueError, match=message):
        NMRModel.load(with_record(tmp_path / "m.gnmr", name, values))
