"""Twins of what is around a node: a leader, an api with a store, engines and images."""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from blake3 import blake3
from pydantic import TypeAdapter

from lightmill.broker.in_process import InProcessBroker
from lightmill.broker.ports import Broker, Inbox, Link, LinkLostError, Outgoing
from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Work
from lightmill.messages.attempts_settled import AttemptsSettled, SettledAttempt, SettledFrames
from lightmill.messages.node_report import Finish, HeldAttempt, NodeReport
from lightmill.messages.orders import Assignment, Frame, Orders
from lightmill.messages.topology import reports_queue, session_key
from lightmill.render_node.config import NodeSettings
from lightmill.render_node.factory import Outside, built
from lightmill.render_node.ports import (
    Ahead,
    AttemptGoneError,
    BundleFile,
    CheckedImage,
    ContentGoneError,
    Images,
    Launch,
    NotAdmittedError,
    Notices,
    OnProgress,
    RenderedImage,
    Renderers,
    RenderFailedError,
    Surroundings,
    UnreachableError,
    UploadUrl,
)
from lightmill.render_node.use_cases.live import Live
from lightmill.runtime.clock import SystemClock

NODE = "node-1"


async def until(true: Callable[[], bool], what: str = "") -> None:
    """Return as soon as `true` is; a test that waits for what never comes fails."""
    try:
        async with asyncio.timeout(25):
            while not true():  # noqa: ASYNC110  # what is waited for has no event
                await asyncio.sleep(0.002)
    except TimeoutError:
        raise AssertionError(f"never came true: {what or true}") from None


class Farm:
    """An api and an object store in memory."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.bundles: dict[str, dict[str, bytes]] = {}
        self.gone: set[str] = set()
        self.damaged: set[str] = set()
        self.admitted = True
        self.reachable = True
        self.store_reachable = True
        self.calls: Counter[str] = Counter()

    async def bundle(self, attempt_id: str) -> Sequence[BundleFile]:
        self._answer("bundle", attempt_id)
        return [
            BundleFile(
                path=path, blake3=blake3(content).hexdigest(), size=len(content), url=f"in:{path}"
            )
            for path, content in self.bundles.get(attempt_id, {}).items()
        ]

    async def upload_urls(self, attempt_id: str, names: Sequence[str]) -> Mapping[str, UploadUrl]:
        self._answer("upload_urls", attempt_id)
        keys = {name: f"attempts/{attempt_id}/{name}" for name in names}
        return {name: UploadUrl(key=key, url=f"out:{key}") for name, key in keys.items()}

    async def download(self, url: str, target: Path, size: int) -> str:  # noqa: ARG002  # of the port
        self.calls["download"] += 1
        path = url.removeprefix("in:")
        for files in self.bundles.values():
            if path in files:
                content = files[path] + b"!" * (path in self.damaged)
                await asyncio.to_thread(target.write_bytes, content)
                return blake3(content).hexdigest()
        raise ContentGoneError(url)

    async def upload(self, url: UploadUrl, source: Path, media_type: str) -> None:
        self.calls["upload"] += 1
        if not self.store_reachable:
            raise UnreachableError(media_type)
        self.objects[url.url.removeprefix("out:")] = await asyncio.to_thread(source.read_bytes)

    def _answer(self, call: str, attempt_id: str) -> None:
        self.calls[call] += 1
        if not self.reachable:
            raise UnreachableError("the api is away")
        if not self.admitted:
            raise NotAdmittedError("401")
        if attempt_id in self.gone:
            raise AttemptGoneError(attempt_id)


class Engines:
    """Renderers whose frames end when the test lets them."""

    sandbox = "bubblewrap"

    def __init__(self) -> None:
        self._held_from: int | None = None
        self._released = asyncio.Event()
        self.ready = asyncio.Event()
        self.ready.set()
        self.may_close = asyncio.Event()
        self.may_close.set()
        self.begun: list[int] = []
        self.opened: list[Launch] = []
        self.opened_at = 0.0
        self.closed = 0
        self.failures: dict[int, RenderFailedError] = {}
        self.write: Callable[[int, Path], object] = _write

    def hold_from(self, frame: int) -> None:
        """Let no frame from this number on end before `release`."""
        self._held_from = frame
        self._released.clear()

    def release(self) -> None:
        self._held_from = None
        self._released.set()

    async def may_end(self, frame: int) -> None:
        if self._held_from is not None and frame >= self._held_from:
            await self._released.wait()

    def engines(self) -> Mapping[str, tuple[str, ...]]:
        return {"simulated": ("1",)}

    async def open(self, launch: Launch) -> "FakeRenderer":
        self.opened.append(launch)
        self.opened_at = asyncio.get_running_loop().time()
        return FakeRenderer(self, launch)


def _write(frame: int, path: Path) -> None:
    path.write_bytes(b"image %d" % frame)


class FakeRenderer:
    def __init__(self, engines: Engines, launch: Launch) -> None:
        self._engines = engines
        self._launch = launch

    async def render(
        self, frame: int, output: Path, on_progress: OnProgress, ahead: Ahead | None = None
    ) -> RenderedImage:
        del ahead
        await self._engines.ready.wait()
        self._engines.begun.append(frame)
        on_progress(0.5)
        await self._engines.may_end(frame)
        with self._launch.log.open("a") as log:
            log.write(f"rendered {frame}\n")
        if frame in self._engines.failures:
            raise self._engines.failures[frame]
        exists = self._launch.work.leaves_file
        if exists:
            self._engines.write(frame, output)
        return RenderedImage(path=output, seconds=0.1, exists=exists)

    async def close(self) -> None:
        await self._engines.may_close.wait()
        self._engines.closed += 1


class FakeImages:
    """Takes every file that begins with `image` for an image of the size that is asked for."""

    def check(self, path: Path, width: int | None, height: int | None) -> CheckedImage:
        if not path.read_bytes().startswith(b"image"):
            raise RenderFailedError(FailureKind.OUTPUT, f"{path.name} is no image")
        return CheckedImage(width=width or 1, height=height or 1, media_type="image/png")

    def embed(self, path: Path, text: str) -> bool:
        del path, text
        return False

    def thumbnail(self, path: Path, target: Path) -> None:
        target.write_bytes(b"small " + path.read_bytes())


@dataclass
class Leader:
    """Reads reports and gives orders as the scheduler does, without deciding anything."""

    link: Link
    inbox: Inbox
    epoch: int
    reports: list[NodeReport] = field(default_factory=list)
    former: set[str] = field(default_factory=set)

    async def read(self) -> None:
        with suppress(LinkLostError):
            while True:
                for delivery in await self.inbox.receive(100):
                    report = NodeReport.model_validate_json(delivery.body)
                    if report.session not in self.former:
                        self.reports.append(report)
                    await self.inbox.settle(delivery)

    def forget_session(self) -> None:
        """Take no more notice of the session so far, nor of what it has yet to be heard of."""
        self.former.add(self.last.session)
        self.reports.clear()

    @property
    def last(self) -> NodeReport:
        return self.reports[-1]

    async def order(self, *, epoch: int | None = None, **orders: object) -> None:
        await self.online()
        await self._send(
            Orders.model_validate({"epoch": epoch or self.epoch, "beat": 0.05, **orders})
        )

    async def settle(self, *names: str, frames: tuple[SettledFrames, ...] = ()) -> None:
        attempts = tuple(SettledAttempt(attempt_id=name, applied=True) for name in names)
        await self._send(AttemptsSettled(epoch=self.epoch, attempts=attempts, frames=frames))

    async def raw(self, kind: str, body: bytes) -> None:
        key = session_key(NODE, self.last.session)
        await self.link.publish(
            [Outgoing(exchange="lightmill.nodes", key=key, kind=kind, body=body)]
        )

    async def online(self) -> None:
        await until(lambda: bool(self.reports), "a first report")

    async def finish(self, attempt_id: str) -> Finish:
        await until(lambda: self._finish(attempt_id) is not None, f"finish of {attempt_id}")
        found = self._finish(attempt_id)
        assert found is not None
        return found

    async def held(self, attempt_id: str, true: Callable[[HeldAttempt], bool]) -> HeldAttempt:
        def found() -> list[HeldAttempt]:
            return [one for one in self.last.held if one.attempt_id == attempt_id and true(one)]

        await until(lambda: bool(self.reports and found()), f"{attempt_id} as wanted")
        return found()[0]

    async def next_report(self) -> NodeReport:
        seen = len(self.reports)
        await until(lambda: len(self.reports) > seen + 1, "two more reports")
        return self.last

    def _finish(self, attempt_id: str) -> Finish | None:
        finishes = self.last.finishes if self.reports else ()
        return next((one for one in finishes if one.attempt_id == attempt_id), None)

    async def _send(self, message: Orders | AttemptsSettled) -> None:
        await self.raw(message.routing_key, message.body())


@dataclass
class Node:
    """A running node and the parts around it."""

    live: Live
    task: "asyncio.Task[None]"
    stop: asyncio.Event

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


class World:
    """Everything around a node."""

    def __init__(self, folder: Path) -> None:
        self.broker: Broker = InProcessBroker()
        self.farm = Farm()
        self.engines = Engines()
        self.renderers: Renderers = self.engines
        self.images: Images = FakeImages()
        self.surroundings: Surroundings | None = None
        self.notices: Notices | None = None
        self.faulty: Mapping[str, str] = {}
        self.folder = folder
        self.settings = NodeSettings(
            node_name="n1",
            node_state_dir=folder,
            node_cores=4,
            node_ram=2**32,
            node_disk_floor=0,
            node_drain_seconds=60,
        )

    @asynccontextmanager
    async def node(self, **changes: object) -> AsyncIterator[Node]:
        settings = self.settings.model_copy(update=changes)
        outside = Outside(
            broker=self.broker,
            clock=SystemClock(),
            api=self.farm,
            transfers=self.farm,
            renderers=self.renderers,
            images=self.images,
            node_id=NODE,
            surroundings=self.surroundings,
            notices=self.notices,
            faulty=self.faulty,
        )
        stop = asyncio.Event()
        async with built(settings, outside) as live:
            node = Node(live, asyncio.create_task(live(stop)), stop)
            try:
                yield node
            finally:
                await node.end()

    def crashed(self) -> "World":
        """Return the world with the node's disk as a kill -9 would leave it this moment."""
        copy = self.folder.with_name(self.folder.name + "-crashed")
        shutil.copytree(self.folder, copy, symlinks=True)
        return World(copy)

    @asynccontextmanager
    async def leader(self, epoch: int = 1) -> AsyncIterator[Leader]:
        async with self.broker.connect("leader") as link:
            leader = Leader(link, await link.subscribe(reports_queue(epoch)), epoch)
            reading = asyncio.create_task(leader.read())
            yield leader
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


def assignment(
    attempt_id: str, *frames: int, step: str = "s", job: str = "j", cores: int = 1, **more: object
) -> Assignment:
    """Return an assignment of `frames`, each with its own number as ordinal."""
    return TypeAdapter(Assignment).validate_python(
        {
            "attempt_id": attempt_id,
            "task_id": f"task of {attempt_id}",
            "step_id": step,
            "job_id": job,
            "tenant_id": "t",
            "owner": "o",
            "work": Work(engine="simulated"),
            "bundle_id": None,
            "frames": tuple(Frame(ordinal=frame, frame=frame) for frame in frames or (1,)),
            "cores": cores,
            "ram": 2**20,
            **more,
        }
    )
