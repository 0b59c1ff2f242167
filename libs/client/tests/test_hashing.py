from pathlib import Path

import pytest
from blake3 import blake3

from lightmill.client.hashing import content_of

MIB = 1 << 20


def test_the_hash_is_the_documented_one(tmp_path: Path) -> None:
    file = tmp_path / "abc"
    file.write_bytes(b"abc")
    found = content_of(file)
    assert found.size == 3
    assert found.blake3 == "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 4 * MIB, 7 * MIB + 3])
def test_a_file_of_any_length_is_read_to_its_end(tmp_path: Path, size: int) -> None:
    content = bytes(range(251)) * (size // 251 + 1)
    file = tmp_path / "file"
    file.write_bytes(content[:size])
    found = content_of(file)
    assert (found.size, found.blake3) == (size, blake3(content[:size]).hexdigest())
