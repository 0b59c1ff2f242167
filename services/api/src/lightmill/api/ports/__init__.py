"""What the api needs from the outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from lightmill.api.core.job_request import NewJob
from lightmill.api.core.job_view import Standing
from lightmill.api.core.manifest import Entry
from lightmill.domain.job import JobSpec
from lightmill.domain.principal import Principal, Role
from lightmill.domain.resources import Offer, Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredToken:
    """A row of `tokens`, as far as recognising its bearer goes."""

    principal: Principal
    secret_sha256: str
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A token that is about to be stored."""

    id: str
    secret_sha256: str
    role: Role
    user_id: str
    node_id: str | None = None
    expires_at: datetime | None = None


class Tokens(Protocol):
    """Where tokens are kept."""

    async def find(self, token_id: str) -> StoredToken | None:
        """Return the token, or None."""
        ...

    async def user(self, principal: Principal, name: str, role: Role) -> str:
        """Return the id of the user of that name in the tenant, made if there is none."""
        ...

    async def add(self, principal: Principal, token: IssuedToken) -> None:
        """Keep `token` in the tenant of `principal`."""
        ...

    async def revoke(self, principal: Principal, token_id: str) -> bool:
        """End a token of the tenant; False when there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """A content by which the same request is known again for a while.

    Attributes:
        since: Jobs handed in before this moment are not the same.
    """

    sha256: str
    since: datetime


class Wish(StrEnum):
    """What may be wanted of a job after it was handed in."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"
    CLEANUP = "cleanup"
    APPROVE = "approve"


class Jobs(Protocol):
    """Where what is asked of jobs is kept."""

    async def add(
        self, principal: Principal, job_id: str, job: NewJob, fingerprint: Fingerprint | None
    ) -> str:
        """Write the job and ring the scheduler's doorbell.

        Returns:
            `job_id`, or the id of the job that has the same fingerprint.
        """
        ...

    async def unknown(self, tenant_id: str, job_ids: Sequence[str]) -> list[str]:
        """Return those of `job_ids` that no job of the tenant has."""
        ...

    async def wish(self, principal: Principal, job_id: str, wish: Wish) -> bool:
        """Write what is wanted; False when the row says so already."""
        ...

    async def prioritise(
        self, principal: Principal, job_id: str, priority: int, version: int | None
    ) -> int | None:
        """Return the row's new version, or None when it was not at `version`."""
        ...


@dataclass(frozen=True, slots=True)
class Freed:
    """What nodes have freed of a job's workspaces.

    Attributes:
        bytes: As far as nodes have told.
        complete: Whether every node that is online has told.
    """

    bytes: int
    complete: bool


class FreedWorkspaces(Protocol):
    """Where what nodes have freed is written down."""

    async def freed(self, tenant_id: str, job_id: str) -> Freed:
        """Return what has been freed of a job of the tenant."""
        ...


class Bundles(Protocol):
    """Where bundles are kept."""

    async def add(self, principal: Principal, files: Sequence[Entry]) -> str:
        """Return the id of a new bundle."""
        ...

    async def manifest(self, tenant_id: str, bundle_id: str) -> list[Entry] | None:
        """Return the files of a bundle, or None when there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What has come of a request to look into a scene; `state` is PENDING while it waits."""

    id: str
    state: str
    outcome: Mapping[str, object] | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingFile:
    """What a scene names and no node would find.

    Attributes:
        path: As written in the scene.
        used_by: What uses it, in the words of the program that made the scene.
        hint: How it would be found, where that can be told.
    """

    path: str
    used_by: tuple[str, ...] = ()
    hint: str | None = None


class Analyses(Protocol):
    """Where requests to look into scenes are kept."""

    async def ask(self, principal: Principal, scene: str, files: Sequence[Entry]) -> str:
        """Return the id of the request: of one about the same content, unless that has failed."""
        ...

    async def find(self, tenant_id: str, analysis_id: str) -> Analysis | None:
        """Return how the request stands, or None when there is none."""
        ...

    async def missing(
        self, tenant_id: str, scene: str, files: Sequence[Entry]
    ) -> list[MissingFile]:
        """Return what an earlier analysis of the same content has missed; empty when none has."""
        ...


class HardwareConfigs(Protocol):
    """Where hardware profiles are kept."""

    async def add(self, principal: Principal, values: Mapping[str, object]) -> int:
        """Return the id of a new profile.

        Raises:
            ProblemError: the tenant has one of that name.
        """
        ...

    async def change(
        self, principal: Principal, config_id: int, values: Mapping[str, object]
    ) -> bool:
        """Change these fields of a profile; False when there is none.

        Raises:
            ProblemError: the tenant has another of that name.
        """
        ...

    async def remove(self, principal: Principal, config_id: int) -> bool:
        """Remove a profile; False when there is none."""
        ...


class Profiles(Protocol):
    """Where hardware profiles are read."""

    async def profiles(self, tenant_id: str, ids: Sequence[int]) -> Mapping[int, Profile]:
        """Return those of the profiles that the tenant has, by their ids."""
        ...


class Policies(Protocol):
    """Where it is read how the farm is shared."""

    async def is_fifo(self, pool: str) -> bool:
        """Tell whether a pool hands out its jobs strictly by creation time."""
        ...

    async def unknown_limits(self, names: Sequence[str]) -> list[str]:
        """Return those of `names` that no limit has."""
        ...


class Machines(Protocol):
    """Where the render machines are read."""

    async def offers(self, *, fresh: bool = False) -> list[Offer]:
        """Return what every enrolled node offers in all, whatever its state.

        Args:
            fresh: Whether it may not be that of a moment ago.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAttempt:
    """An attempt that a node is working on."""

    attempt_id: str
    tenant_id: str
    job_id: str
    bundle_id: str | None


class Attempts(Protocol):
    """Where it is read which node holds what."""

    async def held(self, node_id: str, attempt_id: str) -> HeldAttempt | None:
        """Return an attempt that this node holds, or None, whoever else may hold it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A result of an earlier step, and where a step that works on it finds it."""

    path: str
    blake3: str
    size: int
    object_key: str


class Inputs(Protocol):
    """Where it is read what attempts work on that is not of the job's bundle."""

    async def of(self, attempt_id: str) -> Sequence[Input] | None:
        """Return what the attempt's frames are put together of.

        None when its step works on the job's bundle.
        """
        ...


class JobSpecs(Protocol):
    """Where it is read what jobs ask."""

    async def spec(self, tenant_id: str, job_id: str) -> JobSpec | None:
        """Return the whole specification of a job of the tenant, or None."""
        ...


class JobStandings(Protocol):
    """Where it is read how jobs stand."""

    async def fresh(self, tenant_id: str, job_id: str) -> Standing | None:
        """Return the standing as the database has it, or None."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered to a request, word for word."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is known of an idempotency key.

    Attributes:
        request_sha256: Of the request that came with it first.
        reserved_id: Id for what that request makes, the same at every try.
        answer: None while the first request still runs.
        mine: Whether the present request may go on.
    """

    request_sha256: str
    reserved_id: str
    answer: Answer | None
    mine: bool


class IdempotencyKeys(Protocol):
    """Where `Idempotency-Key`s and the answers to them are kept."""

    async def claim(self, principal: Principal, key: str, request_sha256: str) -> Claim:
        """Return what is known of `key`, after claiming it when it is new or was abandoned."""
        ...

    async def settle(self, principal: Principal, key: str, answer: Answer) -> None:
        """Keep the answer to a claimed key."""
        ...

    async def release(self, principal: Principal, key: str) -> None:
        """Give a claimed key back: the request came to nothing."""
        ...
