"""How the farm is shared: what an admin decides, and how the scheduler gets to know."""

from typing import Any

import pytest
from services.api.tests.conftest import Farm

from lightmill.domain.policy import Limit, LimitScope, Policy, Pool, PoolMode, Scaling, Share
from lightmill.domain.principal import Role
from lightmill.storage.sql.policy import read_policy
from lightmill.storage.sql.schema.api import AUDIT_LOG, NODE_WISHES, OUTBOX
from lightmill.storage.sql.schema.scheduler import LIMIT_STATES, NODES


async def policy(farm: Farm) -> Policy:
    """Give the policy as the scheduler reads it."""
    async with farm.parts.database.reading() as connection:
        return await read_policy(connection)


async def bells(farm: Farm) -> list[str]:
    return [row.kind for row in await farm.rows(OUTBOX)]


async def a_node(farm: Farm, node_id: str = "node-1") -> None:
    now = farm.clock.now()
    row = {"id": node_id, "name": "mill", "session": "s", "state": "ONLINE"}
    offer = {"cores": 8, "ram": 2**34}
    await farm.insert(NODES, {**row, "offer": offer, "seen_at": now, "updated_at": now})


async def put(farm: Farm, path: str, body: object, **headers: str) -> tuple[int, dict[str, Any]]:
    async with farm.client(Role.ADMIN) as client:
        answer = await client.put(f"/api/v1/{path}", json=body, headers=headers)
    return answer.status_code, answer.json()


async def test_a_pool_is_what_an_admin_says(farm: Farm) -> None:
    scaling = {"initial": 2, "maximum": 20, "step": 3, "up_interval": 30, "down_interval": 90}
    body = {"mode": "fifo", "scaling": scaling, "sandbox": "container"}
    status, told = await put(farm, "pools/film", body)
    assert (status, told["version"], told["scaling"]) == (200, 1, scaling)
    ceiling = Scaling(initial=2, maximum=20, step=3, up_interval=30.0, down_interval=90.0)
    found = (await policy(farm)).pools["film"]
    assert found == Pool(name="film", mode=PoolMode.FIFO, scaling=ceiling, sandbox="container")
    assert await bells(farm) == ["policy.wanted.v1"]
    assert [row.action for row in await farm.rows(AUDIT_LOG)] == ["pool.set"]


async def test_the_pool_of_designs_stands_by_itself_and_comes_back(farm: Farm) -> None:
    async with farm.client(Role.ADMIN) as client:
        (designs,) = (await client.get("/api/v1/pools")).json()["items"]
        assert (designs["name"], designs["mode"], designs["version"]) == ("designs", "fifo", 0)
        assert (await client.delete("/api/v1/pools/designs")).status_code == 404
        await client.put("/api/v1/pools/designs", json={"mode": "fair"})
        assert (await policy(farm)).pools["designs"].mode is PoolMode.FAIR
        assert (await client.delete("/api/v1/pools/designs")).status_code == 204
    assert (await policy(farm)).pools["designs"].mode is PoolMode.FIFO


async def test_a_limit_is_what_an_admin_says_and_shows_where_its_ceiling_stands(
    farm: Farm,
) -> None:
    assert (await put(farm, "limits/arnold", {"total": 4, "scope": "machine"}))[0] == 200
    assert (await put(farm, "limits/slots", {"scaling": {"initial": 3}}))[0] == 200
    state = {"name": "slots", "ceiling": 8, "moved_at": farm.clock.now()}
    await farm.insert(LIMIT_STATES, state)
    limits = (await policy(farm)).limits
    assert limits["arnold"] == Limit(name="arnold", total=4, scope=LimitScope.MACHINE)
    assert limits["slots"].scaling == Scaling(initial=3)
    async with farm.client() as client:
        items = (await client.get("/api/v1/limits")).json()["items"]
    told = {item["name"]: item["ceiling"] for item in items}
    assert told == {"arnold": None, "lumina": None, "slots": 8, "sweeps": None}


async def test_shares_are_of_the_tenant_and_its_users(farm: Farm) -> None:
    await put(farm, "shares/*", {"weight": 2, "size": 8})
    await put(farm, "shares/film/ada", {"burst": 4})
    async with farm.client(Role.ADMIN, farm.two) as client:
        assert (await client.get("/api/v1/shares")).json()["items"] == []
        assert (await client.delete("/api/v1/shares/*")).status_code == 404
    async with farm.client() as client:
        items = (await client.get("/api/v1/shares")).json()["items"]
    assert [item["user"] for item in items] == ["*", "film/ada"]
    tenant = farm.one.id
    assert (await policy(farm)).shares == {
        (tenant, None): Share(tenant_id=tenant, weight=2.0, size=8),
        (tenant, "film/ada"): Share(tenant_id=tenant, user="film/ada", burst=4),
    }


async def test_preemption_is_off_until_an_admin_turns_it_on(farm: Farm) -> None:
    async with farm.client(Role.ADMIN) as client:
        before = await client.get("/api/v1/policy")
    assert (before.json()["preemption"], before.headers["etag"]) == (False, '"0"')
    status, told = await put(farm, "policy", {"preemption": True}, **{"If-Match": '"0"'})
    assert (status, told["preemption"], told["version"]) == (200, True, 1)
    assert (await policy(farm)).preemption is True


@pytest.mark.parametrize("path", ["pools/film", "limits/arnold", "shares/ada"])
async def test_of_two_who_edit_the_same_the_second_reads_again(farm: Farm, path: str) -> None:
    body = {"total": 2} if path.startswith("limits") else {}
    assert (await put(farm, path, body))[1]["version"] == 1
    assert (await put(farm, path, body, **{"If-Match": '"1"'}))[1]["version"] == 2
    status, problem = await put(farm, path, body, **{"If-Match": '"1"'})
    assert (status, problem["code"]) == (412, "changed-meanwhile")
    async with farm.client(Role.ADMIN) as client:
        late = await client.delete(f"/api/v1/{path}", headers={"If-Match": '"1"'})
        assert late.status_code == 412
        right = await client.delete(f"/api/v1/{path}", headers={"If-Match": '"2"'})
        assert right.status_code == 204


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("limits/a", {}, "a total, a scaling, or both"),
        ("limits/a", {"total": -1}, "greater than or equal to 0"),
        ("limits/pool:a", {"total": 1}, "stands for the room of pools"),
        ("pools/a", {"scaling": {"initial": 9, "maximum": 3}}, "a higher maximum"),
        ("pools/a", {"mode": "chaos"}, "'fair' or 'fifo'"),
        ("pools/a", {"sandbox": "prison"}, "'none', 'container' or 'bubblewrap'"),
        ("shares/a", {"size": 9, "burst": 3}, "a higher burst"),
        ("shares/a", {"weight": 0}, "greater than 0"),
        ("policy", {}, "preemption"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_the_remedy(
    farm: Farm, path: str, body: object, told: str
) -> None:
    status, problem = await put(farm, path, body)
    assert status == 422
    assert told in str(problem)
    assert await bells(farm) == []


@pytest.mark.parametrize(
    ("actions", "wish", "forgiven", "rung"),
    [
        (["drain", "drain"], "DRAIN", 0, 1),
        (["disable", "resume"], "RUN", 0, 2),
        (["forgive", "forgive"], "RUN", 2, 2),
        (["disable", "forgive"], "DISABLE", 1, 2),
    ],
)
async def test_what_is_wanted_of_a_node_is_a_row_and_a_doorbell(
    farm: Farm, actions: list[str], wish: str, forgiven: int, rung: int
) -> None:
    await a_node(farm)
    async with farm.client(Role.ADMIN) as client:
        for action in actions:
            answer = await client.post(f"/api/v1/nodes/node-1/{action}")
            assert (answer.status_code, answer.json()["accepted"]) == (202, action)
    (row,) = await farm.rows(NODE_WISHES)
    assert (row.node_id, row.wish, row.forgiven) == ("node-1", wish, forgiven)
    assert await bells(farm) == ["policy.wanted.v1"] * rung


async def test_a_node_that_is_not_there_cannot_be_drained(farm: Farm) -> None:
    async with farm.client(Role.ADMIN) as client:
        assert (await client.post("/api/v1/nodes/none/drain")).status_code == 404
    assert await farm.rows(NODE_WISHES) == []


async def test_a_resume_that_changes_nothing_rings_no_bell(farm: Farm) -> None:
    await a_node(farm)
    async with farm.client(Role.ADMIN) as client:
        assert (await client.post("/api/v1/nodes/node-1/resume")).status_code == 202
    assert await bells(farm) == []
