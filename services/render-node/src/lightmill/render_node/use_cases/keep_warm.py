"""Keeps engines open between the attempts of a step."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from lightmill.domain.job import Work
from lightmill.domain.resources import Offer
from lightmill.render_node.core.grants import Grant
from lightmill.render_node.ports import JobFolder, Launch, Renderer, Renderers, Workspaces
from lightmill.runtime.clock import Clock
from lightmill.runtime.ids import new_id

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a renderer has to be opened for; an idle one serves an equal wish alone.

    Steps of one job that want the same work share it: test frames open the scene for the others.
    """

    step_id: str = field(compare=False)
    job: JobFolder
    work: Work
    project: Path
    grant: Grant


@dataclass(slots=True, kw_only=True, eq=False)
class Warm:
    """A renderer that is open; `idle_since` on the monotonic clock."""

    wish: Wish
    renderer: Renderer
    scratch: Path
    log: Path
    idle_since: float = 0.0

    @property
    def is_new(self) -> bool:
        """Whether nobody has used it before."""
        return not self.idle_since


class KeepWarm:
    """Hands out renderers, open ones where it can.

    An idle renderer's memory counts as free: it is closed before a start that needs it, and when
    nobody wanted it for `idle_seconds`.
    """

    def __init__(
        self,
        *,
        renderers: Renderers,
        workspaces: Workspaces,
        offer: Offer,
        clock: Clock,
        idle_seconds: float,
    ) -> None:
        self._renderers = renderers
        self._workspaces = workspaces
        self._offer = offer
        self._clock = clock
        self._idle_seconds = idle_seconds
        self._idle: list[Warm] = []
        self._used: list[Grant] = []
        self._closing: dict[asyncio.Task[None], Warm] = {}
        self._forgetting: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    @property
    def idle(self) -> int:
        """The number of open renderers that nobody uses."""
        return len(self._idle)

    async def acquire(self, wish: Wish) -> Warm:
        """Return a renderer for `wish`; give it back by `release` or `discard`.

        Raises:
            RenderFailedError: the engine cannot be started.
        """
        self._used.append(wish.grant)
        try:
            return self._take(wish) or await self._open(wish)
        except BaseException:
            self._used.remove(wish.grant)
            raise

    def release(self, warm: Warm) -> None:
        """Take a renderer back, open."""
        self._used.remove(warm.wish.grant)
        warm.idle_since = self._clock.monotonic()
        self._idle.append(warm)

    async def discard(self, warm: Warm) -> None:
        """Take a renderer back and close it; returns when its processes are gone.

        Whoever waits may be cancelled; the closing goes on.
        """
        closing = asyncio.create_task(self._close(warm))
        closing.add_done_callback(lambda _: self._used.remove(warm.wish.grant))
        await self._watched(closing, warm)

    async def close_idle(self, which: Callable[[Warm], bool] = lambda _: True) -> None:
        """Close the idle renderers that `which` names; their scratch folders are gone then.

        So are those of the ones that were closing already.
        """
        await self._close_these([warm for warm in self._idle if which(warm)])
        await _all_over([task for task, warm in self._closing.items() if which(warm)])
        await _all_over(self._forgetting)

    async def close_stale(self) -> None:
        """Close those that nobody has wanted for a while."""
        oldest = self._clock.monotonic() - self._idle_seconds
        await self.close_idle(lambda warm: warm.idle_since <= oldest)

    async def close(self) -> None:
        """Close every idle renderer and wait for those that are closing."""
        await self.close_idle()

    def _take(self, wish: Wish) -> Warm | None:
        for warm in reversed(self._idle):
            if warm.wish == wish:
                self._idle.remove(warm)
                return warm
        return None

    async def _open(self, wish: Wish) -> Warm:
        async with self._turn:
            await self._make_room()
        name = new_id()
        scratch, log, free = self._places(wish.job, name)  # sooner done than another thread is
        launch = Launch(
            step_id=wish.step_id,
            work=wish.work,
            project=wish.project,
            scratch=scratch,
            cores=wish.grant.cores,
            ram=wish.grant.ram,
            gpus=wish.grant.gpus,
            log=log,
            disk=free // 2,  # so that no engine fills the disk, whatever the others write
        )
        renderer = await self._renderers.open(launch)
        return Warm(wish=wish, renderer=renderer, scratch=scratch, log=log)

    def _places(self, job: JobFolder, name: str) -> tuple[Path, Path, int]:
        """Return the scratch folder, the log, and the bytes that the disk has left."""
        here = self._workspaces
        return here.scratch(job, name), here.log(job, name), here.free()

    async def _make_room(self) -> None:
        """Close idle renderers, longest idle first, until what is in use fits beside the rest."""
        while self._idle:
            grants = [*self._used, *(warm.wish.grant for warm in self._idle)]
            taken = [gpu for grant in grants for gpu in grant.gpus]
            enough = sum(grant.ram for grant in grants) <= self._offer.ram
            if enough and len(taken) == len(set(taken)):
                return
            await self._close_these(self._idle[:1])

    async def _close_these(self, chosen: Sequence[Warm]) -> None:
        for warm in chosen:
            self._idle.remove(warm)
        tasks = [asyncio.create_task(self._close(warm)) for warm in chosen]
        await asyncio.gather(*map(self._watched, tasks, chosen))

    async def _watched(self, closing: asyncio.Task[None], warm: Warm) -> None:
        self._closing[closing] = warm
        closing.add_done_callback(self._closing.pop)
        await asyncio.shield(closing)

    async def _close(self, warm: Warm) -> None:
        try:
            await warm.renderer.close()
        except Exception:  # noqa: BLE001  # one engine's trouble must not stop the others
            _log.exception("renderer not closed", step_id=warm.wish.step_id)
        else:  # who starts another need not wait for that: memory and devices are free
            forgetting = asyncio.create_task(self._forget(warm))
            self._forgetting.add(forgetting)
            forgetting.add_done_callback(self._forgetting.discard)

    async def _forget(self, warm: Warm) -> None:
        try:
            await asyncio.to_thread(self._workspaces.forget_scratch, warm.scratch)
        except OSError:
            _log.exception("scratch folder not deleted", step_id=warm.wish.step_id)


async def _all_over(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Return when the tasks have ended; they go on when whoever waits is cancelled."""
    await asyncio.gather(*map(asyncio.shield, tasks))
