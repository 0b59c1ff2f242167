"""Nobody can tell by asking which contents another tenant has: not by answer, not by time.

An attacker knows the hashes of 10,000 contents, half of which the victim has. How well the
answers, or the times until they come, sort the one half from the other is the area under
the ROC curve: 0.5 is guessing, 1 is knowing. Chance alone moves it by 0.006 (one sigma) with as
many probes as here.
"""

import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import pytest
from blake3 import blake3
from services.api.tests.conftest import Farm
from sqlalchemy import select

from lightmill.storage.sql.schema.api import ASSETS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PROBES = 10_000
TOLERATED = 0.02
Ask = Callable[[str], Awaitable[bool]]
"""Asks whether a content is there; returns what the answer says."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One question: whether the victim has it, what was answered, and after how many seconds."""

    there: bool
    told: bool
    seconds: float


def area(probes: Sequence[Probe], seen: Callable[[Probe], float]) -> float:
    """Return the chance that a present one is seen as more than an absent one; a tie is half."""
    ordered = sorted(probes, key=seen)
    there = sum(probe.there for probe in probes)
    below, won = 0, 0.0
    for _, ties in groupby(ordered, key=seen):
        group = list(ties)
        present = sum(probe.there for probe in group)
        absent = len(group) - present
        won += present * (below + absent / 2)
        below += absent
    return won / (there * (len(probes) - there))


async def attack(ask: Ask, present: Sequence[str], absent: Sequence[str]) -> list[Probe]:
    """Return what asking for all of them shows, in an order that favours neither."""
    asked = [(name, True) for name in present] + [(name, False) for name in absent]
    random.Random(7).shuffle(asked)  # noqa: S311  # an order, not a secret
    for name, _ in asked[:200]:
        await ask(name)  # until everything is warm
    probes = []
    for name, there in asked:
        began = time.perf_counter()
        told = await ask(name)
        probes.append(Probe(there, told, time.perf_counter() - began))
    return probes


def hashes(kind: str) -> list[str]:
    return [blake3(f"{kind} {number}".encode()).hexdigest() for number in range(PROBES // 2)]


@pytest.fixture
async def known(farm: Farm) -> list[str]:
    """Contents that the victim has: rows, objects, and the names that a naive farm would use."""
    names = hashes("present")
    rows = [
        {
            "tenant_id": farm.two.id,
            "owner_id": "victim",
            "name": "secret",
            "path": "secret",
            "blake3": name,
            "md5": name[:32],
            "xxh64": "0",
            "size": 1,
            "object_key": f"tenants/{farm.two.id}/assets/{number}",
            "created_at": farm.clock.now(),
        }
        for number, name in enumerate(names)
    ]
    await farm.insert(ASSETS, *rows)
    for row in rows:
        for key in (str(row["object_key"]), f"by-hash/{row['blake3']}"):
            path = farm.store.path(key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
    return names


async def test_an_attacker_cannot_tell_what_another_tenant_has(
    farm: Farm, known: list[str]
) -> None:
    async with farm.client() as client:

        async def ask(name: str) -> bool:
            answer = await client.post("/api/files/check_hashes", json={"hashes": [name]})
            return bool(answer.json()["exists"])

        probes = await attack(ask, known, hashes("absent"))
    by_answer = area(probes, lambda probe: float(probe.told))
    by_time = area(probes, lambda probe: probe.seconds)
    sys.stdout.write(
        f"{len(probes)} probes: AUC by answer {by_answer:.3f}, by time {by_time:.3f}\n"
    )
    assert by_answer == 0.5
    assert abs(by_time - 0.5) <= TOLERATED


async def test_the_test_convicts_a_farm_that_looks_by_hash(farm: Farm, known: list[str]) -> None:
    """HEAD by hash, then whose it is: one answers what it finds, one hides it and takes longer."""

    async def naive(name: str) -> bool:
        return await farm.store.info(f"by-hash/{name}") is not None

    async def hiding(name: str) -> bool:
        if await farm.store.info(f"by-hash/{name}") is None:
            return False
        mine = (ASSETS.c.blake3 == name, ASSETS.c.tenant_id == farm.one.id)
        async with farm.parts.database.reading() as connection:
            return bool((await connection.execute(select(ASSETS.c.id).where(*mine))).first())

    few, absent = known[:1000], hashes("absent")[:1000]
    by_answer = area(await attack(naive, few, absent), lambda probe: float(probe.told))
    by_time = area(await attack(hiding, few, absent), lambda probe: probe.seconds)
    sys.stdout.write(f"naive: AUC by answer {by_answer:.3f}, by time {by_time:.3f}\n")
    assert by_answer == 1.0
    assert by_time > 0.9


def test_the_area_is_the_chance_to_be_seen_as_more() -> None:
    seen = [Probe(there=True, told=True, seconds=s) for s in (1.0, 2.0, 3.0)]
    seen += [Probe(there=False, told=False, seconds=s) for s in (0.5, 2.0)]
    assert area(seen, lambda probe: probe.seconds) == pytest.approx((1 + 1.5 + 2) / 6)
    assert area(seen, lambda _: 0.0) == 0.5
