"""Whether any machine could ever meet what a job needs."""

from collections.abc import Sequence
from dataclasses import fields, replace

from lightmill.domain.resources import Needs, Offer, Profile, is_profile, obstacle

REFUSAL = "硬件资源不足,无法满足任务需求"


def stated(needs: Needs) -> bool:
    """Tell whether `needs` asks anything of a machine."""
    return needs != Needs()


def stated_fields(needs: Needs) -> list[str]:
    """Return the names, as clients spell them, of what `needs` asks of a machine."""
    nothing = Needs()
    names = [f.name for f in fields(needs) if getattr(needs, f.name) != getattr(nothing, f.name)]
    return ["hardware_config_ids" if name == "profiles" else name for name in names]


def on_profiles(asked: Needs, profiles: Sequence[Profile]) -> Needs:
    """Return `asked` on machines of one of `profiles`, with what the smallest of them has.

    Raises:
        ValueError: none of them has what is asked.
    """
    fitting = [
        profile
        for profile in sorted(profiles, key=lambda p: (p.gpus, p.ram, p.cores))
        if profile.ram >= (asked.ram or 0) and profile.gpus >= asked.gpus
    ]
    if not fitting:
        raise ValueError("none of them has the ram and gpu_count asked")
    least = fitting[0]
    return replace(
        asked, cores=least.cores, ram=least.ram, gpus=least.gpus, profiles=tuple(fitting)
    )


def assigned_profile(needs: Needs, offer: Offer) -> int | None:
    """Return the id of the first profile of `needs` that the machine with `offer` meets."""
    met = (profile for profile in needs.profiles if is_profile(profile, offer))
    return next((int(profile.id) for profile in met), None)


def refusal(needs: Needs, engine: str, offers: Sequence[Offer]) -> str | None:
    """Return why no node of `offers` could ever take the work, in seed 004's words, or None."""
    obstacles = [obstacle(needs, engine, offer) for offer in offers]
    if None in obstacles:
        return None
    if not obstacles:
        return f"{REFUSAL}: no node has enrolled; start one, or set allow_waiting"
    named = ", ".join(sorted({found for found in obstacles if found}))
    return f"{REFUSAL}: no node offers {named}; ask for less, or set allow_waiting"
