"""What leaves after a commit fits the outbox and the broker."""

from lightmill.messages.orders import Orders
from lightmill.scheduler.adapters.effects import effects
from lightmill.scheduler.simulation.stage import START, Stage, machine
from lightmill.storage.sql.outbox import Publish

LARGEST = 2 * 2**20


def test_orders_for_a_large_machine_leave_in_messages_of_bearable_size() -> None:
    farm = Stage(machine("a", cores=64))
    farm.report()
    farm.ask("job", "1-1000000", chunk=10_000)
    sent = [
        effect
        for effect in effects(farm.last, epoch=1, beat=1.0, now=START)
        if isinstance(effect, Publish) and isinstance(effect.message, Orders)
    ]
    given = [
        a for effect in sent if isinstance(effect.message, Orders) for a in effect.message.assign
    ]
    assert [a.attempt_id for a in given] == [a.attempt_id for a in farm.assigned]
    assert len(given) > 32
    assert all(effect.mandatory for effect in sent)
    assert max(len(effect.message.body()) for effect in sent) < LARGEST
