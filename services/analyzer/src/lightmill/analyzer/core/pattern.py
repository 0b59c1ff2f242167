"""Names that stand for many files."""

import posixpath
import re
from collections.abc import Callable

_DIGITS = re.compile(r"\d+(?!.*\d)")
_MARK = re.compile(
    r"<udim>|<tile>|<uvtile>|<uvtile1>|u<u>_v<v>|<f\d*>|<frame\d*>|<(?:attr|shapename)[^<>]*>"
    r"|%0?\d?d|#+|\*+",
    re.IGNORECASE,
)
_MEANS = {
    "<udim>": r"\d{4}",
    "<tile>": r"u\d+_v\d+",
    "<uvtile>": r"u\d+_v\d+",
    "<uvtile1>": r"u\d+_v\d+",
    "u<u>_v<v>": r"u\d+_v\d+",
}


def is_pattern(name: str) -> bool:
    """Tell whether a name has a mark in it that stands for a tile, a frame or anything."""
    return _MARK.search(name) is not None


def matcher(name: str) -> Callable[[str], bool]:
    """Return what tells the files that a sequence has: by its marks, else by its last number."""
    if is_pattern(name):
        return _compiled(_marked(name))
    stem, suffix = posixpath.splitext(name)
    number = _DIGITS.search(stem)
    if number is None:
        return lambda other: other == name
    before, after = stem[: number.start()], stem[number.end() :]
    return _compiled(re.escape(before) + r"\d+" + re.escape(after + suffix))


def _compiled(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.DOTALL)
    return lambda other: compiled.fullmatch(other) is not None


def _marked(name: str) -> str:
    """Return the pattern of a name; what stands between two stars is looked for once, from left.

    Anything else would try many stars in every combination, and take for ever.
    """
    first, *others = _pieces(name)
    if not others:
        return first
    middle = "".join(f"(?>.*?{piece})" for piece in others[:-1])
    return f"{first}{middle}.*{others[-1]}"


def _pieces(name: str) -> list[str]:
    pieces, end = [""], 0
    for mark in _MARK.finditer(name):
        pieces[-1] += re.escape(name[end : mark.start()])
        meaning = _meaning(mark[0].lower())
        if meaning is None:
            pieces.append("")
        else:
            pieces[-1] += meaning
        end = mark.end()
    pieces[-1] += re.escape(name[end:])
    return pieces


def _meaning(mark: str) -> str | None:
    """Return the pattern of a mark; None for one that stands for anything."""
    if mark in _MEANS:
        return _MEANS[mark]
    if mark.startswith(("*", "<attr", "<shapename")):
        return None
    return r"-?\d++"
