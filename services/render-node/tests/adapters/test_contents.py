"""The content store serves only what it has checked."""

from pathlib import Path

import pytest
from blake3 import blake3

from lightmill.render_node.adapters.contents import FolderContents


@pytest.fixture
def contents(tmp_path: Path) -> FolderContents:
    return FolderContents(tmp_path)


def _add(contents: FolderContents, content: bytes) -> str:
    digest = blake3(content).hexdigest()
    path = contents.incoming()
    path.write_bytes(content)
    contents.add(digest, path)
    return digest


def test_what_was_added_is_found(contents: FolderContents) -> None:
    digest = _add(contents, b"wood")
    found = contents.find(digest, 4)
    assert found is not None
    assert found.read_bytes() == b"wood"
    assert contents.find(blake3(b"stone").hexdigest(), 5) is None


def test_a_file_that_was_written_to_is_not_used(contents: FolderContents) -> None:
    digest = _add(contents, b"wood")
    found = contents.find(digest, 4)
    assert found is not None
    found.chmod(0o644)
    found.write_bytes(b"evil")
    assert contents.find(digest, 4) is None
    assert not found.exists()


def test_what_was_used_longest_ago_goes_first(contents: FolderContents) -> None:
    first, second, third = (_add(contents, text) for text in (b"one1", b"two2", b"tre3"))
    assert contents.find(first, 4)
    contents.trim(8)
    assert contents.find(second, 4) is None
    assert contents.find(first, 4)
    assert contents.find(third, 4)


def test_what_another_thread_deletes_meanwhile_stops_nobody(
    contents: FolderContents, tmp_path: Path
) -> None:
    digest = _add(contents, b"wood")
    listed = tmp_path / "ab" / "gone"
    listed.parent.mkdir()
    listed.symlink_to("nowhere")  # it is listed, and not there
    contents.trim(0)
    assert contents.find(digest, 4) is None


def test_the_order_of_use_outlives_a_restart(contents: FolderContents, tmp_path: Path) -> None:
    first, second = _add(contents, b"one1"), _add(contents, b"two2")
    assert contents.find(first, 4)
    later = FolderContents(tmp_path)
    third = _add(later, b"tre3")
    later.trim(8)
    assert [bool(later.find(name, 4)) for name in (first, second, third)] == [True, False, True]


def test_half_a_download_is_gone_after_a_restart(contents: FolderContents, tmp_path: Path) -> None:
    half = contents.incoming()
    half.write_bytes(b"wo")
    FolderContents(tmp_path)
    assert not half.exists()


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "ab", "g" * 64])
def test_a_name_that_is_no_hash_is_refused(contents: FolderContents, name: str) -> None:
    with pytest.raises(ValueError, match="no BLAKE3"):
        contents.find(name, 1)


def test_files_cannot_be_written_by_mistake(contents: FolderContents) -> None:
    found = contents.find(_add(contents, b"wood"), 4)
    assert found is not None
    assert not found.stat().st_mode & 0o222
