"""What the node needs of the api and of the object store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class AttemptGoneError(Exception):
    """The api says that the attempt is no longer this node's; stop it."""


class ContentGoneError(Exception):
    """The object store does not have what a bundle names."""


class NotAdmittedError(Exception):
    """The api refuses the node's token; a person has to enrol the node anew."""


class UnreachableError(Exception):
    """The api or the object store does not answer or has trouble; ask again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeIdentity:
    """Who the node is for the farm."""

    node_id: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFile:
    """One file of a bundle; `path` is relative, `url` reads it for some minutes."""

    path: str
    blake3: str
    size: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadUrl:
    """Where one file of an attempt goes.

    Attributes:
        key: Its name in the store.
        url: For one PUT.
        headers: What has to be sent with it: the URL is good for no other.
    """

    key: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Api(Protocol):
    """What the api offers to an enrolled node.

    Every call may raise UnreachableError, and RenderFailedError where asking again is no use.
    """

    async def bundle(self, attempt_id: str) -> Sequence[BundleFile]:
        """Return the files that the attempt needs.

        Raises:
            AttemptGoneError: the attempt is not this node's, or has ended.
            NotAdmittedError: the token is unknown or revoked.
        """
        ...

    async def upload_urls(self, attempt_id: str, names: Sequence[str]) -> Mapping[str, UploadUrl]:
        """Return where to store each of `names`.

        Raises:
            AttemptGoneError: the attempt is not this node's, or has ended.
            NotAdmittedError: the token is unknown or revoked.
        """
        ...


class Transfers(Protocol):
    """Moves files by presigned URLs.

    Every call may raise UnreachableError, and RenderFailedError where asking again is no use.
    """

    async def download(self, url: str, target: Path, size: int) -> str:
        """Write what the URL holds to `target`; returns its BLAKE3, hex, taken on arrival.

        Args:
            url: Presigned.
            target: A new file.
            size: Bytes that are expected; a large object is fetched in ranges.

        Raises:
            ContentGoneError: the store has no such object.
        """
        ...

    async def upload(self, url: UploadUrl, source: Path, media_type: str) -> None:
        """Store the file under the URL."""
        ...


class Enrolment(Protocol):
    """Makes a new node known to the farm."""

    async def enrol(self, name: str) -> NodeIdentity:
        """Return the identity that the farm gave to the node called `name`.

        Raises:
            NotAdmittedError: the enrolment token is unknown, used up or revoked.
            UnreachableError: the api does not answer.
        """
        ...
