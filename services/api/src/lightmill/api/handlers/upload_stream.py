"""An upload on its way: one pass over it writes it down and takes its hashes."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from lightmill.api.core.digest import Digester, Digests
from lightmill.api.core.problem import ProblemError, invalid
from lightmill.api.handlers.given import Uploads

_LONGEST_FIELD = 4096
_MOST_FIELDS = 20
_BUFFER = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A form with one file.

    Attributes:
        file: Where its content lies while the block runs.
        path: What the client calls it: the field `path`, else the name of the file.
        fields: The other fields.
    """

    file: Path
    digests: Digests
    path: str
    fields: dict[str, str]


@asynccontextmanager
async def received(request: Request, uploads: Uploads) -> AsyncIterator[Received]:
    """Give the file of a multipart form.

    Raises:
        ProblemError: the body is no such form, or too long; nothing was kept.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        detail = "send multipart/form-data with the content in the field `file`"
        raise ProblemError(415, "not-multipart", detail)
    with tempfile.NamedTemporaryFile(dir=uploads.folder) as target:
        form = _Form(boundary, target)
        await _feed(form, request, uploads.most)
        if form.digests is None:
            raise invalid("file", "is missing: send the content in the field `file`")
        path = form.fields.get("path") or form.file_name or ""
        if not path or len(path) > _LONGEST_FIELD:
            raise invalid("path", f"give the file a name of 1 to {_LONGEST_FIELD} characters")
        yield Received(file=Path(target.name), digests=form.digests, path=path, fields=form.fields)


async def _feed(form: "_Form", request: Request, most: int) -> None:
    buffer, size = bytearray(), 0
    try:
        async for piece in request.stream():
            size += len(piece)
            if size > most:
                raise ProblemError(413, "too-large", f"a file has at most {most} bytes here")
            buffer += piece
            if len(buffer) >= _BUFFER:
                await asyncio.to_thread(form.write, bytes(buffer))
                buffer.clear()
        await asyncio.to_thread(form.finish, bytes(buffer))
    except MultipartParseError as error:
        detail = f"the form cannot be read, or ended early: {error}"
        raise ProblemError(400, "broken-form", detail) from error
    except ClientDisconnect as error:
        raise ProblemError(400, "client-gone", "the body ended early") from error


@dataclass(slots=True)
class _Part:
    name: str = ""
    file_name: str | None = None
    header: bytes = b""
    value: bytes = b""
    headers: dict[bytes, bytes] = field(default_factory=dict)


class _Form:
    """Takes the parts of a form apart as they arrive; runs in a thread."""

    def __init__(self, boundary: bytes, target: IO[bytes]) -> None:
        self.fields: dict[str, str] = {}
        self.file_name: str | None = None
        self.digests: Digests | None = None
        self._target = target
        self._digester = Digester()
        self._part = _Part()
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_field,
                "on_header_value": self._on_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers,
                "on_part_data": self._on_data,
                "on_part_end": self._on_end,
                "on_end": self._on_form_end,
            },
        )

    def write(self, piece: bytes) -> None:
        """Take the next bytes of the body."""
        self._parser.write(piece)

    def finish(self, piece: bytes) -> None:
        """Take the last bytes of the body."""
        self._parser.write(piece)
        self._parser.finalize()
        if not self._ended:
            raise MultipartParseError("the closing boundary is missing")
        self._target.flush()

    def _begin(self) -> None:
        self._part = _Part()

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._part.header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._part.value += data[start:end]

    def _on_header_end(self) -> None:
        self._part.headers[self._part.header.lower()] = self._part.value
        self._part.header = self._part.value = b""

    def _on_headers(self) -> None:
        _, options = parse_options_header(self._part.headers.get(b"content-disposition"))
        self._part.name = options.get(b"name", b"").decode(errors="replace")
        if b"filename" in options:
            self._part.file_name = options[b"filename"].decode(errors="replace")
        if self._is_file and self.digests is not None:
            raise MultipartParseError("there are two files; send one at a time")
        if len(self.fields) >= _MOST_FIELDS:
            raise MultipartParseError("there are too many fields")

    @property
    def _is_file(self) -> bool:
        return self._part.name == "file"

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        if self._is_file:
            self._digester.update(piece)
            self._target.write(piece)
        elif len(self._part.value) + len(piece) > _LONGEST_FIELD:
            raise MultipartParseError(f"the field {self._part.name!r} is too long")
        else:
            self._part.value += piece

    def _on_end(self) -> None:
        if self._is_file:
            self.file_name = self._part.file_name
            self.digests = self._digester.digests()
        else:
            self.fields[self._part.name] = self._part.value.decode(errors="replace")

    def _on_form_end(self) -> None:
        self._ended = True
