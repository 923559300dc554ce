# SPDX-License-Identifier: BSD-3-Clause
"""Files appear whole or not at all."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from glassnmr.files import replacing, replacing_path


def test_a_file_appears_when_the_block_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with replacing(path) as file:
        file.write("one\n")
        assert not path.exists()
    assert path.read_bytes() == b"one\n"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_bytes_are_written_as_they_are(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.bin", "wb") as file:
        file.write(b"\0\xff\r\n")
    assert (tmp_path / "a.bin").read_bytes() == b"\0\xff\r\n"


def _fail(path: Path, stop: type[BaseException]) -> None:
    with replacing(path) as file:
        file.write("half")
        raise stop


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_a_failure_keeps_the_old_file_and_leaves_nothing(tmp_path: Path, stop: type[BaseException], name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"old")
    with pytest.raises(stop):
        _fail(path, stop)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == [name]


def test_gz_names_are_compressed_and_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.csv.gz", "b.csv.gz"):
        with replacing(tmp_path / name) as file:
            file.write("delta,σ\n")
    assert gzip.decompress((tmp_path / "a.csv.gz").read_bytes()).decode() == "delta,σ\n"
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()


def test_the_permissions_are_those_of_a_plain_file_and_are_kept(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("")
    with replacing(tmp_path / "new") as file:
        file.write("x")
    assert (tmp_path / "new").stat().st_mode == plain.stat().st_mode
    plain.chmod(0o640)
    with replacing(plain) as file:
        file.write("x")
    assert plain.stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with replacing(tmp_path / "link") as file:
        file.write("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


def test_a_device_is_written_directly() -> None:
    with replacing("/dev/null") as file:
        file.write("x")
    assert not Path("/dev/null").is_file()


def test_a_temporary_name_has_the_suffix_and_the_folder_of_the_target(tmp_path: Path) -> None:
    with replacing_path(tmp_path / "plot.tar.png") as path:
        assert path.parent == tmp_path
        assert path.name.endswith("plot.tar.png")
        path.write_text("picture")
    assert (tmp_path / "plot.tar.png").read_text() == "picture"


def test_a_writer_that_removes_its_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing was written"), replacing_path(tmp_path / "a.png") as path:
        path.unlink()


def test_a_long_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 240 + ".csv")
    with replacing(path) as file:
        file.write("x")
    assert path.read_text() == "x"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no folder .*nowhere"), replacing(tmp_path / "nowhere" / "a.txt"):
        raise AssertionError("the block must not be entered")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="it is a folder"), replacing(tmp_path):
        raise AssertionError("the block must not be entered")


@pytest.mark.parametrize(
    ("path", "mode", "message"), [("", "w", "empty"), ("a", "a", "mode must be"), ("a", "r", "mode")]
)
def test_wrong_arguments_are_refused(path: str, mode: str, message: str) -> None:
    with pytest.raises(ValueError, match=message), replacing(path, mode):
        raise AssertionError("the block must not be entered")
