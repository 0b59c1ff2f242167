import json
from datetime import UTC, datetime
from pathlib import Path

from lightmill.scheduler.adapters.fact_log import FactLog
from lightmill.scheduler.core.facts import BeatPassed, OrderReturned


def test_every_fact_is_a_line_that_can_be_read_back(tmp_path: Path) -> None:
    log = FactLog(tmp_path / "logs" / "facts.jsonl")
    now = datetime(2026, 1, 1, tzinfo=UTC)
    log(OrderReturned(session="s", attempt_ids=("a",)), now)
    log(BeatPassed(), now)
    log.close()
    written = (tmp_path / "logs" / "facts.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in written] == [
        {"at": now.isoformat(), "OrderReturned": {"session": "s", "attempt_ids": ["a"]}},
        {"at": now.isoformat(), "BeatPassed": {"number": 0}},
    ]
