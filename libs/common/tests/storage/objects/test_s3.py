"""What only S3 has: an inside and an outside address, and a server that may not answer."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from libs.common.tests.storage.objects.test_ports import fetch
from minio import Minio
from typing_extensions import override

from lightmill.domain.storage_class import StorageClass
from lightmill.runtime.installation.bucket import prepare_bucket
from lightmill.storage.objects.s3 import S3Store
from lightmill.storage.ports import StoreUnavailableError
from lightmill.testing.containers import S3Server


@pytest.fixture
def nowhere() -> Iterator[S3Store]:
    store = S3Store(
        endpoint="http://127.0.0.1:1",
        public_endpoint="https://files.example.org",
        access_key="farm",
        secret_key="s",  # noqa: S106  # no server is there to be entered with it
        bucket="lightmill",
        region="eu-central-1",
    )
    yield store
    store.close()


def test_signing_needs_no_server_and_names_the_right_address(nowhere: S3Store) -> None:
    inside = urlsplit(nowhere.sign_get("a/b.png", seconds=90))
    outside = urlsplit(nowhere.sign_get("a/b.png", seconds=90, public=True))
    stored = urlsplit(nowhere.sign_put("a/b.png", seconds=90).url)
    assert (inside.scheme, inside.netloc) == ("http", "127.0.0.1:1")
    assert (outside.scheme, outside.netloc) == ("https", "files.example.org")
    assert stored.netloc == "127.0.0.1:1"
    for url in (inside, outside, stored):
        assert url.path == "/lightmill/a/b.png"
        assert parse_qs(url.query)["X-Amz-Expires"] == ["90"]
        assert "eu-central-1" in url.query


@pytest.mark.slow
async def test_a_server_that_does_not_answer_is_told(nowhere: S3Store, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match=r"127\.0\.0\.1:1 does not answer"):
        await nowhere.put("a.png", b"x", "image/png")
    with pytest.raises(StoreUnavailableError):
        await nowhere.get_file("a.png", tmp_path / "a.png")
    with pytest.raises(StoreUnavailableError):
        await nowhere.info("a.png")
    with pytest.raises(StoreUnavailableError):
        await nowhere.delete(["a.png"])
    with pytest.raises(StoreUnavailableError):
        [piece async for piece in nowhere.stream("a.png")]
    with pytest.raises(StoreUnavailableError):
        [key async for key in nowhere.keys("")]


@pytest.mark.backing
async def test_a_wrong_key_and_a_missing_bucket_are_told(s3_server: S3Server) -> None:
    for secret_key, bucket, reason in (
        ("wrong", "lightmill", "refuses a.png in bucket lightmill"),
        (s3_server.secret_key, "no-such-bucket", "no-such-bucket"),
    ):
        store = S3Store(
            endpoint=s3_server.endpoint,
            public_endpoint=s3_server.endpoint,
            access_key=s3_server.access_key,
            secret_key=secret_key,
            bucket=bucket,
        )
        with pytest.raises(StoreUnavailableError, match=reason):
            await store.get("a.png")
        store.close()


@pytest.mark.backing
async def test_an_object_lies_in_the_class_that_its_url_was_signed_for(
    s3_server: S3Server,
) -> None:
    store, stat = await _bucket(s3_server)
    put = store.sign_put("a.png", seconds=60, storage_class=StorageClass.STANDARD_IA)
    assert (await fetch("PUT", put.url, b"pixels", put.headers))[0] == 200
    assert stat("a.png")["x-amz-storage-class"] == "STANDARD_IA"
    assert await store.offers(StorageClass.STANDARD_IA)
    store.close()


@pytest.mark.backing
async def test_a_url_signed_for_a_class_is_good_for_no_other(s3_server: S3Server) -> None:
    store, _ = await _bucket(s3_server)
    put = store.sign_put("a.png", seconds=60, storage_class=StorageClass.STANDARD_IA)
    for headers in ({}, {"x-amz-storage-class": "STANDARD"}):
        assert (await fetch("PUT", put.url, b"pixels", headers))[0] == 403
    store.close()


@pytest.mark.parametrize(
    ("put", "told", "offered"),
    [(200, "STANDARD_IA", True), (200, None, False), (200, "STANDARD", False), (400, None, False)],
    ids=["kept", "ignored", "replaced", "refused"],
)
async def test_a_class_is_offered_when_an_object_is_found_in_it(
    put: int, told: str | None, *, offered: bool
) -> None:
    with _answering(put, told) as store:
        assert await store.offers(StorageClass.STANDARD_IA) is offered


async def test_a_trial_that_may_not_be_made_is_no_answer() -> None:
    with _answering(403, None) as store, pytest.raises(StoreUnavailableError, match="403"):
        await store.offers(StorageClass.STANDARD_IA)


@contextmanager
def _answering(put: int, told: str | None) -> Iterator[S3Store]:
    """Give a store whose server answers a PUT so, and tells of that storage class."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self._answer(put)

        def do_HEAD(self) -> None:
            self._answer(200)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(200, b"<DeleteResult/>")

        def _answer(self, status: int, content: bytes = b"") -> None:
            self.send_response(status)
            if told:
                self.send_header("x-amz-storage-class", told)
            self.send_header("Last-Modified", "Sun, 01 Nov 2026 00:00:00 GMT")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        @override
        def log_message(self, *_: object) -> None:
            """Keep the output of the tests clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, args=(0.05,))
    serving.start()
    url = f"http://127.0.0.1:{server.server_port}"
    store = S3Store(url, url, access_key="farm", secret_key="s", bucket="mill")  # noqa: S106  # invented
    yield store
    store.close()
    server.shutdown()
    serving.join()
    server.server_close()


async def _bucket(server: S3Server) -> tuple[S3Store, Callable[[str], Mapping[str, str]]]:
    """Return a store, and what tells the headers of an object in it."""
    access = {"access_key": server.access_key, "secret_key": server.secret_key}
    bucket = "storage-classes"
    await prepare_bucket(
        endpoint=server.endpoint, region="us-east-1", bucket=bucket, origins=["*"], **access
    )
    client = Minio(
        endpoint=urlsplit(server.endpoint).netloc,
        access_key=server.access_key,
        secret_key=server.secret_key,
        secure=False,
    )

    def stat(key: str) -> Mapping[str, str]:
        return client.stat_object(bucket_name=bucket, object_name=key).metadata or {}

    at = {"endpoint": server.endpoint, "public_endpoint": server.endpoint}
    return S3Store(bucket=bucket, **at, **access), stat
