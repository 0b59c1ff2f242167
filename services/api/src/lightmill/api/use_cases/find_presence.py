"""Which contents does the object store really have?"""

import asyncio
from collections.abc import Collection, Sequence

from lightmill.api.ports.files import Asset, Assets
from lightmill.storage.ports import ObjectStore

_AT_ONCE = 16
_FEW = 200
_LISTED_FOR_ONE_ASKED = 20
"""Objects that a listing tells in the time in which one of them is asked for."""


class FindPresence:
    """Asks the store, never the rows: what has been lost there is not there.

    What it takes depends on the asking tenant's own contents alone.
    """

    def __init__(self, assets: Assets, store: ObjectStore) -> None:
        self._assets = assets
        self._store = store

    async def __call__(self, tenant_id: str, assets: Collection[Asset]) -> set[int]:
        """Return the ids of those that are there with their whole length, and hold on to them.

        Raises:
            StoreUnavailableError: nobody can tell now.
        """
        distinct = list({asset.id: asset for asset in assets}.values())
        if await self._listing_pays(tenant_id, len(distinct)):
            there = await self._listed(tenant_id, distinct)
        else:
            there = await self._asked(distinct)
        await self._assets.touch(tenant_id, sorted(there))
        return there

    async def _listing_pays(self, tenant_id: str, asked: int) -> bool:
        if asked <= _FEW:
            return False
        return await self._assets.count(tenant_id) <= asked * _LISTED_FOR_ONE_ASKED

    async def _listed(self, tenant_id: str, assets: Sequence[Asset]) -> set[int]:
        prefix = f"tenants/{tenant_id}/assets/"
        sizes = {found.key: found.size async for found in self._store.listed(prefix)}
        return {asset.id for asset in assets if sizes.get(asset.object_key) == asset.size}

    async def _asked(self, assets: Sequence[Asset]) -> set[int]:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def is_there(asset: Asset) -> bool:
            async with gate:
                info = await self._store.info(asset.object_key)
            return info is not None and info.size == asset.size

        outcomes = await asyncio.gather(*map(is_there, assets))
        return {asset.id for asset, there in zip(assets, outcomes, strict=True) if there}
