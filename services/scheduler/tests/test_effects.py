"""What leaves after a commit fits the outbox and the broker."""

from lightmill.broker.ports import Outgoing
from lightmill.messages.attempts_settled import AttemptsSettled
from lightmill.messages.node_report import Outcome
from lightmill.messages.orders import Orders
from lightmill.messages.topology import NODES
from lightmill.scheduler.adapters.effects import effects
from lightmill.scheduler.adapters.rows import job_row
from lightmill.scheduler.simulation.invented_node import machine
from lightmill.scheduler.simulation.stage import START, Stage

LARGEST = 2 * 2**20


def test_orders_for_a_large_machine_leave_in_messages_of_bearable_size() -> None:
    farm = Stage(machine("a", cores=64))
    farm.report()
    farm.ask("job", "1-1000000", chunk=10_000)
    sent = _mail(farm)
    given = [a for effect in sent for a in Orders.model_validate_json(effect.body).assign]
    assert [a.attempt_id for a in given] == [a.attempt_id for a in farm.assigned]
    assert len(given) > 32
    assert all(effect.mandatory for effect in sent)
    assert max(len(effect.body) for effect in sent) < LARGEST


def test_what_a_turn_settles_and_orders_of_a_node_leaves_in_one_message() -> None:
    message, ended = _settling("1-40")
    orders = Orders.model_validate_json(message.body)
    assert message.mandatory
    assert orders.assign
    assert _settled(orders.settled) == ended


def test_what_is_settled_while_nothing_is_ordered_leaves_by_itself() -> None:
    message, ended = _settling("1")
    assert message.kind == AttemptsSettled.routing_key
    assert not message.mandatory
    assert _settled(AttemptsSettled.model_validate_json(message.body)) == ended


def _settling(frames: str) -> tuple[Outgoing, list[str]]:
    """Return the only message of the turn in which all that a machine has begun ends, and that."""
    farm = Stage(machine("a"))
    farm.report()
    farm.ask("job", frames, chunk=1)
    ended = _end_all(farm)
    (message,) = _mail(farm)
    return message, ended


def _end_all(farm: Stage) -> list[str]:
    farm.begin_all()
    begun = list(farm.nodes["a"].running)
    for attempt_id in begun:
        farm.nodes["a"].finish(attempt_id, Outcome.SUCCEEDED)
    farm.report()
    return begun


def _settled(message: AttemptsSettled | None) -> list[str]:
    return [] if message is None else [one.attempt_id for one in message.attempts]


def _mail(farm: Stage) -> list[Outgoing]:
    jobs = {job_id: job_row(job, START) for job_id, job in farm.last.jobs.items()}
    sent = effects(farm.last, jobs, epoch=1, beat=1.0)
    return [it for it in sent if isinstance(it, Outgoing) and it.exchange == NODES]
