from hypothesis import given
from hypothesis import strategies as st

from lightmill.api.core.parts import lacking, part_count, part_size

MIB = 2**20


@given(st.integers(1, 2**43))
def test_every_file_fits_into_parts_that_s3_takes(size: int) -> None:
    part = part_size(size)
    count = part_count(size, part)
    assert count <= 10_000
    assert 5 * MIB <= part <= 5 * 2**30
    assert (count - 1) * part < size <= count * part


@given(st.integers(1, 200 * MIB), st.sets(st.integers(1, 20)))
def test_what_lacks_and_what_is_there_make_the_file(size: int, arrived: set[int]) -> None:
    part = part_size(size)
    count = part_count(size, part)
    whole = dict.fromkeys(range(1, count), part) | {count: size - (count - 1) * part}
    have = {number: whole[number] for number in arrived & set(whole)}
    assert sorted(set(lacking(size, part, have)) | set(have)) == list(whole)
    assert lacking(size, part, whole) == []


def test_a_part_that_arrived_short_lacks() -> None:
    assert lacking(20 * MIB, 16 * MIB, {1: 16 * MIB, 2: 1}) == [2]
    assert lacking(20 * MIB, 16 * MIB, {1: 4 * MIB, 2: 4 * MIB}) == [1]
