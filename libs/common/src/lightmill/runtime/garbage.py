"""Garbage collection that a process with millions of living objects can afford."""

import gc

_YOUNG = 50_000
"""Objects more than before at which cycles are looked for; the standard is 700.

What a turn makes is freed by counting references before it comes to that: only cycles, such as
a job and its steps, are left to the collector, and those are few.
"""

_OLDER = 20
"""Collections of the young after which the older are looked through too, and so on."""


def spare_the_living() -> None:
    """Look no more through what lives now, and seldom through what comes.

    For a process that has just taken in its state: looking through it again and again, at
    every few thousand objects, costs half of the time in which it could decide.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _OLDER, _OLDER)
