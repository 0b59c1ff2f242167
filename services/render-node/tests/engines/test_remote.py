"""The remote engine: submit once, poll, download; against a server that misbehaves on purpose."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from engine_kit import Bench, until
from remote_service import (
    Fault,
    RemoteServer,
    answer,
    cut,
    moved,
    picture,
    served,
    slow,
    status,
    swallow,
    text,
)

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Json, Limits, Work
from lightmill.render_node.adapters.submissions import JournalSubmissions
from lightmill.render_node.config import NodeSettings
from lightmill.render_node.engines.configured import configured
from lightmill.render_node.engines.contract import Failed, Progress, Stored
from lightmill.render_node.engines.images import OpenImageIoImages
from lightmill.render_node.engines.remote import Remote
from lightmill.render_node.engines.remote_renderer import RemoteAccess, RemoteService
from lightmill.render_node.ports import RenderedImage, Renderer, RenderFailedError
from lightmill.runtime.clock import SystemClock

QUICK: dict[str, Json] = {"pollingInterval": 50, "timeout": 20_000, "prompts": ["a", "b", "c"]}


def work(limits: Limits | None = None, **settings: Json) -> Work:
    return Work(engine="remote", settings={**QUICK, **settings}, limits=limits or Limits())


@pytest.fixture
def remote() -> Iterator[RemoteServer]:
    with served(RemoteServer()) as server:
        yield server


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@dataclass
class Node:
    """What is left of a node when it starts anew: its disk."""

    bench: Bench
    remote: RemoteServer
    hosts: frozenset[str] = frozenset()

    async def open(self, asked: Work) -> Renderer:
        journal = JournalSubmissions(self.bench.state_dir / "journal.sqlite", SystemClock())
        access = RemoteAccess(url=self.remote.url, token="secret", hosts=self.hosts)  # noqa: S106  # of the test
        service = RemoteService(Remote(), access, journal, SystemClock())
        return await self.bench.open(service, self.bench.launch(asked))

    async def render(self, asked: Work, frame: int = 1) -> RenderedImage:
        renderer = await self.open(asked)
        try:
            return await self.bench.render(renderer, frame)
        finally:
            await renderer.close()

    async def failing(self, asked: Work) -> RenderFailedError:
        with pytest.raises(RenderFailedError) as failed:
            await self.render(asked)
        return failed.value


@pytest.fixture
def node(bench: Bench, remote: RemoteServer) -> Node:
    return Node(bench, remote)


async def test_a_sub_task_is_submitted_polled_and_downloaded(
    node: Node, remote: RemoteServer, bench: Bench
) -> None:
    asked = work(prompts=["a {x}"], variables={"x": [1, 2]}, ratio="16:9", seed=7, polish=True)
    image = await node.render(asked, 2)
    OpenImageIoImages().check(image.path, 16, 16)
    (render,) = remote.renders.values()
    assert render.body == {
        "prompt": "a 2",
        "variables": {"x": 2},
        "ratio": "16:9",
        "seed": 7,
        "polish": True,
    }
    assert len(remote.seen("poll")) == 3
    assert bench.progress == [0.25, 0.5]
    assert "was submitted and is 'r/1'" in bench.log.read_text("utf-8")


async def test_frames_of_a_sweep_differ(node: Node) -> None:
    images = {(await node.render(work(), frame)).path.read_bytes() for frame in (1, 2, 3)}
    assert len(images) == 3


async def test_a_node_that_starts_anew_goes_on_polling(node: Node, remote: RemoteServer) -> None:
    remote.polls_needed = 10_000
    rendering = asyncio.create_task(node.render(work()))
    await until(lambda: len(remote.seen("poll")) > 2)
    rendering.cancel()
    await asyncio.gather(rendering, return_exceptions=True)
    remote.polls_needed = 0
    await node.render(work())
    assert len(remote.seen("submit")) == 1


async def test_an_answer_that_is_lost_submits_nothing_twice(
    node: Node, remote: RemoteServer
) -> None:
    remote.faults["submit"] = [swallow]
    await node.render(work())
    first, second = remote.seen("submit")
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert len(remote.renders) == 1


async def test_the_next_try_polls_what_took_too_long(node: Node, remote: RemoteServer) -> None:
    remote.polls_needed = 10
    failure = await node.failing(work(maxAttempts=3))
    assert failure.kind is FailureKind.TIMEOUT
    assert "not ready after 3 polls" in failure.detail
    await node.render(work(maxAttempts=20))
    assert len(remote.seen("submit")) == 1


async def test_what_has_failed_there_is_submitted_anew_at_the_next_try(
    node: Node, remote: RemoteServer
) -> None:
    remote.failing = {"a"}
    failure = await node.failing(work())
    assert failure.kind is FailureKind.ENGINE
    assert "the prompt was refused" in failure.detail
    remote.failing = set()
    await node.render(work())
    first, second = remote.seen("submit")
    assert first.headers["idempotency-key"] != second.headers["idempotency-key"]


async def test_what_the_service_has_forgotten_is_submitted_anew(
    node: Node, remote: RemoteServer
) -> None:
    remote.faults["poll"] = [status(404)]
    assert "has forgotten 'r/1'" in (await node.failing(work())).detail
    await node.render(work())
    assert len(remote.renders) == 2


@pytest.mark.parametrize("what", ["submit", "poll", "image"])
@pytest.mark.parametrize(
    "fault", [status(500), status(502), status(429), cut], ids=["500", "502", "429", "cut"]
)
async def test_trouble_is_waited_out(
    node: Node, remote: RemoteServer, what: str, fault: Fault
) -> None:
    remote.faults[what] = [fault, fault]
    image = await node.render(work())
    OpenImageIoImages().check(image.path, 16, 16)
    assert len(remote.renders) == 1


@pytest.mark.parametrize("code", [429, 503])
async def test_retry_after_is_kept_to(node: Node, remote: RemoteServer, code: int) -> None:
    remote.faults["submit"] = [status(code, retry_after="1")]
    await node.render(work())
    first, second = remote.seen("submit")
    assert second.at - first.at >= 1.0


async def test_a_service_that_stays_busy_costs_no_retry(node: Node, remote: RemoteServer) -> None:
    remote.faults["submit"] = [status(429, retry_after="3600")]
    failure = await node.failing(work())
    assert failure.kind is FailureKind.LICENCE
    assert len(remote.seen("submit")) == 1


@pytest.mark.parametrize("code", [400, 401, 403, 422])
async def test_a_refusal_is_told_at_once(node: Node, remote: RemoteServer, code: int) -> None:
    remote.faults["submit"] = [status(code)] * 9
    failure = await node.failing(work())
    assert failure.kind is FailureKind.ENGINE
    assert str(code) in failure.detail
    assert len(remote.seen("submit")) == 1


@pytest.mark.parametrize(
    ("what", "fault", "told"),
    [
        ("submit", text(b"<html>"), "no JSON"),
        ("submit", text(b"[" * 100_000), "no JSON"),
        ("submit", text(b'"' + b"x" * 2_000_000 + b'"'), "no JSON"),
        ("submit", answer({"ok": True}), "no id"),
        ("submit", answer({"id": "x" * 300}), "longer"),
        ("submit", answer([]), "no id"),
        ("poll", answer({"state": 1}), "no status"),
        ("poll", answer({"status": "completed"}), "no image"),
        ("poll", answer({"status": "completed", "images": []}), "no image"),
        ("poll", answer({"status": "completed", "url": "http://10.0.0.1/x"}), "10.0.0.1, which"),
        ("poll", answer({"status": "completed", "url": "file:///etc/passwd"}), "not trusted"),
        ("image", status(404), "no image"),
        ("image", moved("http://169.254.169.254/latest"), "not trusted"),
    ],
)
async def test_nonsense_is_told(
    node: Node, remote: RemoteServer, what: str, fault: Fault, told: str
) -> None:
    remote.faults[what] = [fault]
    assert told in (await node.failing(work())).detail


async def test_images_may_be_moved_within_the_service_but_not_for_ever(
    node: Node, remote: RemoteServer
) -> None:
    remote.faults["image"] = [moved("/images/5")]
    assert (await node.render(work())).path.read_bytes() == picture(200)
    remote.faults["image"] = [moved("/images/5")] * 9
    assert "again and again" in (await node.failing(work())).detail


async def test_the_token_is_shown_to_the_service_alone(bench: Bench, remote: RemoteServer) -> None:
    with served(RemoteServer()) as elsewhere:
        # The same machine by another name: as foreign as any other host.
        url = elsewhere.url.replace("127.0.0.1", "localhost").removesuffix("/v1") + "/images/1"
        remote.faults["poll"] = [answer({"status": "completed", "url": url})]
        node = Node(bench, remote, frozenset({"localhost"}))
        assert (await node.render(work())).path.read_bytes() == picture(40)
    assert remote.seen("submit")[0].headers["authorization"] == "Bearer secret"
    assert "authorization" not in elsewhere.asked[0].headers


async def test_a_frame_that_takes_too_long_is_ended(node: Node, remote: RemoteServer) -> None:
    remote.faults["submit"] = [slow(2)]
    failure = await node.failing(work(Limits(frame=0.3)))
    assert failure.kind is FailureKind.TIMEOUT


async def test_nothing_is_submitted_that_cannot_be_remembered(
    node: Node, remote: RemoteServer
) -> None:
    (node.bench.state_dir / "journal.sqlite").mkdir()
    failure = await node.failing(work())
    assert failure.kind is FailureKind.NODE
    assert "cannot be remembered" in failure.detail
    assert not remote.asked


async def test_a_frame_that_the_sweep_does_not_have_is_told(node: Node) -> None:
    with pytest.raises(RenderFailedError, match="the sweep has 3"):
        await node.render(work(), 4)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"status": "PENDING"}, None),
        ({"status": "warming up"}, None),
        ({"status": "processing", "progress": 7}, Progress(1.0)),
        ({"status": "processing", "progress": float("nan")}, None),
        ({"status": "Succeeded", "resultUrl": "/x"}, Stored("/x")),
        ({"status": "done", "result": {"images": ["/y"]}}, Stored("/y")),
        ({"status": "expired"}, Failed(FailureKind.ENGINE, "the service says expired: None")),
    ],
)
def test_answers_are_read(told: Json, expected: object) -> None:
    assert Remote().polled(told) == expected


def test_patience_is_the_seeds_unless_the_job_says_otherwise() -> None:
    patience = Remote().patience(Work(engine="remote"))
    assert (patience.timeout, patience.interval, patience.polls) == (300.0, 5.0, 60)
    hasty = Remote().patience(Work(engine="remote", settings={"pollingInterval": 0}))
    assert hasty.interval == 0.05


def test_only_a_node_with_a_service_offers_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LIGHTMILL_NODE_REMOTE_URL", "https://renders.example/v1")
    submissions = JournalSubmissions(tmp_path / "journal.sqlite", SystemClock())
    (engine,) = configured(NodeSettings(), submissions, SystemClock())
    assert (engine.name, engine.discover()) == ("remote", ("1",))
