"""How long a tenant keeps what, and in which storage."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from lightmill.domain.results import LOG_NAME
from lightmill.domain.storage_class import StorageClass


class Kind(StrEnum):
    """What is kept for a while."""

    RESULTS = "results"
    INTERMEDIATES = "intermediates"
    WORKSPACES = "workspaces"
    ORPHANS = "orphans"
    UPLOADS = "uploads"
    STRAYS = "strays"


UPLOAD_AGE = timedelta(days=2)
"""After which an upload that nobody goes on with is given up."""

STRAY_AGE = timedelta(days=2)
"""After which an object that no row names is one that a dead process has left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Ages in days after which things go; None: never.

    Attributes:
        results: Images, after the end of their job.
        intermediates: Whatever else attempts have stored, such as logs.
        workspaces: The nodes' folders of a job.
        orphans: Uploaded files, after the last job that needed them, or somebody asked for them.
        results_class: Where new images and thumbnails lie; None: where the store puts everything.
        intermediates_class: The same of whatever else attempts store.
    """

    results: int | None = None
    intermediates: int | None = None
    workspaces: int | None = 7
    orphans: int | None = 30
    results_class: StorageClass | None = None
    intermediates_class: StorageClass | None = None

    def class_of(self, name: str) -> StorageClass | None:
        """Return the class of the file that an attempt stores as `name`."""
        return self.intermediates_class if name == LOG_NAME else self.results_class


@dataclass(slots=True)
class Weight:
    """Objects that went, or would go."""

    objects: int = 0
    bytes: int = 0

    def add(self, objects: int, size: int) -> None:
        """Count so many more."""
        self.objects += objects
        self.bytes += size


@dataclass(slots=True, kw_only=True)
class Collected:
    """What a collection has deleted, or, on a dry run, what it would."""

    dry_run: bool
    kinds: dict[Kind, Weight] = field(default_factory=lambda: {kind: Weight() for kind in Kind})

    def add(self, kind: Kind, objects: int, size: int) -> None:
        """Count so many more of a kind."""
        self.kinds[kind].add(objects, size)

    def document(self) -> dict[str, object]:
        """Return what is told of it."""
        return {
            "dry_run": self.dry_run,
            "bytes": sum(weight.bytes for weight in self.kinds.values()),
            **{
                kind.value: {"objects": weight.objects, "bytes": weight.bytes}
                for kind, weight in self.kinds.items()
            },
        }
