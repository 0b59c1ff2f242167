"""Requests and answers on a real database (SQLite, and MySQL where it can), with a twin reader."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typing_extensions import override

from lightmill.analyzer.adapters.analyses import SqlAnalyses, outbox_relay
from lightmill.analyzer.core.reading import SceneReading, Use
from lightmill.analyzer.ports import SceneReader, UnreadableSceneError
from lightmill.analyzer.use_cases.analyse_scene import AnalyseScene, FetchLimits
from lightmill.storage.ports import StoreUnavailableError
from lightmill.storage.sql.schema.analyzer import OUTBOX
from lightmill.testing.embedded_farm import EmbeddedFarm


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


class ScriptedReader(SceneReader):
    """Answers what it is told, and remembers which files it was given."""

    needs = frozenset({".blend"})

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.given: list[set[str]] = []

    @override
    async def read(self, folder: Path, scene: str) -> SceneReading:
        await asyncio.sleep(0)
        self.given.append(files_in(folder))
        if self.error is not None:
            raise self.error
        uses = (
            Use(path="//wood.png", referrer=scene, name="wood"),
            Use(path="//gone.png", referrer=scene, name="gone"),
        )
        return SceneReading(scene_info={"start": 1}, uses=uses)


FILES = {"a.blend": b"scene", "libs/b.blend": b"library", "wood.png": b"image"}


@pytest.fixture
def reader() -> ScriptedReader:
    return ScriptedReader()


@pytest.fixture
def analyse(farm: EmbeddedFarm, reader: ScriptedReader, tmp_path: Path) -> AnalyseScene:
    return make(farm, reader, tmp_path)


def make(
    farm: EmbeddedFarm, reader: SceneReader, scratch: Path, limits: FetchLimits | None = None
) -> AnalyseScene:
    parts = farm.parts
    relay = outbox_relay(parts.database, parts.cache, parts.clock)
    analyses = SqlAnalyses(parts.database, relay, parts.clock)
    limits = limits or FetchLimits(size=1000)
    return AnalyseScene(analyses, parts.store, {".blend": reader}, limits, scratch)


async def answer(farm: EmbeddedFarm, request: str) -> dict[str, Any]:
    row = await farm.answer(request)
    assert row is not None
    return row


async def events(farm: EmbeddedFarm) -> list[dict[str, Any]]:
    async with farm.parts.database.reading() as connection:
        rows = (await connection.execute(select(OUTBOX).order_by(OUTBOX.c.id))).all()
    return [json.loads(row.body) for row in rows if row.routing_key == "analysis.finished.v1"]


async def test_an_answer_and_its_event_are_written(
    farm: EmbeddedFarm, analyse: AnalyseScene, reader: ScriptedReader, tmp_path: Path
) -> None:
    request = await farm.ask("a.blend", FILES)
    await analyse(request)
    row = await answer(farm, request)
    assert (row["state"], row["tenant_id"], row["error"]) == ("SUCCEEDED", "tenant-a", None)
    assert row["outcome"]["missing"] == [{"file1": "//gone.png"}]
    assert reader.given == [{"a.blend", "libs/b.blend"}]  # an image's content is not looked at
    assert await events(farm) == [
        {"tenant_id": "tenant-a", "analysis_id": request, "succeeded": True}
    ]
    assert not any("analysis-" in path for path in files_in(tmp_path))


async def test_the_outcome_is_a_file_too(farm: EmbeddedFarm, analyse: AnalyseScene) -> None:
    request = await farm.ask("a.blend", FILES)
    await analyse(request)
    key = f"tenants/tenant-a/analyses/{request}/asset.json"
    written = json.loads(await farm.parts.store.get(key))
    assert written == (await answer(farm, request))["outcome"]


async def test_a_request_is_answered_once(farm: EmbeddedFarm, analyse: AnalyseScene) -> None:
    request = await farm.ask("a.blend", FILES)
    await asyncio.gather(*(analyse(request) for _ in range(5)))
    await analyse(request)
    assert len(await events(farm)) == 1


async def test_two_analyzers_at_once_answer_once(
    farm: EmbeddedFarm, reader: ScriptedReader, tmp_path: Path
) -> None:
    request = await farm.ask("a.blend", FILES)
    await asyncio.gather(*(make(farm, reader, tmp_path)(request) for _ in range(3)))
    assert len(await events(farm)) == 1


async def test_the_same_content_is_not_read_again(
    farm: EmbeddedFarm, analyse: AnalyseScene, reader: ScriptedReader
) -> None:
    first = await farm.ask("a.blend", FILES, content_key="same")
    second = await farm.ask("a.blend", FILES, content_key="same")
    await analyse(first)
    await analyse(second)
    assert len(reader.given) == 1
    assert (await answer(farm, first))["outcome"] == (await answer(farm, second))["outcome"]
    assert len(await events(farm)) == 2


async def test_another_tenants_answer_is_never_used(
    farm: EmbeddedFarm, analyse: AnalyseScene, reader: ScriptedReader
) -> None:
    await analyse(await farm.ask("a.blend", FILES, content_key="same"))
    await analyse(await farm.ask("a.blend", FILES, content_key="same", tenant="tenant-b"))
    assert len(reader.given) == 2


async def test_another_tenants_asset_is_never_fetched(
    farm: EmbeddedFarm, analyse: AnalyseScene
) -> None:
    theirs = await farm.ask("a.blend", FILES, tenant="tenant-b")
    mine = await farm.ask("a.blend", FILES)
    await farm.hand_over(theirs, "tenant-c")
    await analyse(theirs)
    await analyse(mine)
    assert "upload it again" in (await answer(farm, theirs))["error"]
    assert (await answer(farm, mine))["state"] == "SUCCEEDED"


async def test_a_failed_answer_is_not_taken_for_other_requests(
    farm: EmbeddedFarm, analyse: AnalyseScene, reader: ScriptedReader
) -> None:
    reader.error = UnreadableSceneError("a.blend is damaged")
    first = await farm.ask("a.blend", FILES, content_key="same")
    await analyse(first)
    reader.error = None
    second = await farm.ask("a.blend", FILES, content_key="same")
    await analyse(second)
    assert (await answer(farm, first))["error"] == "a.blend is damaged"
    assert (await answer(farm, second))["state"] == "SUCCEEDED"
    assert [event["succeeded"] for event in await events(farm)] == [False, True]


async def test_formats_that_cannot_be_read_yet_are_named(
    farm: EmbeddedFarm, analyse: AnalyseScene
) -> None:
    request = await farm.ask("wolf.c4d", {"wolf.c4d": b"QC4DC4D6"})
    await analyse(request)
    row = await answer(farm, request)
    assert row["state"] == "FAILED"
    assert row["error"].startswith("not analysed yet: .c4d")
    assert ".blend" in row["error"]


@pytest.mark.parametrize(
    ("scene", "files", "reason"),
    [
        ("b.blend", FILES, "b.blend is not among the files"),
        ("a.blend", {"a.blend": bytes(1001)}, "more than 1000"),
        ("../a.blend", {"../a.blend": b""}, "leads out of the bundle"),
        ("/a.blend", {"/a.blend": b""}, "leads out of the bundle"),
    ],
)
async def test_requests_that_cannot_be_met(
    farm: EmbeddedFarm, analyse: AnalyseScene, scene: str, files: dict[str, bytes], reason: str
) -> None:
    request = await farm.ask(scene, files)
    await analyse(request)
    row = await answer(farm, request)
    assert row["state"] == "FAILED"
    assert reason in row["error"]


async def test_too_many_libraries_are_refused(
    farm: EmbeddedFarm, reader: ScriptedReader, tmp_path: Path
) -> None:
    analyse = make(farm, reader, tmp_path, FetchLimits(size=1000, files=1))
    request = await farm.ask("a.blend", FILES)
    await analyse(request)
    assert "more than 1 .blend files" in (await answer(farm, request))["error"]


async def test_content_that_is_gone_is_asked_for_again(
    farm: EmbeddedFarm, analyse: AnalyseScene
) -> None:
    request = await farm.ask("a.blend", FILES, lost=True)
    await analyse(request)
    assert (await answer(farm, request))["error"] == "a.blend is gone; upload it again"


async def test_a_store_that_is_away_leaves_the_request_waiting(
    farm: EmbeddedFarm, analyse: AnalyseScene, reader: ScriptedReader
) -> None:
    reader.error = StoreUnavailableError("away")
    request = await farm.ask("a.blend", FILES)
    with pytest.raises(StoreUnavailableError):
        await analyse(request)
    assert await farm.answer(request) is None
    reader.error = None
    await analyse(request)
    assert (await answer(farm, request))["state"] == "SUCCEEDED"


async def test_a_fault_of_ours_is_an_answer_too(
    farm: EmbeddedFarm, analyse: AnalyseScene, reader: ScriptedReader
) -> None:
    reader.error = RuntimeError("a secret of the machine")
    request = await farm.ask("a.blend", FILES)
    await analyse(request)
    error = (await answer(farm, request))["error"]
    assert "the analyzer has a fault" in error
    assert "secret" not in error


async def test_a_request_that_does_not_exist_is_nothing(
    farm: EmbeddedFarm, analyse: AnalyseScene
) -> None:
    await analyse("01890000-0000-7000-8000-000000000000")
    assert await events(farm) == []
