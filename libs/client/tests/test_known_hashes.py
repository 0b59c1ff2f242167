"""Hashes that are remembered, and when they are not believed."""

import os
import time
from pathlib import Path

import pytest

from lightmill.client.folder import LocalFile, read_folder
from lightmill.client.known_hashes import KnownHashes, Taken

SECOND_NS = 10**9
HOUR_NS = 3600 * SECOND_NS
OTHER = "0" * 64


def later() -> int:
    """An hour after the test's files were written."""
    return time.time_ns() + HOUR_NS


@pytest.fixture
def known(tmp_path: Path) -> KnownHashes:
    return KnownHashes(tmp_path / "cache" / "hashes.sqlite", now=later)


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    root = tmp_path / "shot"
    (root / "textures").mkdir(parents=True)
    (root / "a.blend").write_bytes(b"scene")
    (root / "textures" / "wood.png").write_bytes(b"wood")
    return root


def plant(known: KnownHashes, file: Path, at: int) -> None:
    """Remember a hash that the file does not have."""
    known.remember([Taken(str(file), file.stat(), OTHER)], at)


def hashes(files: list[LocalFile]) -> list[str]:
    return [file.blake3 for file in files]


def test_a_file_that_has_not_changed_is_not_read_again(known: KnownHashes, shot: Path) -> None:
    first = read_folder(shot, known)
    assert read_folder(shot, known) == first
    plant(known, shot / "a.blend", later())
    assert hashes(read_folder(shot, known)) == [OTHER, first[1].blake3]
    assert hashes(read_folder(shot / "a.blend", known)) == [OTHER]


def test_a_file_that_was_changed_is_read_whatever_its_date_says(
    known: KnownHashes, shot: Path
) -> None:
    file = shot / "a.blend"
    was, status = read_folder(file, known), file.stat()
    while file.stat().st_ctime_ns == status.st_ctime_ns:  # a file's clock ticks every few ms
        file.write_bytes(b"SCENE")
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert file.stat().st_mtime_ns == status.st_mtime_ns
    assert read_folder(file, known) != was


def test_a_file_that_has_just_changed_is_not_remembered(tmp_path: Path, shot: Path) -> None:
    known, file = KnownHashes(tmp_path / "hashes.sqlite"), shot / "a.blend"
    plant(known, file, file.stat().st_ctime_ns + SECOND_NS)
    assert OTHER not in hashes(read_folder(shot, known))
    plant(known, file, file.stat().st_ctime_ns + HOUR_NS)
    assert OTHER in hashes(read_folder(shot, known))


def test_a_folder_of_a_similar_name_is_another(known: KnownHashes, shot: Path) -> None:
    beside = shot.with_name("shot2")
    beside.mkdir()
    (beside / "b.blend").write_bytes(b"b")
    plant(known, beside / "b.blend", later())
    assert known.below(str(shot)) == {}
    assert list(known.below(str(beside))) == [str(beside / "b.blend")]


@pytest.mark.parametrize("content", [b"", b"no database" * 1000])
def test_a_damaged_memory_is_done_without_and_made_anew(
    known: KnownHashes, shot: Path, tmp_path: Path, content: bytes
) -> None:
    right = read_folder(shot)
    file = tmp_path / "cache" / "hashes.sqlite"
    file.parent.mkdir()
    file.write_bytes(content)
    assert read_folder(shot, known) == right
    assert read_folder(shot, known) == right
    assert len(known.below(str(shot))) == 2


def test_a_memory_that_cannot_be_written_is_done_without(shot: Path) -> None:
    known = KnownHashes(Path("/dev/null/hashes.sqlite"), now=later)
    assert read_folder(shot, known) == read_folder(shot)
