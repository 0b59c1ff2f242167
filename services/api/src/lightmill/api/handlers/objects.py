"""Signed object URLs of the embedded store; the signature is the permission."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse

from lightmill.api.core.problem import ProblemError, missing
from lightmill.api.handlers.given import Given
from lightmill.api.ports.files import SignedObjects

router = APIRouter(prefix="/objects", tags=["signed objects"])
Expires = Annotated[int, Query(ge=0, le=2**53)]
Signature = Annotated[str, Query(max_length=128)]


class PartQuery:
    """The part of an upload that a URL is for, if it is for one."""

    def __init__(
        self,
        upload_id: Annotated[str | None, Query(alias="uploadId", max_length=64)] = None,
        number: Annotated[int, Query(alias="partNumber", ge=1, le=10_000)] = 1,
    ) -> None:
        self.upload_id = upload_id
        self.number = number


_SHOWN = frozenset({"image/png", "image/jpeg"})


@router.get("/{key:path}", operation_id="readObject", response_class=FileResponse)
async def read(
    request: Request, key: str, expires: Expires, signature: Signature, given: Given
) -> Response:
    store = _checked(given.signed_objects, request.method, key, expires, signature)
    info = await store.info(key)
    if info is None:
        raise missing("object")
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
    if info.media_type not in _SHOWN:
        headers["Content-Disposition"] = "attachment"
    return FileResponse(store.path(key), media_type=info.media_type, headers=headers)


@router.put("/{key:path}", status_code=200, operation_id="writeObject")
async def write(  # as many as the URL has
    request: Request,
    key: str,
    expires: Expires,
    signature: Signature,
    given: Given,
    part: Annotated[PartQuery, Depends()],
) -> Response:
    content = _bounded(request, given.uploads.most)
    if part.upload_id is not None:
        await _write_part(given.signed_objects, key, part, (expires, signature), content)
        return Response(status_code=200)
    store = _checked(given.signed_objects, "PUT", key, expires, signature)
    media_type = request.headers.get("content-type", "application/octet-stream")
    await store.put_stream(key, content, media_type)
    return Response(status_code=200)


async def _write_part(
    store: SignedObjects | None,
    key: str,
    part: PartQuery,
    signed: tuple[int, str],
    content: AsyncIterator[bytes],
) -> None:
    if store is None or part.upload_id is None:
        raise missing("object")
    if not store.verify_part(key, part.upload_id, part.number, *signed):
        raise _bad_signature()
    await store.put_part(key, part.upload_id, part.number, content)


def _checked(
    store: SignedObjects | None, method: str, key: str, expires: int, signature: str
) -> SignedObjects:
    if store is None:
        raise missing("object")
    if not store.verify(method, key, expires, signature):
        raise _bad_signature()
    return store


def _bad_signature() -> ProblemError:
    detail = "the URL's signature is not good for this, or its time is over; ask for another"
    return ProblemError(403, "bad-signature", detail)


async def _bounded(request: Request, most: int) -> AsyncIterator[bytes]:
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > most:
            raise ProblemError(413, "too-large", f"an object has at most {most} bytes here")
        yield piece
