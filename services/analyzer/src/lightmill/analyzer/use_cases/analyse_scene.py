"""Look into one scene and answer."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from weakref import WeakValueDictionary

import structlog

from lightmill.analyzer.core.outcome import outcome
from lightmill.analyzer.ports import (
    Analyses,
    Answer,
    BundleFile,
    Request,
    SceneReader,
    Unpacked,
    Unpacker,
    UnreadableSceneError,
)
from lightmill.domain.path_rules import PathRule
from lightmill.domain.scene_formats import ARCHIVES, kinds
from lightmill.storage.ports import ObjectNotFoundError, ObjectStore, StoreUnavailableError

_LOG = structlog.get_logger()
_ANSWERS = "tell whoever runs the farm: the analyzer's log has the details under this request's id"


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """What is fetched of one bundle at the most, in bytes and in files."""

    size: int
    files: int = 1000


class AnalyseScene:
    """Answers requests; the same request twice, even at once, is answered once."""

    def __init__(  # noqa: PLR0913, PLR0917  # its collaborators
        self,
        analyses: Analyses,
        store: ObjectStore,
        readers: Mapping[str, SceneReader],
        limits: FetchLimits,
        scratch: Path,
        rules: Sequence[PathRule] = (),
        unpacker: Unpacker | None = None,
    ) -> None:
        """Hand in the collaborators.

        Args:
            analyses: Requests and answers.
            store: Holds the bundles' files.
            readers: By the suffix of the scene, such as `.blend`.
            limits: Of what is fetched.
            scratch: Where the files lie while they are read.
            rules: Where nodes find what scenes name by an absolute path.
            unpacker: For archives.
        """
        self._analyses = analyses
        self._store = store
        self._readers = readers
        self._limits = limits
        self._scratch = scratch
        self._rules = rules
        self._unpacker = unpacker
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def __call__(self, analysis_id: str) -> None:
        """Return when the request has an answer, or none is wanted.

        Raises:
            StoreUnavailableError: ask again later.
        """
        turn = self._turns.setdefault(analysis_id, asyncio.Lock())
        async with turn:
            request = await self._analyses.find(analysis_id)
            if request is None:
                return
            answer = await self._answer(request)
            await self._keep(request, answer)
            written = await self._analyses.answer(request, answer)
        _LOG.info("scene analysed", analysis_id=analysis_id, error=answer.error, written=written)

    async def _keep(self, request: Request, answer: Answer) -> None:
        """Store what was found as a file too, for tools that look for `asset.json` (seed 004)."""
        if answer.outcome is not None:
            content = json.dumps(answer.outcome, ensure_ascii=False, indent=2).encode()
            await self._store.put(asset_file(request), content, "application/json")

    async def _answer(self, request: Request) -> Answer:
        known = await self._analyses.known(request)
        if known is not None:
            return Answer(outcome=known)
        try:
            return Answer(outcome=await self._look(request))
        except UnreadableSceneError as error:
            return Answer(outcome=None, error=error.reason)
        except (StoreUnavailableError, asyncio.CancelledError):
            raise
        except Exception:  # noqa: BLE001  # any fault of ours has to end in an answer
            # Without an answer the request would be tried again every time, for ever.
            _LOG.exception("analysis failed", analysis_id=request.id)
            return Answer(outcome=None, error=f"the analyzer has a fault; {_ANSWERS}")

    async def _look(self, request: Request) -> dict[str, object]:
        suffix = PurePosixPath(request.scene).suffix.lower()
        if suffix in ARCHIVES and self._unpacker is not None:
            async with self._fetched(request, frozenset({suffix})) as folder:
                return await self._stored(
                    request, await self._unpacker.unpack(folder, request.scene)
                )
        reader = self._readers.get(suffix)
        if reader is None:
            raise UnreadableSceneError(_unknown(suffix, self._readers))
        async with self._fetched(request, reader.needs) as folder:
            reading = await reader.read(folder, request.scene)
        return outcome(reading, (file.path for file in request.files), self._rules)

    @asynccontextmanager
    async def _fetched(self, request: Request, needs: frozenset[str]) -> AsyncIterator[Path]:
        """Give a folder with what is read of the request."""
        wanted = self._readable(request, needs)
        with tempfile.TemporaryDirectory(prefix="analysis-", dir=self._scratch) as folder:
            for file in wanted:
                await self._fetch(file, Path(folder))
            yield Path(folder)

    async def _stored(self, request: Request, files: Sequence[Unpacked]) -> dict[str, object]:
        """Return what came out of an archive, and where the api finds it until it is taken in."""
        listed = []
        for number, file in enumerate(files):
            key = f"{unpacked_files(request)}{number}"
            await self._store.put_file(key, file.file, "application/octet-stream")
            listed.append(
                {"path": file.path, "size": file.size, "blake3": file.blake3, "object_key": key}
            )
        return {"files": listed}

    def _readable(self, request: Request, needs: frozenset[str]) -> Sequence[BundleFile]:
        """Return the scene and what its reader follows from it."""
        files = [file for file in request.files if kinds(file.path) & needs]
        if all(file.path != request.scene for file in files):
            raise UnreadableSceneError(f"{request.scene} is not among the files of the request")
        if len(files) > self._limits.files:
            raise UnreadableSceneError(
                f"more than {self._limits.files} {_listed(needs)} files; "
                "send only those that are linked"
            )
        size = sum(file.size for file in files)
        if size > self._limits.size:
            raise UnreadableSceneError(
                f"the {_listed(needs)} files have {size} bytes, more than {self._limits.size}"
            )
        return files

    async def _fetch(self, file: BundleFile, folder: Path) -> None:
        path = PurePosixPath(file.path)
        if path.is_absolute() or ".." in path.parts:
            raise UnreadableSceneError(f"{file.path} leads out of the bundle")
        gone = UnreadableSceneError(f"{file.path} is gone; upload it again")
        if file.object_key is None:
            raise gone
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            await self._store.get_file(file.object_key, target)
        except ObjectNotFoundError:
            raise gone from None
        if target.stat().st_size != file.size:
            raise UnreadableSceneError(f"{file.path} is damaged in the store; upload it again")


def asset_file(request: Request) -> str:
    """Return the name of the object that holds the outcome."""
    return f"tenants/{request.tenant_id}/analyses/{request.id}/asset.json"


def unpacked_files(request: Request) -> str:
    """Return what the names of the objects begin with that came out of an archive."""
    return f"tenants/{request.tenant_id}/unpacked/{request.id}/"


def _listed(needs: frozenset[str]) -> str:
    return ", ".join(sorted(needs))


def _unknown(suffix: str, readers: Mapping[str, SceneReader]) -> str:
    known = ", ".join(sorted(readers))
    return f"not analysed yet: {suffix or 'files without a suffix'} (this farm reads {known})"
