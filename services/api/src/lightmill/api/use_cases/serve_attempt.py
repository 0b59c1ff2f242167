"""What a node fetches for an attempt that it holds, and where it stores."""

import asyncio
import re
from collections.abc import Mapping, Sequence

from lightmill.api.core.manifest import Entry
from lightmill.api.core.problem import invalid, missing
from lightmill.api.ports import Attempts, Bundles, HeldAttempt, Input, Inputs
from lightmill.api.ports.files import Assets
from lightmill.api.ports.retention import Retentions
from lightmill.domain.principal import Principal
from lightmill.domain.results import attempt_prefix
from lightmill.domain.storage_class import StorageClass
from lightmill.storage.ports import ObjectStore

_URL_S = 900
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}(/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}){0,3}")


class ServeAttempt:
    """Signs URLs for a node; valid for minutes, and for that attempt alone."""

    def __init__(
        self,
        *,
        attempts: Attempts,
        inputs: Inputs,
        bundles: Bundles,
        assets: Assets,
        retentions: Retentions,
        store: ObjectStore,
    ) -> None:
        self._attempts = attempts
        self._inputs = inputs
        self._bundles = bundles
        self._assets = assets
        self._retentions = retentions
        self._store = store

    async def bundle(self, principal: Principal, attempt_id: str) -> dict[str, object]:
        """Return the files that the attempt works on with URLs that read them.

        They are those of the job's bundle, or what earlier steps have rendered.

        Raises:
            ProblemError: the node does not hold this attempt.
        """
        held = await self._held(principal, attempt_id)
        inputs = await self._inputs.of(held.attempt_id)
        if inputs is not None:
            files = await asyncio.to_thread(self._signed_inputs, inputs)
            return {"bundle_id": None, "files": files}
        if held.bundle_id is None:
            return {"bundle_id": None, "files": []}
        entries = await self._bundles.manifest(held.tenant_id, held.bundle_id) or []
        hashes = [entry.blake3 for entry in entries]
        keys = await self._assets.object_keys(held.tenant_id, hashes)
        # Thousands of signatures take a while: the other requests go on meanwhile.
        files = await asyncio.to_thread(self._signed, held.tenant_id, keys, entries)
        return {"bundle_id": held.bundle_id, "files": files}

    def _signed(
        self, tenant_id: str, keys: Mapping[str, str], entries: Sequence[Entry]
    ) -> list[dict[str, object]]:
        # A content that was deleted gets a URL too: the node says by its 404 which file is gone.
        gone = f"tenants/{tenant_id}/assets/gone"
        return [
            {
                "path": entry.path,
                "blake3": entry.blake3,
                "size": entry.size,
                "url": self._store.sign_get(keys.get(entry.blake3, gone), seconds=_URL_S),
            }
            for entry in entries
        ]

    def _signed_inputs(self, inputs: Sequence[Input]) -> list[dict[str, object]]:
        return [
            {
                "path": one.path,
                "blake3": one.blake3,
                "size": one.size,
                "url": self._store.sign_get(one.object_key, seconds=_URL_S),
            }
            for one in inputs
        ]

    async def upload_urls(
        self, principal: Principal, attempt_id: str, names: Sequence[str]
    ) -> dict[str, object]:
        """Return URLs that store files of these names below the attempt's prefix.

        Raises:
            ProblemError: the node does not hold this attempt, or a name is none.
        """
        held = await self._held(principal, attempt_id)
        for index, name in enumerate(names):
            if _NAME.fullmatch(name) is None:
                raise invalid(
                    f"names/{index}", "use letters, digits, _ - . and at most three folders"
                )
        retention = await self._retentions.of(held.tenant_id)
        prefix = attempt_prefix(held.tenant_id, held.job_id, held.attempt_id)
        return {
            "urls": {
                name: self._signed_put(prefix + name, retention.class_of(name)) for name in names
            }
        }

    def _signed_put(self, key: str, storage_class: StorageClass | None) -> dict[str, object]:
        put = self._store.sign_put(key, seconds=_URL_S, storage_class=storage_class)
        return {"key": key, "url": put.url, "headers": dict(put.headers)}

    async def _held(self, principal: Principal, attempt_id: str) -> HeldAttempt:
        node_id = principal.node_id
        held = None if node_id is None else await self._attempts.held(node_id, attempt_id)
        if held is None:
            raise missing("attempt")
        return held
