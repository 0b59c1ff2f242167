"""What the api needs to keep files: contents, uploads under way, and how long things are kept."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from lightmill.api.core.digest import Digests
from lightmill.domain.principal import Principal
from lightmill.storage.ports import ObjectInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A content of a tenant."""

    id: int
    blake3: str
    md5: str
    xxh64: str
    size: int
    path: str
    object_key: str


class Assets(Protocol):
    """Where the contents of a tenant are listed."""

    async def content_key(self, tenant_id: str) -> str:
        """Return the tenant's HMAC key, hex."""
        ...

    async def by_blake3(self, tenant_id: str, blake3: str) -> Asset | None:
        """Return the asset with this content, or None."""
        ...

    async def by_hashes(self, tenant_id: str, hashes: Sequence[str]) -> Mapping[str, Asset]:
        """Return the assets by those of `hashes` (MD5 or BLAKE3, hex) that are there."""
        ...

    async def by_ids(self, tenant_id: str, ids: Sequence[int]) -> Mapping[int, Asset]:
        """Return the assets by those of `ids` that are there."""
        ...

    async def by_path(self, tenant_id: str, path: str) -> Asset | None:
        """Return what was uploaded last under `path`, or None."""
        ...

    async def by_object_key(self, tenant_id: str, key: str) -> Asset | None:
        """Return the asset that is stored under `key`, or None."""
        ...

    async def object_keys(self, tenant_id: str, hashes: Sequence[str]) -> Mapping[str, str]:
        """Return the object names by those of `hashes` (BLAKE3, hex) that are there."""
        ...

    async def count(self, tenant_id: str) -> int:
        """Return how many contents the tenant has."""
        ...

    async def touch(self, tenant_id: str, ids: Sequence[int]) -> None:
        """Note that these are asked for: they are not collected for a while."""
        ...

    async def add(self, principal: Principal, digests: Digests, path: str, key: str) -> Asset:
        """Return the asset with this content: a new one under `key`, or the one that is there."""
        ...

    async def move(self, tenant_id: str, asset: Asset, key: str) -> bool:
        """Say that the content lies under `key` now; False when it was moved or removed since."""
        ...

    async def uploaded(
        self, principal: Principal, asset_id: int, path: str, *, stored: bool
    ) -> None:
        """Add a line to the upload history; `stored` is False when the content was there."""
        ...

    async def remove(self, principal: Principal, asset_id: int) -> str | None:
        """Return the object name of the removed asset, or None when there was none.

        Raises:
            ProblemError: a bundle of a live job, or a design, refers to it.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PartedUpload:
    """A content on its way straight to the object store.

    Attributes:
        part_size: Bytes of every part but the last.
        store_id: The object store's own id of the upload.
        asset_id: What has become of it; None while it is under way.
    """

    id: str
    tenant_id: str
    blake3: str
    size: int
    part_size: int
    path: str
    object_key: str
    store_id: str
    asset_id: int | None = None


class PartedUploads(Protocol):
    """Where uploads in parts are kept; a tenant has one of each content at the most."""

    async def find(self, tenant_id: str, upload_id: str) -> PartedUpload | None:
        """Return the upload, or None."""
        ...

    async def of_content(self, tenant_id: str, blake3: str) -> PartedUpload | None:
        """Return the tenant's upload of this content, or None."""
        ...

    async def add(self, principal: Principal, upload: PartedUpload) -> bool:
        """Keep `upload`; False when the tenant has one of that content."""
        ...

    async def touch(self, upload: PartedUpload) -> None:
        """Note that its client was heard of."""
        ...

    async def settle(self, upload: PartedUpload, asset_id: int) -> None:
        """Write what has become of it."""
        ...

    async def remove(self, tenant_id: str, upload_id: str) -> bool:
        """Forget an upload; False when there is none."""
        ...

    async def idle_since(self, tenant_id: str, moment: datetime) -> Sequence[PartedUpload]:
        """Return the tenant's uploads whose clients were last heard of before `moment`."""
        ...

    async def remove_idle(self, upload: PartedUpload, moment: datetime) -> bool:
        """Forget an upload unless its client was heard of since `moment`; tell whether."""
        ...


class SignedObjects(Protocol):
    """An embedded object store, whose signed URLs the api itself serves."""

    def verify(self, method: str, key: str, expires: int, signature: str) -> bool:
        """Tell whether a URL signed for `method` on `key` is genuine and still valid."""
        ...

    def verify_part(
        self, key: str, upload_id: str, number: int, expires: int, signature: str
    ) -> bool:
        """Tell whether a URL signed for this part of an upload is genuine and still valid."""
        ...

    async def info(self, key: str) -> ObjectInfo | None:
        """Return what is known of the object, or None when there is none."""
        ...

    def path(self, key: str) -> Path:
        """Return where the content of `key` lies."""
        ...

    async def put_stream(self, key: str, pieces: AsyncIterator[bytes], media_type: str) -> int:
        """Store what `pieces` yields under `key`; return how many bytes that were."""
        ...

    async def put_part(
        self, key: str, upload_id: str, number: int, pieces: AsyncIterator[bytes]
    ) -> int:
        """Store what `pieces` yields as a part of an upload; return how many bytes that were.

        Raises:
            ObjectNotFoundError: there is no such upload.
        """
        ...
