"""Take a large file in, in parts that go straight to the object store."""

from collections.abc import Sequence

from lightmill.api.core.parts import lacking, part_count, part_size
from lightmill.api.core.problem import ProblemError, invalid, missing
from lightmill.api.core.upload_bodies import UploadBody
from lightmill.api.ports.files import Asset, Assets, PartedUpload, PartedUploads
from lightmill.api.use_cases.store_content import StoreContent
from lightmill.api.use_cases.upload_file import upload_answer
from lightmill.domain.principal import Principal
from lightmill.runtime.ids import new_id
from lightmill.storage.ports import ObjectNotFoundError, ObjectStore

_MEDIA_TYPE = "application/octet-stream"
URL_S = 3600


class SendInParts:
    """Begins uploads, signs their parts, tells how far they are, gives them up.

    A tenant has one upload of each content at the most: whoever begins it again, from wherever,
    goes on where it stopped.
    """

    def __init__(
        self,
        uploads: PartedUploads,
        assets: Assets,
        content: StoreContent,
        store: ObjectStore,
        most: int,
    ) -> None:
        self._uploads = uploads
        self._assets = assets
        self._content = content
        self._store = store
        self._most = most

    async def begin(self, principal: Principal, body: UploadBody) -> dict[str, object]:
        """Return how the upload of this content stands: begun now, or at some time before.

        Raises:
            ProblemError: the file is too large here.
        """
        if body.size > self._most:
            raise invalid("size", f"a file has at most {self._most} bytes here", status=413)
        known = await self._content.present(principal.tenant_id, body.blake3)
        if known is not None:
            await self._assets.uploaded(principal, known.id, body.path, stored=False)
            return _done(None, known, new=False)
        upload = await self._under_way(principal.tenant_id, body) or await self._new(
            principal, body
        )
        return await self._standing(upload)

    async def standing(self, principal: Principal, upload_id: str) -> dict[str, object]:
        """Return how an upload stands, with the parts that have arrived.

        Raises:
            ProblemError: there is none.
        """
        upload = await self.find(principal, upload_id)
        if upload.asset_id is None:
            return await self._standing(upload)
        return _done(upload.id, await self.outcome(upload), new=True)

    async def part_urls(
        self, principal: Principal, upload_id: str, numbers: Sequence[int]
    ) -> dict[str, object]:
        """Return URLs to which the content of these parts is PUT within an hour.

        Raises:
            ProblemError: there is no such upload, or it has no such part.
        """
        upload = await self.find(principal, upload_id)
        count = part_count(upload.size, upload.part_size)
        for index, number in enumerate(numbers):
            if number > count:
                raise invalid(f"numbers/{index}", f"the file has {count} parts")
        if upload.asset_id is not None:
            raise ProblemError(409, "upload-complete", "the upload is complete")
        await self._uploads.touch(upload)
        return {"urls": {str(number): self._url(upload, number) for number in numbers}}

    async def give_up(self, principal: Principal, upload_id: str) -> None:
        """Forget an upload and its parts.

        Raises:
            ProblemError: there is none.
        """
        upload = await self.find(principal, upload_id)
        await self._uploads.remove(principal.tenant_id, upload_id)
        if upload.asset_id is None:
            await self._store.drop_parts(upload.object_key, upload.store_id)

    async def find(self, principal: Principal, upload_id: str) -> PartedUpload:
        """Return an upload of the tenant.

        Raises:
            ProblemError: there is none.
        """
        upload = await self._uploads.find(principal.tenant_id, upload_id)
        if upload is None:
            raise missing("upload")
        return upload

    async def outcome(self, upload: PartedUpload) -> Asset:
        """Return what a complete upload has become.

        Raises:
            ProblemError: it was deleted since, or the upload is under way.
        """
        asset_id = upload.asset_id or 0
        asset = (await self._assets.by_ids(upload.tenant_id, [asset_id])).get(asset_id)
        if asset is None:
            raise missing("upload")
        return asset

    async def _under_way(self, tenant_id: str, body: UploadBody) -> PartedUpload | None:
        """Return an upload of this content that can be gone on with; forget one that cannot."""
        upload = await self._uploads.of_content(tenant_id, body.blake3)
        if upload is None:
            return None
        if upload.asset_id is None and upload.size == body.size and await self._alive(upload):
            await self._uploads.touch(upload)
            return upload
        await self._uploads.remove(tenant_id, upload.id)
        if upload.asset_id is None:
            await self._store.drop_parts(upload.object_key, upload.store_id)
        return None

    async def _alive(self, upload: PartedUpload) -> bool:
        if await self._store.info(upload.object_key) is not None:
            return True  # joined, and not yet looked through
        try:
            await self._store.parts(upload.object_key, upload.store_id)
        except ObjectNotFoundError:
            return False
        return True

    async def _new(self, principal: Principal, body: UploadBody) -> PartedUpload:
        key = await self._content.new_key(principal.tenant_id, body.blake3)
        upload = PartedUpload(
            id=new_id(),
            tenant_id=principal.tenant_id,
            blake3=body.blake3,
            size=body.size,
            part_size=part_size(body.size),
            path=body.path,
            object_key=key,
            store_id=await self._store.begin_parts(key, _MEDIA_TYPE),
        )
        if await self._uploads.add(principal, upload):
            return upload
        await self._store.drop_parts(key, upload.store_id)
        other = await self._uploads.of_content(principal.tenant_id, body.blake3)
        if other is None:
            raise ProblemError(409, "upload-ended", "another upload of it has just ended; again")
        return other

    async def _standing(self, upload: PartedUpload) -> dict[str, object]:
        lacks = await self.lacking(upload)
        return {
            "state": "open",
            "upload_id": upload.id,
            "part_size": upload.part_size,
            "part_count": part_count(upload.size, upload.part_size),
            "lacking": lacks,
            "file": None,
        }

    async def lacking(self, upload: PartedUpload) -> list[int]:
        """Return the parts that have not arrived; none once they have been joined."""
        try:
            parts = await self._store.parts(upload.object_key, upload.store_id)
        except ObjectNotFoundError:
            if await self._store.info(upload.object_key) is not None:
                return []
            parts = []
        have = {part.number: part.size for part in parts}
        return lacking(upload.size, upload.part_size, have)

    def _url(self, upload: PartedUpload, number: int) -> str:
        return self._store.sign_part(upload.object_key, upload.store_id, number, seconds=URL_S)


def _done(upload_id: str | None, asset: Asset, *, new: bool) -> dict[str, object]:
    return {
        "state": "complete",
        "upload_id": upload_id,
        "part_size": 0,
        "part_count": 0,
        "lacking": [],
        "file": upload_answer(asset, new=new),
    }
