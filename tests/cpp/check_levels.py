# SPDX-License-Identifier: BSD-3-Clause
"""No function compiled for one instruction level may be linked into another: check_levels.py NM OBJECT...

Objects are grouped by their folder's level (kernels_<level>). A symbol that the linker merges, weak or unique, must
carry the level's name, and no symbol that other objects can see may be defined by two levels. The compiler's pointer to
the exception handler of the C++ runtime (DW.ref...) is data without a level.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict


def symbols(nm: str, path: str) -> list[tuple[str, str]]:
    """(kind, mangled name) of every defined external or mergeable symbol."""
    text = subprocess.run([nm, "-P", "--defined-only", path], check=True, capture_output=True, text=True).stdout
    pairs = [line.split()[:2] for line in text.splitlines()]
    return [(kind, name) for name, kind in pairs
            if (kind in "uvVwW" or kind.isupper()) and not name.startswith("DW.ref.")]


def main(nm: str, *objects: str) -> None:
    """Print what was looked at; exit status 1 with the offending symbols."""
    owners: dict[str, set[str]] = defaultdict(set)
    problems, count = [], 0
    for path in objects:
        level = re.search(r"kernels_(\w+)\.dir", path).group(1)  # type: ignore[union-attr]
        for kind, name in symbols(nm, path):
            count += 1
            owners[name].add(level)
            if kind in "uvVwW" and not re.search(rf"\d{level}|Eigen_{level}", name):
                problems.append(f"{level}: mergeable symbol without the level's name: {kind} {name}")
    problems += [f"defined by {sorted(levels)}: {name}" for name, levels in owners.items() if len(levels) > 1]
    levels = set().union(*owners.values())
    print(f"{len(objects)} objects of levels {sorted(levels)}: {count} symbols, {len(problems)} problems")
    if problems or not count:
        sys.exit("\n".join(problems[:20]) or "no symbols found")


if __name__ == "__main__":
    main(*sys.argv[1:])
