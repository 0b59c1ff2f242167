"""Text of Maya ASCII, in whatever pieces it comes."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightmill.analyzer.core.broken import BrokenSceneError
from lightmill.analyzer.core.maya.commands import command
from lightmill.analyzer.core.maya.statements import LONGEST, statements

HEADER = b"//Maya ASCII 2023 scene\n"


def texts(*pieces: bytes) -> list[str]:
    return [text.strip() for text in statements([HEADER, *pieces])]


def test_a_semicolon_ends_a_statement_but_not_in_texts_and_comments() -> None:
    source = b'a "x;\\";y" ; // not; here\n b /* nor; here */ 1;\n// End of wolf.ma'
    first, second = texts(source)
    assert first.endswith('a "x;\\";y"')
    assert "b /*" in second


@given(st.integers(1, 60))
def test_pieces_make_no_difference(size: int) -> None:
    source = (
        HEADER + b'//Codeset: 1252\nsetAttr ".a" -type "string" "a;b\\"c"; select -ne :time1;\n'
    )
    cut = [source[at : at + size] for at in range(0, len(source), size)]
    assert list(statements(cut)) == list(statements([source]))


@pytest.mark.parametrize(
    ("codeset", "encoding"),
    [("936", "gbk"), ("932", "cp932"), ("1252", "cp1252"), ("UTF-8", "utf-8"), ("65001", "utf-8")],
)
def test_the_header_names_the_encoding(codeset: str, encoding: str) -> None:
    text = "木" if encoding != "cp1252" else "é"
    source = f'//Codeset: {codeset}\nfileInfo "a" "{text}";'.encode(encoding)
    (found,) = statements([HEADER + source])
    parsed = command(found)
    assert parsed is not None
    assert parsed.values == ("a", text)


def test_a_backslash_inside_of_a_character_is_none() -> None:
    """The second byte of 表 in code page 932 is that of a backslash."""
    source = '//Codeset: 932\nfileInfo "a" "表";'.encode("cp932")
    assert b"\\" in source
    (found,) = statements([HEADER + source])
    assert '"表"' in found


def test_a_codeset_that_nobody_knows_loses_nothing_else() -> None:
    (found,) = statements([HEADER + b'//Codeset: hex\nfileInfo "a" "\xff";'])
    assert "fileInfo" in found


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh", b"FOR4\0\0\0\0Maya", HEADER[1:]])
def test_what_is_no_maya_ascii_is_refused(content: bytes) -> None:
    with pytest.raises(BrokenSceneError, match="no Maya ASCII"):
        list(statements([content]))


@pytest.mark.parametrize("rest", [b"createNode file", b'fileInfo "a', b"/* never closed ;", b'"'])
def test_what_breaks_off_is_refused(rest: bytes) -> None:
    with pytest.raises(BrokenSceneError, match="breaks off"):
        texts(b"requires maya;\n", rest)


def test_a_statement_without_end_is_refused_before_it_fills_the_memory() -> None:
    endless = (b"x" * 2**20 for _ in range(10_000))
    with pytest.raises(BrokenSceneError, match=str(LONGEST)):
        list(statements([HEADER, *[next(endless) for _ in range(40)]]))


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_any_bytes_end_in_statements_or_a_refusal(pieces: list[bytes]) -> None:
    try:
        for text in statements([HEADER, *pieces]):
            command(text)
    except BrokenSceneError:
        return


MEL = st.text(alphabet='ab ;"\\/*\n()+-.', max_size=400)


@given(MEL)
def test_text_like_mel_ends_in_statements_or_a_refusal(text: str) -> None:
    try:
        for found in statements([HEADER, text.encode()]):
            command(found)
            command("setAttr " + found)
    except BrokenSceneError:
        return


@pytest.mark.parametrize("text", ['"' * 200_001, "/" * 200_000, "/*" * 100_000, "(" * 200_000])
def test_nothing_takes_more_than_a_moment(text: str) -> None:
    start = time.process_time()
    command(f'setAttr ".a" {text}')
    with pytest.raises(BrokenSceneError):
        list(statements([HEADER, text.encode(), b"\nx"]))
    assert time.process_time() - start < 5
