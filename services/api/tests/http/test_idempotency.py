import asyncio

from services.api.tests.conftest import Farm
from sqlalchemy import update

from lightmill.domain.principal import Role
from lightmill.storage.sql.schema.api import IDEMPOTENCY_KEYS, JOBS

KEY = {"Idempotency-Key": "my key 1"}
BODY = {"name": "n", "engine": "simulated", "frames": "1"}


async def test_the_same_request_again_gets_the_first_answer(farm: Farm) -> None:
    async with farm.client() as client:
        first = await client.post("/api/v1/jobs", json=BODY, headers=KEY)
        again = await client.post("/api/v1/jobs", json=BODY, headers=KEY)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"
    assert await farm.count(JOBS) == 1


async def test_a_refusal_is_repeated_too(farm: Farm) -> None:
    async with farm.client() as client:
        first = await client.post("/api/v1/jobs", json={**BODY, "frames": "x"}, headers=KEY)
        again = await client.post("/api/v1/jobs", json={**BODY, "frames": "x"}, headers=KEY)
    assert first.status_code == again.status_code == 422
    assert first.json() == again.json()


async def test_another_body_under_the_same_key_is_refused(farm: Farm) -> None:
    async with farm.client() as client:
        await client.post("/api/v1/jobs", json=BODY, headers=KEY)
        other = await client.post("/api/v1/jobs", json={**BODY, "frames": "2"}, headers=KEY)
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency-key-reused"


async def test_many_at_once_make_one_job(farm: Farm) -> None:
    async with farm.client() as client:
        answers = await asyncio.gather(
            *(client.post("/api/v1/jobs", json=BODY, headers=KEY) for _ in range(8))
        )
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert any(answer.status_code == 201 for answer in answers)
    assert await farm.count(JOBS) == 1


async def test_keys_of_different_people_have_nothing_to_do_with_each_other(farm: Farm) -> None:
    made = set()
    for tenant in (farm.one, farm.two):
        async with farm.client(tenant=tenant) as client:
            made.add((await client.post("/api/v1/jobs", json=BODY, headers=KEY)).json()["id"])
    assert len(made) == 2


async def test_a_key_whose_process_died_makes_no_second_job(farm: Farm) -> None:
    async with farm.client() as client:
        first = await client.post("/api/v1/jobs", json=BODY, headers=KEY)
        (row,) = await farm.rows(IDEMPOTENCY_KEYS)
        # As a crash between the commit and the answer leaves it.
        reserved = '{"reserved": "' + first.json()["id"] + '"}'
        async with farm.parts.database.transaction() as connection:
            change = update(IDEMPOTENCY_KEYS).values(status=None, answer=reserved)
            await connection.execute(change)
        early = await client.post("/api/v1/jobs", json=BODY, headers=KEY)
        farm.clock.pass_time(61)
        late = await client.post("/api/v1/jobs", json=BODY, headers=KEY)
    assert row.status == 201
    assert early.status_code == 409
    assert late.status_code == 201
    assert late.json() == first.json()
    assert await farm.count(JOBS) == 1


async def test_a_key_is_a_short_text(farm: Farm) -> None:
    async with farm.client() as client:
        answer = await client.post(
            "/api/v1/jobs", json=BODY, headers={"Idempotency-Key": "x" * 201}
        )
    assert answer.json()["code"] == "invalid-idempotency-key"


async def test_an_answer_with_a_secret_is_not_kept(farm: Farm) -> None:
    async with farm.client(Role.ADMIN) as client:
        body = {"user": "ada", "role": "artist"}
        assert (await client.post("/api/v1/tokens", json=body, headers=KEY)).status_code == 201
    async with farm.client(Role.ENROLMENT) as client:
        await client.post("/api/v1/nodes/enrol", json={"name": "n"}, headers=KEY)
    assert await farm.count(IDEMPOTENCY_KEYS) == 0


async def test_keys_are_forgotten_after_a_day(farm: Farm) -> None:
    async with farm.client() as client:
        await client.post("/api/v1/jobs", json=BODY, headers=KEY)
        farm.clock.pass_time(86_000)
        await client.post("/api/v1/jobs", json=BODY, headers={"Idempotency-Key": "young"})
    farm.clock.pass_time(1_000)
    assert await farm.assembly.pruner.prune() == 1
    assert await farm.count(IDEMPOTENCY_KEYS) == 1
