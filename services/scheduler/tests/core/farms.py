"""Machines, jobs and policies of every sort, to be drawn from."""

from hypothesis import strategies as st

from lightmill.domain.frames import FrameSet
from lightmill.domain.job import After, StepSpec, steps_with_test
from lightmill.domain.policy import Limit, LimitScope, Policy, Pool, Scaling, Share
from lightmill.domain.resources import Gpu, Needs, Offer

USERS = (("one", "ann"), ("one", "bob"), ("two", "cat"))

NEEDS = st.sampled_from(
    [
        Needs(cores=1, ram=1),
        Needs(cores=2, ram=30),
        Needs(cores=4, ram=4),
        Needs(),
        Needs(cores=3),
        Needs(ram=60),
        Needs(cores=1, ram=1, gpus=1),
        Needs(cores=1, ram=10, gpus=1, vram=8),
        Needs(cores=1, ram=1, gpus=2),
        Needs(cores=2, ram=1, gpus=1, vendor="nvidia"),
        Needs(cores=1, ram=1, disk=50),
        Needs(cores=1, ram=1, tags=("fast",)),
        Needs(cores=1, ram=1, pool="big"),
    ]
)

OFFERS = st.builds(
    lambda cores, ram, disk, gpus, tags, pools: Offer(
        cores=cores,
        ram=ram,
        disk=disk,
        gpus=gpus,
        tags=tags,
        pools=pools,
        engines={"blender": ("4.5",)},
    ),
    cores=st.integers(1, 8),
    ram=st.sampled_from([50, 100, 200]),
    disk=st.sampled_from([None, 120]),
    gpus=st.lists(st.sampled_from([("nvidia", 4), ("nvidia", 16), ("amd", 8)]), max_size=3).map(
        lambda found: tuple(Gpu(index=i, vendor=v, vram=m) for i, (v, m) in enumerate(found))
    ),
    tags=st.sampled_from([(), ("fast",)]),
    pools=st.sampled_from([("default",), ("default", "big")]),
)

EVERYTHING = Offer(
    cores=16,
    ram=400,
    gpus=tuple(Gpu(index=i, vendor="nvidia", vram=32) for i in range(4)),
    tags=("fast",),
    pools=("default", "big"),
    engines={"blender": ("4.5",)},
)
"""What no need rules out."""

_SCALING = Scaling(initial=1, maximum=3, step=1, up_interval=10.0, down_interval=30.0)


def _share(key: tuple[str, str | None], weight: float, size: int, burst: int | None) -> Share:
    return Share(tenant_id=key[0], user=key[1], weight=weight, size=size, burst=burst)


def _policy(
    licences: int | None, machines: int, scaled: list[str], shares: list[Share], preempt: object
) -> Policy:
    limits = {
        "licence": Limit(name="licence", total=licences),
        "seat": Limit(name="seat", total=machines, scope=LimitScope.MACHINE),
        "slots": Limit(name="slots", scaling=_SCALING),
    }
    return Policy(
        pools={name: Pool(name=name, scaling=_SCALING) for name in scaled},
        limits=limits,
        shares={(share.tenant_id, share.user): share for share in shares},
        preemption=bool(preempt),
    )


POLICIES = st.builds(
    _policy,
    st.sampled_from([1, 2, 4, None]),
    st.integers(0, 2),
    st.lists(st.sampled_from(["default", "big"]), unique=True, max_size=2),
    st.lists(
        st.builds(
            _share,
            st.sampled_from([*USERS, ("one", None)]),
            st.sampled_from([0.5, 1.0, 3.0]),
            st.sampled_from([0, 2]),
            st.sampled_from([None, None, 0, 2, 5]),
        ),
        max_size=3,
    ),
    st.booleans(),
)

GENEROUS = Policy(limits={name: Limit(name=name) for name in ("licence", "seat", "slots")})
"""Under which everything ends."""


def _each(frames: str) -> tuple[StepSpec, ...]:
    return (
        StepSpec(name="bake", frames=FrameSet.parse(frames)),
        StepSpec(
            name="render", frames=FrameSet.parse(frames), after=(After(step="bake", each=True),)
        ),
        StepSpec(name="film", frames=FrameSet.parse("1"), after=(After(step="render"),)),
    )  # fmt: skip


def _whole(frames: str) -> tuple[StepSpec, ...]:
    return (
        StepSpec(name="bake", frames=FrameSet.parse("1-2"), chunk=2),
        StepSpec(
            name="render", frames=FrameSet.parse(frames), chunk=1, after=(After(step="bake"),)
        ),
        StepSpec(
            name="film", frames=FrameSet.parse("1"), needs=Needs(cores=1, ram=1),
            after=(After(step="render", must_succeed=False),),
        ),
    )  # fmt: skip


def _tested(frames: str) -> tuple[StepSpec, ...]:
    test = FrameSet.parse("2")
    return steps_with_test(FrameSet.parse(frames), test, stop=True, approval=True)


def _plain(frames: str) -> tuple[StepSpec, ...]:
    return (StepSpec(name="frames", frames=FrameSet.parse(frames), chunk=3),)


STEPS = st.builds(
    lambda shape, last: shape(f"1-{last}"),
    st.sampled_from([_plain, _plain, _tested, _each, _whole]),
    st.integers(2, 6),
)


JOBS = st.builds(
    lambda user, **more: {"tenant": user[0], "user": user[1], **more},
    st.sampled_from(USERS),
    steps=STEPS,
    needs=NEEDS,
    priority=st.sampled_from([1, 1, 50]),
    limits=st.lists(st.sampled_from(["licence", "seat", "slots"]), unique=True, max_size=2),
    pool=st.sampled_from(["default", "default", "big", "designs", "designs"]),
    hours=st.sampled_from([None, None, 0.01]),
    follows=st.sampled_from([False, False, True]),
)
