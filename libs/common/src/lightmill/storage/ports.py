"""What a service needs of the object store and of the status cache."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from lightmill.domain.storage_class import StorageClass


class ObjectNotFoundError(Exception):
    """There is no object of that name."""


class ObjectNameError(ValueError):
    """What was given as an object's name is none: empty, absolute, or with `..` in it."""


class StoreUnavailableError(Exception):
    """The object store does not answer; what was asked may be asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """What the store says of an object; `size` in bytes."""

    key: str
    size: int
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedObject:
    """An object as a listing tells it; `size` in bytes."""

    key: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPart:
    """A part of an upload that has arrived; `size` in bytes, `etag` as the store names it."""

    number: int
    size: int
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPut:
    """A URL for one PUT, and the headers that have to come with it."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


class ObjectStore(Protocol):
    """A bucket of objects under names with slashes.

    A large object may be sent in parts, numbered from 1, each of at least 5 MiB but the last:
    begin, PUT each part to a signed URL in any order, join. Until then nobody sees any of it.

    Every call may raise StoreUnavailableError, and ObjectNameError for a key that is no name.
    """

    async def put_file(self, key: str, path: Path, media_type: str) -> None:
        """Store the file at `path` under `key`, replacing what is there."""
        ...

    async def get_file(self, key: str, path: Path) -> None:
        """Write the object to `path`.

        Raises:
            ObjectNotFoundError: there is none.
        """
        ...

    async def put(self, key: str, content: bytes, media_type: str) -> None:
        """Store `content` under `key`, replacing what is there."""
        ...

    async def get(self, key: str) -> bytes:
        """Return the object's content.

        Raises:
            ObjectNotFoundError: there is none.
        """
        ...

    def stream(self, key: str) -> AsyncIterator[bytes]:
        """Yield the object's content in pieces.

        Raises:
            ObjectNotFoundError: there is none.
        """
        ...

    async def info(self, key: str) -> ObjectInfo | None:
        """Return what is known of the object, or None when there is none."""
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete these objects; those that do not exist are no error."""
        ...

    def keys(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names of the objects under `prefix`."""
        ...

    def listed(self, prefix: str) -> AsyncIterator[ListedObject]:
        """Yield the objects under `prefix` with their sizes and ages."""
        ...

    async def begin_parts(self, key: str, media_type: str) -> str:
        """Return the store's own id of a new upload in parts."""
        ...

    async def parts(self, key: str, upload_id: str) -> list[StoredPart]:
        """Return every part that has arrived, by number.

        Raises:
            ObjectNotFoundError: there is no such upload, or it has been joined or dropped.
        """
        ...

    async def join_parts(self, key: str, upload_id: str, parts: Sequence[StoredPart]) -> None:
        """Make the object out of `parts`, as `parts()` told them.

        Raises:
            ObjectNotFoundError: there is no such upload, or it has been joined or dropped.
        """
        ...

    async def drop_parts(self, key: str, upload_id: str) -> None:
        """Delete an upload with its parts; one that does not exist is no error."""
        ...

    async def tidy(self, before: datetime) -> int:
        """Delete what writers that died before then have left half-written.

        Returns:
            The bytes that came free; 0 where the store sees to that itself.
        """
        ...

    def sign_part(self, key: str, upload_id: str, number: int, *, seconds: int) -> str:
        """Return a URL, for outside, that stores one part by one PUT within `seconds`."""
        ...

    def sign_get(self, key: str, *, seconds: int, public: bool = False) -> str:
        """Return a URL that reads the object for `seconds`.

        Args:
            key: The object's name.
            seconds: How long the URL is valid.
            public: For a browser outside rather than for a service inside.
        """
        ...

    def sign_put(
        self, key: str, *, seconds: int, storage_class: StorageClass | None = None
    ) -> SignedPut:
        """Return what stores the object by one PUT within `seconds`.

        Args:
            key: The object's name.
            seconds: How long the URL is valid.
            storage_class: Where the object is to lie; None, or in a store that has no such class:
                where the store puts everything.
        """
        ...

    async def offers(self, storage_class: StorageClass) -> bool:
        """Tell whether the store has this class; found out by storing an empty object in it."""
        ...


class StatusCache(Protocol):
    """Small JSON documents that may vanish at any moment and expire after 30 s."""

    async def set_newer(self, key: str, version: int, value: Mapping[str, object]) -> None:
        """Keep `value` unless a newer version is there.

        Never raises: a cache that is away is no fault.
        """
        ...

    async def set_all_newer(
        self, entries: Sequence[tuple[str, int, Mapping[str, object]]]
    ) -> None:
        """Do that for many keys, versions and values at once."""
        for key, version, value in entries:
            await self.set_newer(key, version, value)

    async def get(self, key: str) -> dict[str, object] | None:
        """Return what is kept under `key`, or None. Never raises."""
        ...

    async def ping(self) -> bool:
        """Tell whether the cache answers."""
        ...
