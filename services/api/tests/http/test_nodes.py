from services.api.tests.conftest import Farm
from sqlalchemy import update

from lightmill.domain.principal import Role
from lightmill.storage.sql.schema.api import JOBS, TOKENS
from lightmill.storage.sql.schema.scheduler import ATTEMPTS


async def an_attempt(farm: Farm, job_id: str, node_id: str, state: str = "RUNNING") -> None:
    row = {
        "id": "attempt-1",
        "tenant_id": farm.one.id,
        "job_id": job_id,
        "step_id": "s",
        "task_id": "t",
        "node_id": node_id,
        "session": "s",
        "epoch": 1,
        "state": state,
        "cores": 1,
        "ram": 1,
        "gpus": [],
        "assigned_at": farm.clock.now(),
    }
    await farm.insert(ATTEMPTS, row)


async def test_a_node_enrols_renders_and_stores(farm: Farm) -> None:
    job = await farm.job()
    async with farm.client(Role.ENROLMENT) as client:
        enrolled = await client.post("/api/v1/nodes/enrol", json={"name": "mill"})
    assert enrolled.status_code == 201
    node = enrolled.json()
    await an_attempt(farm, job, node["node_id"])
    async with farm.client(None) as client:
        client.headers["Authorization"] = f"Bearer {node['token']}"
        bundle = (await client.get("/api/v1/attempts/attempt-1/bundle")).json()
        names = ["0001.png", "thumbs/0001.jpg", "log.txt"]
        urls = (
            await client.post("/api/v1/attempts/attempt-1/upload-urls", json={"names": names})
        ).json()["urls"]
    async with farm.client(None) as client:
        (file,) = bundle["files"]
        assert (await client.get(file["url"])).content == b"scene.blend"
        put = await client.put(urls["log.txt"]["url"], content=b"Fra:1")
        assert put.status_code == 200
    prefix = f"tenants/{farm.one.id}/jobs/{job}/attempts/attempt-1/"
    assert [urls[name]["key"] for name in names] == [prefix + name for name in names]
    async with farm.client() as client:
        log = await client.get(f"/api/v1/jobs/{job}/attempts/attempt-1/log")
    assert log.text == "Fra:1"


async def test_an_attempt_that_is_over_gets_nothing_more(farm: Farm) -> None:
    job = await farm.job()
    await an_attempt(farm, job, farm.one.node_id)
    async with farm.client(Role.NODE) as client:
        assert (await client.get("/api/v1/attempts/attempt-1/bundle")).status_code == 200
        async with farm.parts.database.transaction() as connection:
            await connection.execute(update(ATTEMPTS).values(state="LOST"))
        assert (await client.get("/api/v1/attempts/attempt-1/bundle")).status_code == 404
        answer = await client.post(
            "/api/v1/attempts/attempt-1/upload-urls", json={"names": ["a.png"]}
        )
        assert answer.status_code == 404


async def test_a_node_names_files_below_its_prefix_alone(farm: Farm) -> None:
    job = await farm.job()
    await an_attempt(farm, job, farm.one.node_id)
    async with farm.client(Role.NODE) as client:
        for name in ("../a", "/a", "a//b", "a/../b", "a\\b", "", ".", "a/b/c/d/e", "ä"):
            answer = await client.post(
                "/api/v1/attempts/attempt-1/upload-urls", json={"names": ["ok.png", name]}
            )
            assert answer.status_code == 422, name
            assert answer.json()["errors"][0]["pointer"] == "#/names/1"


async def test_a_node_without_files_to_fetch_is_told_so(farm: Farm) -> None:
    body = {"name": "n", "engine": "simulated", "frames": "1"}
    async with farm.client() as client:
        job = (await client.post("/api/v1/jobs", json=body)).json()["id"]
    await an_attempt(farm, job, farm.one.node_id)
    async with farm.client(Role.NODE) as client:
        answer = await client.get("/api/v1/attempts/attempt-1/bundle")
    assert answer.json() == {"bundle_id": None, "files": []}
    assert await farm.count(JOBS) == 1


async def test_the_secret_of_a_node_is_not_stored(farm: Farm) -> None:
    async with farm.client(Role.ENROLMENT) as client:
        node = (await client.post("/api/v1/nodes/enrol", json={"name": "mill"})).json()
    rows = [row for row in await farm.rows(TOKENS) if row.node_id == node["node_id"]]
    assert len(rows) == 1
    assert rows[0].secret_sha256 not in node["token"]
    assert rows[0].role == "node"


async def test_a_signed_url_is_good_for_one_thing_and_for_a_while(farm: Farm) -> None:
    await farm.store.put("some/image.png", b"image", "image/png")
    await farm.store.put("some/page.html", b"<script>", "text/html")
    url = farm.store.sign_get("some/image.png", seconds=60, public=True)
    page = farm.store.sign_get("some/page.html", seconds=60, public=True)
    async with farm.client(None) as client:
        good = await client.get(url)
        assert (good.status_code, good.content) == (200, b"image")
        assert good.headers["content-type"] == "image/png"
        part = await client.get(url, headers={"Range": "bytes=1-2"})
        assert (part.status_code, part.content) == (206, b"ma")
        shown = await client.get(page)
        assert shown.headers["content-disposition"] == "attachment"
        assert (await client.put(url, content=b"other")).status_code == 403
        assert (await client.get(url.replace("image.png", "page.html"))).status_code == 403
        gone = farm.store.sign_get("some/none.png", seconds=60, public=True)
        assert (await client.get(gone)).status_code == 404
        farm.clock.pass_time(61)
        assert (await client.get(url)).status_code == 403
    assert await farm.store.get("some/image.png") == b"image"


async def test_a_store_takes_no_more_than_an_upload_may_have(farm: Farm) -> None:
    url = farm.store.sign_put("some/big.bin", seconds=60).url
    async with farm.client(None) as client:
        answer = await client.put(url, content=b"x" * (11 * 2**20))
    assert answer.status_code == 413
    assert await farm.store.info("some/big.bin") is None
