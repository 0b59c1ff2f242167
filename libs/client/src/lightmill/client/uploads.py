"""Hands files in, and sends only those that the farm does not have."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from lightmill.client.errors import ContentMismatchError
from lightmill.client.folder import LocalFile, read_folder
from lightmill.client.known_hashes import KnownHashes
from lightmill.client.models import Bundle
from lightmill.client.parts import LARGE, send_in_parts
from lightmill.client.transport import Call, Transport

_AT_ONCE = 10_000  # hashes in one question, as the farm allows
_BESIDE = 8

OnUpload = Callable[[str, int, int], None]
"""Called with the path of a file that was sent, how many were sent, and how many are to be."""


class _Checked(BaseModel):
    assets: dict[str, int]


class _Uploaded(BaseModel):
    asset_id: int
    blake3: str
    uploaded: bool


@dataclass(frozen=True, slots=True)
class Delivery:
    """Files that the farm now has."""

    assets: dict[str, int]
    uploaded: int
    sent: int


def deliver(
    transport: Transport,
    root: Path,
    on_upload: OnUpload | None = None,
    known: KnownHashes | None = None,
) -> Delivery:
    """Send what the farm lacks of the files at `root`; returns the assets by path.

    Contents are asked for by BLAKE3; two files alike are sent once, several beside each other,
    and large ones in parts that go on where they stopped.

    Raises:
        FolderError: there is nothing to hand in.
        ContentMismatchError: a file changed while it was sent.
        UploadInterruptedError: the object store went away; sending again goes on from there.
    """
    files = read_folder(root, known)
    assets = _present(transport, sorted({file.blake3 for file in files}))
    lacking = {f.blake3: f for f in files if f.blake3 not in assets}
    sending = _Sending(transport, on_upload, len(lacking))
    assets.update(sending.all(list(lacking.values())))
    return Delivery(
        assets={file.path: assets[file.blake3] for file in files},
        uploaded=len(lacking),
        sent=sending.sent,
    )


class _Sending:
    """Files on their way, several beside each other."""

    def __init__(self, transport: Transport, on_upload: OnUpload | None, of: int) -> None:
        self._transport = transport
        self._on_upload = on_upload
        self._of = of
        self._turn = threading.Lock()
        self._done = 0
        self.sent = 0

    def all(self, files: Sequence[LocalFile]) -> dict[str, int]:
        """Return the assets of these files by BLAKE3; the first fault ends it."""
        large = [file for file in files if file.size >= LARGE]
        small = [file for file in files if file.size < LARGE]
        assets = {file.blake3: self._in_parts(file) for file in large}
        with ThreadPoolExecutor(_BESIDE) as pool:
            try:
                outcomes = list(pool.map(self._whole, small))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        assets.update(zip((file.blake3 for file in small), outcomes, strict=True))
        return assets

    def _whole(self, file: LocalFile) -> int:
        answer = _Uploaded.model_validate(
            self._transport.send(
                Call(
                    method="POST",
                    path="/api/files/upload",
                    form={"path": file.path, "hash": file.blake3},
                    file=Path(file.source),
                )
            )
        )
        if answer.blake3 != file.blake3:
            raise ContentMismatchError(
                f"{file.source} changed while it was sent; hand it in again"
            )
        self._count(file, new=answer.uploaded)
        return answer.asset_id

    def _in_parts(self, file: LocalFile) -> int:
        asset, new = send_in_parts(self._transport, file)
        self._count(file, new=new)
        return asset

    def _count(self, file: LocalFile, *, new: bool) -> None:
        with self._turn:
            self._done += 1
            self.sent += file.size * new
            if self._on_upload is not None:
                self._on_upload(file.path, self._done, self._of)


def make_bundle(transport: Transport, delivery: Delivery) -> Bundle:
    """Return a new bundle of the files that were delivered."""
    answer = transport.send(
        Call(method="POST", path="/api/v1/bundles", body={"files": manifest(delivery)})
    )
    bundle_id = _Bundled.model_validate(answer).bundle_id
    return Bundle(
        bundle_id=bundle_id,
        assets=delivery.assets,
        uploaded=delivery.uploaded,
        sent=delivery.sent,
    )


class _Bundled(BaseModel):
    bundle_id: str


def manifest(delivery: Delivery) -> list[dict[str, object]]:
    """Return the delivered files as the farm wants to be told of them."""
    return [{"path": path, "asset_id": asset} for path, asset in delivery.assets.items()]


def _present(transport: Transport, hashes: Sequence[str]) -> dict[str, int]:
    """Return the asset ids of those contents that the farm has."""
    known: dict[str, int] = {}
    for some in _pieces(hashes):
        call = Call(method="POST", path="/api/files/check_hashes", body={"hashes": some})
        known.update(_Checked.model_validate(transport.send(call)).assets)
    return known


def _pieces(hashes: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(hashes), _AT_ONCE):
        yield list(hashes[start : start + _AT_ONCE])
