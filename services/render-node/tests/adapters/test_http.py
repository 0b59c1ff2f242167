"""What the api and the store may answer, over httpx's own transport twin."""

from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from blake3 import blake3

from lightmill.render_node.adapters.http import HttpApi, HttpEnrolment, HttpTransfers
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

Handler = Callable[[httpx2.Request], httpx2.Response]


def _client(handler: Handler) -> httpx2.AsyncClient:
    transport = httpx2.MockTransport(handler)
    return httpx2.AsyncClient(transport=transport, base_url="http://api")


async def test_enrolment_gives_an_identity() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        assert request.headers["Authorization"] == "Bearer enrol"
        assert (request.method, request.url.path) == ("POST", "/api/v1/nodes/enrol")
        assert request.content == b'{"name":"n1"}'
        return httpx2.Response(201, json={"node_id": "7", "token": "lm_x"})

    async with _client(answer) as client:
        identity = await HttpEnrolment(client, "enrol").enrol("n1")
    assert identity == NodeIdentity(node_id="7", token="lm_x")  # noqa: S106  # invented


async def test_a_bundle_is_listed() -> None:
    file = {"path": "a.blend", "blake3": "00", "size": 3, "url": "http://s3/a"}

    def answer(request: httpx2.Request) -> httpx2.Response:
        assert request.url.path == "/api/v1/attempts/a1/bundle"
        return httpx2.Response(200, json={"bundle_id": "b", "files": [file]})

    async with _client(answer) as client:
        found = await HttpApi(client, "token").bundle("a1")
    assert found == [BundleFile(path="a.blend", blake3="00", size=3, url="http://s3/a")]


@pytest.mark.parametrize("headers", [{}, {"headers": {"x-amz-storage-class": "STANDARD_IA"}}])
async def test_upload_urls_are_asked_for_by_name(headers: dict[str, dict[str, str]]) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        assert request.content == b'{"names":["0001.png"]}'
        return httpx2.Response(
            200, json={"urls": {"0001.png": {"key": "k", "url": "u", **headers}}}
        )

    async with _client(answer) as client:
        found = await HttpApi(client, "token").upload_urls("a1", ["0001.png"])
    assert found == {"0001.png": UploadUrl(key="k", url="u", **headers)}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, NotAdmittedError),
        (403, NotAdmittedError),
        (404, AttemptGoneError),
        (422, RenderFailedError),
        (429, UnreachableError),
        (500, UnreachableError),
        (503, UnreachableError),
        (200, UnreachableError),
    ],
)
async def test_each_refusal_has_its_meaning(status: int, error: type[Exception]) -> None:
    async with _client(lambda _: httpx2.Response(status, json={"title": "no"})) as client:
        with pytest.raises(error):
            await HttpApi(client, "token").bundle("a1")


async def test_an_api_that_is_away_may_be_asked_again() -> None:
    def refuse(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused", request=request)

    async with _client(refuse) as client:
        with pytest.raises(UnreachableError):
            await HttpApi(client, "token").bundle("a1")
        with pytest.raises(UnreachableError):
            await HttpTransfers(client).download("http://s3/x?signature=1", Path("never"), 1)


async def test_a_download_is_hashed(tmp_path: Path) -> None:
    content = b"wood" * 10**6
    async with _client(lambda _: httpx2.Response(200, content=content)) as client:
        digest = await HttpTransfers(client).download("http://s3/x", tmp_path / "x", 1)
    assert digest == blake3(content).hexdigest()
    assert (tmp_path / "x").stat().st_size == len(content)


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, ContentGoneError), (403, UnreachableError), (503, UnreachableError)],
)
async def test_a_download_that_fails_keeps_the_signature_to_itself(
    tmp_path: Path, status: int, error: type[Exception]
) -> None:
    async with _client(lambda _: httpx2.Response(status)) as client:
        with pytest.raises(error) as raised:
            await HttpTransfers(client).download("http://s3/x?sig=secret", tmp_path / "x", 1)
    assert "secret" not in str(raised.value)


async def test_an_upload_states_its_length_and_type_and_what_its_url_was_signed_for(
    tmp_path: Path,
) -> None:
    (tmp_path / "image.png").write_bytes(b"pixels")
    seen: list[httpx2.Request] = []

    async def answer(request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        seen.append(request)
        return httpx2.Response(200)

    transport = httpx2.MockTransport(answer)
    async with httpx2.AsyncClient(transport=transport) as client:
        url = UploadUrl(key="k", url="http://s3/k", headers={"x-amz-storage-class": "STANDARD_IA"})
        await HttpTransfers(client).upload(url, tmp_path / "image.png", "image/png")
    [request] = seen
    assert (request.method, request.content) == ("PUT", b"pixels")
    assert request.headers["Content-Length"] == "6"
    assert request.headers["Content-Type"] == "image/png"
    assert request.headers["x-amz-storage-class"] == "STANDARD_IA"
    assert "Transfer-Encoding" not in request.headers
    assert "Authorization" not in request.headers


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, UnreachableError), (503, UnreachableError), (413, RenderFailedError)],
)
async def test_an_upload_that_the_store_refuses(
    tmp_path: Path, status: int, error: type[Exception]
) -> None:
    (tmp_path / "x").touch()
    async with _client(lambda _: httpx2.Response(status)) as client:
        with pytest.raises(error):
            await HttpTransfers(client).upload(
                UploadUrl(key="k", url="http://s3/k"), tmp_path / "x", "image/png"
            )
