"""Both object stores behind one fixture, each empty and with its URLs served."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from typing_extensions import override

from lightmill.runtime.clock import SystemClock
from lightmill.runtime.installation.bucket import prepare_bucket
from lightmill.storage.objects.folder import FolderStore
from lightmill.storage.objects.s3 import S3Store
from lightmill.storage.ports import ObjectNotFoundError, ObjectStore
from lightmill.testing.containers import S3Server


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.backing)])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[ObjectStore]:
    if request.param == "folder":
        yield request.getfixturevalue("folder_store")
        return
    server: S3Server = request.getfixturevalue("s3_server")
    bucket = "objects-test"  # one for all: SeaweedFS gives each bucket volumes of its own
    await prepare_bucket(
        endpoint=server.endpoint,
        access_key=server.access_key,
        secret_key=server.secret_key,
        region="us-east-1",
        bucket=bucket,
        origins=["http://localhost"],
    )
    s3 = S3Store(
        endpoint=server.endpoint,
        public_endpoint=server.endpoint,
        access_key=server.access_key,
        secret_key=server.secret_key,
        bucket=bucket,
    )
    await s3.delete([key async for key in s3.keys("")])
    yield s3
    s3.close()


@pytest.fixture
def folder_store(tmp_path: Path) -> Iterator[FolderStore]:
    """Give a folder whose signed URLs are answered, as the api answers them."""
    stores: list[FolderStore] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(lambda: stores[0]))
    url = f"http://127.0.0.1:{server.server_port}"
    stores.append(FolderStore(tmp_path / "objects", url, b"secret", SystemClock()))
    serving = threading.Thread(target=server.serve_forever, args=(0.05,))
    serving.start()
    yield stores[0]
    server.shutdown()
    serving.join()
    server.server_close()


def _handler(store: Callable[[], FolderStore]) -> type[BaseHTTPRequestHandler]:
    class Handler(_SignedObjects):
        @override
        def store(self) -> FolderStore:
            return store()

    return Handler


class _SignedObjects(BaseHTTPRequestHandler):
    def store(self) -> FolderStore:
        raise NotImplementedError("each server says which store is its own")

    def do_GET(self) -> None:
        path = self._permitted()
        if path is None:
            self._answer(403)
        elif path.is_file():
            self._answer(200, path.read_bytes())
        else:
            self._answer(404)

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if "uploadId" in self.path:
            self._answer(self._put_part(content))
            return
        path = self._permitted()
        if path is None:
            self._answer(403)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            self._answer(200)

    def _put_part(self, content: bytes) -> int:
        async def pieces() -> AsyncIterator[bytes]:
            yield content

        key, query = self._asked()
        upload_id, number = query["uploadId"], int(query["partNumber"])
        signed = int(query["expires"]), query["signature"]
        if not self.store().verify_part(key, upload_id, number, *signed):
            return 403
        try:
            asyncio.run(self.store().put_part(key, upload_id, number, pieces()))
        except ObjectNotFoundError:
            return 404
        return 200

    @override
    def log_message(self, *_: object) -> None:
        """Keep the output of the tests clean."""

    def _permitted(self) -> Path | None:
        key, query = self._asked()
        expires, signature = int(query["expires"]), query["signature"]
        permitted = self.store().verify(self.command, key, expires, signature)
        return self.store().path(key) if permitted else None

    def _asked(self) -> tuple[str, dict[str, str]]:
        url = urlsplit(self.path)
        return unquote(url.path.removeprefix("/objects/")), dict(parse_qsl(url.query))

    def _answer(self, status: int, content: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
