"""Checks a rendered frame and stores it."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import structlog
from blake3 import blake3

from lightmill.domain.results import FrameResult
from lightmill.messages.orders import Assignment, Frame
from lightmill.render_node.core.naming import image_name, image_size, thumbnail_name
from lightmill.render_node.ports import (
    AttemptGoneError,
    CheckedImage,
    Images,
    NotAdmittedError,
    RenderedImage,
    RenderFailedError,
    Transfers,
    UnreachableError,
    UploadUrl,
)
from lightmill.render_node.use_cases.insist import insist
from lightmill.render_node.use_cases.provenance import provenance
from lightmill.render_node.use_cases.upload_urls import UploadUrls

_LOG_SECONDS = 10.0
_NOTHING = blake3().hexdigest()
_NO_LOG = (
    UnreachableError,
    AttemptGoneError,
    NotAdmittedError,
    RenderFailedError,
    TimeoutError,
)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inspected:
    checked: CheckedImage
    blake3: str
    size: int
    thumbnail: Path | None


class DeliverFrame:
    """Makes a file on the node's disk a frame in the object store.

    Attributes:
        log_seconds: How often what an engine prints is stored while it renders.
    """

    def __init__(
        self, *, images: Images, transfers: Transfers, node: str, log_seconds: float
    ) -> None:
        self.log_seconds = log_seconds
        self._images = images
        self._transfers = transfers
        self._node = node

    async def __call__(
        self,
        assignment: Assignment,
        frame: Frame,
        rendered: RenderedImage,
        project: Path,
        urls: UploadUrls,
    ) -> FrameResult:
        """Return the frame as it is stored; its file on the disk is gone then.

        Args:
            assignment: Of which it is a frame.
            frame: Which.
            rendered: What the engine has left.
            project: Where the scene lies.
            urls: Where it goes.

        Raises:
            RenderFailedError: of kind OUTPUT: it is no image, or not the one that was asked for.
            AttemptGoneError: the attempt is no longer this node's.
        """
        image = rendered.path
        found = await asyncio.to_thread(self._inspect, assignment, frame, rendered, project)
        name = image_name(assignment.work, frame.frame)
        stored, thumbnail = await asyncio.gather(
            self._store(name, image, found.checked.media_type, urls),
            self._store_thumbnail(thumbnail_name(frame.frame), found.thumbnail, urls),
        )
        await asyncio.to_thread(_delete, image, found.thumbnail)
        return FrameResult(
            ordinal=frame.ordinal,
            frame=frame.frame,
            key=stored.key,
            thumbnail_key=thumbnail.key if thumbnail else None,
            blake3=found.blake3,
            size=found.size,
            width=found.checked.width,
            height=found.checked.height,
            media_type=found.checked.media_type,
            seconds=rendered.seconds,
            peak_ram=rendered.peak_ram,
            samples=rendered.samples,
            engine=rendered.engine,
        )

    async def store_log(self, name: str, log: Path, urls: UploadUrls) -> None:
        """Store the engine's output; an attempt does not fail for want of it."""
        try:
            async with asyncio.timeout(_LOG_SECONDS):
                url = await urls.url(name)
                await self._transfers.upload(url, log, "text/plain; charset=utf-8")
        except _NO_LOG as error:
            _log.warning("log not stored", name=name, error=str(error))

    def _inspect(
        self, assignment: Assignment, frame: Frame, rendered: RenderedImage, project: Path
    ) -> _Inspected:
        """Return what the image is as it will be stored: with where it comes from in it."""
        image = rendered.path
        width, height = image_size(assignment.work.settings, frame.frame)
        checked = self._images.check(image, width, height)
        thumbnail = self._thumbnail(image)
        self._images.embed(image, provenance(self._node, assignment, frame, rendered, project))
        return _Inspected(
            checked=checked,
            blake3=blake3().update_mmap(image).hexdigest(),
            size=image.stat().st_size,
            thumbnail=thumbnail,
        )

    def _thumbnail(self, image: Path) -> Path | None:
        target = image.with_name(image.name + ".thumb.jpg")
        try:
            self._images.thumbnail(image, target)
        except RenderFailedError as error:
            _log.warning("no thumbnail", image=image.name, error=str(error))
            return None
        return target

    async def _store_thumbnail(
        self, name: str, path: Path | None, urls: UploadUrls
    ) -> UploadUrl | None:
        if path is None:
            return None
        return await self._store(name, path, "image/jpeg", urls)

    async def _store(self, name: str, path: Path, media_type: str, urls: UploadUrls) -> UploadUrl:
        async def store() -> UploadUrl:
            url = await urls.url(name)
            try:
                await self._transfers.upload(url, path, media_type)
            except UnreachableError:
                urls.distrust(name)
                raise
            urls.used(name)
            return url

        return await insist(store, name)


def nothing_left(frame: Frame, rendered: RenderedImage) -> FrameResult:
    """Return the result of a frame that was to leave no file."""
    return FrameResult(
        ordinal=frame.ordinal,
        frame=frame.frame,
        key=None,
        thumbnail_key=None,
        blake3=_NOTHING,
        size=0,
        width=0,
        height=0,
        media_type="application/x-empty",
        seconds=rendered.seconds,
        peak_ram=rendered.peak_ram,
        engine=rendered.engine,
    )


def _delete(*paths: Path | None) -> None:
    for path in filter(None, paths):
        path.unlink(missing_ok=True)
