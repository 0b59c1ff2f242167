"""A statement of Maya ASCII, taken apart."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""\s++|//[^\n]*+(?:\n|\Z)|/\*(?:[^*]++|\*(?!/))*+\*/"""
    r"""|"(?P<quoted>(?:[^"\\]++|\\.)*+)"|(?P<mark>[()])|(?P<word>[^\s"()]++)|(?P<stray>.)""",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
_FLAG = re.compile(r"-[A-Za-z]\w*")

# Flags that are followed by one value; all others stand alone.
_VALUED: Mapping[str, frozenset[str]] = {
    "createNode": frozenset({"n", "name", "p", "parent"}),
    "setAttr": frozenset(
        {"s", "size", "k", "keyable", "cb", "channelBox", "l", "lock", "ca", "caching"}
        | {"type", "typ", "ch", "capacityHint"}
    ),
    "requires": frozenset({"nodeType", "dataType", "nt", "dt"}),
    "currentUnit": frozenset({"l", "linear", "a", "angle", "t", "time"}),
    "file": frozenset(
        {"rdi", "referenceDepthInfo", "ns", "namespace", "dr", "deferReference"}
        | {"rfn", "referenceNode", "op", "options", "typ", "type", "rpr", "renamingPrefix"}
        | {"shd", "sharedNodes", "gn", "groupName", "lrd", "loadReferenceDepth"}
    ),
}
KNOWN = frozenset({*_VALUED, "fileInfo", "select"})
_NAME = re.compile(r"(?:\s++|//[^\n]*+\n|/\*(?:[^*]++|\*(?!/))*+\*/)*+([A-Za-z]\w*+)")


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its name, its flags with their last values (None for a bare one), the rest."""

    name: str
    flags: Mapping[str, str | None] = field(default_factory=dict)
    values: tuple[str, ...] = ()

    def flag(self, *names: str) -> str | None:
        """Return the value of a flag that may be written in several ways."""
        return next((found for name in names if (found := self.flags.get(name))), None)


def name_of(statement: str) -> str | None:
    """Return the name of the command, or None when there is none, as at a file's end."""
    found = _NAME.match(statement)
    return found and found[1]


def command(statement: str) -> Command | None:
    """Return the command that a statement is, or None when it is empty or not of a known kind."""
    name = name_of(statement)
    if name not in KNOWN:
        return None
    words = _joined(_words(statement))
    next(words, None)
    valued = _VALUED.get(name, frozenset())
    flags: dict[str, str | None] = {}
    values: list[str] = []
    for word, quoted in words:
        if quoted or not _FLAG.fullmatch(word):
            values.append(word)
        else:
            flags[word[1:]] = next(words, ("", True))[0] if word[1:] in valued else None
    return Command(name, flags, tuple(values))


def _words(statement: str) -> Iterator[tuple[str, bool]]:
    for token in _TOKEN.finditer(statement):
        kind = token.lastgroup
        if kind == "quoted":
            yield _ESCAPE.sub(_unescaped, token["quoted"]), True
        elif kind is not None:
            yield token[0], False


def _unescaped(found: re.Match[str]) -> str:
    return _ESCAPED.get(found[1], found[1])


def _joined(words: Iterator[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    """Put together what Maya writes in pieces: `( "a" + "b" )`."""
    for word, quoted in words:
        if quoted or word != "(":
            yield word, quoted
            continue
        pieces = []
        for piece, is_text in words:
            if not is_text and piece == ")":
                break
            if is_text:
                pieces.append(piece)
        yield "".join(pieces), True
