# SPDX-License-Identifier: BSD-3-Clause
"""The command line as a whole: help with examples, errors in one line, exit status, quiet, pipes, interrupts."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import write
from click.testing import CliRunner, Result

from glassnmr.cli import main
from glassnmr.cli.base import BAD_INPUT, FAILED, OK, Session
from glassnmr.version import __version__

COMMANDS = [["calibrate"], ["dataset"], ["dataset", "build"], ["dataset", "summary"], ["dataset", "info"],
            ["dataset", "check"], ["dataset", "split"], ["dataset", "merge"], ["dataset", "generate"],
            ["dataset", "generate", "glass"], ["dataset", "generate", "carve"], ["dataset", "generate", "compute"],
            ["dataset", "generate", "melt"], ["dataset", "generate", "inputs"], ["dataset", "generate", "collect"],
            ["dataset", "generate", "select"],
            ["train"], ["validate"], ["compare"], ["predict"], ["spectrum"], ["fit"], ["info"], ["demo"]]


def glassnmr(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def refused(result: Result, *words: str) -> str:
    """Status 2 and one line on stderr that holds all the words."""
    lines = result.stderr.strip().splitlines()
    assert result.exit_code == BAD_INPUT, result.output
    assert len(lines) == 1 and lines[0].startswith("glassnmr: error: "), result.stderr
    for word in words:
        assert word in lines[0], lines[0]
    return lines[0]


@pytest.fixture
def glass_file(tmp_path: Path, small_glass: Atoms) -> Path:
    write(tmp_path / "glass.extxyz", small_glass, format="extxyz")
    return tmp_path / "glass.extxyz"


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_help_of_every_command_shows_an_example_that_calls_it(words: list[str]) -> None:
    result = glassnmr(*words, "--help")
    assert result.exit_code == OK
    assert "Example" in result.output
    assert f"  glassnmr {' '.join(words)}" in result.output
    assert "--quiet" in result.output and "--debug" in result.output


def test_the_first_help_lists_every_command_with_what_it_does() -> None:
    output = glassnmr("--help").output
    for name, summary in main.summaries.items():
        assert name in output and summary[:40] in output


def test_version_is_the_one_version() -> None:
    assert glassnmr("--version").output.strip() == f"glassnmr {__version__}"


def test_a_mistyped_command_names_the_nearest() -> None:
    refused(glassnmr("trian"), "'trian'", "did you mean 'train'")
    refused(glassnmr("dataset", "buidl"), "did you mean 'build'", "glassnmr dataset --help")


def test_usage_errors_are_one_line_and_name_the_help() -> None:
    refused(glassnmr("predict"), "FILES", "glassnmr predict --help")
    refused(glassnmr("predict", "x", "--models", "y"), "--model")
    refused(glassnmr("predict", "x", "-m", "y", "-o", "z.csv", "--threads", "many"), "many", "integer")


@pytest.mark.parametrize(("error", "status", "text"), [
    (ValueError("cutoff must be positive, got -1"), BAD_INPUT, "error: cutoff must be positive, got -1"),
    (FileNotFoundError("there is no file x"), BAD_INPUT, "error: there is no file x"),
    (FileNotFoundError(2, "No such file or directory", "y"), BAD_INPUT, "error: y: no such file or directory"),
    (ImportError("plots need matplotlib"), BAD_INPUT, "error: plots need matplotlib"),
    (OSError(28, "No space left on device", "z"), FAILED, "error: z: no space left on device"),
    (MemoryError(), FAILED, "error: not enough memory"),
    (KeyboardInterrupt(), FAILED, "interrupted"),
    (TypeError("two\nlines"), FAILED, "internal error: TypeError: two lines (--debug shows where)"),
])
def test_every_error_ends_in_one_line_and_its_status(monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int,
                                                     text: str) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("glassnmr.cli.info._installation", fail)
    result = glassnmr("info")
    assert result.exit_code == status
    assert result.stderr.strip() == f"glassnmr: {text}"
    assert "Traceback" not in result.output


def test_numerical_failure_is_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    from glassnmr import NumericalError

    def fail() -> str:
        raise NumericalError("the kernel is not positive definite")

    monkeypatch.setattr("glassnmr.cli.info._installation", fail)
    result = glassnmr("info")
    assert result.exit_code == FAILED and "error: the kernel is not positive definite" in result.stderr


@pytest.mark.parametrize("words", [["--debug", "info", "nofile"], ["info", "nofile", "--debug"]])
def test_debug_shows_the_traceback_wherever_it_stands(words: list[str]) -> None:
    result = glassnmr(*words)
    assert result.exit_code == BAD_INPUT
    assert "Traceback" in result.stderr and result.stderr.strip().endswith("there is no file nofile")


@pytest.mark.parametrize("before", [True, False])
def test_quiet_leaves_results_and_drops_messages(tmp_path: Path, glass_file: Path, before: bool) -> None:
    words = ["dataset", "build", glass_file, "-o", tmp_path / "set.extxyz"]
    loud = glassnmr(*words)
    quiet = glassnmr("--quiet", *words) if before else glassnmr(*words, "--quiet")
    assert loud.exit_code == quiet.exit_code == OK
    assert "wrote" in loud.stderr and quiet.stderr == ""
    assert quiet.stdout == loud.stdout != ""


def test_no_progress_is_drawn_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Session().progress("work", 3) as update:
        update(1)
    assert capsys.readouterr() == ("", "")


def test_progress_is_drawn_on_a_terminal_and_takes_the_callbacks_of_the_library(monkeypatch: pytest.MonkeyPatch,
                                                                               capsys: pytest.CaptureFixture[str]
                                                                               ) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with Session().progress("work") as update:
        update(1)
        update(2, 7)
    shown = capsys.readouterr()
    assert shown.out == "" and "work" in shown.err and "2/7" in shown.err


def test_a_build_tells_rows_and_reads_back_the_same(tmp_path: Path, glass_file: Path) -> None:
    made = glassnmr("dataset", "build", glass_file, "-o", tmp_path / "set.extxyz.gz")
    assert made.exit_code == OK, made.output
    again = glassnmr("dataset", tmp_path / "set.extxyz.gz")
    assert again.exit_code == OK
    assert "29Si" in again.stdout and "17O" in again.stdout
    assert again.stdout.splitlines()[1:3] == made.stdout.splitlines()[1:3]


def test_sign_and_offset_make_shieldings_of_raw_shifts(tmp_path: Path, small_glass: Atoms) -> None:
    from glassnmr.dataset import read_dataset

    raw = small_glass.copy()
    raw.arrays["ms"] = np.where(np.isnan(raw.arrays["ms"]), 0, raw.arrays["ms"])
    raw.set_array("raw", raw.arrays.pop("ms"))
    write(tmp_path / "raw.extxyz", raw, format="extxyz")
    result = glassnmr("dataset", "build", tmp_path / "raw.extxyz", "--tensor", "raw", "--kind", "ms", "--sign", "-1",
                      "--offset", "Si=837.9", "--where", "label == 1", "-o", tmp_path / "set.extxyz")
    assert result.exit_code == OK, result.output
    data = read_dataset(tmp_path / "set.extxyz")
    iso = np.trace(raw.arrays["raw"].reshape(-1, 3, 3), axis1=1, axis2=2)[[0, 2, 3]] / 3
    np.testing.assert_allclose(data.target("sigma_iso"), 837.9 - iso, rtol=1e-6)


def test_bad_data_are_refused_in_one_line(tmp_path: Path, glass_file: Path) -> None:
    out = tmp_path / "out.extxyz"
    (tmp_path / "empty.extxyz").touch()
    (tmp_path / "text.extxyz").write_text("this is a letter\n")
    packed = gzip.compress(glass_file.read_bytes())
    (tmp_path / "cut.extxyz.gz").write_bytes(packed[:len(packed) // 2])
    refused(glassnmr("dataset", "build", tmp_path / "none.extxyz", "-o", out), "there is no file")
    refused(glassnmr("dataset", "build", tmp_path / "empty.extxyz", "-o", out), "empty")
    refused(glassnmr("dataset", "build", tmp_path / "text.extxyz", "-o", out), "text.extxyz")
    refused(glassnmr("dataset", "build", tmp_path / "cut.extxyz.gz", "-o", out), "cut off")
    refused(glassnmr("dataset", "build", "-o", out), "there is no data")
    refused(glassnmr("dataset", "build", glass_file, "--reference-data", "shielding", "-o", out), "not both")
    refused(glassnmr("dataset", "build", glass_file, "-o", tmp_path / "out.txt"), ".extxyz")
    refused(glassnmr("dataset", "build", glass_file, "-o", tmp_path / "no" / "out.extxyz"), "there is no folder")
    refused(glassnmr("dataset", "build", glass_file, "--offset", "Si=much", "-o", out), "'much' is not a number")
    refused(glassnmr("dataset", "build", glass_file, "--offset", "Si=", "-o", out), "'' is not a number")
    refused(glassnmr("dataset", "build", glass_file, "--where", "label === 1", "-o", out), "where")
    refused(glassnmr("dataset", "build", glass_file, "--isotope", "29Sj", "-o", out), "29Sj", "29Si")
    refused(glassnmr("dataset", "build", glass_file, "--tensor", "none", "--kind", "ms", "-o", out), "'none'")
    assert not out.exists()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_an_unwritable_folder_is_bad_input(tmp_path: Path, glass_file: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    refused(glassnmr("dataset", "build", glass_file, "-o", tmp_path / "closed" / "x.extxyz"), "not writable")


def test_info_tells_version_level_and_what_is_missing() -> None:
    output = glassnmr("info").stdout
    assert __version__ in output and "level" in output and "threads" in output and "lammps" in output


def test_info_describes_structures(glass_file: Path) -> None:
    output = glassnmr("info", glass_file).stdout
    assert "1 structure, 12 atoms: " in output and "ms" in output
    refused(glassnmr("info", glass_file.parent), "folder")


def test_the_program_runs_as_a_process() -> None:
    done = subprocess.run([sys.executable, "-m", "glassnmr", "info", "nofile"], capture_output=True, text=True,
                          timeout=120, check=False)
    assert (done.returncode, done.stdout) == (BAD_INPUT, "")
    assert done.stderr == "glassnmr: error: there is no file nofile\n"


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_a_reader_that_leaves_ends_the_program_without_a_word() -> None:
    program = "import sys, click; sys.argv[1:] = ['info']; from glassnmr.cli import main\n" \
              "import glassnmr.cli.info as info\n" \
              "info._installation = lambda: [click.echo('x' * 1_000_000) for _ in range(9)]\nmain()"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()
    assert (process.wait(60), error) == (FAILED, b"")


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_ends_with_one_line_and_no_file(tmp_path: Path) -> None:
    # a job in the background inherits an ignored SIGINT
    program = "import signal, sys, time; signal.signal(signal.SIGINT, signal.default_int_handler)\n" \
              "sys.argv[1:] = ['info']; from glassnmr.cli import main\n" \
              "import glassnmr.cli.info as info\n" \
              "def wait():\n    print('ready', flush=True)\n    time.sleep(60)\n" \
              "info._installation = wait\nmain()"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          cwd=tmp_path) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == FAILED
        assert process.stderr.read().strip() == b"glassnmr: interrupted"


def test_starting_loads_neither_scipy_nor_matplotlib() -> None:
    program = "import sys\nfrom glassnmr.cli.base import Commands\nassert 'matplotlib' not in sys.modules\n" \
              "assert 'scipy' not in sys.modules and 'ase.io' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
