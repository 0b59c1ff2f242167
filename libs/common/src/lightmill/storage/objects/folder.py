"""Objects as files in a folder, for the farm that needs nothing installed."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlencode

from typing_extensions import override

from lightmill.domain.storage_class import StorageClass
from lightmill.storage.objects.landing import landing
from lightmill.storage.objects.names import checked
from lightmill.storage.objects.parted import Parted
from lightmill.storage.objects.signatures import holds, part_method, sign
from lightmill.storage.objects.tree import Tree
from lightmill.storage.ports import (
    ListedObject,
    ObjectInfo,
    ObjectStore,
    SignedPut,
    StoredPart,
)

_PIECE = 2**20


class Clock(Protocol):
    """Where the store takes the time from."""

    def now(self) -> datetime:
        """Return the time, aware of its zone."""
        ...


class FolderStore(ObjectStore):
    """A folder; its signed URLs are served by the api at `<base_url>/objects/<key>`."""

    def __init__(self, root: Path, base_url: str, secret: bytes, clock: Clock) -> None:
        self._tree, self._parted = Tree(root), Parted(root)
        self._base_url = base_url.rstrip("/")
        self._secret = secret
        self._clock = clock

    def path(self, key: str) -> Path:
        """Return where the content of `key` lies, whether or not it exists.

        Raises:
            ObjectNameError: `key` is no name.
        """
        return self._tree.path(key)

    def verify(self, method: str, key: str, expires: int, signature: str) -> bool:
        """Tell whether a URL signed for `method` on `key` is genuine and still valid.

        HEAD is allowed to whoever may GET.
        """
        signed = "GET" if method == "HEAD" else method
        genuine = holds(self._secret, signed, key, expires, signature)
        return genuine and self._clock.now().timestamp() < expires

    def verify_part(
        self, key: str, upload_id: str, number: int, expires: int, signature: str
    ) -> bool:
        """Tell whether a URL signed for this part of an upload is genuine and still valid."""
        return self.verify(part_method(upload_id, number), key, expires, signature)

    @override
    async def put_file(self, key: str, path: Path, media_type: str) -> None:
        def pieces() -> Iterator[bytes]:
            with path.open("rb") as source:
                while piece := source.read(_PIECE):
                    yield piece

        await asyncio.to_thread(self._put, key, media_type, pieces())

    @override
    async def put(self, key: str, content: bytes, media_type: str) -> None:
        await asyncio.to_thread(self._put, key, media_type, [content])

    async def put_stream(self, key: str, pieces: AsyncIterator[bytes], media_type: str) -> int:
        """Store what `pieces` yields under `key`, or nothing when it breaks off.

        Returns:
            How many bytes that were.
        """
        incoming, size = await asyncio.to_thread(self._tree.begin, key), 0
        try:
            async for piece in pieces:
                size += await asyncio.to_thread(self._tree.write, incoming, piece)
            await asyncio.to_thread(self._tree.accept, incoming, media_type)
        finally:
            self._tree.discard(incoming)
        return size

    async def put_part(
        self, key: str, upload_id: str, number: int, pieces: AsyncIterator[bytes]
    ) -> int:
        """Store what `pieces` yields as a part, or nothing when it breaks off.

        Returns:
            How many bytes that were.

        Raises:
            ObjectNotFoundError: there is no such upload.
            ValueError: no part has that number.
        """
        part, size = await asyncio.to_thread(self._parted.begin_part, key, upload_id, number), 0
        try:
            async for piece in pieces:
                size += await asyncio.to_thread(self._parted.write, part, piece)
            await asyncio.to_thread(self._parted.accept, part)
        finally:
            self._parted.discard(part)
        return size

    @override
    async def begin_parts(self, key: str, media_type: str) -> str:
        return await asyncio.to_thread(self._parted.begin, key, media_type)

    @override
    async def parts(self, key: str, upload_id: str) -> list[StoredPart]:
        return await asyncio.to_thread(self._parted.parts, key, upload_id)

    @override
    async def join_parts(self, key: str, upload_id: str, parts: Sequence[StoredPart]) -> None:
        def pieces() -> Iterator[bytes]:
            for file in self._parted.open(key, upload_id, parts):
                while piece := file.read(_PIECE):
                    yield piece

        def join() -> None:
            self._put(key, self._parted.media_type(key, upload_id), pieces())
            self._parted.drop(key, upload_id)

        await asyncio.to_thread(join)

    @override
    async def drop_parts(self, key: str, upload_id: str) -> None:
        await asyncio.to_thread(self._parted.drop, key, upload_id)

    @override
    async def tidy(self, before: datetime) -> int:
        return await asyncio.to_thread(self._tidy, before)

    def _tidy(self, before: datetime) -> int:
        return self._tree.tidy(before) + self._parted.tidy(before)

    @override
    async def listed(self, prefix: str) -> AsyncIterator[ListedObject]:
        for found in await asyncio.to_thread(self._tree.listed, prefix):
            yield found

    @override
    def sign_part(self, key: str, upload_id: str, number: int, *, seconds: int) -> str:
        url = self._sign(part_method(upload_id, number), key, seconds)
        return f"{url}&{urlencode({'uploadId': upload_id, 'partNumber': number})}"

    @override
    async def get_file(self, key: str, path: Path) -> None:
        def copy() -> None:
            with self._tree.open(key) as source, landing(path) as target:
                shutil.copyfileobj(source, target, _PIECE)

        await asyncio.to_thread(copy)

    @override
    async def get(self, key: str) -> bytes:
        def read() -> bytes:
            with self._tree.open(key) as source:
                return source.read()

        return await asyncio.to_thread(read)

    @override
    async def stream(self, key: str) -> AsyncIterator[bytes]:
        with await asyncio.to_thread(self._tree.open, key) as source:
            while piece := await asyncio.to_thread(source.read, _PIECE):
                yield piece

    @override
    async def info(self, key: str) -> ObjectInfo | None:
        return await asyncio.to_thread(self._tree.info, key)

    @override
    async def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            await asyncio.to_thread(self._tree.delete, key)

    @override
    async def keys(self, prefix: str) -> AsyncIterator[str]:
        for key in await asyncio.to_thread(self._tree.keys, prefix):
            yield key

    @override
    def sign_get(self, key: str, *, seconds: int, public: bool = False) -> str:
        return self._sign("GET", key, seconds)

    @override
    def sign_put(
        self, key: str, *, seconds: int, storage_class: StorageClass | None = None
    ) -> SignedPut:
        return SignedPut(url=self._sign("PUT", key, seconds))

    @override
    async def offers(self, storage_class: StorageClass) -> bool:
        return False

    def _put(self, key: str, media_type: str, pieces: Iterable[bytes]) -> None:
        incoming = self._tree.begin(key)
        try:
            for piece in pieces:
                self._tree.write(incoming, piece)
            self._tree.accept(incoming, media_type)
        finally:
            self._tree.discard(incoming)

    def _sign(self, method: str, key: str, seconds: int) -> str:
        expires = int(self._clock.now().timestamp()) + seconds
        signature = sign(self._secret, method, checked(key), expires)
        query = urlencode({"expires": expires, "signature": signature})
        return f"{self._base_url}/objects/{quote(key)}?{query}"
