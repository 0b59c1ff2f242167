"""`lightmill job log`, against an invented farm of which an attempt prints on."""

import httpx2
from typer.testing import CliRunner, Result

from lightmill.client import Farm, RefusedError
from lightmill.client.cli.app import app
from lightmill.client.cli.session import Session
from lightmill.client.transport import Transport

MOMENT = "2026-01-01T12:00:00Z"
LOGS = ("", "Fra:1\n", "Fra:1\nFra:2\n")
"""What is stored each time that it is asked for; at the last the attempt has ended."""


class PrintingFarm:
    """Has a job of two attempts, of which the newer prints."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/api/v1/jobs/j/attempts")
        if not path:
            over = self.asked.count("/new/log") >= len(LOGS) - 1
            return httpx2.Response(200, json={"items": [_attempt("old"), _attempt("new", over)]})
        self.asked.append(path)
        text = LOGS[min(self.asked.count(path), len(LOGS)) - 1]
        return httpx2.Response(200, text=text) if text else httpx2.Response(404, json={})


def _attempt(name: str, over: bool = True) -> dict[str, object]:  # noqa: FBT001, FBT002  # of a twin
    state = "SUCCEEDED" if over else "RUNNING"
    ids = {"id": name, "task_id": "t", "node_id": "n"}
    return {**ids, "state": state, "assigned_at": MOMENT, "ended_at": MOMENT if over else None}


def run(farm: PrintingFarm, *arguments: str) -> Result:
    transport = Transport("http://farm", "t", wire=httpx2.MockTransport(farm))
    login = {"LIGHTMILL_URL": "http://farm", "LIGHTMILL_TOKEN": "t"}

    def opened(_: object) -> Farm:
        return Farm("", "", transport=transport, pause=lambda _: None)

    session = Session(open=opened, environment=login)
    return CliRunner().invoke(app, ["job", "log", "j", *arguments], obj=session)


def test_the_newest_attempt_is_followed_to_its_end_and_nothing_is_shown_twice() -> None:
    farm = PrintingFarm()
    told = run(farm, "--follow")
    assert told.exit_code == 0, told.output
    assert told.stdout == "Fra:1\nFra:2\n"


def test_an_attempt_of_which_nothing_is_stored_says_so() -> None:
    told = run(PrintingFarm(), "--attempt", "old")
    assert isinstance(told.exception, RefusedError)


def test_an_attempt_is_shown_as_it_stands() -> None:
    farm = PrintingFarm()
    run(farm, "--attempt", "old")
    assert run(farm, "--attempt", "old").stdout == "Fra:1\n"
