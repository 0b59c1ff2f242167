"""What every command needs: a farm to ask, and somewhere to answer."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from lightmill.client.config import ENVIRONMENT, Login, cache_folder, load_login
from lightmill.client.farm import Farm

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]


def _open(login: Login) -> Farm:
    return Farm(login.url, login.token, cache=cache_folder())


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the command.

    Attributes:
        open: Makes the farm that a login names.
        environment: Where LIGHTMILL_URL and LIGHTMILL_TOKEN are looked up.
    """

    open: Callable[[Login], Farm] = _open
    environment: Mapping[str, str] = field(default_factory=lambda: ENVIRONMENT)

    def farm(self) -> Farm:
        """Return the farm that the person is logged in to.

        Raises:
            NotLoggedInError: there is none.
        """
        return self.open(load_login(self.environment))


def farm_of(context: typer.Context) -> Farm:
    """Return the farm of this run of the command; it is closed when the command ends."""
    session: Session = context.find_object(Session) or Session()
    farm: Farm = context.with_resource(session.farm())
    return farm


def tell(text: str) -> None:
    """Say something to the person."""
    Console(stderr=True).print(text, markup=False, highlight=False, soft_wrap=True)


def answer(plain: str, document: Mapping[str, object], *, as_json: bool) -> None:
    """Print the one thing that was asked for: a word for a shell, or JSON."""
    typer.echo(json.dumps(document) if as_json else plain)


def show(items: Sequence[BaseModel], columns: Mapping[str, str], *, as_json: bool) -> None:
    """Print a list: as JSON, or as a table whose columns map a heading to a field's path."""
    if as_json:
        typer.echo(json.dumps([item.model_dump(mode="json") for item in items]))
        return
    table = Table(box=None, pad_edge=False)
    for heading in columns:
        table.add_column(heading, no_wrap=True)
    for item in items:
        table.add_row(*(_cell(item, path) for path in columns.values()))
    console = Console()
    console.print(table, soft_wrap=not console.is_terminal)


def _cell(item: BaseModel, path: str) -> str:
    value: Any = item
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else getattr(value, name)
    match value:
        case None:
            return "-"
        case float():
            return f"{value:.0%}"
        case Mapping():
            return ", ".join(map(str, value)) or "-"
        case _:
            return str(value)
