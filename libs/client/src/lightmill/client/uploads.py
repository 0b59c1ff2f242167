"""Hands files in, and sends only those that the farm does not have."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from lightmill.client.errors import ContentMismatchError
from lightmill.client.folder import LocalFile, read_folder
from lightmill.client.models import Bundle
from lightmill.client.transport import Call, Transport

_AT_ONCE = 5_000

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


def deliver(transport: Transport, root: Path, on_upload: OnUpload | None = None) -> Delivery:
    """Send what the farm lacks of the files at `root`; returns the assets by path.

    Contents are asked for by BLAKE3; two files alike are sent once.

    Raises:
        FolderError: there is nothing to hand in.
        ContentMismatchError: a file changed while it was sent.
    """
    files = read_folder(root)
    known = _present(transport, sorted({file.content.blake3 for file in files}))
    lacking = {f.content.blake3: f for f in files if f.content.blake3 not in known}
    sent = 0
    for count, (blake3, file) in enumerate(lacking.items(), 1):
        known[blake3], new = _upload(transport, file)
        sent += file.content.size * new
        if on_upload is not None:
            on_upload(file.path, count, len(lacking))
    assets = {file.path: known[file.content.blake3] for file in files}
    return Delivery(assets=assets, uploaded=len(lacking), sent=sent)


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


def _upload(transport: Transport, file: LocalFile) -> tuple[int, bool]:
    answer = _Uploaded.model_validate(
        transport.send(
            Call(
                method="POST",
                path="/api/files/upload",
                form={"path": file.path, "hash": file.content.blake3},
                file=file.source,
            )
        )
    )
    if answer.blake3 != file.content.blake3:
        raise ContentMismatchError(f"{file.source} changed while it was sent; hand it in again")
    return answer.asset_id, answer.uploaded


def _pieces(hashes: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(hashes), _AT_ONCE):
        yield list(hashes[start : start + _AT_ONCE])
