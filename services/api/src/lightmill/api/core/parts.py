"""How a large file is cut into parts."""

from collections.abc import Mapping

_MIB = 2**20
_USUAL = 16 * _MIB
_MOST = 9_000  # S3 takes 10,000


def part_size(size: int) -> int:
    """Return the bytes of each part, but the last, of a file of `size` bytes."""
    least = -(-size // _MOST)
    return max(_USUAL, -(-least // _MIB) * _MIB)


def part_count(size: int, part: int) -> int:
    """Return how many parts of `part` bytes hold `size` bytes; one for an empty file."""
    return max(1, -(-size // part))


def lacking(size: int, part: int, have: Mapping[int, int]) -> list[int]:
    """Return the numbers of the parts that are not there with their whole length.

    Args:
        size: Bytes of the file.
        part: Bytes of each part but the last.
        have: Bytes of the parts that have arrived, by number from 1.
    """
    count = part_count(size, part)
    last = size - (count - 1) * part
    return [
        number
        for number in range(1, count + 1)
        if have.get(number) != (last if number == count else part)
    ]
