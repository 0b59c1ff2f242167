"""What the keeper of a farm sends: how it is shared."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lightmill.api.core.bodies import Body
from lightmill.domain.policy import LimitScope, PoolMode

_MOST = 1_000_000
Count = Annotated[int, Field(ge=1, le=_MOST)]
Interval = Annotated[float, Field(gt=0, le=86400, description="Seconds")]


class ScalingBody(Body):
    """A ceiling that follows the queue (seed 003): up while more than twice as much waits.

    `initial` is seed 003's initialConcurrentTasks, `maximum` maxConcurrentTasks, `step`
    tasksPerScaleUp, the intervals scaleUpInterval and scaleDownInterval (there in ms).
    """

    initial: Count = 10
    maximum: Count = 50
    step: Count = 5
    up_interval: Interval = 60.0
    down_interval: Interval = 180.0

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.initial > self.maximum:
            raise ValueError("initial is more than maximum; give a higher maximum")
        return self


class PoolBody(Body):
    """How a pool orders its work, what bounds it, and how well its engines are shut in."""

    mode: PoolMode = PoolMode.FAIR
    scaling: ScalingBody | None = None
    sandbox: Literal["none", "container", "bubblewrap"] | None = None


class LimitBody(Body):
    """A counted thing that tasks share, such as licences: how many there are."""

    total: int | None = Field(default=None, ge=0, le=_MOST)
    scope: LimitScope = Field(
        default=LimitScope.TASK,
        description="Whether each task takes one, or each machine, however many tasks it runs",
    )
    scaling: ScalingBody | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.total is None and self.scaling is None:
            raise ValueError("a limit has a total, a scaling, or both")
        return self


class ShareBody(Body):
    """What a user, or the whole tenant, may expect; `size` and `burst` in cores."""

    weight: float = Field(default=1.0, gt=0, le=1000)
    size: int = Field(default=0, ge=0, le=_MOST, description="Below it they go first")
    burst: int | None = Field(default=None, ge=1, le=_MOST, description="They never exceed it")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.burst is not None and self.burst < self.size:
            raise ValueError("burst is less than size; give a higher burst, or none")
        return self


class FarmPolicyBody(Body):
    """What holds for the whole farm."""

    preemption: bool = Field(
        description="Whether work of higher priority may end running work of lower priority"
    )
