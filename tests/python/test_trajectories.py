# SPDX-License-Identifier: BSD-3-Clause
"""Trajectories of every format: the same frames from all of them, chosen, streamed, with bounded memory."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest
from ase.io.vasp import write_vasp_xdatcar
from click.testing import CliRunner

from glassnmr.cli import main
from glassnmr.io import apart, count_frames, read_frames, write_extxyz_frame

CELL = np.array([[9.0, 0, 0], [1.5, 8.5, 0], [-1.0, 0.7, 9.5]])


def _trajectory(count: int = 7, inside: bool = True) -> list[ase.Atoms]:
    random = np.random.default_rng(2)
    scaled = random.uniform(0.05 if inside else -1, 0.95 if inside else 2, (6, 3))
    frames = []
    for number in range(count):
        atoms = ase.Atoms("Si2O4", scaled_positions=scaled, cell=CELL * (1 + 0.001 * number), pbc=True)
        atoms.positions += 0.01 * number
        frames.append(atoms)
    return frames


def _write(path: Path, frames: list[ase.Atoms]) -> Path:
    """One file of the format that its name says."""
    name = path.name
    if name.endswith(".extxyz"):
        with path.open("w") as file:
            for atoms in frames:
                write_extxyz_frame(file, atoms)
    elif name == "XDATCAR":
        with path.open("w") as file:
            write_vasp_xdatcar(file, frames)
    elif name.endswith(".traj"):
        ase.io.write(path, frames)
    elif name.endswith(".lammpstrj"):
        path.write_text("".join(_dump(number, atoms) for number, atoms in enumerate(frames)))
    else:
        _binary(path, frames)
    return path


def _dump(number: int, atoms: ase.Atoms) -> str:
    (lx, _, _), (xy, ly, _), (xz, yz, lz) = atoms.cell.array.tolist()
    low = [min(0, xy, xz, xy + xz), min(0, yz), 0]
    high = [lx + max(0, xy, xz, xy + xz), ly + max(0, yz), lz]
    tilt = (xy, xz, yz)
    lines = ["ITEM: TIMESTEP", str(number), "ITEM: NUMBER OF ATOMS", str(len(atoms))]
    lines.append("ITEM: BOX BOUNDS xy xz yz pp pp pp")
    lines += [f"{low[k]!r} {high[k]!r} {tilt[k]!r}" for k in range(3)]
    lines.append("ITEM: ATOMS id type xu yu zu")
    kinds = {"Si": 1, "O": 2}
    rows = [f"{k + 1} {kinds[s]} {x!r} {y!r} {z!r}" for k, (s, (x, y, z)) in enumerate(
        zip(atoms.get_chemical_symbols(), atoms.positions.tolist(), strict=True))]  # fmt: skip
    return "\n".join([*lines, *reversed(rows)]) + "\n"


def _binary(path: Path, frames: list[ase.Atoms]) -> None:
    import warnings

    if path.suffix == ".xtc":
        xdr = pytest.importorskip("MDAnalysis.lib.formats.libmdaxdr")
        with xdr.XTCFile(str(path), "w") as file:
            for number, atoms in enumerate(frames):
                places, cell = (atoms.positions / 10).astype("f4"), (atoms.cell.array / 10).astype("f4")
                file.write(places, cell, number, 2.0 * number, 10**5)
    elif path.suffix == ".dcd":
        dcd = pytest.importorskip("MDAnalysis.lib.formats.libdcd")
        with dcd.DCDFile(str(path), "w") as file:
            file.write_header(remarks="test", natoms=len(frames[0]), istart=0, nsavc=1, delta=1.0, is_periodic=1)
            for atoms in frames:
                a, b, c, alpha, beta, gamma = atoms.cell.cellpar()
                file.write(xyz=atoms.positions.astype("f4"), box=np.array([a, gamma, b, beta, alpha, c]))
    else:
        pytest.importorskip("netCDF4")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from ase.io.netcdftrajectory import NetCDFTrajectory

            with NetCDFTrajectory(str(path), "w") as file:
                for atoms in frames:
                    file.write(atoms)


NAMES = ["a.extxyz", "a.lammpstrj", "XDATCAR", "a.traj", "a.xtc", "a.dcd", "a.nc"]
EXACT = {"a.extxyz": 1e-12, "a.lammpstrj": 1e-9, "XDATCAR": 2e-7, "a.traj": 1e-12}


@pytest.mark.parametrize("kind", ["glass", "wide", "few", "one place"])
def test_xtc_coordinates_are_those_of_mdanalysis_to_the_bit(tmp_path: Path, kind: str) -> None:
    xdr = pytest.importorskip("MDAnalysis.lib.formats.libmdaxdr")
    random = np.random.default_rng(3)
    far = random.uniform(0, 4, (500, 3))
    places = {
        "glass": far,
        "wide": far * 1e4,
        "few": far[:9],
        "one place": np.full((40, 3), 1.5),
    }[kind].astype("f4")
    path = tmp_path / "a.xtc"
    with xdr.XTCFile(str(path), "w") as file:
        for number in range(3):
            file.write(places + number, np.eye(3, dtype="f4") * 5, number, 0.5 * number, 1000)
    with xdr.XTCFile(str(path)) as file:
        theirs = [(np.array(frame.x), frame.time) for frame in file]
    ase.io.write(tmp_path / "first.extxyz", ase.Atoms(f"O{len(places)}", places))
    ours = list(read_frames(path, topology=tmp_path / "first.extxyz"))
    assert len(ours) == 3
    for mine, (x, time) in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine.positions, x.astype(float) * 10)
        assert mine.info["time"] == time


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_forked_processes_read_trajectories_by_readers_of_their_own(tmp_path: Path) -> None:
    pytest.importorskip("MDAnalysis")
    frames = _trajectory()
    path = _write(tmp_path / "a.xtc", frames)
    ase.io.write(tmp_path / "first.extxyz", frames[0])
    code = ("import multiprocessing, sys\n"
            "from glassnmr.io import apart, read_frames\n"
            "def total(_):\n"
            "    found = sum(a.positions.sum() for a in read_frames(sys.argv[1], topology=sys.argv[2]))\n"
            "    return found, apart._idle[0].process.pid\n"
            "alone, reader = total(0)\n"
            "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
            "    sums, readers = zip(*pool.map(total, range(8)))\n"
            "assert set(sums) == {alone} and reader not in readers\n"
            "assert total(0) == (alone, reader)\n")  # fmt: skip
    subprocess.run([sys.executable, "-c", code, path, tmp_path / "first.extxyz"], check=True, timeout=100)


def test_a_library_that_ends_on_a_file_does_not_end_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("MDAnalysis")
    frames = _trajectory()
    path = _write(tmp_path / "a.xtc", frames)
    ase.io.write(tmp_path / "first.extxyz", frames[0])
    whole = list(read_frames(path, topology=tmp_path / "first.extxyz"))
    (reader,) = apart._idle
    found = []
    for number, atoms in enumerate(read_frames(path, topology=tmp_path / "first.extxyz")):
        found.append(atoms)
        if number == 0:
            assert not apart._idle  # it is at work
    assert apart._idle == [reader] and len(found) == len(whole)
    os.kill(reader.process.pid, signal.SIGSEGV)  # as of a damaged file
    reader.process.wait()
    assert len(list(read_frames(path, topology=tmp_path / "first.extxyz"))) == len(whole)
    (other,) = apart._idle
    assert other is not reader
    monkeypatch.setattr(other, "bytes", lambda count: (_ for _ in ()).throw(EOFError()))
    with pytest.raises(ValueError, match=r"a\.xtc, frame 0 cannot be read: the library that reads it ended on it"):
        list(read_frames(path, topology=tmp_path / "first.extxyz"))
    assert not apart._idle and other.process.poll() is not None
    pairs = zip(*(read_frames(path, topology=tmp_path / "first.extxyz") for _ in range(2)), strict=True)
    assert all(np.array_equal(one.positions, two.positions) for one, two in pairs)  # two at once
    assert len(apart._idle) == 2


@pytest.mark.parametrize("convention", ["degrees", "cosines", "matrix", "none"])
def test_cells_of_dcd_files_are_understood_in_every_convention(tmp_path: Path, convention: str) -> None:
    dcd = pytest.importorskip("MDAnalysis.lib.formats.libdcd")
    atoms = _trajectory(1)[0]
    a, b, c, alpha, beta, gamma = atoms.cell.cellpar()
    box = np.array([a, gamma, b, beta, alpha, c])
    if convention == "cosines":  # LAMMPS and NAMD
        box[[1, 3, 4]] = np.cos(np.radians(box[[1, 3, 4]]))
    elif convention == "matrix":  # CHARMM: the symmetric root of the metric
        values, vectors = np.linalg.eigh(atoms.cell.array @ atoms.cell.array.T)
        root = vectors @ np.diag(np.sqrt(values)) @ vectors.T
        box = root[[0, 0, 1, 0, 1, 2], [0, 1, 1, 2, 2, 2]]
    with dcd.DCDFile(str(tmp_path / "a.dcd"), "w") as file:
        file.write_header(remarks="test", natoms=6, istart=0, nsavc=1, delta=1.0, is_periodic=convention != "none")
        file.write(xyz=atoms.positions.astype("f4"), box=box)
    if convention == "matrix":
        raw = bytearray((tmp_path / "a.dcd").read_bytes())
        raw[84:88] = (35).to_bytes(4, "little")  # the version of CHARMM
        (tmp_path / "a.dcd").write_bytes(raw)
    ase.io.write(tmp_path / "first.extxyz", atoms)
    (found,) = read_frames(tmp_path / "a.dcd", topology=tmp_path / "first.extxyz")
    np.testing.assert_array_equal(found.positions, atoms.positions.astype("f4").astype(float))
    assert found.pbc.all() == (convention != "none")
    if convention != "none":
        np.testing.assert_allclose(found.cell.cellpar(), atoms.cell.cellpar(), rtol=1e-6)


@pytest.mark.parametrize("kind", ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA", "NETCDF4"])
def test_netcdf_of_every_kind_is_read_row_by_row(tmp_path: Path, kind: str) -> None:
    netcdf = pytest.importorskip("netCDF4")
    frames = _trajectory()
    with netcdf.Dataset(str(tmp_path / "a.nc"), "w", format=kind) as file:
        for key, size in (("frame", None), ("spatial", 3), ("atom", 6), ("label", 5)):
            file.createDimension(key, size)
        file.createVariable("spatial", "S1", ("spatial",))[:] = list("xyz")
        flags = file.createVariable("flags", "i1", ("frame", "label"))  # of a length that is padded
        time = file.createVariable("time", "f8", ("frame",))
        time.scale_factor = 2.0
        places = file.createVariable("coordinates", "f4", ("frame", "atom", "spatial"))
        lengths = file.createVariable("cell_lengths", "f8", ("frame", "spatial"))
        angles = file.createVariable("cell_angles", "f8", ("frame", "spatial"))
        for k, atoms in enumerate(frames):
            places[k], lengths[k], angles[k] = atoms.positions, atoms.cell.lengths(), atoms.cell.angles()
            time[k], flags[k] = 3.0 * k, np.arange(5)
    ase.io.write(tmp_path / "first.extxyz", frames[0])
    found = list(read_frames(tmp_path / "a.nc", topology=tmp_path / "first.extxyz"))
    assert len(found) == len(frames)
    for k, (mine, atoms) in enumerate(zip(found, frames, strict=True)):
        np.testing.assert_array_equal(mine.positions, atoms.positions.astype("f4").astype(float))
        np.testing.assert_allclose(mine.cell.cellpar(), atoms.cell.cellpar(), rtol=1e-12)
        assert mine.info["time"] == pytest.approx(3.0 * k)
    if kind == "NETCDF4":
        return
    whole = (tmp_path / "a.nc").read_bytes()
    count = len(frames).to_bytes(8 if kind.endswith("DATA") else 4, "big")
    many = whole[:4] + (2**31 - 2).to_bytes(len(count), "big") + whole[4 + len(count) :]
    for damaged, left in ((whole[:-4], len(frames) - 1), (many, len(frames))):
        assert damaged[:3] == b"CDF" and (damaged is many or damaged[4:].startswith(count))
        (tmp_path / "a.nc").write_bytes(damaged)
        read = read_frames(tmp_path / "a.nc", topology=tmp_path / "first.extxyz")
        for k in range(left):
            np.testing.assert_array_equal(next(read).positions, found[k].positions)
        with pytest.raises(ValueError, match=f"frame {left} cannot be read: it is cut off or damaged"):
            next(read)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux")
def test_a_header_that_asks_for_all_memory_is_refused(tmp_path: Path) -> None:
    netcdf = pytest.importorskip("netCDF4")
    path = tmp_path / "a.nc"
    with netcdf.Dataset(str(path), "w", format="NETCDF3_CLASSIC") as file:
        for key, size in (("frame", None), ("spatial", 3), ("atom", 6)):
            file.createDimension(key, size)
        file.createVariable("coordinates", "f4", ("frame", "atom", "spatial"))[0] = np.zeros((6, 3))
    whole = path.read_bytes()
    one = b"\0\0\0\x0b\0\0\0\x01"  # a list of one variable
    assert whole.count(one) == 1
    path.write_bytes(whole.replace(one, b"\0\0\0\x0b\x43\x6f\x6e\x76"))
    ase.io.write(tmp_path / "first.extxyz", _trajectory(1)[0])
    with pytest.raises(ValueError, match=r"a\.nc, frame 0 cannot be read: .*[Mm]emory"):
        list(read_frames(path, topology=tmp_path / "first.extxyz"))
    status = Path(f"/proc/{apart._idle[-1].process.pid}/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    assert peak < 1_500_000  # kB


@pytest.mark.parametrize("name", NAMES)
def test_every_format_gives_the_same_frames(tmp_path: Path, name: str) -> None:
    frames = _trajectory()
    path = _write(tmp_path / name, frames)
    ase.io.write(tmp_path / "first.extxyz", frames[0])
    binary = path.suffix in (".xtc", ".dcd", ".nc")
    options = {"types": "Si,O"} | ({"topology": tmp_path / "first.extxyz"} if binary else {})
    passed: list[int] = []
    found = list(read_frames(path, progress=passed.append, **options))
    assert len(found) == 7 and passed == list(range(1, 8))
    for one, other in zip(found, frames, strict=True):
        np.testing.assert_array_equal(one.numbers, other.numbers)
        np.testing.assert_allclose(one.cell.cellpar(), other.cell.cellpar(), atol=EXACT.get(name, 2e-4))
        # the turn of the cell is lost where a format holds lengths and angles only
        np.testing.assert_allclose(one.positions, other.positions, atol=EXACT.get(name, 1e-4))
    for index in ("2:6:2", "-2:", "3", "::3"):
        chosen = [atoms.positions[0, 0] for atoms in read_frames(path, index=index, **options)]
        start = [None if not part else int(part) for part in index.split(":")]
        wanted = found[slice(*start)] if ":" in index else [found[int(index)]]
        assert chosen == [atoms.positions[0, 0] for atoms in wanted]
    if not binary:
        assert count_frames(path, "Si,O") == 7


def test_a_binary_trajectory_asks_for_its_elements(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.xtc", _trajectory())
    with pytest.raises(ValueError, match="names no elements: give a structure file"):
        list(read_frames(path))
    ase.io.write(tmp_path / "other.extxyz", _trajectory()[0] * (2, 1, 1))
    with pytest.raises(ValueError, match="has 6 atoms, the topology 12"):
        list(read_frames(path, topology=tmp_path / "other.extxyz"))
    ase.io.write(tmp_path / "first.extxyz", _trajectory()[0])
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match=r"a.xtc, frame 6 cannot be read"):
        list(read_frames(path, topology=tmp_path / "first.extxyz"))
    (tmp_path / "b.nc").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"b.nc, frame 0 cannot be read"):
        list(read_frames(tmp_path / "b.nc", topology=tmp_path / "first.extxyz"))
    with pytest.raises(FileNotFoundError, match="there is no file"):
        list(read_frames(tmp_path / "none.dcd", topology=tmp_path / "first.extxyz"))


@pytest.mark.parametrize("name", ["a.extxyz", "a.lammpstrj", "XDATCAR"])
@pytest.mark.parametrize("pack", ["gz", "zst"])
def test_packed_trajectories_are_streamed(tmp_path: Path, name: str, pack: str) -> None:
    path = _write(tmp_path / name, _trajectory())
    zstandard = pytest.importorskip("zstandard")
    compress = gzip.compress if pack == "gz" else zstandard.ZstdCompressor().compress
    packed = path.with_name(f"{name}.{pack}")
    packed.write_bytes(compress(path.read_bytes()))
    ours = [atoms.positions for atoms in read_frames(packed, "Si,O")]
    np.testing.assert_array_equal(ours, [atoms.positions for atoms in read_frames(path, "Si,O")])
    packed.write_bytes(packed.read_bytes()[:-40])
    with pytest.raises(ValueError, match="cut off|damaged|promised|has|empty|cannot be read"):
        list(read_frames(packed, "Si,O"))


def test_unwrapped_atoms_of_a_triclinic_dump_mean_the_same_structure(tmp_path: Path) -> None:
    from glassnmr.descriptors import SphericalBesselSOAP

    soap = SphericalBesselSOAP(["Si", "O"], 4.0, n_max=3, l_max=2)
    frames = _trajectory(2, inside=False)
    path = _write(tmp_path / "a.lammpstrj", frames)
    for one, other in zip(read_frames(path, "Si,O"), frames, strict=True):
        wrapped = other.copy()
        wrapped.wrap()
        np.testing.assert_allclose(one.positions, other.positions, atol=1e-9)
        np.testing.assert_allclose(soap.transform([one]), soap.transform([wrapped]), atol=1e-10)


def test_frames_that_are_not_wanted_are_not_parsed(tmp_path: Path) -> None:
    text = "".join(f"1\n\nO {k} 0 0\n" if k % 3 == 0 else "1\n\nO broken\n" for k in range(9))
    (tmp_path / "a.xyz").write_text(text)
    assert [atoms.positions[0, 0] for atoms in read_frames(tmp_path / "a.xyz", index="::3")] == [0, 3, 6]
    (tmp_path / "a.xyz").write_text(text + "5\n\nO 0 0 0\n")
    with pytest.raises(ValueError, match="frame 9: 5 atoms are promised"):
        list(read_frames(tmp_path / "a.xyz", index="::3"))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_a_long_dump_is_streamed_in_little_memory(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    places = random.uniform(0, 40, (5000, 3))
    body = "".join(f"{k + 1} 1 {x:.6f} {y:.6f} {z:.6f}\n" for k, (x, y, z) in enumerate(places))
    head = "ITEM: TIMESTEP\n{}\nITEM: NUMBER OF ATOMS\n5000\nITEM: BOX BOUNDS pp pp pp\n" + "0 40\n" * 3
    path = tmp_path / "long.lammpstrj"
    with path.open("w") as file:
        for number in range(400):
            file.write(head.format(number) + "ITEM: ATOMS id type x y z\n" + body)
    assert path.stat().st_size > 60e6
    # ru_maxrss of a child begins with its parent's; the high-water mark of the process itself does not
    code = ("import sys; from glassnmr.io import read_frames\n"
            "n = sum(len(a) for a in read_frames(sys.argv[1], 'O'))\n"
            "mark = [line for line in open('/proc/self/status') if line.startswith('VmHWM')][0]\n"
            "print(n, int(mark.split()[1]) // 1024)")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    atoms, megabytes = map(int, done.stdout.split())
    assert atoms == 2_000_000 and megabytes < 200


def test_predict_takes_binary_trajectories(tmp_path: Path) -> None:
    from glassnmr import LSSVR, NMRModel, SphericalBesselSOAP
    from glassnmr.data import reference

    soap = SphericalBesselSOAP(["O", "Si", "Na"], 3.3, n_max=4, l_max=2)
    NMRModel.fit(reference.load("shielding", "29Si"), soap, LSSVR(n_landmarks=30, lam=1e-3)).save(tmp_path / "si.gnmr")
    path = _write(tmp_path / "a.xtc", _trajectory())
    ase.io.write(tmp_path / "first.extxyz", _trajectory()[0])
    words = ["predict", path, "-m", tmp_path / "si.gnmr", "-o", tmp_path / "a.csv", "--index", "::2"]
    result = CliRunner().invoke(main, [*map(str, words), "--topology", str(tmp_path / "first.extxyz")])
    assert result.exit_code == 0, result.output
    assert "8 rows" in result.stderr
    assert CliRunner().invoke(main, [*map(str, words)]).exit_code == 2
