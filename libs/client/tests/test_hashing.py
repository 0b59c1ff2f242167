from pathlib import Path

from lightmill.client.hashing import fingerprint


def test_one_pass_gives_the_hashes_that_are_documented_for_them(tmp_path: Path) -> None:
    file = tmp_path / "abc"
    file.write_bytes(b"abc")
    found = fingerprint(file)
    assert found.size == 3
    assert found.md5 == "900150983cd24fb0d6963f7d28e17f72"  # RFC 1321
    assert found.xxh64 == "4952883123889572249"  # 44bc2cf5ad770999, decimal as seed 004 writes it
    assert found.blake3 == "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"


def test_a_file_longer_than_a_piece_is_read_to_its_end(tmp_path: Path) -> None:
    long, other = tmp_path / "long", tmp_path / "other"
    long.write_bytes(b"x" * ((1 << 20) + 1))
    other.write_bytes(b"x" * (1 << 20) + b"y")
    assert fingerprint(long).size == (1 << 20) + 1
    assert fingerprint(long).blake3 != fingerprint(other).blake3
