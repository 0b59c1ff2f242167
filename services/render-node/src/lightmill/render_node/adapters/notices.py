"""How clouds say that they take a machine away.

AWS: "Spot Instance interruption notices" and "Use IMDSv2" of the EC2 user guide. Google: "Create
and use preemptible VMs", the metadata value `instance/preempted`.
"""

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

import httpx2
import structlog

from lightmill.render_node.ports import Notices
from lightmill.runtime.clock import Clock

_log = structlog.get_logger(__name__)
METADATA = "http://169.254.169.254"
_TIMEOUT_S = 2.0
_TOKEN_S = 300
_GOOGLE_GIVES = 30.0
_UNSAID = 120.0
_WRITING_S = 0.2


class NoNotices:
    """A machine that nobody takes away."""

    async def __call__(self) -> float | None:
        """Return None."""
        return None


class AwsNotices:
    """A spot machine of AWS: about two minutes before its end there is an instance action."""

    def __init__(self, clock: Clock, url: str = METADATA) -> None:
        self._clock = clock
        self._url = url

    async def __call__(self) -> float | None:
        """Return the seconds until the action's time."""
        try:
            async with httpx2.AsyncClient(base_url=self._url, timeout=_TIMEOUT_S) as client:
                asked = {"X-aws-ec2-metadata-token-ttl-seconds": str(_TOKEN_S)}
                token = (await client.put("/latest/api/token", headers=asked)).raise_for_status()
                answer = await client.get(
                    "/latest/meta-data/spot/instance-action",
                    headers={"X-aws-ec2-metadata-token": token.text},
                )
                if answer.status_code == HTTPStatus.NOT_FOUND:
                    return None
                until = datetime.fromisoformat(answer.raise_for_status().json()["time"])
        except (httpx2.HTTPError, ValueError, LookupError) as error:
            _log.warning("no word from the metadata service", error=repr(error))
            return None
        return max(0.0, (until.astimezone(UTC) - self._clock.now()).total_seconds())


class GoogleNotices:
    """A spot or preemptible machine of Google: it has half a minute when it is preempted."""

    def __init__(self, url: str = METADATA) -> None:
        self._url = url

    async def __call__(self) -> float | None:
        """Return the seconds that are promised."""
        try:
            async with httpx2.AsyncClient(base_url=self._url, timeout=_TIMEOUT_S) as client:
                answer = await client.get(
                    "/computeMetadata/v1/instance/preempted",
                    headers={"Metadata-Flavor": "Google"},
                )
                answer.raise_for_status()
        except httpx2.HTTPError as error:
            _log.warning("no word from the metadata service", error=repr(error))
            return None
        return _GOOGLE_GIVES if answer.text.strip() == "TRUE" else None


class FileNotices:
    """A file that whoever takes the machine away makes; the seconds left may stand in it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def __call__(self) -> float | None:
        """Return what the file says, two minutes where it says nothing."""
        try:
            said = self._read()
            if not said:  # whoever makes it may be about to write it
                await asyncio.sleep(_WRITING_S)
                said = self._read()
            return max(0.0, float(said or _UNSAID))
        except FileNotFoundError:
            return None
        except (ValueError, OSError):
            return _UNSAID

    def _read(self) -> str:
        return self._path.read_text("utf-8").strip()  # a few bytes


def notices_from(spot: str, clock: Clock) -> Notices:
    """Return who is asked: `aws`, `gcp`, a file by its path, or nobody when `spot` is empty."""
    match spot:
        case "":
            return NoNotices()
        case "aws":
            return AwsNotices(clock)
        case "gcp":
            return GoogleNotices()
        case _:
            return FileNotices(Path(spot))
