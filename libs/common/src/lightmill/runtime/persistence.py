"""Going on after what a farm has to live with: brokers, databases and stores come and go."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

_LOG = structlog.get_logger()
_PAUSE_S = 0.5
_FORESEEN = frozenset(
    {
        "LinkLostError",
        "NotLeaderError",
        "StoreUnavailableError",
        "OperationalError",
        "InterfaceError",
    }
)


async def again_and_again(
    work: Callable[[], Awaitable[None]],
    on_fault: Callable[[Exception], Awaitable[None]] | None = None,
) -> None:
    """Do `work` for ever; a part that was away, or a fault of ours, costs a pause.

    Args:
        work: Begins from nothing every time.
        on_fault: Told of an error that nobody foresaw.

    Raises:
        CancelledError: the task was cancelled, be it while `work` was ending by an error.
    """
    while True:
        try:
            await _alone(work)
        except Exception as error:  # noqa: BLE001  # see the docstring
            strange = not is_foreseen(error)
            _LOG.warning("begin again", reason=reasons(error), exc_info=strange)
            if strange and on_fault is not None:
                await on_fault(error)
        await asyncio.sleep(_PAUSE_S)


async def _alone(work: Callable[[], Awaitable[None]]) -> None:
    """Do `work` in a task of its own, so that a cancellation cannot be lost in it.

    A group of tasks that is cancelled while it ends by an error raises only the error, and what it
    leaves of the counts of cancellations says nothing (Python 3.11).
    """
    task = asyncio.ensure_future(work())
    try:
        await asyncio.shield(task)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def reasons(error: BaseException) -> str:
    """Return what went wrong, in one line."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(map(reasons, error.exceptions))
    return f"{type(error).__name__}: {error}"


def is_foreseen(error: BaseException) -> bool:
    """Tell whether `error` is of the kind that a farm must live with: its stack tells nothing."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(is_foreseen, error.exceptions))
    return type(error).__name__ in _FORESEEN or isinstance(error, OSError)
