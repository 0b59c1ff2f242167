"""What must never happen, and whoever finds that it has."""

LAWS = {
    "no_commit_of_an_old_epoch": "whoever was deposed writes nothing any more; epochs only grow",
    "one_result_a_frame": "no frame becomes a result twice",
    "results_are_of_current_attempts": "a result comes from the attempt that has the frame",
    "results_are_whole_files": "what is served was stored to its last byte",
    "accepted_files_never_change": "nobody writes a file again that is a result",
    "transitions_follow_the_tables": "jobs, steps and attempts change as the tables allow",
    "counts_add_up": "done, given up, waiting and running make up all frames of a step",
    "completed_jobs_are_complete": "COMPLETED means a result for every frame",
    "one_attempt_a_frame": "a frame is given to one attempt at a time",
    "a_lost_attempt_uses_no_retry": "a frame does not pay for the loss of its machine",
    "nothing_is_lost_that_its_machine_holds": "what a machine says it renders is not lost",
    "cancelled_jobs_get_nothing": "after the cancelling commit nothing begins or becomes a result",
    "unwanted_jobs_get_nothing_new": "what is paused or cancelled is not handed out",
    "rows_are_as_memory_has_them": "no commit is refused because a row stood elsewhere",
    "acknowledged_means_applied": "a doorbell is acknowledged after the commit that obeyed it",
    "settled_means_committed": "a machine forgets an end only when it is in the database",
    "orders_find_room": "nothing is handed to a machine that is known to be full",
    "no_machine_is_promised_twice": "in calm, what leaders hand out fits the machine",
    "machines_are_not_overfilled": "what renders on a machine fits it",
    "no_attempt_begins_twice": "an order that comes twice is begun once",
    "a_cancelled_order_never_begins": "an order that comes after its cancellation is refused",
    "an_attempt_ends_where_it_began": "no end without a beginning",
    "no_machine_follows_a_deposed_leader": "orders of older epochs are refused",
    "nothing_waits_while_a_machine_idles": "in calm, a machine that fits what waits gets it",
    "orders_fit_their_machines": "a machine that serves the needs, of that all that was asked for",
    "nothing_begins_before_what_it_waits_for": "steps, frames, jobs, approval: all that is over",
    "no_limit_is_exceeded": "what tasks share is never handed out beyond its bound",
    "no_pool_is_beyond_its_ceiling": "no more tasks in a pool than its ceiling may ever be",
    "no_burst_is_exceeded": "nobody is handed more cores than their burst",
    "fifo_pools_keep_their_order": "in a FIFO pool the oldest goes first",
    "every_job_ends": "after the faults, every job ends",
    "every_finish_is_settled": "after the faults, every end has been answered",
    "every_message_leaves": "after the faults, the outbox is empty",
}


class BrokenLawError(AssertionError):
    """The farm has done what it must never do.

    Attributes:
        law: Name of the law, one of `LAWS`.
    """

    def __init__(self, law: str, what: str) -> None:
        super().__init__(f"{law}: {what}")
        self.law = law


def hold(law: str, holds: bool, otherwise: object) -> None:  # noqa: FBT001  # reads as a sentence
    """Go on while `law` holds.

    Raises:
        BrokenLawError: it does not.
    """
    if not holds:
        raise BrokenLawError(law, str(otherwise))
