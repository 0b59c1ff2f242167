"""The farm of `deploy/compose`, unchanged, as tests drive and harm it."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FILE = Path("deploy/compose/compose.yaml")


class CommandFailedError(Exception):
    """A command of Docker's ended with an error; the message is what it said."""


def run(command: list[str], environment: Mapping[str, str], timeout: float = 120.0) -> str:
    """Return what `command` prints.

    Raises:
        CommandFailedError: it ended with an error.
    """
    done = subprocess.run(  # noqa: S603  # the tests' own commands
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode != 0:
        raise CommandFailedError(f"{' '.join(command)}: {done.stderr or done.stdout}")
    return done.stdout


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeFarm:
    """One compose project.

    Attributes:
        root: Of the repository.
        environment: Of every command; its LIGHTMILL_ variables are the farm's settings.
        project: Name of the compose project.
        secrets: Folder with the secrets' files.
    """

    root: Path
    environment: Mapping[str, str]
    project: str
    secrets: Path

    def compose(self, *arguments: str, timeout: float = 120.0) -> str:
        """Return what `docker compose` prints."""
        command = ["docker", "compose", "--project-name", self.project]
        return run(
            [*command, "--file", str(self.root / FILE), *arguments], self.environment, timeout
        )

    def docker(self, *arguments: str, timeout: float = 120.0) -> str:
        """Return what `docker` prints."""
        return run(["docker", *arguments], self.environment, timeout)

    def up(self, *services: str, nodes: int = 2, apis: int = 2) -> None:
        """Build and start the farm, or only some services; returns when they are ready."""
        made = str(self.root / "deploy/compose/make-secrets")
        run([made], {**self.environment, "LIGHTMILL_SECRETS": str(self.secrets)})
        self.compose("build", "--quiet", *services, timeout=1500)
        scales = ["--scale", f"render-node={nodes}", "--scale", f"api={apis}"]
        waiting = ["--detach", "--wait", "--wait-timeout", "240"]
        self.compose("up", *waiting, *([] if services else scales), *services, timeout=300)

    def down(self) -> None:
        """Delete the farm with all that it holds."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "5")

    def address(self, service: str, port: int) -> str:
        """Return where a port of a service is published, as `host:port`."""
        return self.compose("port", service, str(port)).strip()

    def secret(self, name: str) -> str:
        """Return one of the secrets."""
        return (self.secrets / name).read_text()

    def containers(self, service: str) -> list[str]:
        """Return the running containers of a service; a node's name is how its id begins."""
        return self.compose("ps", "--quiet", service).split()

    def shell(self, container: str, script: str) -> str:
        """Return what a shell script prints inside a container."""
        return self.docker("exec", container, "sh", "-c", script)

    def signal(self, container: str, name: str) -> None:
        """Send a signal to the service in a container: the child of its init."""
        self.shell(container, f"kill -{name} $(cat /proc/1/task/1/children)")

    def disconnect(self, container: str) -> None:
        """Pull a container's plug out of the farm's network."""
        self.docker("network", "disconnect", f"{self.project}_farm", container)

    def connect(self, container: str) -> None:
        """Put it back."""
        self.docker("network", "connect", f"{self.project}_farm", container)

    def restart(self, service: str) -> None:
        """Stop and start a service; returns when it is ready again."""
        self.compose("restart", "--timeout", "30", service)
        self.compose("up", "--detach", "--wait", "--no-recreate", "--no-deps", service)

    def purge_queues(self) -> list[str]:
        """Empty every durable queue; returns their names."""
        base = ["exec", "-T", "rabbitmq", "rabbitmqctl", "--quiet", "--vhost", "lightmill"]
        listed = json.loads(
            self.compose(*base, "list_queues", "name", "durable", "exclusive", "--formatter=json")
        )
        names = [queue["name"] for queue in listed if queue["durable"] and not queue["exclusive"]]
        for name in names:
            self.compose(*base, "purge_queue", name)
        return names

    def redis(self, command: str) -> str:
        """Return what Redis answers to a command, as its admin."""
        login = 'REDISCLI_AUTH="$(cat /run/secrets/redis_setup_password)"'
        script = f"{login} redis-cli --user lightmill_setup {command}"
        return self.compose("exec", "-T", "redis", "sh", "-c", script).strip()

    def redis_script(self, *commands: str) -> str:
        """Return what Redis answers to commands that share one connection."""
        login = 'REDISCLI_AUTH="$(cat /run/secrets/redis_setup_password)"'
        typed = "\\n".join(commands)
        script = f"printf '{typed}\\n' | {login} redis-cli --user lightmill_setup"
        return self.compose("exec", "-T", "redis", "sh", "-c", script).strip()

    def sql(self, statement: str) -> list[dict[str, str]]:
        """Return the rows that a statement yields in MySQL, every value as text."""
        login = 'MYSQL_PWD="$(cat /run/secrets/mysql_root_password)"'
        script = f'{login} mysql --user root --batch --raw lightmill --execute "$0"'
        lines = self.compose("exec", "-T", "mysql", "sh", "-c", script, statement).splitlines()
        head, *rows = [line.split("\t") for line in lines] or [[]]
        return [dict(zip(head, row, strict=True)) for row in rows]

    def logs(self, *services: str) -> str:
        """Return what services have said so far."""
        return self.compose("logs", "--no-color", "--no-log-prefix", *services)
