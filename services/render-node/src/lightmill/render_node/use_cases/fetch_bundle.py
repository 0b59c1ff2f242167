"""Brings the files of a job to the node."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from weakref import WeakValueDictionary

from lightmill.domain.failures import FailureKind
from lightmill.messages.orders import Assignment
from lightmill.render_node.core.naming import UnsafePathError
from lightmill.render_node.ports import (
    Api,
    BundleFile,
    ContentGoneError,
    Contents,
    JobFolder,
    RenderFailedError,
    Transfers,
    Workspaces,
)
from lightmill.render_node.use_cases.insist import insist

_AT_ONCE = 8
_TRIES = 3


class FetchBundle:
    """Fills the content store with what is missing and links a job's project from it."""

    def __init__(
        self,
        *,
        api: Api,
        transfers: Transfers,
        contents: Contents,
        workspaces: Workspaces,
        ceiling: int,
        disk_floor: int,
    ) -> None:
        self._api = api
        self._transfers = transfers
        self._contents = contents
        self._workspaces = workspaces
        self._ceiling = ceiling
        self._disk_floor = disk_floor
        self._turns: WeakValueDictionary[JobFolder, asyncio.Lock] = WeakValueDictionary()
        self._downloads = asyncio.Semaphore(_AT_ONCE)
        self._fetching = 0
        self._trimming = asyncio.Lock()

    async def __call__(self, assignment: Assignment) -> Path:
        """Return the folder with the files; the second frame of a job asks nobody for it.

        What works on the results of earlier steps has those there, and asks for each frame.

        Raises:
            RenderFailedError: a file is not to be had, or the disk is full.
            AttemptGoneError: the attempt is no longer this node's.
        """
        job = JobFolder(assignment.owner, assignment.job_id)
        async with self._turns.setdefault(job, asyncio.Lock()):
            # No thread: it takes less time than to change to one, and a start waits for it.
            free, ready = self._look(job, assignment.bundle_id)
            if free < self._disk_floor:
                await self._require_disk()
            if assignment.work.inputs:
                return await self._gather(job, assignment)
            return ready or await self._assemble(job, assignment)

    async def forget(self, job: JobFolder) -> int:
        """Delete the job's workspace and return the bytes that came free.

        What it was linked from stays in the content store.
        """
        async with self._turns.setdefault(job, asyncio.Lock()):
            return await asyncio.to_thread(self._workspaces.forget, job)

    def _look(self, job: JobFolder, bundle_id: str | None) -> tuple[int, Path | None]:
        """Return the free bytes and the project if it is complete; without files it always is."""
        free, ready = self._workspaces.free(), self._workspaces.project(job, bundle_id)
        if ready is None and bundle_id is None and free >= self._disk_floor:
            ready = self._workspaces.assemble(job, None, {})
        return free, ready

    async def _assemble(self, job: JobFolder, assignment: Assignment) -> Path:
        async with self._linking():
            files: dict[str, Path] = {}
            if assignment.bundle_id is not None:
                files = await self._all_files(assignment)
            bundle_id = assignment.bundle_id
            return await asyncio.to_thread(self._workspaces.assemble, job, bundle_id, files)

    async def _gather(self, job: JobFolder, assignment: Assignment) -> Path:
        async with self._linking():
            files = await self._all_files(assignment)
            step = assignment.step_id
            return await asyncio.to_thread(self._workspaces.gather, job, step, files)

    @asynccontextmanager
    async def _linking(self) -> AsyncIterator[None]:
        """Keep what is found in the store until it has been linked."""
        async with self._trimming:  # what is found from here on is not about to be deleted
            self._fetching += 1
        try:
            yield
        except UnsafePathError as error:
            raise RenderFailedError(FailureKind.MISSING_FILE, str(error)) from error
        finally:
            self._fetching -= 1
            await self._trim(self._ceiling)

    async def _all_files(self, assignment: Assignment) -> dict[str, Path]:
        name = assignment.attempt_id
        return await insist(lambda: self._files(name), f"files of {assignment.job_id}")

    async def make_room(self) -> None:
        """Empty the content store, unless something in it is about to be linked."""
        await self._trim(0)

    async def _trim(self, ceiling: int) -> None:
        async with self._trimming:
            if self._fetching:
                return
            trimming = asyncio.ensure_future(asyncio.to_thread(self._contents.trim, ceiling))
            try:
                await asyncio.shield(trimming)
            finally:  # whoever waited may be cancelled: the thread goes on deleting
                await asyncio.wait([trimming])

    async def _require_disk(self) -> None:
        await self.make_room()
        free = await asyncio.to_thread(self._workspaces.free)
        if free < self._disk_floor:
            detail = (
                f"only {free / 1e9:.1f} GB of disk are free, {self._disk_floor / 1e9:g} needed"
            )
            raise RenderFailedError(FailureKind.NODE, detail)

    async def _files(self, attempt_id: str) -> dict[str, Path]:
        """Return where each file of the bundle is; the listing's URLs are good for minutes."""
        listing = await self._api.bundle(attempt_id)
        distinct = list({file.blake3: file for file in listing}.values())
        found = await asyncio.gather(*map(self._file, distinct), return_exceptions=True)
        places: dict[str, Path] = {}
        for file, place in zip(distinct, found, strict=True):
            if isinstance(place, BaseException):
                raise place
            places[file.blake3] = place
        return {file.path: places[file.blake3] for file in listing}

    async def _file(self, file: BundleFile) -> Path:
        async with self._downloads:
            found = await asyncio.to_thread(self._contents.find, file.blake3, file.size)
            return found or await self._download(file)

    async def _download(self, file: BundleFile) -> Path:
        """Return where the file is once its content has been checked against its hash."""
        arrived = ""
        for _ in range(_TRIES):
            target = self._contents.incoming()
            try:
                arrived = await self._transfers.download(file.url, target, file.size)
                if arrived == file.blake3:
                    return await asyncio.to_thread(self._contents.add, file.blake3, target)
            except ContentGoneError as error:
                detail = f"{file.path} is not in the object store; upload it again"
                raise RenderFailedError(FailureKind.MISSING_FILE, detail) from error
            finally:
                target.unlink(missing_ok=True)
        detail = f"{file.path} should have BLAKE3 {file.blake3} but has {arrived}; upload it again"
        raise RenderFailedError(FailureKind.MISSING_FILE, detail)
