"""Presigned URLs for the files of one attempt, asked for in batches and ahead of their use."""

import asyncio
from collections.abc import Sequence

from lightmill.render_node.ports import Api, UploadUrl
from lightmill.render_node.use_cases.insist import insist
from lightmill.runtime.clock import Clock

_BATCH = 100
_GOOD_FOR = 120.0
"""Seconds; the api signs for longer, so a URL handed out here lasts for a large upload."""


class UploadUrls:
    """Where the files of an attempt go; `names` in the order in which they will be wanted."""

    def __init__(self, api: Api, clock: Clock, attempt_id: str, names: Sequence[str]) -> None:
        self._api = api
        self._clock = clock
        self._attempt_id = attempt_id
        self._names = list(names)
        self._urls: dict[str, tuple[float, UploadUrl]] = {}
        self._turn = asyncio.Lock()

    async def fetch_ahead(self) -> None:
        """Ask for the first batch."""
        await self.url(self._names[0])

    async def url(self, name: str) -> UploadUrl:
        """Return a URL that is still good.

        Raises:
            AttemptGoneError: the attempt is no longer this node's.
        """
        async with self._turn:
            expires, found = self._urls.get(name, (0.0, None))
            if found is None or expires <= self._clock.monotonic():
                await self._fetch(name)
            return self._urls[name][1]

    def used(self, name: str) -> None:
        """Ask no more for this one."""
        self._names.remove(name)
        self._urls.pop(name, None)

    def distrust(self, name: str) -> None:
        """Ask anew for this one: the store did not accept its URL."""
        self._urls.pop(name, None)

    async def _fetch(self, name: str) -> None:
        start = self._names.index(name)
        batch = self._names[start : start + _BATCH]
        urls = await insist(
            lambda: self._api.upload_urls(self._attempt_id, batch),
            f"upload URLs of {self._attempt_id}",
        )
        expires = self._clock.monotonic() + _GOOD_FOR
        self._urls.update({known: (expires, url) for known, url in urls.items()})
