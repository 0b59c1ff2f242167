"""The backing parts come up, prepared, from the unchanged compose file."""

import pytest

from lightmill.testing.compose import CommandFailedError, ComposeFarm

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]
PARTS = ("mysql", "rabbitmq", "redis", "s3")


@pytest.fixture(scope="module")
def prepared(compose: ComposeFarm) -> ComposeFarm:
    compose.up(*PARTS, "setup")
    compose.compose("up", "--no-deps", "--exit-code-from", "setup", "setup")
    return compose


def test_setup_makes_the_schema(prepared: ComposeFarm) -> None:
    names = {row["Tables_in_lightmill"] for row in prepared.sql("SHOW TABLES")}
    assert {"jobs", "job_states", "attempts", "results", "leadership"} <= names


def test_setup_makes_the_queues(prepared: ComposeFarm) -> None:
    assert set(prepared.purge_queues()) == {"scheduler.inbox", "analyzer.inbox", "dead.letters"}


def test_setup_can_be_repeated(prepared: ComposeFarm) -> None:
    before = prepared.sql("SELECT * FROM tokens ORDER BY id")
    prepared.compose("run", "--rm", "--no-deps", "setup")
    assert prepared.sql("SELECT * FROM tokens ORDER BY id") == before


def test_each_service_has_an_account_of_its_own(prepared: ComposeFarm) -> None:
    accounts = {row["user"] for row in prepared.sql("SELECT user FROM mysql.user")}
    assert {"lightmill_api", "lightmill_scheduler", "lightmill_analyzer"} <= accounts
    listed = prepared.compose("exec", "-T", "rabbitmq", "rabbitmqctl", "--quiet", "list_users")
    names = {line.split("\t")[0] for line in listed.splitlines()[1:]}
    assert names == {
        "lightmill_setup",
        "lightmill_api",
        "lightmill_scheduler",
        "lightmill_analyzer",
        "lightmill_node",
    }


def test_a_node_cannot_reach_the_database(prepared: ComposeFarm) -> None:
    reach = "import socket; socket.create_connection(('mysql', 3306), 3)"
    network = f"{prepared.project}_farm"
    with pytest.raises(CommandFailedError, match="gaierror"):
        prepared.docker(
            "run", "--rm", "--network", network, "lightmill/setup", "python", "-c", reach
        )


def test_only_the_doors_that_are_meant_to_be_are_open(prepared: ComposeFarm) -> None:
    listed = prepared.docker(
        "ps", "--filter", f"label=com.docker.compose.project={prepared.project}",
        "--format", "{{.Ports}}",
    )  # fmt: skip
    published = {part for line in listed.splitlines() for part in line.split(", ") if "->" in part}
    assert published
    assert all(part.startswith("127.0.0.1:") for part in published)
    inside = {part.split("->")[1] for part in published}
    assert inside <= {f"{port}/tcp" for port in (3000, 8000, 8333, 3306, 6379, 5672, 15672)}
