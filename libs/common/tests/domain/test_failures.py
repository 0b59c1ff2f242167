import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightmill.domain.failures import FailureKind, RetryPolicy

draws = st.floats(0, 1, exclude_max=True)


@given(draws)
def test_waits_double_from_one_second_and_vary_by_a_tenth(draw: float) -> None:
    policy = RetryPolicy()
    for failures, plain in ((1, 1.0), (2, 2.0), (3, 4.0)):
        assert plain * 0.9 <= policy.wait(failures, draw) <= plain * 1.1


@pytest.mark.parametrize("kind", [FailureKind.ENGINE, FailureKind.TIMEOUT, FailureKind.OUTPUT])
def test_three_retries_are_three(kind: FailureKind) -> None:
    assert [RetryPolicy().allows(failures, kind) for failures in range(1, 6)] == [
        True,
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("kind", [FailureKind.LICENCE, FailureKind.NODE])
def test_what_is_not_the_frames_fault_uses_no_retry(kind: FailureKind) -> None:
    assert RetryPolicy(retries=0).allows(99, kind)


def test_a_missing_file_fails_at_once() -> None:
    assert not RetryPolicy().allows(1, FailureKind.MISSING_FILE)
