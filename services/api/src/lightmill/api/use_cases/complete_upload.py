"""Make a file out of the parts that have arrived, once it is what it was said to be."""

import asyncio
from collections.abc import AsyncIterator

import structlog

from lightmill.api.core.digest import Digester, Digests
from lightmill.api.core.parts import lacking
from lightmill.api.core.problem import FieldError, ProblemError
from lightmill.api.ports.files import Assets, PartedUpload, PartedUploads
from lightmill.api.use_cases.send_in_parts import SendInParts
from lightmill.api.use_cases.store_content import StoreContent
from lightmill.api.use_cases.upload_file import upload_answer
from lightmill.domain.principal import Principal
from lightmill.storage.ports import ObjectNotFoundError, ObjectStore

_LOG = structlog.get_logger(__name__)
_BLOCK = 4 * 2**20
_NAMED = 100


class CompleteUpload:
    """Joins the parts and reads the object back; the work goes on when the caller has left.

    Two apis may do so at once: each step comes to the same however often it is taken.
    """

    def __init__(
        self,
        sending: SendInParts,
        uploads: PartedUploads,
        assets: Assets,
        content: StoreContent,
        store: ObjectStore,
        patience: float,
    ) -> None:
        self._sending = sending
        self._uploads = uploads
        self._assets = assets
        self._content = content
        self._store = store
        self._patience = patience
        self._checking: dict[str, asyncio.Task[dict[str, object]]] = {}

    async def __call__(self, principal: Principal, upload_id: str) -> dict[str, object] | None:
        """Return the answer to the upload, or None while the content is still being read.

        Raises:
            ProblemError: there is no such upload, parts are missing, or the content is another.
        """
        upload = await self._sending.find(principal, upload_id)
        if upload.asset_id is not None:
            return upload_answer(await self._sending.outcome(upload), new=True)
        checking = self._checking.get(upload.id)
        if checking is None:
            checking = asyncio.create_task(self._complete(principal, upload))
            self._checking[upload.id] = checking
            checking.add_done_callback(lambda task: self._ended(upload.id, task))
        ended, _ = await asyncio.wait({checking}, timeout=self._patience)
        return checking.result() if ended else None

    def _ended(self, upload_id: str, task: asyncio.Task[dict[str, object]]) -> None:
        self._checking.pop(upload_id, None)
        if not task.cancelled() and task.exception() is not None:
            _LOG.info("an upload was not completed", upload=upload_id, why=str(task.exception()))

    async def _complete(self, principal: Principal, upload: PartedUpload) -> dict[str, object]:
        await self._join(upload)
        digests = await read_back(self._store, upload.object_key)
        if (digests.blake3, digests.size) != (upload.blake3, upload.size):
            await self._refuse(upload, digests)
        asset, new = await self._content.adopt(principal, digests, upload.path, upload.object_key)
        await self._assets.uploaded(principal, asset.id, upload.path, stored=new)
        await self._uploads.settle(upload, asset.id)
        return upload_answer(asset, new=new)

    async def _join(self, upload: PartedUpload) -> None:
        try:
            parts = await self._store.parts(upload.object_key, upload.store_id)
        except ObjectNotFoundError:
            if await self._store.info(upload.object_key) is None:
                await self._uploads.remove(upload.tenant_id, upload.id)
                detail = "the object store has given the upload up: begin it again"
                raise ProblemError(409, "upload-ended", detail) from None
            return  # joined before
        have = {part.number: part.size for part in parts}
        lacks = lacking(upload.size, upload.part_size, have)
        if lacks:
            detail = f"{len(lacks)} parts have not arrived whole: send them, then complete again"
            errors = [FieldError("#/parts", f"part {number}") for number in lacks[:_NAMED]]
            raise ProblemError(409, "parts-missing", detail, errors=errors)
        try:
            await self._store.join_parts(upload.object_key, upload.store_id, parts)
        except ObjectNotFoundError:
            if await self._store.info(upload.object_key) is None:
                raise
            # another api has just joined it

    async def _refuse(self, upload: PartedUpload, digests: Digests) -> None:
        await self._uploads.remove(upload.tenant_id, upload.id)
        await self._store.delete([upload.object_key])
        raise ProblemError(
            422,
            "content-mismatch",
            f"{upload.path}: what arrived has BLAKE3 {digests.blake3} and {digests.size} bytes, "
            "not what was announced; nothing was kept: it was changed or damaged on its way, "
            "send it again",
        )


async def read_back(store: ObjectStore, key: str) -> Digests:
    """Return the hashes of what the store holds under `key`, read in one pass.

    Raises:
        ObjectNotFoundError: there is no such object.
    """
    digester, hashing = Digester(), None
    async for block in _blocks(store.stream(key)):
        if hashing is not None:
            await hashing
        # The next block is read while this one is hashed.
        hashing = asyncio.create_task(_hash(digester, block))
    if hashing is not None:
        await hashing
    return digester.digests()


async def _hash(digester: Digester, block: bytes) -> None:
    """Add a block; its hashes are taken side by side."""
    await asyncio.gather(*(asyncio.to_thread(take, block) for take in digester.takers))


async def _blocks(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    gathered, size = [], 0
    async for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size >= _BLOCK:
            yield b"".join(gathered)
            gathered, size = [], 0
    if gathered:
        yield b"".join(gathered)
