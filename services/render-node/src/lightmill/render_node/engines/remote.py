"""The remote engine: a sweep's sub-tasks, rendered by a service elsewhere."""

import math
from collections.abc import Mapping
from urllib.parse import quote

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Json, Work
from lightmill.domain.sweep import Sweep, SweepError
from lightmill.render_node.engines.contract import Failed, Patience, Progress, Request, Stored
from lightmill.render_node.ports import RenderFailedError

_GIVEN = ("ratio", "seed", "batchSize", "polish", "makeApiQueue")
_IDS = ("id", "taskId", "taskUuid", "uuid")
_URLS = ("resultUrl", "imageUrl", "url")
_DONE = frozenset({"completed", "succeeded", "success", "done"})
_FAILED = frozenset({"failed", "error", "cancelled", "canceled", "expired"})
_LONGEST_ID = 255
_LONGEST_DETAIL = 4000


class Remote:
    """Seed 003's remote renderer; frame n of a job is sub-task n of its sweep.

    Settings: `prompts`, `variables`, `ratio`, `seed`, `batchSize`, `polish`, `makeApiQueue`;
    in milliseconds `timeout` (300,000) and `pollingInterval` (5,000); `maxAttempts` polls (60).
    """

    name = "remote"

    def discover(self) -> tuple[str, ...]:
        """Return the version of the protocol."""
        return ("1",)

    def patience(self, work: Work) -> Patience:
        """Return what the settings say, or the seed's values."""
        settings = work.settings
        return Patience(
            timeout=_number(settings, "timeout", 300_000, most=86_400_000) / 1000,
            interval=_number(settings, "pollingInterval", 5_000, least=50) / 1000,
            polls=int(_number(settings, "maxAttempts", 60)),
        )

    def submission(self, work: Work, frame: int) -> Request:
        """Return what asks for sub-task `frame`, counted from 1."""
        try:
            wanted = Sweep.of(work.settings).at(frame - 1)
        except SweepError as error:
            raise RenderFailedError(FailureKind.ENGINE, str(error)) from error
        given = {name: work.settings[name] for name in _GIVEN if name in work.settings}
        body: Json = {"prompt": wanted.prompt, "variables": dict(wanted.variables), **given}
        return Request(method="POST", path="tasks", body=body)

    def submitted(self, answer: Json) -> str:
        """Return the service's own name of the render."""
        found = _first(answer, _IDS)
        if not isinstance(found, str | int) or isinstance(found, bool) or not str(found):
            raise ValueError(f"no id in the answer; one of {', '.join(_IDS)} was looked for")
        if len(str(found)) > _LONGEST_ID:
            raise ValueError("the id is longer than any that can be kept")
        return str(found)

    def polling(self, remote_id: str) -> Request:
        """Return what asks how a render stands."""
        return Request(method="GET", path=f"tasks/{quote(remote_id, safe='')}")

    def polled(self, answer: Json) -> Progress | Stored | Failed | None:
        """Return how it stands; a status that is not known means that it goes on."""
        status = answer.get("status") if isinstance(answer, dict) else None
        if not isinstance(status, str):
            raise ValueError("no status in the answer")  # noqa: TRY004  # an answer, not an argument
        if status.lower() in _DONE:
            return Stored(_image(answer))
        if status.lower() in _FAILED:
            detail = f"the service says {status}: {_first(answer, ('error', 'message'))}"
            return Failed(FailureKind.ENGINE, detail[:_LONGEST_DETAIL])
        share = _first(answer, ("progress",))
        if isinstance(share, int | float) and math.isfinite(share):
            return Progress(min(1.0, max(0.0, float(share))))
        return None


def _image(answer: Json) -> str:
    """Return the URL of the first image."""
    found = _first(answer, _URLS)
    images = _first(answer, ("images",))
    if found is None and isinstance(images, list) and images:
        found = images[0] if isinstance(images[0], str) else _first(images[0], _URLS)
    if not isinstance(found, str) or not found:
        raise ValueError("the service has no image for what it calls completed")
    return found


def _first(answer: Json, names: tuple[str, ...]) -> Json:
    """Return the first of the fields that is there, in the answer or in its `result`."""
    if not isinstance(answer, dict):
        return None
    inner = answer.get("result")
    places = [answer, inner] if isinstance(inner, dict) else [answer]
    return next(
        (place[name] for place in places for name in names if place.get(name) is not None), None
    )


def _number(
    settings: Mapping[str, Json], name: str, default: int, *, least: int = 1, most: int = 3_600_000
) -> float:
    found = settings.get(name)
    usable = isinstance(found, int | float) and not isinstance(found, bool)
    return min(most, max(least, found if usable and isinstance(found, int | float) else default))
