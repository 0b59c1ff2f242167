"""`lightmill waiting`, `approve` and `node …`, against invented answers."""

import httpx2
import pytest
from typer.testing import CliRunner, Result

from lightmill.client import Farm
from lightmill.client.cli.app import app
from lightmill.client.cli.session import Session
from lightmill.client.transport import Transport

OUTLOOK = {
    "id": "j",
    "state": "PENDING",
    "reasons": [{"kind": "limit", "text": "Limit arnold is used up: 4 of 4.", "fields": {}}],
    "forecast": {"earliest": None, "expected": "2026-01-01T12:00:00Z", "latest": None},
    "at": "2026-01-01T11:00:00Z",
}


class TwinFarm:
    """Answers everything alike, and keeps what was asked."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        return httpx2.Response(200, json=self.answer)


def run(twin: TwinFarm, *arguments: str) -> Result:
    transport = Transport("http://farm", "t", wire=httpx2.MockTransport(twin))
    login = {"LIGHTMILL_URL": "http://farm", "LIGHTMILL_TOKEN": "t"}
    session = Session(open=lambda _: Farm("", "", transport=transport), environment=login)
    return CliRunner().invoke(app, list(arguments), obj=session)


def test_waiting_tells_every_reason_and_the_end() -> None:
    twin = TwinFarm(OUTLOOK)
    told = run(twin, "waiting", "j")
    assert told.exit_code == 0, told.output
    first, second = told.stdout.splitlines()
    assert first == "Limit arnold is used up: 4 of 4."
    assert second.startswith("It will have ended at about 2026-01-01 ")
    assert twin.asked == ["GET /api/v1/jobs/j/waiting"]


def test_a_job_that_waits_for_nothing_says_so() -> None:
    nothing = {**OUTLOOK, "state": "COMPLETED", "reasons": [], "forecast": None}
    told = run(TwinFarm(nothing), "waiting", "j")
    assert told.stdout == "COMPLETED: nothing of it waits.\n"


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["approve", "j"], "POST /api/v1/jobs/j/approve"),
        (["job", "approve", "j"], "POST /api/v1/jobs/j/approve"),
        (["node", "drain", "n"], "POST /api/v1/nodes/n/drain"),
        (["node", "disable", "n"], "POST /api/v1/nodes/n/disable"),
        (["node", "enable", "n"], "POST /api/v1/nodes/n/resume"),
        (["node", "forgive", "n"], "POST /api/v1/nodes/n/forgive"),
    ],
)
def test_a_command_asks_the_farm_for_one_thing(words: list[str], asked: str) -> None:
    twin = TwinFarm({"id": "x", "accepted": "y"})
    told = run(twin, *words)
    assert told.exit_code == 0, told.output
    assert twin.asked == [asked]
