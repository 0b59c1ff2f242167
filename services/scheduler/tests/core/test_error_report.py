import pytest

from lightmill.scheduler.core.error_report import ErrorReport


@pytest.mark.parametrize(
    ("message", "normalised"),
    [
        ("frame 17 failed after 3.5 s", "frame <n> failed after <n>.<n> s"),
        ("cannot open /srv/a b/scene.blend", "cannot open <path> b<path>"),
        ("cannot open C:\\scenes\\wolf.ma", "cannot open <path>"),
        ("segfault at 0x7fae", "segfault at <address>"),
        ("first line\nlast line", "last line"),
        ("", ""),
    ],
)
def test_what_differs_between_occurrences_is_left_out(message: str, normalised: str) -> None:
    assert ErrorReport(kind="engine", message=message, stack="").normalised == normalised
