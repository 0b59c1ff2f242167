"""A renderer that has its frames rendered by a service elsewhere, over HTTP."""

import asyncio
import contextlib
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Limits
from lightmill.render_node.engines.contract import (
    Failed,
    Patience,
    Progress,
    RemoteEngine,
    Stored,
)
from lightmill.render_node.engines.output_log import OutputLog
from lightmill.render_node.engines.remote_talk import RemoteTalk, UnknownRenderError
from lightmill.render_node.ports import (
    Ahead,
    Launch,
    OnProgress,
    RenderedImage,
    Renderer,
    RenderFailedError,
    Submission,
    Submissions,
)
from lightmill.runtime.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteAccess:
    """Where a service is, and what of it is trusted.

    Attributes:
        url: Requests go below it.
        token: Shown to that URL's host alone.
        hosts: Hosts that images may be read from, beside the service's own.
    """

    url: str
    token: str | None = None
    hosts: AbstractSet[str] = frozenset()

    def trusts(self, url: str) -> bool:
        """Tell whether an image may be read there."""
        parts, own = urlsplit(url), urlsplit(self.url)
        if (parts.scheme, parts.netloc) == (own.scheme, own.netloc):
            return True
        return parts.scheme in {"http", "https"} and (parts.hostname or "") in self.hosts

    def absolute(self, url: str) -> str:
        """Return the URL of an image that the service may have named relative to itself."""
        return urljoin(self.url.rstrip("/") + "/", url)


class RemoteService:
    """An engine at a service, as the node offers it."""

    def __init__(
        self, engine: RemoteEngine, access: RemoteAccess, submissions: Submissions, clock: Clock
    ) -> None:
        self._engine = engine
        self._access = access
        self._submissions = submissions
        self._clock = clock

    @property
    def name(self) -> str:
        """What jobs call the engine."""
        return self._engine.name

    def discover(self) -> tuple[str, ...]:
        """Return the version of the protocol; whether the service answers is seen at a frame."""
        return self._engine.discover()

    def open(self, launch: Launch) -> Renderer:
        """Return a renderer for one step."""
        talk = RemoteTalk(self._access.url, self._access.token, self._clock)
        return RemoteRenderer(self, launch, talk)

    @property
    def engine(self) -> RemoteEngine:
        """What reads and writes the service's answers."""
        return self._engine

    @property
    def access(self) -> RemoteAccess:
        """Where it is."""
        return self._access

    @property
    def submissions(self) -> Submissions:
        """What it was asked for."""
        return self._submissions


class RemoteRenderer:
    """Serves the frames of one step; each is submitted once, whoever asks again.

    What was submitted is on the disk before it is polled, so that a node that starts anew goes on
    polling. The submission itself carries a key that is on the disk before it leaves.
    """

    def __init__(self, service: RemoteService, launch: Launch, talk: RemoteTalk) -> None:
        self._engine = service.engine
        self._access = service.access
        self._submissions = service.submissions
        self._launch = launch
        self._talk = talk
        self._log = OutputLog(launch.log)
        self._time = asyncio.get_running_loop().time

    async def render(
        self, frame: int, output: Path, on_progress: OnProgress, ahead: Ahead | None = None
    ) -> RenderedImage:
        """Have `frame` rendered, and write its image to `output`; see `ports.Renderer`."""
        del ahead
        self._log.begin_frame()
        begun = self._time()
        patience = self._engine.patience(self._launch.work)
        deadline = begun + _shorter(patience.timeout, self._launch.work.limits)
        key = f"{self._launch.step_id}/{frame}"
        try:
            submission = await self._recall(key)
            remote_id = submission.remote_id or await self._submit(
                key, frame, submission, patience, deadline
            )
            stored = await self._await_image(key, remote_id, patience, deadline, on_progress)
            await self._fetch(stored, output, patience, deadline)
        except RenderFailedError as error:
            self._say(f"failed: {error}")
            raise
        return RenderedImage(path=output, seconds=self._time() - begun)

    async def close(self) -> None:
        """Close the connections; what the service renders goes on, and is found again."""
        await self._talk.close()
        self._log.close()

    async def _recall(self, key: str) -> Submission:
        try:
            return await asyncio.to_thread(self._submissions.intended, key)
        except OSError as error:
            detail = f"nothing is submitted that cannot be remembered: {error}"
            raise RenderFailedError(FailureKind.NODE, detail) from error

    async def _submit(
        self, key: str, frame: int, submission: Submission, patience: Patience, deadline: float
    ) -> str:
        request = self._engine.submission(self._launch.work, frame)
        answer = await self._talk.ask(request, patience.interval, deadline, key=submission.key)
        with _told(f"{request.method} {request.path}"):
            remote_id = self._engine.submitted(answer)
        try:
            await asyncio.shield(asyncio.to_thread(self._submissions.accepted, key, remote_id))
        except OSError as error:
            raise RenderFailedError(FailureKind.NODE, f"journal: {error}") from error
        self._say(f"frame {frame} was submitted and is {remote_id!r} there")
        return remote_id

    async def _await_image(
        self,
        key: str,
        remote_id: str,
        patience: Patience,
        deadline: float,
        on_progress: OnProgress,
    ) -> Stored:
        request = self._engine.polling(remote_id)
        for _ in range(patience.polls):
            try:
                answer = await self._talk.ask(request, patience.interval, deadline)
            except UnknownRenderError as error:
                await self._give_up(key)
                detail = f"the service has forgotten {remote_id!r}"
                raise RenderFailedError(FailureKind.ENGINE, detail) from error
            with _told(f"{request.method} {request.path}"):
                standing = self._engine.polled(answer)
            match standing:
                case Stored():
                    return standing
                case Failed(kind, detail):
                    await self._give_up(key)
                    raise RenderFailedError(kind, detail)
                case Progress(share):
                    on_progress(share)
                case None:
                    pass
            await self._talk.pause(patience.interval, deadline, f"{remote_id!r} to be rendered")
        detail = f"{remote_id!r} was not ready after {patience.polls} polls"
        raise RenderFailedError(FailureKind.TIMEOUT, detail)

    async def _fetch(
        self, stored: Stored, output: Path, patience: Patience, deadline: float
    ) -> None:
        url = self._access.absolute(stored.url)
        if not self._access.trusts(url):
            host = urlsplit(url).hostname
            detail = (
                f"the image lies on {host}, which is not trusted; LIGHTMILL_NODE_REMOTE_HOSTS"
                " names the hosts that are"
            )
            raise RenderFailedError(FailureKind.OUTPUT, detail)
        size = await self._talk.download(
            url, output, patience.interval, deadline, trusts=self._access.trusts
        )
        self._say(f"{size} bytes were read from {urlsplit(url).hostname}")

    async def _give_up(self, key: str) -> None:
        with contextlib.suppress(OSError):  # the next try then hears the same again
            await asyncio.to_thread(self._submissions.given_up, key)

    def _say(self, text: str) -> None:
        self._log.write(text.encode() + b"\n")


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise RenderFailedError(FailureKind.ENGINE, f"{what}: {error}") from error


def _shorter(timeout: float, limits: Limits) -> float:
    return timeout if limits.frame is None else min(timeout, limits.frame)
