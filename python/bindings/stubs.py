# SPDX-License-Identifier: BSD-3-Clause
"""Type stubs of the compiled core, from the signatures that pybind11 writes.

    python python/bindings/stubs.py > python/glassnmr/_core.pyi

A test compares python/glassnmr/_core.pyi with what this makes of the installed module.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

HEADER = '''# SPDX-License-Identifier: BSD-3-Clause
# Written by python/bindings/stubs.py.
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, SupportsFloat, SupportsInt, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
'''
RENAMED = (
    (r"typing\.SupportsFloat \| typing\.SupportsIndex", "SupportsFloat"),
    (r"typing\.SupportsInt \| typing\.SupportsIndex", "SupportsInt"),
    (r"typing\.Annotated\[numpy\.typing\.ArrayLike, [\w.]+\]", "ArrayLike"),
    (r"typing\.Annotated\[([\w.]+\[\w+\]), [^\]]*\]", r"\1"),
    (r"numpy\.typing\.NDArray\[\w+::\w+\]", "NDArray[np.void]"),
    (r"numpy\.ndarray(?!\[)", "NDArray[Any]"),
    (r"\bdict(?!\[)", "dict[str, Any]"),
    (r"\btuple(?!\[)", "tuple[Any, ...]"),
    (r"\blist(?!\[)", "list[Any]"),
    (r"\bobject\b", "Any"),
    (r"\bglassnmr::", ""),
    (r"collections\.abc\.|numpy\.typing\.|typing\.|glassnmr\._core\.", ""),
    (r"\bnumpy\.", "np."),
)
SIGNATURE = re.compile(r"^(?:\d+\. )?(\w*)(\(.*\)) -> (.*)$", re.MULTILINE)


def renamed(text: str) -> str:
    """A type in the stub's own words."""
    for pattern, by in RENAMED:
        text = re.sub(pattern, by, text)
    return text


def split(arguments: str) -> list[str]:
    """The arguments between the commas that stand outside all brackets."""
    parts, depth = [""], 0
    for character in arguments:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def argument(text: str) -> str:
    """`name: type = ...` of one argument; defaults stay in the C++ code."""
    declared, equals, _ = text.partition(" = ")
    name, _, kind = declared.partition(": ")
    if name == "self":
        return name
    return f"{name}: {renamed(kind)}{' = ...' if equals else ''}" if kind else name


def wrapped(head: str, arguments: list[str], tail: str) -> str:
    """One line if it fits, otherwise a line for each argument."""
    line = f"{head}({', '.join(arguments)}){tail}"
    if len(line) <= 120:
        return line
    indent = " " * (len(head) - len(head.lstrip()))
    return f"{head}(\n" + "".join(f"{indent}    {a},\n" for a in arguments) + f"{indent}){tail}"


def function(name: str, documented: str, indent: str = "") -> Iterator[str]:
    """The overloads that a docstring of pybind11 tells of."""
    found = SIGNATURE.findall(documented)
    if not found:
        raise ValueError(f"{name} has no signature in its docstring")
    for _, arguments, result in found:
        if len(found) > 1:
            yield f"{indent}@overload"
        returned = "None" if name == "__init__" else renamed(result)
        yield wrapped(f"{indent}def {name}", [argument(a) for a in split(arguments[1:-1])], f" -> {returned}: ...")


def class_(name: str, kind: type) -> Iterator[str]:
    """A bound class: constructor, properties, methods, in the order of their binding."""
    bases = ", ".join(base.__name__ for base in kind.__bases__ if not base.__name__.startswith("pybind11"))
    yield f"class {name}({bases}):" if bases not in ("", "object") else f"class {name}:"
    empty = True
    for member, value in vars(kind).items():
        if isinstance(value, property):
            result = SIGNATURE.search(value.fget.__doc__ or "")
            yield f"    @property\n    def {member}(self) -> {renamed(result.group(3)) if result else 'Any'}: ..."
        elif isinstance(value, staticmethod):
            yield "    @staticmethod"
            yield from function(member, value.__func__.__doc__ or "", "    ")
        elif (callable(value) or inspect.isroutine(value)) and value.__doc__ and SIGNATURE.search(value.__doc__) \
                and not member.startswith("_pybind11"):
            yield from function(member, value.__doc__, "    ")
        else:
            continue
        empty = False
    if empty:
        yield "    ..."


def stubs(module: ModuleType) -> str:
    """The whole file."""
    blocks = []
    for name, value in sorted(vars(module).items()):
        if name.startswith("_"):
            continue
        lines: Any = class_(name, value) if isinstance(value, type) else function(name, value.__doc__ or "")
        blocks.append("\n".join(lines))
    body = "\n\n".join(blocks) + "\n"
    unused = [word for word in re.findall(r"\b[A-Za-z]+\b", " ".join(re.findall(r"import (.*)", HEADER)))
              if not re.search(rf"\b{word}\b", body) and word not in ("numpy", "as")]
    header = HEADER
    for word in unused:
        header = re.sub(rf", {word}\b|\b{word}, ", "", header, count=1)
    header = re.sub(r"^from \S+ import (" + "|".join(unused or ["-"]) + r")\n", "", header, flags=re.MULTILINE)
    return f"{header}\n{body}"


if __name__ == "__main__":
    print(stubs(importlib.import_module("glassnmr._core")), end="")
