"""Farms with one seeded fault each: a simulator that does not find them proves nothing."""

from collections.abc import Callable
from dataclasses import dataclass

from lightmill.scheduler.simulation import leader_mutants as leaders
from lightmill.scheduler.simulation import node_mutants as nodes
from lightmill.scheduler.simulation import policy_mutants as policies
from lightmill.scheduler.simulation.candidate import Roles
from lightmill.scheduler.simulation.night import Cast, Night
from lightmill.scheduler.simulation.scenario import load

LIMIT = 1000
"""Seeds within which a mutant has to be found."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault, and the scenario that should bring it to light."""

    name: str
    scenario: str
    cast: Callable[[], Cast]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catch:
    """What a hunt came to; `law` is None when the mutant got away."""

    mutant: str
    scenario: str
    farms: int
    law: str | None


MUTANTS = (
    Mutant("no fence check", "frozen-nodes", lambda: Cast(roles=Roles(farm=leaders.NoFence))),
    Mutant("ack before commit", "leader-crashes", lambda: _led(Roles(decide=leaders.AckFirst))),
    Mutant(
        "release without confirmed kill",
        "cancel-storm",
        lambda: _led(Roles(farm=leaders.ReleaseUnconfirmed)),
    ),
    Mutant("finish told only once", "leader-crashes", lambda: Cast(node=nodes.TellsOnce)),
    Mutant("two leaders, no epoch check", "leader-crashes", lambda: _on(leaders.NoEpochCheck)),
    Mutant(
        "settled before commit", "leader-crashes", lambda: _led(Roles(ledger=leaders.SettleFirst))
    ),
    Mutant("lease per node", "broker-chaos", lambda: _led(Roles(farm=leaders.LeasePerNode))),
    Mutant("relay by cursor", "leader-crashes", lambda: _led(Roles(relay=leaders.RelayByCursor))),
    Mutant(
        "lost frames forgotten", "node-crashes", lambda: _led(Roles(farm=leaders.LostForgotten))
    ),
    Mutant("lost counts as retry", "node-crashes", lambda: _led(Roles(farm=leaders.LostCounts))),
    Mutant(
        "stale reports believed", "broker-chaos", lambda: _led(Roles(farm=leaders.StaleReports))
    ),
    Mutant(
        "beats before an order counted",
        "broker-chaos",
        lambda: _led(Roles(farm=leaders.BeatsUnderWay)),
    ),
    Mutant(
        "machines shunned after a loss",
        "node-crashes",
        lambda: _led(Roles(farm=leaders.ShunsMachines)),
    ),
    Mutant("a frame given twice", "calm", lambda: _led(Roles(farm=leaders.GivesTwice))),
    Mutant("paused jobs go on", "cancel-storm", lambda: _led(Roles(farm=leaders.PausedAnyway))),
    Mutant(
        "memory kept after a failed commit",
        "leader-crashes",
        lambda: _led(Roles(ledger=leaders.GoOnRegardless)),
    ),
    Mutant(
        "running attempts forgotten at take-over",
        "leader-crashes",
        lambda: _led(Roles(ledger=leaders.TakeOverBlind)),
    ),
    Mutant("no sweep for lost doorbells", "broker-chaos", lambda: _led(Roles(sweep=10**9))),
    Mutant("half a file delivered", "calm", lambda: Cast(node=nodes.DeliversHalf)),
    Mutant("finishes not in the journal", "everything", lambda: Cast(room=nodes.NoJournal)),
    Mutant("dead engines reported", "node-crashes", lambda: Cast(room=nodes.DeadEngines)),
    Mutant("settled attempts begun again", "broker-chaos", lambda: Cast(room=nodes.ForgetsEnds)),
    Mutant("cancelled orders begun", "cancel-storm", lambda: Cast(room=nodes.ForgetsCancels)),
    Mutant("deposed leaders obeyed", "everything", lambda: Cast(room=nodes.ObeysAnyone)),
    Mutant("machines overfilled", "calm", lambda: Cast(room=nodes.Overfills)),
    Mutant("limits not counted", "licences", lambda: _led(Roles(farm=policies.NoLimits))),
    Mutant("bursts forgotten", "studio", lambda: _led(Roles(farm=policies.NoBursts))),
    Mutant("the youngest first", "any-policy", lambda: _led(Roles(farm=policies.YoungestFirst))),
    Mutant(
        "everything taken for approved",
        "any-policy",
        lambda: _led(Roles(farm=policies.NoApproval)),
    ),
    Mutant(
        "steps that wait for nothing",
        "any-policy",
        lambda: _led(Roles(farm=policies.NoDependencies)),
    ),
    Mutant("any device will do", "any-policy", lambda: _led(Roles(farm=policies.AnyDevice))),
    Mutant("devices given twice", "any-policy", lambda: _led(Roles(farm=policies.DevicesTwice))),
    Mutant("memory given twice", "studio", lambda: _led(Roles(farm=policies.MemoryTwice))),
)


def hunt(mutant: Mutant, seed: str, limit: int = LIMIT) -> Catch:
    """Return after how many farms the mutant breaks a law."""
    scenario = load(mutant.scenario)
    for number in range(limit):
        outcome = Night(scenario, f"{seed}.{number}", mutant.cast()).run()
        if outcome.broken is not None:
            law = outcome.broken.split(":")[0]
            return Catch(mutant=mutant.name, scenario=mutant.scenario, farms=number + 1, law=law)
    return Catch(mutant=mutant.name, scenario=mutant.scenario, farms=limit, law=None)


def _led(roles: Roles) -> Cast:
    return Cast(roles=roles)


def _on(database: type[leaders.NoEpochCheck]) -> Cast:
    return Cast(database=database)
