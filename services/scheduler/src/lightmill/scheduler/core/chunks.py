"""How many frames a node gets at once."""

from lightmill.scheduler.core.work import Step

TARGET_SECONDS = 5.0
"""Of rendering in one chunk: what handing it out costs is then nothing beside it."""

LEAST_SECONDS = 0.25
"""Of rendering, as far as there are frames: handing out less costs more than it evens out."""

MOST_FRAMES = 256


def chunk_of(step: Step) -> int:
    """Return the number of frames of the next task of `step`.

    What its owner asked for; else as many as take `TARGET_SECONDS` by the times measured so far,
    and towards the end so few that all who work on it end within `LEAST_SECONDS` of each other
    (guided self-scheduling: Polychronopoulos and Kuck, 1987).
    """
    if step.spec.chunk is not None:
        return step.spec.chunk
    if not step.timing.count:
        return 1
    mean = max(step.timing.mean, TARGET_SECONDS / MOST_FRAMES)
    least, most = int(LEAST_SECONDS / mean), int(TARGET_SECONDS / mean)
    waiting = step.waiting.total - step.waiting.next_ordinal
    share = waiting // (2 * (len(step.running) + 1))
    return max(1, min(most, max(least, share)))
