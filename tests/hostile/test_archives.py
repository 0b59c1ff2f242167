"""Archives that lie: each is refused with its own reason, and touches nothing but its workspace.

They are unpacked without a sandbox here: our own code has to hold.
"""

import asyncio
import io
import resource
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.hostile.archives import ARCHIVES, LIMIT, Case, Entry, zipped

from lightmill.analyzer.adapters.archive_probe import probe
from lightmill.analyzer.adapters.probe import Probe, ProcessLimits
from lightmill.analyzer.adapters.unpacker import ARCHIVE, ProbeUnpacker
from lightmill.analyzer.core.archive import ArchiveLimits
from lightmill.analyzer.ports import Unpacked, UnreadableSceneError

MOST_SECONDS, MOST_MEMORY = 30, 512 * 2**20
LIMITS = ProcessLimits(seconds=MOST_SECONDS, memory=MOST_MEMORY, size=LIMIT)
SMALL = ArchiveLimits(size=LIMIT, members=1000)


def unpack(archive: Path, limits: ProcessLimits = LIMITS) -> Sequence[Unpacked]:
    unpacker = ProbeUnpacker(Probe(limits, None, ARCHIVE))
    return asyncio.run(unpacker.unpack(archive.parent, archive.name))


def seen(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() if p.is_file() else b"" for p in folder.rglob("*")}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "evil.txt").write_text("not theirs")
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.mark.parametrize("case", ARCHIVES, ids=lambda case: case.name)
def test_a_hostile_archive_is_refused_with_its_own_reason(case: Case, work: Path) -> None:
    archive = work / f"sent{case.suffix}"
    archive.write_bytes(case.build())
    before = seen(work.parent)
    refused = probe(work, archive.name, SMALL)
    assert "files" not in refused
    assert str(refused["error"]).startswith(archive.name)
    with pytest.raises(AssertionError, match=case.reason):
        raise AssertionError(refused["error"])
    assert seen(work.parent) == before


def test_every_reason_that_a_case_names_is_one_of_its_own() -> None:
    assert len(ARCHIVES) >= 60
    assert len({case.name for case in ARCHIVES}) == len(ARCHIVES)


BOMBS = ["ratio", "gzip bomb", "bzip2 bomb", "xz bomb", "shared bytes", "64 bits", "tar: huge"]


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_within_its_memory_and_time(name: str, work: Path) -> None:
    case = next(case for case in ARCHIVES if case.name == name)
    archive = work / f"sent{case.suffix}"
    archive.write_bytes(case.build())
    with pytest.raises(UnreadableSceneError, match=case.reason):
        unpack(archive)
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    assert most < 4 * 2**30  # of every child of this process so far
    assert not (work / "unpacked").exists()


def test_a_process_that_needs_more_memory_than_it_gets_says_so_or_dies_alone(work: Path) -> None:
    archive = work / "many.zip"
    archive.write_bytes(zipped(Entry(name=b"%d" % n, content=b"") for n in range(20_000)))
    with pytest.raises(UnreadableSceneError, match=r"memory|cannot be read"):
        unpack(archive, ProcessLimits(seconds=30, memory=24 * 2**20, size=LIMIT))


def test_an_archive_of_ordinary_files_comes_out_whole(work: Path) -> None:
    files = {"scenes/shot.blend": b"BLENDER", "贴图/木头.png": b"png", "empty.txt": b""}
    with zipfile.ZipFile(work / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("scenes")
        for path, content in {**files, "__MACOSX/scenes/._shot.blend": b"clutter"}.items():
            archive.writestr(path, content)
    with tarfile.open(work / "a.tar.gz", "w:gz") as packed:
        packed.add(_laid_out(work / "tree", files), "./")
    for name in ("a.zip", "a.tar.gz"):
        found = unpack(work / name)
        assert {one.path: one.file.read_bytes() for one in found} == files
        assert all(one.size == len(files[one.path]) for one in found)
        for one in found:
            one.file.unlink()
        _emptied(work / "unpacked")


def _laid_out(folder: Path, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def _emptied(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir()
    folder.rmdir()


def test_names_of_chinese_windows_are_read(work: Path) -> None:
    entry = Entry(name="贴图\\木头.png".encode("gbk"), flags=0, system=0, mode=0)
    (work / "a.zip").write_bytes(zipped([entry]))
    (found,) = unpack(work / "a.zip")
    assert (found.path, found.size) == ("贴图/木头.png", 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=300), st.integers(0, 2000), st.sampled_from([".zip", ".tar"]))
def test_a_damaged_archive_is_unpacked_or_refused(
    work: Path, damage: bytes, at: int, suffix: str
) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a/b.txt", b"content" * 50)
        archive.writestr("c.txt", b"more")
    content = bytearray(buffer.getvalue())
    content[at : at + len(damage)] = damage
    (work / f"sent{suffix}").write_bytes(content)
    found = probe(work, f"sent{suffix}", SMALL)
    assert found.keys() in ({"files"}, {"error"})
    if "files" in found:
        for path in sorted((work / "unpacked").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        (work / "unpacked").rmdir()
