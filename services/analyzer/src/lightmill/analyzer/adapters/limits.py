"""What a process that reads hostile files may take, set by itself before the first byte."""

import resource


def hold_this_process_to(memory: int, seconds: int, size: int) -> None:
    """Return when the limits hold, for ever: bytes of memory, seconds of CPU, bytes of a file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
