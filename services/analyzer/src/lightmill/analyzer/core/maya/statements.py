"""The statements of a Maya ASCII file, in whatever pieces it arrives."""

import codecs
import re
from collections.abc import Iterable, Iterator

from lightmill.analyzer.core.broken import BrokenSceneError

HEADER = b"//Maya ASCII"
LONGEST = 2**25
_HEAD = 2**12
_CODESET = re.compile(rb"^//Codeset:[ \t]*([\w-]+)", re.MULTILINE)
# Atomic throughout: whatever the text, it is scanned once.
_STATEMENT = re.compile(
    r"""(?:[^;"/]++|"(?:[^"\\]++|\\.)*+"|//[^\n]*+\n|/\*(?:[^*]++|\*(?!/))*+\*/|/(?![/*]))*+;""",
    re.DOTALL,
)
_BLANK = re.compile(r"(?:\s++|//[^\n]*+(?:\n|\Z)|/\*(?:[^*]++|\*(?!/))*+\*/)*+\Z")


def statements(pieces: Iterable[bytes]) -> Iterator[str]:
    """Yield each statement with what stands before it, without its semicolon.

    The text is decoded as its header says (`//Codeset: 936`); bytes that fit no character are
    replaced.

    Raises:
        BrokenSceneError: it is no Maya ASCII, ends in mid-statement, or one is longer than 32 MiB.
    """
    rest = ""
    for piece in _texts(pieces):
        rest += piece
        end = 0
        while found := _STATEMENT.match(rest, end):
            yield rest[end : found.end() - 1]
            end = found.end()
        rest = rest[end:]
        if len(rest) > LONGEST:
            raise BrokenSceneError(f"has a statement of more than {LONGEST} characters")
    if not _BLANK.match(rest):
        raise BrokenSceneError("breaks off in the middle of a statement; send it again")


def _texts(pieces: Iterable[bytes]) -> Iterator[str]:
    decoder: codecs.IncrementalDecoder | None = None
    head = b""
    for piece in pieces:
        if decoder is not None:
            yield decoder.decode(piece)
            continue
        head += piece
        if len(head) >= _HEAD:
            decoder = _decoder(head)
            yield decoder.decode(head)
    if decoder is None:
        yield _decoder(head).decode(head, final=True)
    else:
        yield decoder.decode(b"", final=True)


def _decoder(head: bytes) -> codecs.IncrementalDecoder:
    if not head.removeprefix(codecs.BOM_UTF8).startswith(HEADER):
        raise BrokenSceneError("is no Maya ASCII: it does not begin with //Maya ASCII")
    named = _CODESET.search(head[:_HEAD])
    return codecs.getincrementaldecoder(_encoding(named and named[1].decode()))("replace")


def _encoding(codeset: str | None) -> str:
    """Return Python's name of a codeset: on Windows the number of a code page, else a name."""
    if codeset is None:
        return "utf-8"
    name = f"cp{codeset}" if codeset.isdigit() else codeset
    try:
        known = codecs.lookup(name)
    except LookupError:
        return "utf-8"
    return known.name if known._is_text_encoding else "utf-8"  # noqa: SLF001  # nothing public tells
