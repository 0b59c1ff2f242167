"""Hostile archives, made when they are needed; each with the reason that it is refused for."""

import bz2
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

MIB = 2**20


@dataclass(frozen=True)
class Case:
    """What is sent, under which suffix, what the refusal has to say, and how long it may take."""

    name: str
    suffix: str
    reason: str
    build: Callable[[], bytes]
    seconds: float = 30


@dataclass(kw_only=True)
class Entry:
    """A member of a zip, with every field free to lie."""

    name: bytes
    content: bytes = b"x"
    local_name: bytes | None = None
    method: int = 0
    flags: int = 0x800
    mode: int = stat.S_IFREG | 0o644
    system: int = 3
    attributes: int = 0
    size: int | None = None
    crc: int | None = None
    offset: int | None = None
    extra: bytes = b""

    def packed(self) -> bytes:
        if self.method == 8:
            deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
            return deflate.compress(self.content) + deflate.flush()
        return self.content

    def fields(self, packed: bytes) -> bytes:
        size = len(self.content) if self.size is None else self.size
        crc = zlib.crc32(self.content) if self.crc is None else self.crc
        sizes = struct.pack("<LLL", crc, len(packed), size)
        return struct.pack("<HHHHH", 20, self.flags, self.method, 0, 0x21) + sizes


def zipped(entries: Iterable[Entry], *, count: int | None = None, comment: bytes = b"") -> bytes:
    body, central, number = bytearray(), bytearray(), 0
    for entry in entries:
        packed = entry.packed()
        fields, name = entry.fields(packed), entry.name
        local = name if entry.local_name is None else entry.local_name
        offset = len(body) if entry.offset is None else entry.offset
        body += b"PK\x03\x04" + fields + struct.pack("<HH", len(local), 0) + local + packed
        central += b"PK\x01\x02" + struct.pack("<BB", 20, entry.system) + fields
        central += struct.pack("<HHHHH", len(name), len(entry.extra), 0, 0, 0)
        central += struct.pack("<LL", (entry.mode << 16) | entry.attributes, offset)
        central += name + entry.extra
        number += 1
    count = number if count is None else count
    end = struct.pack("<HHHHLLH", 0, 0, count, count, len(central), len(body), len(comment))
    return bytes(body + central + b"PK\x05\x06" + end + comment)


def one(name: bytes, **fields: Any) -> Callable[[], bytes]:  # noqa: ANN401  # of any entry
    return lambda: zipped([Entry(name=b"good.txt"), Entry(name=name, **fields)])


def tarred(*members: tuple[str, dict[str, Any], bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, fields, content in (("good.txt", {}, b"x"), *members):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for key, value in fields.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def tar_of(name: str, content: bytes = b"x", **fields: Any) -> Callable[[], bytes]:  # noqa: ANN401  # likewise
    return lambda: tarred((name, fields, content))


def patched_tar(at: int, value: bytes) -> Callable[[], bytes]:
    """Return a tar whose second header has other bytes, and a sum that fits them."""

    def build() -> bytes:
        content = bytearray(tarred(("b.txt", {}, b"content")))
        header = bytearray(content[1024:1536])
        header[at : at + len(value)] = value
        header[148:156] = b" " * 8
        header[148:156] = f"{sum(header):06o}\0 ".encode()
        content[1024:1536] = header
        return bytes(content)

    return build


def many(count: int) -> bytes:
    return zipped(Entry(name=b"%d" % number, content=b"") for number in range(count))


def shared_bytes() -> bytes:
    """Members that lie in each other, as in the bomb of David Fifield."""
    kernel = Entry(name=b"a", content=b"\0" * MIB, method=8)
    again = [Entry(name=b"%d" % n, content=b"\0" * MIB, method=8, offset=0) for n in range(50)]
    return zipped([kernel, *again])


def wrong_offset() -> bytes:
    return zipped([Entry(name=b"a"), Entry(name=b"b", offset=2**31)])


def zip64(size: int) -> Callable[[], bytes]:
    extra = struct.pack("<HHQ", 1, 8, size)
    return one(b"large.bin", size=0xFFFFFFFF, extra=extra)


def deep(depth: int) -> bytes:
    return b"/".join([b"d"] * depth + [b"file.txt"])


LIMIT = 400 * MIB  # what the tests let an archive unpack to

ZIPS = [
    Case("parent", ".zip", r"must not have \. or \.\.", one(b"../evil.txt")),
    Case("parent in the middle", ".zip", r"must not have \. or \.\.", one(b"a/../../evil.txt")),
    Case("parent of windows", ".zip", r"must not have \. or \.\.", one(b"..\\..\\evil.txt")),
    Case("absolute", ".zip", "must be relative", one(b"/etc/cron.d/evil")),
    Case("drive", ".zip", "must be relative", one(b"C:\\Windows\\evil.dll")),
    Case("drive without root", ".zip", "must be relative", one(b"C:evil.dll")),
    Case("server", ".zip", "must be relative", one(b"\\\\server\\share\\evil")),
    Case("empty part", ".zip", "empty parts", one(b"a//b")),
    Case("empty name", ".zip", "1 to 1024 characters", one(b"")),
    Case("long path", ".zip", "1 to 1024 characters", one(b"a/" * 600 + b"b")),
    Case("long name", ".zip", "at most 255 bytes", one(b"n" * 300)),
    Case("deep", ".zip", "more than 64 folders", one(deep(100))),
    Case("nul", ".zip", "control characters", one(b"good.png\0.exe")),
    Case("newline", ".zip", "control characters", one(b"a\nb.txt")),
    Case("right to left", ".zip", "control characters", one("a\u202egnp.exe".encode())),
    Case("device of windows", ".zip", "device's name", one(b"textures/NUL.png")),
    Case("stream of windows", ".zip", "Windows nodes take no", one(b"a.txt:evil")),
    Case("dot at the end", ".zip", "Windows nodes take no", one(b"evil.txt.")),
    Case("case", ".zip", "collide", lambda: zipped([Entry(name=b"a/B"), Entry(name=b"A/b")])),
    Case("twice", ".zip", "collide", lambda: zipped([Entry(name=b"a"), Entry(name=b"a")])),
    Case(
        "accent",
        ".zip",
        "collide",
        lambda: zipped([Entry(name="e\u0301".encode()), Entry(name="\u00e9".encode())]),
    ),
    Case(
        "file and folder",
        ".zip",
        "file and a folder at once",
        lambda: zipped([Entry(name=b"a"), Entry(name=b"a/b")]),
    ),
    Case("link", ".zip", "is a link", one(b"l", content=b"/etc", mode=stat.S_IFLNK | 0o777)),
    Case("link of windows", ".zip", "is a link", one(b"l", mode=0, system=0, attributes=0x400)),
    Case("device", ".zip", "is a device", one(b"d", mode=stat.S_IFBLK | 0o666)),
    Case("pipe", ".zip", "is a device, a pipe", one(b"p", mode=stat.S_IFIFO | 0o666)),
    Case("locked", ".zip", "password", one(b"secret", flags=0x801)),
    Case("strange method", ".zip", "method 97", one(b"a", method=97)),
    Case("many members", ".zip", "more than 1000 members", lambda: many(2000)),
    Case("said too large", ".zip", "unpacks to more than", one(b"a", size=LIMIT + 1)),
    Case("64 bits", ".zip", "unpacks to more than", zip64(2**62)),
    Case("ratio", ".zip", "times its own size", one(b"a", content=bytes(66 * MIB), method=8)),
    Case("less than said", ".zip", "fewer bytes|damaged", one(b"a", size=5)),
    Case("more than said", ".zip", "damaged", one(b"a", content=b"y" * 900, method=8, size=5)),
    Case("wrong sum", ".zip", "damaged", one(b"a", crc=7)),
    Case("two names", ".zip", "damaged", one(b"a.png", local_name=b"../b")),
    Case("shared bytes", ".zip", "share their bytes", shared_bytes),
    Case("offset beyond", ".zip", "share their bytes|damaged", wrong_offset),
    Case("folder with content", ".zip", "folder with content", one(b"a/", content=b"xyz")),
    Case("cut off", ".zip", "damaged", lambda: zipped([Entry(name=b"a" * 99)])[:80]),
    Case("something before", ".zip", "begins with something else", lambda: b"MZ" + many(1)),
    Case("no archive", ".zip", "begins with something else", lambda: b"\x89PNG\r\n" + bytes(500)),
    Case("nothing", ".zip", "begins with something else", lambda: b""),
    Case("empty", ".zip", "no files in it", lambda: zipped([])),
    Case("count that lies", ".zip", "damaged|no files", lambda: zipped([], count=65535)),
]

TARS = [
    Case("tar: parent", ".tar", r"must not have \. or \.\.", tar_of("../evil.txt")),
    Case("tar: absolute", ".tar", "must be relative", tar_of("/etc/cron.d/evil")),
    Case("tar: link", ".tar", "is a link", tar_of("l", b"", type=b"2", linkname="/etc")),
    Case("tar: hard link", ".tar", "is a link", tar_of("l", b"", type=b"1", linkname="../x")),
    Case("tar: device", ".tar", "is a device", tar_of("d", b"", type=b"3", devmajor=1)),
    Case("tar: block device", ".tar", "is a device", tar_of("d", b"", type=b"4")),
    Case("tar: pipe", ".tar", "is a device, a pipe", tar_of("p", b"", type=b"6")),
    Case(
        "tar: through a link",
        ".tar",
        "is a link",
        lambda: tarred(
            ("out", {"type": b"2", "linkname": "/tmp"}, b""),  # noqa: S108  # where it leads
            ("out/evil.txt", {}, b"x"),
        ),
    ),
    Case("tar: case", ".tar", "collide", lambda: tarred(("a", {}, b"1"), ("A", {}, b"2"))),
    Case("tar: huge", ".tar", "unpacks to more", patched_tar(124, b"77777777777\0")),
    Case("tar: less than nothing", ".tar", "damaged|less than no", patched_tar(124, b"\xff" * 12)),
    Case("tar: holes", ".tar", "holes|damaged", patched_tar(156, b"S")),
    Case("tar: cut off", ".tar", "breaks off|damaged", lambda: tar_of("a", b"y" * 9000)()[:4000]),
    Case("tar: no tar", ".tar", "damaged", lambda: b"this is no archive" * 100),
    Case(
        "gzip bomb",
        ".tgz",
        "times its own",
        lambda: gzip.compress(tar_of("a", bytes(66 * MIB))()),
    ),
    Case(
        "bzip2 bomb", ".tar", "times its own", lambda: bz2.compress(tar_of("a", bytes(66 * MIB))())
    ),
    Case(
        "xz bomb", ".tar", "times its own", lambda: lzma.compress(tar_of("a", bytes(66 * MIB))())
    ),
    Case("gzip cut off", ".tgz", "damaged|breaks off", lambda: gzip.compress(tarred())[:60]),
    Case("gzip of noise", ".tgz", "damaged", lambda: gzip.compress(bytes(range(256)) * 40)),
]

ARCHIVES = [*ZIPS, *TARS]
