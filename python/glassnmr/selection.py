# SPDX-License-Identifier: BSD-3-Clause
"""Choosing atoms by a condition on their arrays, such as ``label == 1 and element == Si``; parsed, never evaluated."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ase
import numpy as np
from numpy.typing import NDArray

__all__ = ["Selection"]

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_TOKEN = re.compile(r"""\s*(?:(==|!=|<=|>=|<|>|\(|\)|,)|"([^"]*)"|'([^']*)'|([^\s<>=!()",']+))""")
_WORDS = {"true": 1.0, "True": 1.0, "false": 0.0, "False": 0.0}

Value = float | str


@dataclass(frozen=True)
class _Condition:
    name: str
    operator: str
    values: tuple[Value, ...]


class Selection:
    """A parsed condition: comparisons ``name op value`` joined by ``and``.

    name: a per-atom array, a key of the structure's info, ``element`` or ``index``; op: ``== != < <= > >=`` or ``in``
    with a list ``(1, 2)``; value: a number, a word or a quoted text. Raises ValueError where the text is anything else.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._conditions = _parse(text)

    def __repr__(self) -> str:
        return f"Selection({self.text!r})"

    def mask(self, atoms: ase.Atoms, name: str = "") -> NDArray[np.bool_]:
        """The atoms (N,) bool that meet all conditions; `name` says in messages which structure it is."""
        chosen = np.ones(len(atoms), dtype=bool)
        for condition in self._conditions:
            chosen &= _compare(condition, _column(condition.name, atoms, name), self.text)
        return chosen


def _parse(text: str) -> tuple[_Condition, ...]:
    tokens = _tokens(text)
    conditions: list[_Condition] = []
    while tokens:
        if conditions:
            joint = tokens.pop(0)
            if joint != ("word", "and"):
                raise ValueError(f"where: comparisons must be joined by 'and', got {joint[1]!r} in {text!r}")
        conditions.append(_condition(tokens, text))
    if not conditions:
        raise ValueError("where is empty, expected a comparison like 'label == 1'")
    return tuple(conditions)


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens = []
    position = 0
    stripped = text.rstrip()
    while position < len(stripped):
        match = _TOKEN.match(stripped, position)
        if match is None:
            raise ValueError(f"where: cannot read {stripped[position:].strip()!r} in {text!r}")
        symbol, double, single, word = match.groups()
        if symbol is not None:
            tokens.append(("symbol", symbol))
        elif word is not None:
            tokens.append(("word", word))
        else:
            tokens.append(("text", double if double is not None else single))
        position = match.end()
    return tokens


def _condition(tokens: list[tuple[str, str]], text: str) -> _Condition:
    if len(tokens) < 3:
        raise ValueError(
            f"where: expected 'name == value', got {' '.join(t[1] for t in tokens) or 'nothing'!r} in {text!r}"
        )
    (kind, name), (_, comparison) = tokens.pop(0), tokens.pop(0)
    if kind == "symbol":
        raise ValueError(f"where: a comparison must begin with a name, got {name!r} in {text!r}")
    if comparison == "in":
        return _Condition(name, "in", _list(tokens, text))
    if comparison not in _OPERATORS:
        raise ValueError(f"where: {comparison!r} is none of {' '.join(_OPERATORS)} in, in {text!r}")
    value = _value(tokens.pop(0), text)
    if isinstance(value, str) and comparison not in ("==", "!="):
        raise ValueError(f"where: {comparison} compares numbers, got {value!r} in {text!r}")
    return _Condition(name, comparison, (value,))


def _list(tokens: list[tuple[str, str]], text: str) -> tuple[Value, ...]:
    values = []
    if tokens.pop(0) != ("symbol", "("):
        raise ValueError(f"where: 'in' must be followed by a list like (1, 2), in {text!r}")
    while tokens:
        values.append(_value(tokens.pop(0), text))
        end = tokens.pop(0) if tokens else ("", "")
        if end == ("symbol", ")"):
            return tuple(values)
        if end != ("symbol", ","):
            break
    raise ValueError(f"where: the list after 'in' does not end, in {text!r}")


def _value(token: tuple[str, str], text: str) -> Value:
    kind, word = token
    if kind == "symbol":
        raise ValueError(f"where: expected a number or a word, got {word!r} in {text!r}")
    if kind == "word":
        if word in _WORDS:
            return _WORDS[word]
        try:
            number = float(word)
        except ValueError:
            return word
        if number != number:
            raise ValueError(f"where: a comparison with nan has no meaning, in {text!r}")
        return number
    return word


def _column(name: str, atoms: ase.Atoms, structure: str) -> NDArray[Any]:
    if name in atoms.arrays and name not in ("numbers", "positions"):
        column: NDArray[Any] = atoms.arrays[name]
        if column.ndim != 1:
            raise ValueError(f"where: {name} has {column.shape[1:]} values an atom, one is wanted")
        return column
    if name in ("element", "symbol"):
        return np.array(atoms.get_chemical_symbols())
    if name == "index":
        return np.arange(len(atoms))
    if name in atoms.info and np.ndim(atoms.info[name]) == 0:
        return np.full(len(atoms), atoms.info[name])
    known = [key for key in atoms.arrays if key not in ("numbers", "positions") and atoms.arrays[key].ndim == 1]
    known += [key for key in atoms.info if np.ndim(atoms.info[key]) == 0]
    where = f" of {structure}" if structure else ""
    raise ValueError(f"where: there is no {name!r}{where}, known are {', '.join(['element', 'index', *known])}")


def _compare(condition: _Condition, column: NDArray[Any], text: str) -> NDArray[np.bool_]:
    numeric = column.dtype.kind in "iufb"
    chosen = np.zeros(len(column), dtype=bool)
    for value in condition.values:
        if numeric and isinstance(value, str):
            raise ValueError(f"where: {condition.name} holds numbers, got {value!r} in {text!r}")
        if not numeric and not isinstance(value, str):
            if condition.operator not in ("==", "!=", "in"):
                raise ValueError(
                    f"where: {condition.name} holds words, which {condition.operator} cannot order, in {text!r}"
                )
            value = f"{value:g}"
        compare = _OPERATORS["==" if condition.operator == "in" else condition.operator]
        chosen |= np.asarray(compare(column if numeric else column.astype(str), value), dtype=bool)
    return chosen
