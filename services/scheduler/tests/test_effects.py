"""What leaves after a commit fits the outbox and the broker."""

from lightmill.broker.ports import Outgoing
from lightmill.messages.orders import Orders
from lightmill.scheduler.adapters.effects import effects
from lightmill.scheduler.adapters.rows import job_row
from lightmill.scheduler.simulation.invented_node import machine
from lightmill.scheduler.simulation.stage import START, Stage

LARGEST = 2 * 2**20


def test_orders_for_a_large_machine_leave_in_messages_of_bearable_size() -> None:
    farm = Stage(machine("a", cores=64))
    farm.report()
    farm.ask("job", "1-1000000", chunk=10_000)
    jobs = {job_id: job_row(job, START) for job_id, job in farm.last.jobs.items()}
    sent = [
        effect
        for effect in effects(farm.last, jobs, epoch=1, beat=1.0)
        if isinstance(effect, Outgoing) and effect.kind == Orders.routing_key
    ]
    given = [a for effect in sent for a in Orders.model_validate_json(effect.body).assign]
    assert [a.attempt_id for a in given] == [a.attempt_id for a in farm.assigned]
    assert len(given) > 32
    assert all(effect.mandatory for effect in sent)
    assert max(len(effect.body) for effect in sent) < LARGEST
