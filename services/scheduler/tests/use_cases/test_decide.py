from itertools import count

from lightmill.scheduler.core.facts import BeatPassed, Fact
from lightmill.scheduler.core.farm import Farm
from lightmill.scheduler.simulation.database import Database
from lightmill.scheduler.simulation.inspector import Inspector
from lightmill.scheduler.simulation.kernel import Clock, Kernel
from lightmill.scheduler.simulation.ledger import Fate, MemoryLedger, Surroundings
from lightmill.scheduler.simulation.store import Store
from lightmill.scheduler.use_cases.decide import Decide, News


async def test_a_tick_that_comes_twice_or_late_counts_once() -> None:
    kernel, database, ids = Kernel("decide"), Database(), count()
    around = Surroundings(
        database=database,
        court=Inspector(kernel, database, Store()),
        latency=lambda: 0.0,
        fate=lambda: Fate.DONE,
    )
    clock, seen = Clock(kernel), list[Fact]()
    decide = Decide(
        farm=Farm(beat=1.0, new_id=lambda: str(next(ids)), now=clock.now()),
        ledger=MemoryLedger(around, 1, 1.0),
        clock=clock,
        committed=lambda: None,
        record=lambda fact, _: seen.append(fact),
    )
    for number in (1, 2, 2, 1, 3):
        await decide([News(facts=(BeatPassed(number),))])
    assert seen == [BeatPassed(1), BeatPassed(2), BeatPassed(3)]
