"""How the event loop hears of the end of its processes."""

import asyncio
import os


def watch_by_descriptor() -> bool:
    """Let the kernel tell the running loop by a file descriptor, instead of a thread a process.

    Returns whether the kernel knows how; where it does not, threads it is.
    """
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    # Newer Pythons do so by themselves, and have no such call.
    policy = asyncio.get_event_loop_policy()  # type: ignore[deprecated]
    if not isinstance(policy.get_child_watcher(), asyncio.PidfdChildWatcher):  # type: ignore[deprecated]
        policy.set_child_watcher(asyncio.PidfdChildWatcher())  # type: ignore[deprecated]
    watcher = policy.get_child_watcher()  # type: ignore[deprecated]
    # A policy attaches its watcher to loops that are set later than it; attaching anew would
    # forget the processes that another node of this program has started.
    if not watcher.is_active():
        watcher.attach_loop(asyncio.get_running_loop())
    return True
