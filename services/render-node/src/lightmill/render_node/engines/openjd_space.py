"""The tasks of an Open Job Description step, by number; a script's module, standard library alone.

The specification orders a parameter space by its combination expression, the last factor
fastest. Libraries do not promise the order of their iterators, and a number given to a task at
submission has to mean the same task for ever: so it is reckoned here.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Values = Mapping[str, Sequence[Any]]
Node = tuple[int, Callable[[int], dict[str, Any]]]
"""How many points a part of the space has, and what each of them is."""

_TOKEN = re.compile(r"\s*([A-Za-z_]\w*|[*(),])")


def task_at(values: Values, combination: str | None, number: int) -> dict[str, Any]:
    """Return the parameter values of task `number`, counted from 0.

    Raises:
        IndexError: there is no such task.
        ValueError: the combination is none of these parameters.
    """
    count, at = _space(values, combination)
    if not 0 <= number < count:
        raise IndexError(f"there is no task {number}; the step has {count}")
    return at(number)


def task_count(values: Values, combination: str | None) -> int:
    """Return how many tasks there are; one where there are no parameters.

    Raises:
        ValueError: the combination is none of these parameters.
    """
    return _space(values, combination)[0]


def _space(values: Values, combination: str | None) -> Node:
    if not values:
        return 1, lambda _: {}
    text = combination or " * ".join(values)
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != re.sub(r"\s", "", text):
        raise ValueError(f"{text!r} is no combination of parameters")
    node, rest = _product(tokens, values)
    if rest:
        raise ValueError(f"{text!r} goes on after its end")
    return node


def _product(tokens: list[str], values: Values) -> tuple[Node, list[str]]:
    node, rest = _element(tokens, values)
    while rest[:1] == ["*"]:
        right, rest = _element(rest[1:], values)
        node = _times(node, right)
    return node, rest


def _element(tokens: list[str], values: Values) -> tuple[Node, list[str]]:
    if not tokens:
        raise ValueError("the combination ends too early")
    if tokens[0] == "(":
        return _association(tokens[1:], values)
    name = tokens[0]
    if name not in values:
        raise ValueError(f"{name!r} is no parameter of the step")
    chosen = values[name]
    return (len(chosen), lambda number: {name: chosen[number]}), tokens[1:]


def _association(tokens: list[str], values: Values) -> tuple[Node, list[str]]:
    """Return points that walk together through all members."""
    members = []
    separator = ","
    while separator == ",":
        node, rest = _product(tokens, values)
        members.append(node)
        separator, tokens = (rest[0] if rest else ""), rest[1:]
    if separator != ")" or len({count for count, _ in members}) != 1:
        raise ValueError("what is associated has to be of one length, and in parentheses")

    def at(number: int) -> dict[str, Any]:
        return {name: value for _, one in members for name, value in one(number).items()}

    return (members[0][0], at), tokens


def _times(left: Node, right: Node) -> Node:
    count = right[0]

    def at(number: int) -> dict[str, Any]:
        return {**left[1](number // count), **right[1](number % count)}

    return left[0] * count, at
