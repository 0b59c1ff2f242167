"""A tenant says in which storage class its images and logs lie; nodes are told what to send."""

from dataclasses import replace

import httpx2
import pytest
from services.api.tests.conftest import BASE, Farm
from services.api.tests.http.test_nodes import an_attempt
from typing_extensions import override

from lightmill.api.config import ApiSettings
from lightmill.api.factory import assemble
from lightmill.domain.principal import Role
from lightmill.domain.storage_class import StorageClass
from lightmill.storage.objects.folder import FolderStore
from lightmill.storage.ports import SignedPut

HEADER = "x-amz-storage-class"
NAMES = ["0001.png", "thumbs/0001.jpg", "log.txt"]
THERE = (StorageClass.STANDARD, StorageClass.STANDARD_IA, StorageClass.GLACIER_IR)


class ClassedStore(FolderStore):
    """Has three classes, as a store behind S3's API has some."""

    @override
    async def offers(self, storage_class: StorageClass) -> bool:
        return storage_class in THERE

    @override
    def sign_put(
        self, key: str, *, seconds: int, storage_class: StorageClass | None = None
    ) -> SignedPut:
        headers = {} if storage_class is None else {HEADER: storage_class.value}
        return replace(super().sign_put(key, seconds=seconds), headers=headers)


@pytest.fixture
def classed(farm: Farm) -> Farm:
    """Give the farm with a store that has classes."""
    store = ClassedStore(farm.store.path("x").parent.parent, BASE, b"s" * 32, farm.clock)
    farm.assembly = assemble(ApiSettings(), replace(farm.parts, store=store))
    return farm


async def keep(farm: Farm, **said: str | int | None) -> httpx2.Response:
    async with farm.client(Role.ADMIN) as client:
        return await client.put("/api/v1/retention", json=said)


async def seen(farm: Farm) -> tuple[str | None, str | None]:
    async with farm.client(Role.ADMIN) as client:
        retention = (await client.get("/api/v1/retention")).json()
    return retention["results_class"], retention["intermediates_class"]


async def told(farm: Farm) -> dict[str, dict[str, str]]:
    """Return the headers that a node is to send, by the file's name."""
    await an_attempt(farm, await farm.job(), farm.one.node_id)
    async with farm.client(Role.NODE) as client:
        path = "/api/v1/attempts/attempt-1/upload-urls"
        urls = (await client.post(path, json={"names": NAMES})).json()["urls"]
    return {name: url["headers"] for name, url in urls.items()}


async def test_images_and_logs_go_to_the_class_of_their_own(classed: Farm) -> None:
    said = {"results_class": "STANDARD_IA", "intermediates_class": "GLACIER_IR"}
    assert (await keep(classed, results=9, **said)).json()["results"] == 9
    assert await seen(classed) == ("STANDARD_IA", "GLACIER_IR")
    assert await told(classed) == {
        "0001.png": {HEADER: "STANDARD_IA"},
        "thumbs/0001.jpg": {HEADER: "STANDARD_IA"},
        "log.txt": {HEADER: "GLACIER_IR"},
    }


async def test_without_a_word_the_store_decides(classed: Farm) -> None:
    assert await seen(classed) == (None, None)
    assert await told(classed) == {name: {} for name in NAMES}


async def test_one_tenants_class_is_not_anothers(classed: Farm) -> None:
    async with classed.client(Role.ADMIN, classed.two) as client:
        body = {"results_class": "STANDARD_IA"}
        assert (await client.put("/api/v1/retention", json=body)).status_code == 200
    assert await seen(classed) == (None, None)
    assert await told(classed) == {name: {} for name in NAMES}


@pytest.mark.parametrize("kind", ["results_class", "intermediates_class"])
async def test_a_class_that_the_store_lacks_is_refused_with_those_there_are(
    classed: Farm, kind: str
) -> None:
    await keep(classed, results=9, results_class="STANDARD")
    refused = await keep(classed, results=5, **{kind: "ONEZONE_IA"})
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["pointer"] == f"#/{kind}"
    assert error["detail"].endswith("use one of STANDARD, STANDARD_IA, GLACIER_IR")
    assert await seen(classed) == ("STANDARD", None)


async def test_a_store_without_classes_says_so(farm: Farm) -> None:
    refused = await keep(farm, results_class="STANDARD_IA")
    assert refused.status_code == 422
    assert "has no storage classes; leave it out" in refused.json()["detail"]


@pytest.mark.parametrize("name", ["GLACIER", "DEEP_ARCHIVE", "standard", "", "FAST"])
async def test_a_class_whose_objects_cannot_be_read_at_once_is_none(
    classed: Farm, name: str
) -> None:
    refused = await keep(classed, results_class=name)
    assert refused.status_code == 422
    assert "INTELLIGENT_TIERING" in refused.text
