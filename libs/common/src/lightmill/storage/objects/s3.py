"""Objects in a bucket of any S3 server, by the minio SDK.

The SDK blocks, so every request runs in a thread. Signing is pure computation, since the region
is given. Every argument goes by keyword: the SDK's next version takes no other.
"""

import asyncio
import io
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import urllib3
from minio import Minio
from minio.datatypes import ListPartsResult, Object, Part
from minio.deleteobjects import DeleteError, DeleteObject
from minio.error import MinioException, S3Error
from typing_extensions import override

from lightmill.domain.storage_class import StorageClass
from lightmill.storage.objects.landing import landing
from lightmill.storage.objects.names import checked
from lightmill.storage.objects.presigned import holding
from lightmill.storage.ports import (
    ListedObject,
    ObjectInfo,
    ObjectNotFoundError,
    ObjectStore,
    SignedPut,
    StoredPart,
    StoreUnavailableError,
)

_PIECE = 2**20
_STREAMED = 4 * 2**20
"""Bytes that one thread reads before the next is asked to: large, since each hand-over costs."""
_PAGE = 1000
_CONNECTIONS = 32
_CONNECT_SECONDS = 3.0
_READ_SECONDS = 30.0
_ABSENT = frozenset({"NoSuchKey", "NoSuchUpload"})
_RETRIES = urllib3.Retry(total=2, backoff_factor=0.2, status_forcelist=(502, 503, 504))
"""Two, for a connection that died while idle; the caller knows better when to ask again."""

_CLASS = "x-amz-storage-class"
_TRIAL_SECONDS = 60

T = TypeVar("T")


class S3Store(ObjectStore):
    """A bucket; URLs signed as public name `public_endpoint`, the others `endpoint`."""

    def __init__(
        self,
        endpoint: str,
        public_endpoint: str,
        access_key: str,
        secret_key: str,
        bucket: str,
        region: str = "us-east-1",
    ) -> None:
        self._bucket = bucket
        self._endpoint = endpoint
        self._secret_key = secret_key
        self._pool = urllib3.PoolManager(
            maxsize=_CONNECTIONS,
            timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS),
            retries=_RETRIES,
        )

        def client(url: str) -> Minio:
            return Minio(
                endpoint=urlsplit(url).netloc,
                secure=urlsplit(url).scheme == "https",
                access_key=access_key,
                secret_key=secret_key,
                region=region,
                http_client=self._pool,
            )

        self._client, self._public = client(endpoint), client(public_endpoint)

    def close(self) -> None:
        """Close the connections that wait for the next request."""
        self._pool.clear()

    @override
    async def put_file(self, key: str, path: Path, media_type: str) -> None:
        put = self._client.fput_object
        await self._run(
            key, put, object_name=checked(key), file_path=str(path), content_type=media_type
        )

    @override
    async def put(self, key: str, content: bytes, media_type: str) -> None:
        await self._run(
            key,
            self._client.put_object,
            object_name=checked(key),
            data=io.BytesIO(content),
            length=len(content),
            content_type=media_type,
        )

    @override
    async def get_file(self, key: str, path: Path) -> None:
        def fetch() -> None:
            with self._faults(key), self._reading(key) as source, landing(path) as target:
                shutil.copyfileobj(source, target, _PIECE)

        await asyncio.to_thread(fetch)

    @override
    async def get(self, key: str) -> bytes:
        def fetch() -> bytes:
            with self._faults(key), self._reading(key) as source:
                return source.read()

        return await asyncio.to_thread(fetch)

    @override
    async def stream(self, key: str) -> AsyncIterator[bytes]:
        with self._faults(key), ExitStack() as stack:
            reading = self._reading(key)
            source = await asyncio.to_thread(stack.enter_context, reading)
            while piece := await asyncio.to_thread(source.read, _STREAMED):
                yield piece

    @override
    async def info(self, key: str) -> ObjectInfo | None:
        try:
            found = await self._run(key, self._client.stat_object, object_name=checked(key))
        except ObjectNotFoundError:
            return None
        return ObjectInfo(key=key, size=found.size or 0, media_type=found.content_type or "")

    @override
    async def delete(self, keys: Sequence[str]) -> None:
        def remove(bucket_name: str) -> list[DeleteError]:
            objects = [DeleteObject(name=checked(key)) for key in keys]
            remove = self._client.remove_objects
            return list(remove(bucket_name=bucket_name, delete_object_list=objects))

        errors = [error for error in await self._run("", remove) if error.code != "NoSuchKey"]
        if errors:
            first = errors[0]
            raise StoreUnavailableError(
                f"{len(errors)} of {len(keys)} objects cannot be deleted, the first of them "
                f"{first.name}: {first.message or first.code}"
            )

    @override
    async def keys(self, prefix: str) -> AsyncIterator[str]:
        async for found in self._objects(prefix):
            yield found.object_name or ""

    @override
    async def listed(self, prefix: str) -> AsyncIterator[ListedObject]:
        async for found in self._objects(prefix):
            yield ListedObject(
                key=found.object_name or "",
                size=found.size or 0,
                modified=found.last_modified or datetime.fromtimestamp(0, UTC),
            )

    async def _objects(self, prefix: str) -> AsyncIterator[Object]:
        def page(**_: str) -> list[Object]:
            return list(islice(listing, _PAGE))

        listing = self._client.list_objects(
            bucket_name=self._bucket, prefix=prefix, recursive=True
        )
        while objects := await self._run(prefix, page):
            for found in objects:
                if not found.is_dir:
                    yield found

    # The SDK's calls for uploads in parts are private; its version is pinned, and the port's
    # tests hold them.

    @override
    async def begin_parts(self, key: str, media_type: str) -> str:
        return await self._run(
            key,
            self._client._create_multipart_upload,  # noqa: SLF001  # see above
            object_name=checked(key),
            headers={"Content-Type": media_type},
        )

    @override
    async def parts(self, key: str, upload_id: str) -> list[StoredPart]:
        parts: list[StoredPart] = []
        after: str | None = None
        while True:
            page = await self._page_of_parts(key, upload_id, after)
            parts += [
                StoredPart(number=part.part_number, size=part.size or 0, etag=part.etag)
                for part in page.parts
            ]
            after = page.next_part_number_marker
            if not page.is_truncated or not after:
                return parts

    async def _page_of_parts(self, key: str, upload_id: str, after: str | None) -> ListPartsResult:
        return await self._run(
            key,
            self._client._list_parts,  # noqa: SLF001  # see above
            object_name=checked(key),
            upload_id=upload_id,
            max_parts=_PAGE,
            part_number_marker=after,
        )

    @override
    async def join_parts(self, key: str, upload_id: str, parts: Sequence[StoredPart]) -> None:
        await self._run(
            key,
            self._client._complete_multipart_upload,  # noqa: SLF001  # see above
            object_name=checked(key),
            upload_id=upload_id,
            parts=[Part(part_number=part.number, etag=part.etag) for part in parts],
        )

    @override
    async def drop_parts(self, key: str, upload_id: str) -> None:
        abort = self._client._abort_multipart_upload  # noqa: SLF001  # see above
        with suppress(ObjectNotFoundError):
            await self._run(key, abort, object_name=checked(key), upload_id=upload_id)

    @override
    async def tidy(self, before: datetime) -> int:
        return 0

    @override
    def sign_part(self, key: str, upload_id: str, number: int, *, seconds: int) -> str:
        return self._sign(
            self._public,
            "PUT",
            key,
            seconds,
            query={"uploadId": upload_id, "partNumber": str(number)},
        )

    @override
    def sign_get(self, key: str, *, seconds: int, public: bool = False) -> str:
        return self._sign(self._public if public else self._client, "GET", key, seconds)

    @override
    def sign_put(
        self, key: str, *, seconds: int, storage_class: StorageClass | None = None
    ) -> SignedPut:
        url = self._sign(self._client, "PUT", key, seconds)
        if storage_class is None:
            return SignedPut(url=url)
        headers = {_CLASS: storage_class.value}
        return SignedPut(url=holding(url, "PUT", headers, self._secret_key), headers=headers)

    @override
    async def offers(self, storage_class: StorageClass) -> bool:
        key = f"storage-classes/{uuid4().hex}"
        put = self.sign_put(key, seconds=_TRIAL_SECONDS, storage_class=storage_class)

        def work() -> bool:
            with self._faults(key):
                answer = self._pool.request("PUT", put.url, body=b"", headers=put.headers)
                return _accepted(answer) and self._class_of(key) == storage_class

        offered = await asyncio.to_thread(work)
        await self.delete([key])
        return offered

    def _class_of(self, key: str) -> str:
        found = self._client.stat_object(bucket_name=self._bucket, object_name=key)
        # S3 names every class but this one.
        return (found.metadata or {}).get(_CLASS) or StorageClass.STANDARD

    def _sign(
        self,
        client: Minio,
        method: str,
        key: str,
        seconds: int,
        query: dict[str, str | list[str] | tuple[str]] | None = None,
    ) -> str:
        url: str = client.get_presigned_url(
            method=method,
            bucket_name=self._bucket,
            object_name=checked(key),
            expires=timedelta(seconds=seconds),
            extra_query_params=query,
        )
        return url

    async def _run(self, key: str, call: Callable[..., T], **arguments: object) -> T:
        """Return what `call` returns for the bucket, computed in a thread."""

        def work() -> T:
            with self._faults(key):
                return call(bucket_name=self._bucket, **arguments)

        return await asyncio.to_thread(work)

    @contextmanager
    def _reading(self, key: str) -> Iterator[urllib3.BaseHTTPResponse]:
        """Give the object's content as it comes in."""
        response = self._client.get_object(bucket_name=self._bucket, object_name=checked(key))
        try:
            yield response
        finally:
            response.close()
            response.release_conn()

    @contextmanager
    def _faults(self, key: str) -> Iterator[None]:
        """Turn what the SDK raises into what the port says."""
        try:
            yield
        except S3Error as error:
            if error.code in _ABSENT:
                raise ObjectNotFoundError(key) from error
            what = f"{error.code}: {error.message}"
            raise StoreUnavailableError(
                f"the object store at {self._endpoint} refuses {key} in bucket {self._bucket}, "
                f"{what}"
            ) from error
        except (MinioException, urllib3.exceptions.HTTPError) as error:
            raise StoreUnavailableError(
                f"the object store at {self._endpoint} does not answer: {error}"
            ) from error


def _accepted(answer: urllib3.BaseHTTPResponse) -> bool:
    """Tell whether the store took the object; 400: it does not know the class.

    Raises:
        MinioException: it refused for another reason.
    """
    if answer.status in {HTTPStatus.OK, HTTPStatus.BAD_REQUEST}:
        return answer.status == HTTPStatus.OK
    raise MinioException(f"a trial put was answered {answer.status}")
