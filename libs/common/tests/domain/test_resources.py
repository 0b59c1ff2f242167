import pytest

from lightmill.domain.resources import GIB, Gpu, Needs, Offer, obstacle

OFFER = Offer(cores=8, ram=16 * GIB, gpus=(Gpu(index=0),), engines={"blender": ("4.5",)})


@pytest.mark.parametrize(
    "needs",
    [Needs(), Needs(cores=8), Needs(ram=16 * GIB), Needs(gpus=1), Needs(pool="default")],
)
def test_what_a_machine_has_fits(needs: Needs) -> None:
    assert obstacle(needs, "blender", OFFER) is None


@pytest.mark.parametrize(
    ("needs", "engine", "words"),
    [
        (Needs(), "maya", "engine maya"),
        (Needs(cores=9), "blender", "9 cores"),
        (Needs(ram=32 * GIB), "blender", "32 GB RAM"),
        (Needs(gpus=2), "blender", "2 GPU"),
        (Needs(pool="night"), "blender", "pool night"),
    ],
)
def test_the_obstacle_is_named(needs: Needs, engine: str, words: str) -> None:
    assert obstacle(needs, engine, OFFER) == words


def test_only_a_task_without_stated_needs_takes_the_whole_machine() -> None:
    assert Needs().whole_machine
    assert Needs(gpus=1).whole_machine
    assert not Needs(cores=1).whole_machine
    assert not Needs(ram=1).whole_machine
