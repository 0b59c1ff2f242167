"""Sends a large file in parts, straight to the object store, from where it stopped."""

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from lightmill.client.errors import (
    ContentMismatchError,
    FarmUnreachableError,
    RefusedError,
    UploadInterruptedError,
)
from lightmill.client.folder import LocalFile
from lightmill.client.transport import Call, Transport

LARGE = 16 * 2**20
"""Bytes from which a file goes in parts; below it, one request through the farm is quicker."""

_BESIDE = 4
_SIGNED_AT_ONCE = 64
_PIECE = 2**20
_TRIES = 3
_STEP_S = 1.0
_FORBIDDEN, _CONFLICT = 403, 409


class _File(BaseModel):
    asset_id: int
    uploaded: bool


class _Standing(BaseModel):
    upload_id: str | None
    part_size: int
    part_count: int
    lacking: list[int]
    file: _File | None


class _Urls(BaseModel):
    urls: dict[int, str]


def send_in_parts(transport: Transport, file: LocalFile) -> tuple[int, bool]:
    """Return the asset that has become of the file, and whether it had to be sent.

    The farm knows an upload by its content: whoever sends the same file again, even from another
    machine, sends only the parts that have not arrived.

    Raises:
        ContentMismatchError: the file changed while it was sent, or was damaged on its way.
        UploadInterruptedError: the object store went away; sending again goes on from there.
    """
    tries = 0
    while True:
        standing = _begin(transport, file)
        if standing.file is not None:
            return standing.file.asset_id, standing.file.uploaded
        try:
            _Sender(transport, file, standing).send()
            return _complete(transport, standing)
        except RefusedError as error:
            _require_hope(file, error)
            tries += 1
            if tries == _TRIES:
                raise


def _begin(transport: Transport, file: LocalFile) -> _Standing:
    body = {"blake3": file.blake3, "size": file.size, "path": file.path}
    return _Standing.model_validate(_post(transport, "", body))


def _complete(transport: Transport, standing: _Standing) -> tuple[int, bool]:
    """Return the asset, once the farm has read the object back."""
    while True:
        answer: Any = _post(transport, f"/{standing.upload_id}/complete")
        if "asset_id" in answer:
            return answer["asset_id"], answer["uploaded"]
        transport.pause(_STEP_S)


def _require_hope(file: LocalFile, error: RefusedError) -> None:
    """Return when another try may help: parts were lost, or somebody else has finished it."""
    if error.code == "content-mismatch":
        detail = f"{file.source} changed while it was sent, or was damaged on its way"
        raise ContentMismatchError(f"{detail}; nothing was kept: hand it in again") from error
    if error.status not in {_CONFLICT, 404}:
        raise error


def _post(transport: Transport, path: str, body: object = None) -> object:
    return transport.send(Call(method="POST", path=f"/api/v1/uploads{path}", body=body))


@dataclass(slots=True)
class _Sender:
    """Puts the parts that one upload lacks."""

    transport: Transport
    file: LocalFile
    standing: _Standing
    arrived: int = 0
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def send(self) -> None:
        """Return when every part has arrived."""
        lacking = self.standing.lacking
        self.arrived = self.standing.part_count - len(lacking)
        for start in range(0, len(lacking), _SIGNED_AT_ONCE):
            self._some(lacking[start : start + _SIGNED_AT_ONCE])

    def _some(self, numbers: Sequence[int]) -> None:
        urls = self._signed(numbers)
        with ThreadPoolExecutor(_BESIDE) as pool:
            try:
                list(pool.map(self._part, numbers, (urls[number] for number in numbers)))
            except FarmUnreachableError as error:
                pool.shutdown(wait=True, cancel_futures=True)
                raise UploadInterruptedError(
                    error.url,
                    error.reason,
                    self.file.source,
                    self.arrived,
                    self.standing.part_count,
                ) from error
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _part(self, number: int, url: str) -> None:
        start = (number - 1) * self.standing.part_size
        size = min(self.standing.part_size, self.file.size - start)
        content = partial(_pieces, self.file.source, start, size)
        try:
            self.transport.store(url, content, size)
        except RefusedError as error:
            if error.status != _FORBIDDEN:
                raise
            # Its time is over: the parts before it took that long.
            self.transport.store(self._signed([number])[number], content, size)
        with self._turn:
            self.arrived += 1

    def _signed(self, numbers: Sequence[int]) -> dict[int, str]:
        path = f"/{self.standing.upload_id}/part-urls"
        return _Urls.model_validate(_post(self.transport, path, {"numbers": list(numbers)})).urls


def _pieces(source: str, start: int, size: int) -> Iterator[bytes]:
    """Yield the bytes of one part.

    Raises:
        ContentMismatchError: the file has become shorter.
    """
    with Path(source).open("rb", buffering=0) as file:
        file.seek(start, os.SEEK_SET)
        while size:
            piece = file.read(min(_PIECE, size))
            if not piece:
                raise ContentMismatchError(f"{source} has become shorter; hand it in again")
            size -= len(piece)
            yield piece
