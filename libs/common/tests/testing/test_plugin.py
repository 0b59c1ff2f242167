import pytest
import structlog
from hypothesis import HealthCheck, settings


def test_a_busy_machine_breaks_no_property() -> None:
    assert settings().deadline is None
    assert HealthCheck.too_slow in settings().suppress_health_check


def fail(large: list[str]) -> None:
    raise ValueError(len(large))


def test_an_error_is_told_without_the_locals_of_its_frames(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [chr(97 + number) * 9 for number in range(2)]
    try:
        fail(words)
    except ValueError:
        structlog.get_logger().warning("begin again", exc_info=True)
    told = capsys.readouterr().out
    assert "ValueError: 2" in told
    assert words[0] not in told
