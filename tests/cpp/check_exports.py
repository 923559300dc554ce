# SPDX-License-Identifier: BSD-3-Clause
"""The shared library shows the C functions of glassnmr.h and names in namespace glassnmr: check_exports.py NM LIB H."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path


def main(nm: str, library: str, header: str) -> None:
    """Exit status 1 with what is missing or too much."""
    command = [nm, "-D", "-C", "--defined-only", "--format=posix", library]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    shown = {line.rsplit(" ", 3)[0] for line in lines}
    declared = set(re.findall(r"^GLASSNMR_API [^(]*?(glassnmr_\w+)\(", Path(header).read_text(), re.MULTILINE))
    missing = sorted(declared - shown)
    cxx = r"((typeinfo( name)?|vtable) for )?glassnmr::"
    foreign = sorted(name for name in shown - declared if not re.match(cxx, name))
    print(f"{len(declared)} C functions declared, {len(shown)} symbols shown, {len(missing)} missing, "
          f"{len(foreign)} foreign")
    if missing or foreign or not declared:
        sys.exit("\n".join(["missing:", *missing, "foreign:", *foreign]))


if __name__ == "__main__":
    main(*sys.argv[1:])
