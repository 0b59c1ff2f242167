"""The api and the object store over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar

import httpx2
from blake3 import blake3
from pydantic import BaseModel, ValidationError

from lightmill.domain.failures import FailureKind
from lightmill.render_node.adapters.ranged import LARGE, NoRangesError, fetch_ranges, hash_of
from lightmill.render_node.ports import (
    AttemptGoneError,
    BundleFile,
    ContentGoneError,
    NodeIdentity,
    NotAdmittedError,
    RenderFailedError,
    UnreachableError,
    UploadUrl,
)

_PIECE = 2**20
# 401 and 403 from the store: the URL's time is over.
_AGAIN = frozenset({401, 403, 404, 408, 425, 429})
Answer = TypeVar("Answer", bound=BaseModel)


class _File(BaseModel):
    path: str
    blake3: str
    size: int
    url: str


class _Bundle(BaseModel):
    bundle_id: str | None
    files: list[_File]


class _Url(BaseModel):
    key: str
    url: str
    headers: dict[str, str] = {}


class _Urls(BaseModel):
    urls: dict[str, _Url]


class _Enrolled(BaseModel):
    node_id: str
    token: str


class HttpEnrolment:
    """Enrols by the token that an administrator made for it."""

    def __init__(self, client: httpx2.AsyncClient, token: str) -> None:
        self._client = client
        self._token = token

    async def enrol(self, name: str) -> NodeIdentity:
        """Return the identity that the farm gave to the node called `name`.

        Raises:
            NotAdmittedError: the enrolment token is unknown, used up or revoked.
            UnreachableError: the api does not answer.
        """
        path = "/api/v1/nodes/enrol"
        answer = await _ask(self._client, self._token, "POST", path, {"name": name})
        found = _read(_Enrolled, answer)
        return NodeIdentity(node_id=found.node_id, token=found.token)


class HttpApi:
    """The api, asked with the node's own token."""

    def __init__(self, client: httpx2.AsyncClient, token: str) -> None:
        self._client = client
        self._token = token

    async def bundle(self, attempt_id: str) -> Sequence[BundleFile]:
        """Return the files that the attempt needs.

        Raises:
            AttemptGoneError: the attempt is not this node's, or has ended.
            NotAdmittedError: the token is unknown or revoked.
        """
        path = f"/api/v1/attempts/{attempt_id}/bundle"
        answer = await _ask(self._client, self._token, "GET", path)
        return [
            BundleFile(path=file.path, blake3=file.blake3, size=file.size, url=file.url)
            for file in _read(_Bundle, answer).files
        ]

    async def upload_urls(self, attempt_id: str, names: Sequence[str]) -> Mapping[str, UploadUrl]:
        """Return where to store each of `names`.

        Raises:
            AttemptGoneError: the attempt is not this node's, or has ended.
            NotAdmittedError: the token is unknown or revoked.
        """
        path = f"/api/v1/attempts/{attempt_id}/upload-urls"
        answer = await _ask(self._client, self._token, "POST", path, {"names": list(names)})
        urls = _read(_Urls, answer).urls
        return {
            name: UploadUrl(key=url.key, url=url.url, headers=url.headers)
            for name, url in urls.items()
        }


class HttpTransfers:
    """Presigned URLs, read and written in pieces."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def download(self, url: str, target: Path, size: int) -> str:
        """Write what the URL holds to `target`; returns its BLAKE3, hex, taken on arrival.

        Args:
            url: Presigned.
            target: A new file.
            size: Bytes that are expected; a large object is fetched in ranges.

        Raises:
            ContentGoneError: the store has no such object.
            UnreachableError: the store has trouble, or the URL is no longer valid.
        """
        if size >= LARGE:
            try:
                return await self._in_ranges(url, target, size)
            except NoRangesError:
                pass  # then in one piece
        return await self._whole(url, target)

    async def _in_ranges(self, url: str, target: Path, size: int) -> str:
        try:
            refusal = await fetch_ranges(self._client, url, target, size)
        except httpx2.TransportError as error:
            raise UnreachableError(f"{_place(url)}: {error!r}") from error
        if refusal is not None:
            await _require_content(refusal)
        return await asyncio.to_thread(hash_of, target)

    async def _whole(self, url: str, target: Path) -> str:
        digest = blake3()
        try:
            async with self._client.stream("GET", url) as answer:
                await _require_content(answer)
                with target.open("wb") as file:
                    async for piece in answer.aiter_bytes(_PIECE):
                        await asyncio.to_thread(file.write, piece)
                        digest.update(piece)
        except httpx2.TransportError as error:
            raise UnreachableError(f"{_place(url)}: {error!r}") from error
        return digest.hexdigest()

    async def upload(self, url: UploadUrl, source: Path, media_type: str) -> None:
        """Store the file under the URL."""
        headers = {
            **url.headers,
            "Content-Length": str((await asyncio.to_thread(source.stat)).st_size),
            "Content-Type": media_type,
        }
        try:
            answer = await self._client.put(url.url, content=_pieces(source), headers=headers)
        except httpx2.TransportError as error:
            raise UnreachableError(f"{_place(url.url)}: {error!r}") from error
        if not answer.is_success:
            _trouble(answer, FailureKind.OUTPUT)


async def _require_content(answer: httpx2.Response) -> None:
    if answer.is_success:
        return
    await answer.aread()
    if answer.status_code in {httpx2.codes.NOT_FOUND, httpx2.codes.GONE}:
        raise ContentGoneError(_said(answer))
    _trouble(answer)


async def _pieces(source: Path) -> AsyncIterator[bytes]:
    with source.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece


async def _ask(
    client: httpx2.AsyncClient, token: str, method: str, path: str, body: object = None
) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {token}"}
    try:
        answer = await client.request(method, path, json=body, headers=headers)
    except httpx2.TransportError as error:
        raise UnreachableError(f"{client.base_url}: {error!r}") from error
    match answer.status_code:
        case httpx2.codes.UNAUTHORIZED | httpx2.codes.FORBIDDEN:
            raise NotAdmittedError(_said(answer))
        case httpx2.codes.NOT_FOUND | httpx2.codes.GONE:
            raise AttemptGoneError(_said(answer))
        case _:
            pass
    if not answer.is_success:
        _trouble(answer)
    return answer


def _read(model: type[Answer], answer: httpx2.Response) -> Answer:
    try:
        return model.model_validate_json(answer.content)
    except ValidationError as error:
        raise UnreachableError(f"{answer.url} answered what no api answers: {error}") from error


def _trouble(answer: httpx2.Response, kind: FailureKind = FailureKind.NODE) -> NoReturn:
    """Raise what an answer means: that the same may be asked again, or never will be granted."""
    again = answer.is_server_error or answer.status_code in _AGAIN
    if again or not answer.is_client_error:
        raise UnreachableError(_said(answer))
    raise RenderFailedError(kind, _said(answer))


def _said(answer: httpx2.Response) -> str:
    return f"{_place(str(answer.url))} answered {answer.status_code}: {answer.text[:300]}"


def _place(url: str) -> str:
    """Return the URL without its query, which may carry a signature."""
    return url.partition("?")[0]
