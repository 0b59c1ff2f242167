"""The settings of a render node."""

import os
import re
import socket
import sys
from pathlib import Path

from pydantic import Field, SecretStr, field_validator, model_validator

from lightmill.domain.hours import hours_of
from lightmill.domain.path_rules import System, moves
from lightmill.domain.resources import GIB
from lightmill.runtime.settings import Settings

_SYSTEMS = {"win32": System.WINDOWS, "darwin": System.MACOS}
_SANDBOXES = ("none", "container", "bubblewrap")


class NodeSettings(Settings):
    """What a render node is told; the rest it finds out.

    Two nodes can share a machine: give each a state folder, a name, cores, memory and
    devices of its own.

    Attributes:
        api_url: Where the api answers.
        enrolment_token: Needed for the first start alone.
        node_name: What people call the node; the machine's name when not set.
        node_state_dir: Identity, journal, content store and workspaces. One file system.
        node_cores: Processors to offer; None for all of them.
        node_ram: Bytes to offer; None for nine tenths of what is there.
        node_gpus: Indices of the devices to offer, separated by commas; None for all of them.
        node_pools: Pools that the node belongs to, separated by commas.
        executor_id: What seed 003 calls the name of the node; over `node_name`.
        executor_group: What seed 003 calls its pools; over `node_pools`.
        node_sandbox: Least level that is accepted: `none`, `container` or `bubblewrap`.
        node_walls: Whether engines are shut in by bubblewrap where it works. Without, a process
            starts sooner, and the node says level `none` (`container` in one): only for machines
            whose every job comes from people who are trusted.
        node_health_port: Where `/healthz`, `/readyz` and `/metrics` are served; 0 for nowhere.
        node_drain_seconds: How long running work may go on after SIGTERM.
        node_log_seconds: How often what an engine prints is stored while it renders.
        node_idle_seconds: How long an engine is kept that nobody wants.
        node_store_bytes: Ceiling of the content store.
        node_disk_floor: Free bytes below which nothing is started.
        node_max_waiting: Orders that may wait on the node.
        node_blender: A `blender` executable to use instead of the managed engine.
        node_maya: Folder of a Maya with Arnold, such as `/usr/autodesk/maya2025`.
        node_unreal: Folder of an Unreal Engine; it has `Engine` in it.
        node_licences: Variables that name licence servers, as `NAME=27000@host`, separated by
            commas; Maya and Unreal get them, and the network with them.
        node_remote_url: Where a remote render service answers; None when the node has none.
        node_remote_token: What it is shown as a bearer token.
        node_remote_hosts: Hosts that its images may lie on beside its own, separated by commas.
        node_openjd: Whether to offer the `openjd` engine; its jobs bring commands of their own.
        node_command: Whether to offer the `command` engine, which runs whatever a job says.
        node_command_folders: Folders of the machine that the programs of both may read, separated
            by the system's path separator.
        node_hours: When it takes work, by the machine's clock, such as
            `mon-fri 19:00-07:00, sat-sun`; always when empty.
        node_hottest: Degrees Celsius at which it takes no more work until it has cooled down.
        node_busy_share: Share of the processors, above 0 to 1, that others may use before it
            takes no more work; None: whatever they use.
        node_spot: Who says that the machine is taken away: `aws`, `gcp`, or the path of a file;
            nobody when empty.
        node_self_test: Whether Blender has to render a tiny frame before it is offered.
        node_trusts_scenes: Whether Blender's scenes may run the code that they hold, inside the
            sandbox: drivers, registered texts, Freestyle, OSL.
        node_addons: Blender add-ons that jobs may ask for, separated by commas.
        node_simulated: Whether to offer the `simulated` engine, for trying out and tests.
    """

    api_url: str = "http://localhost:8000"
    enrolment_token: SecretStr | None = None
    node_name: str = Field(default_factory=socket.gethostname)
    node_state_dir: Path = Path("/var/lib/lightmill-node")
    node_cores: int | None = Field(default=None, ge=1)
    node_ram: int | None = Field(default=None, ge=2**28)
    node_gpus: str | None = Field(default=None, pattern=r"^[0-9, ]*$")
    node_pools: str = "default"
    executor_id: str | None = None
    executor_group: str | None = None
    node_sandbox: str = "none"
    node_walls: bool = True
    node_health_port: int = Field(default=0, ge=0, le=65535)
    node_drain_seconds: float = Field(default=300.0, ge=0)
    node_log_seconds: float = Field(default=10.0, gt=0)
    node_idle_seconds: float = Field(default=60.0, ge=0)
    node_store_bytes: int = Field(default=50 * GIB, ge=0)
    node_disk_floor: int = Field(default=GIB, ge=0)
    node_max_waiting: int = Field(default=32, ge=1)
    node_blender: Path | None = None
    node_maya: Path | None = None
    node_unreal: Path | None = None
    node_licences: str = Field(default="", pattern=r"^(\w+=[^,=\s]+(,|$))*$")
    node_remote_url: str | None = Field(default=None, pattern=r"^https?://[^\s?#]+$")
    node_remote_token: SecretStr | None = None
    node_remote_hosts: str = ""
    node_openjd: bool = False
    node_command: bool = False
    node_command_folders: str = ""
    node_hours: str = ""
    node_hottest: float = 95.0
    node_busy_share: float | None = Field(default=None, gt=0, le=1)
    node_spot: str = Field(default="", pattern=r"^(aws|gcp|/.+)?$")
    node_self_test: bool = True
    node_trusts_scenes: bool = False
    node_addons: str = ""
    node_simulated: bool = False

    @model_validator(mode="before")
    @classmethod
    def _speak_seed_003(cls, given: dict[str, object]) -> dict[str, object]:
        """Let the seed's words stand for the node's own."""
        words = {"executor_id": "node_name", "executor_group": "node_pools"}
        return given | {
            own: given[word] for word, own in words.items() if given.get(word) is not None
        }

    @property
    def pools(self) -> tuple[str, ...]:
        """The names of the pools."""
        return _listed(self.node_pools)

    @property
    def moves(self) -> tuple[tuple[str, str], ...]:
        """What the path rules say of this machine."""
        return moves(self.path_rules, _SYSTEMS.get(sys.platform, System.LINUX))

    @property
    def addons(self) -> tuple[str, ...]:
        """The names of the add-ons."""
        return _listed(self.node_addons)

    @property
    def licences(self) -> dict[str, str]:
        """The variables that name licence servers."""
        pairs = (entry.partition("=") for entry in self.node_licences.split(",") if entry)
        return {name: value for name, _, value in pairs}

    @property
    def remote_hosts(self) -> frozenset[str]:
        """The hosts, beside its own, from which a remote service's images are read."""
        names = (name.strip().lower() for name in self.node_remote_hosts.split(","))
        return frozenset(filter(None, names))

    @property
    def command_folders(self) -> tuple[Path, ...]:
        """The folders that the programs of the `command` engine may read."""
        return tuple(map(Path, filter(None, self.node_command_folders.split(os.pathsep))))

    def offers_gpu(self, index: int) -> bool:
        """Tell whether the device may be used."""
        if self.node_gpus is None:
            return True
        return str(index) in _listed(self.node_gpus)

    @field_validator("node_name")
    @classmethod
    def _require_name(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", name):
            raise ValueError("a name has letters, digits, '.', '_' and '-', 63 at the most")
        return name

    @field_validator("node_hours")
    @classmethod
    def _require_hours(cls, text: str) -> str:
        hours_of(text)
        return text

    @field_validator("node_sandbox")
    @classmethod
    def _require_sandbox(cls, level: str) -> str:
        if level not in _SANDBOXES:
            raise ValueError(f"a sandbox level is one of {', '.join(_SANDBOXES)}")
        return level

    def accepts_sandbox(self, level: str) -> bool:
        """Tell whether engines may run in a sandbox of that level."""
        known = level if level in _SANDBOXES else "none"
        return _SANDBOXES.index(known) >= _SANDBOXES.index(self.node_sandbox)


def _listed(names: str) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in names.split(","))))
