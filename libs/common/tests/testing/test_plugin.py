from hypothesis import HealthCheck, settings


def test_a_busy_machine_breaks_no_property() -> None:
    assert settings().deadline is None
    assert HealthCheck.too_slow in settings().suppress_health_check
