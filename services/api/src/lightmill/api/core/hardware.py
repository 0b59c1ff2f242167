"""Whether any machine could ever meet what a job needs."""

from collections.abc import Sequence

from lightmill.domain.resources import Needs, Offer, obstacle

REFUSAL = "硬件资源不足,无法满足任务需求"


def stated(needs: Needs) -> bool:
    """Tell whether `needs` asks anything of a machine."""
    return not needs.whole_machine or needs.gpus > 0 or needs.pool is not None


def refusal(needs: Needs, engine: str, offers: Sequence[Offer]) -> str | None:
    """Return why no node of `offers` could ever take the work, in seed 004's words, or None."""
    obstacles = [obstacle(needs, engine, offer) for offer in offers]
    if None in obstacles:
        return None
    if not obstacles:
        return f"{REFUSAL}: no node has enrolled; start one, or set allow_waiting"
    named = ", ".join(sorted({found for found in obstacles if found}))
    return f"{REFUSAL}: no node offers {named}; ask for less, or set allow_waiting"
