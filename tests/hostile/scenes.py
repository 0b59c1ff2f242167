"""Hostile scenes, made when they are needed; each with the reason that it is refused for."""

import gzip
import struct

import zstandard
from tests.hostile.archives import MIB, Case

HEADER = b"BLENDER-v405"
SLOW = "takes longer than|memory"
MAYA = b"//Maya ASCII 2024 scene\n"


def block(code: bytes, size: int, content: bytes = b"", count: int = 1) -> bytes:
    return struct.pack("<4siQii", code, size, 1, 0, count) + content


def zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


def with_dna(*parts: bytes) -> bytes:
    content = b"SDNA" + b"".join(parts)
    return HEADER + block(b"DNA1", len(content), content) + block(b"ENDB", 0)


def names(count: int, *words: bytes) -> bytes:
    return b"NAME" + struct.pack("<i", count) + b"".join(word + b"\0" for word in words)


BLENDS = [
    Case("blend: nothing", ".blend", "no Blender file", lambda: b""),
    Case("blend: something else", ".blend", "no Blender file", lambda: b"\x7fELF" + bytes(99)),
    Case("blend: a script", ".blend", "no Blender file", lambda: b"#!/bin/sh\nrm -rf /\n"),
    Case("blend: header alone", ".blend", "cut off", lambda: HEADER),
    Case("blend: no description", ".blend", "cut off", lambda: HEADER + block(b"ENDB", 0)),
    Case("blend: a version of words", ".blend", "damaged|no Blender", lambda: b"BLENDER-vXYZ"),
    Case(
        "blend: less than nothing",
        ".blend",
        "cut off|damaged",
        lambda: HEADER + block(b"DATA", -9),
    ),
    Case(
        "blend: 2 GiB in a word",
        ".blend",
        "cut off|damaged",
        lambda: HEADER + block(b"SC", 2**31 - 1),
    ),
    Case("blend: empty description", ".blend", "damaged", with_dna),
    # The library counts to the end of these: the clock ends them.
    Case("blend: names without end", ".blend", SLOW, lambda: with_dna(names(2**31 - 1, b"a")), 3),
    Case("blend: less than no names", ".blend", SLOW, lambda: with_dna(names(-5, b"a")), 3),
    Case("blend: gzip bomb", ".blend", "more bytes", lambda: gzip.compress(bytes(70 * MIB))),
    Case("blend: zstd bomb", ".blend", "more bytes", lambda: zstd(bytes(70 * MIB))),
    Case("blend: zstd of noise", ".blend", "damaged|no Blender", lambda: b"\x28\xb5\x2f\xfd" * 9),
    Case("blend: gzip cut off", ".blend", "damaged", lambda: gzip.compress(HEADER * 99)[:40]),
]

MAYAS = [
    Case("ma: nothing", ".ma", "no Maya ASCII", lambda: b""),
    Case("ma: binary", ".ma", "no Maya ASCII", lambda: b"FOR8\0\0\0\0Maya"),
    Case("ma: cut off", ".ma", "breaks off", lambda: MAYA + b'createNode file -n "a'),
    Case("ma: one statement", ".ma", "a statement of more", lambda: MAYA + b"x " * (20 * MIB)),
    Case("ma: text without end", ".ma", "breaks off", lambda: MAYA + b'a "' + b"\\" * MIB),
    Case("ma: comment without end", ".ma", "breaks off", lambda: MAYA + b"/*" * MIB),
    Case(
        "ma: many nodes",
        ".ma",
        "more than 500000 nodes",
        lambda: MAYA + b"createNode file;\n" * 500_001,
    ),
    Case(
        "ma: many files",
        ".ma",
        "more than 100000 files",
        lambda: MAYA + b"".join(b'file -r "%d.ma";\n' % n for n in range(100_001)),
    ),
    Case("ma: noise", ".ma", "breaks off", lambda: MAYA + bytes(range(256)) * 400 + b'"'),
]

SCENES = [*BLENDS, *MAYAS]
