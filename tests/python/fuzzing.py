# SPDX-License-Identifier: BSD-3-Clause
"""How files are damaged, what a reader may do with them, and the record of long runs.

``GLASSNMR_FUZZ=100000`` mutates each file so often, ``GLASSNMR_FUZZ_ONLY=outcar`` takes one reader,
``GLASSNMR_FUZZ_SEED`` begins elsewhere, ``GLASSNMR_FUZZ_RECORD=FILE`` keeps what came in a JSON file.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import random
import re
import struct
import subprocess
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import ase
import pytest

from glassnmr.files import replacing
from glassnmr.io import read_frames, read_predictions

COUNT = int(os.environ.get("GLASSNMR_FUZZ", "60"))
SEED = int(os.environ.get("GLASSNMR_FUZZ_SEED", "0"))
SECONDS = 5  # for one file: a hang
ROOM = 600  # MB above the start: memory without bounds

WORDS = [b"", b"0", b"-1", b"1e308", b"-1e-308", b"nan", b"inf", b"NaN", b"99999999999999999999", b"1.5.2", b"*****",
         b"\n", b"\r\n", b"\t", b"\x00", b"\xff\xfe", "é".encode(), b"Si", b"X", b"2147483648", b"=", b'"', b"[atoms]",
         b"0x10", b"1_000", b"1d400", b"-", b":", b"ion", b"ITEM: ATOMS", b"%s", b"{}", b"9" * 400]  # fmt: skip


def mutate(data: bytes, dice: random.Random) -> bytes:
    """One to six changes: words, numbers, lines cut, doubled, moved, bits turned, the end gone."""
    for _ in range(dice.randint(1, 6)):
        if not data:
            return data
        kind = dice.randrange(9)
        place = dice.randrange(len(data))
        if kind == 0:
            data = data[:place] + dice.choice(WORDS) + data[place:]
        elif kind == 1:
            data = data[:place] + bytes([dice.randrange(256)]) + data[place + 1 :]
        elif kind == 2:
            data = data[:place] + data[place + dice.randint(1, 200) :]
        elif kind == 3 and dice.random() < 0.3:
            data = data[:place]
        elif kind in (4, 5):
            numbers = [match.span() for match in re.finditer(rb"-?\d+\.?\d*", data[place : place + 4000])]
            if numbers:
                start, end = dice.choice(numbers)
                data = data[: place + start] + dice.choice(WORDS) + data[place + end :]
        elif kind == 6:
            lines = data.split(b"\n")
            one, other = dice.randrange(len(lines)), dice.randrange(len(lines))
            lines[one], lines[other] = lines[other], lines[one]
            data = b"\n".join(lines)
        elif kind == 7:
            end = place + dice.randint(1, 2000)
            data = data[:end] + data[place:end] + data[end:]
        else:
            data = data[:place] + dice.choice(WORDS) * dice.randint(1, 50) + data[place:]
    return data


def mutate_bytes(data: bytes, dice: random.Random) -> bytes:
    """One to six changes of binary data: bits, whole numbers, zeros, pieces lost, doubled or moved, the end gone."""
    for _ in range(dice.randint(1, 6)):
        if not data:
            return data
        # headers are short and decide everything: every other change is in the first 512 bytes
        place = dice.randrange(min(len(data), 512) if dice.random() < 0.5 else len(data))
        kind = dice.randrange(8)
        if kind == 0:
            data = data[:place] + bytes([data[place] ^ 1 << dice.randrange(8)]) + data[place + 1 :]
        elif kind == 1:
            data = data[:place] + bytes([dice.randrange(256)]) + data[place + 1 :]
        elif kind in (2, 3):
            place -= place % 4
            number = dice.choice(NUMBERS)
            data = data[:place] + number + data[place + len(number) :]
        elif kind == 4:
            count = dice.randint(1, 200)
            data = data[:place] + bytes(count) + data[place + count :]
        elif kind == 5:
            data = data[:place] + data[place + dice.randint(1, 200) :]
        elif kind == 6 and dice.random() < 0.3:
            data = data[:place]
        else:
            end = place + dice.randint(1, 400)
            data = data[:end] + data[place:end] + data[end:]
    return data


def _numbers() -> list[bytes]:
    found = []
    for value in (0, 1, -1, 2, 255, 65536, 2**24, 2**31 - 1, -(2**31)):
        found += [value.to_bytes(4, order, signed=True) for order in ("little", "big")]  # type: ignore[arg-type]
    for value in (0, -1, 2**32, 2**40, 2**63 - 1, -(2**63)):
        found += [value.to_bytes(8, order, signed=True) for order in ("little", "big")]  # type: ignore[arg-type]
    for order in "<>":
        found += [struct.pack(order + "d", real) for real in (float("nan"), float("inf"), 1e308, -1e-308)]
        found += [struct.pack(order + "f", real) for real in (float("nan"), float("inf"), 1e38, -1e-38)]
    return found


NUMBERS = _numbers()


def check_refusal(error: Exception) -> None:
    """One sentence of bearable length, or AssertionError."""
    told = str(error)
    if "\n" in told or len(told) > 900 or not told:
        raise AssertionError(told[:300]) from error


def read(path: Path, options: dict[str, Any] | None = None, tell: Callable[[str], None] | None = None) -> str:
    """``"read"`` or ``"refused"``, with the sentence for `tell`; anything else than one sentence is raised."""
    try:
        if path.suffix == ".csv":
            read_predictions(path)
            return "read"
        for atoms in read_frames(path, **(options or {"types": "O,Si"})):
            assert isinstance(atoms, ase.Atoms) and len(atoms)
            for key in ("ms", "efg"):
                if key in atoms.arrays:
                    assert atoms.arrays[key].shape == (len(atoms), 3, 3)
    except (ValueError, FileNotFoundError) as error:
        check_refusal(error)
        if tell is not None:
            tell(str(error))
        return "refused"
    return "read"


def record(reader: str, figures: dict[str, Any]) -> None:
    """Put a run into the file that ``GLASSNMR_FUZZ_RECORD`` names, in place of an earlier one of the same reader."""
    target = os.environ.get("GLASSNMR_FUZZ_RECORD")
    if not target:
        return
    path = Path(target)
    table = json.loads(path.read_text()) if path.exists() else {"SPDX-License-Identifier": "BSD-3-Clause", "runs": {}}
    test = "test_fuzz_binary.py" if figures.get("binary") else "test_fuzz.py"
    run = subprocess.run(["git", "describe", "--always", "--dirty=+", "--exclude=*"], cwd=Path(__file__).parent,
                         capture_output=True, text=True, check=False)
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    libraries = {name: metadata.version(name) for name in ("ase", "numpy")}
    table["runs"][reader] = {
        "inputs": COUNT, "seed": SEED, **{key: value for key, value in figures.items() if key != "binary"},
        "date": now, "commit": run.stdout.strip(), "python": platform.python_version(), "libraries": libraries,
        "repeat": f"GLASSNMR_FUZZ={COUNT} GLASSNMR_FUZZ_SEED={SEED} GLASSNMR_FUZZ_ONLY={reader} python -m pytest -s"
                  f" tests/python/{test} -k mutated",
    }  # fmt: skip
    with replacing(path) as file:
        file.write(json.dumps(table, indent=1) + "\n")


def skip_unless_asked(reader: str) -> None:
    """Skip all readers but the one of ``GLASSNMR_FUZZ_ONLY``."""
    only = os.environ.get("GLASSNMR_FUZZ_ONLY")
    if only and only != reader:
        pytest.skip(f"only {only} is asked for")
