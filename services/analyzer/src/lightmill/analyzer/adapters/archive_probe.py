"""Unpacks an archive, and prints what came out as one JSON object.

Run as a program of its own, `archive_probe.py <folder> <archive> <memory> <seconds> <bytes>`: what
is in `<folder>/<archive>` is written to `<folder>/unpacked`, which must not exist. No name leads
out of there: folders are entered one by one, links are never followed, files are only ever made.

Prints `{"files": [{"path": …, "size": …, "blake3": …}]}` or `{"error": "why it is not unpacked"}`.
"""

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from blake3 import blake3

from lightmill.analyzer.adapters.archives import tar_members, zip_members
from lightmill.analyzer.adapters.limits import hold_this_process_to
from lightmill.analyzer.core.archive import ArchiveLimits, Gate, Member, RefusedArchiveError

UNPACKED = "unpacked"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


def unpack(archive: Path, target: Path, limits: ArchiveLimits) -> Iterator[dict[str, object]]:
    """Yield path, size and BLAKE3 of each file that was written to `target`.

    Raises:
        RefusedArchiveError: something in it may not be unpacked.
    """
    gate = Gate(limits, archive.stat().st_size)
    target.mkdir(mode=0o700)
    top = os.open(target, _FOLDER)
    try:
        for member, content in _members(archive):
            if gate.admit(member):
                digest = blake3()
                size = _write(top, member, _hashed(content, digest), gate)
                yield {"path": member.path, "size": size, "blake3": digest.hexdigest()}
    finally:
        os.close(top)


def _members(archive: Path) -> Iterator[tuple[Member, Iterator[bytes]]]:
    if archive.suffix.lower() == ".zip":
        return zip_members.members(archive)
    return tar_members.members(archive)


def _hashed(content: Iterator[bytes], digest: blake3) -> Iterator[bytes]:
    for piece in content:
        digest.update(piece)
        yield piece


def _write(top: int, member: Member, content: Iterator[bytes], gate: Gate) -> int:
    *folders, name = member.path.split("/")
    folder = _entered(top, folders)
    try:
        with open(os.open(name, _FILE, 0o600, dir_fd=folder), "wb") as file:  # noqa: PTH123  # of a descriptor
            size = 0
            for piece in content:
                size += len(piece)
                if size > member.size:
                    raise RefusedArchiveError(f"has a member {name} with more bytes than it says")
                gate.count(len(piece))
                file.write(piece)
    finally:
        os.close(folder)
    if size != member.size:
        raise RefusedArchiveError(f"has a member {name} with fewer bytes than it says")
    return size


def _entered(top: int, folders: list[str]) -> int:
    """Return a descriptor of the folder below `top`, which is made as far as it is not there."""
    folder = os.dup(top)
    for name in folders:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=folder)
        deeper = os.open(name, _FOLDER, dir_fd=folder)
        os.close(folder)
        folder = deeper
    return folder


def probe(folder: Path, name: str, limits: ArchiveLimits) -> dict[str, object]:
    """Return what is printed; of a refused archive nothing is left."""
    target = folder / UNPACKED
    try:
        files = list(unpack(folder / name, target, limits))
    except RefusedArchiveError as error:
        reason = f"{name} {error}"
    except MemoryError:
        reason = f"{name} takes more memory to unpack than this farm gives"
    except RecursionError:
        reason = f"{name} is nested too deeply"
    else:
        if files:
            return {"files": files}
        reason = f"{name} has no files in it"
    shutil.rmtree(target, ignore_errors=True)
    return {"error": reason}


def main() -> None:
    """Read the arguments, print the outcome."""
    folder, name, memory, seconds, size = sys.argv[1:]
    hold_this_process_to(int(memory), int(seconds), int(size))
    limits = ArchiveLimits(size=int(size))
    json.dump(probe(Path(folder).resolve(), name, limits), sys.stdout)


if __name__ == "__main__":
    main()
