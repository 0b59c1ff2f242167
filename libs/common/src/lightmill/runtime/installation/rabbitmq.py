"""RabbitMQ's virtual host, the services' accounts, and what each may do there."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

import urllib3

_TIMEOUT_S = 15
_NOT_FOUND = 404
_REFUSED = 400


class ManagementError(Exception):
    """The management interface did not do what it was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """Regular expressions over the names of queues and exchanges, as RabbitMQ takes them.

    To bind a queue takes `write` on it and `read` on the exchange.
    """

    configure: str
    write: str
    read: str


RIGHTS: Mapping[str, Rights] = {
    "lightmill_api": Rights(
        configure=r"^events\..*$",
        write=r"^(events\..*|lightmill\.(commands|dead))$",
        read=r"^(events\..*|lightmill\.events)$",
    ),
    "lightmill_scheduler": Rights(
        configure=r"^scheduler\.(reports|doorbells)\..*$",
        write=r"^(scheduler\.(reports|doorbells)\..*|lightmill\.(nodes|reports|events|dead))$",
        read=r"^(scheduler\.inbox|scheduler\.(reports|doorbells)\..*|lightmill\.(reports|commands))$",
    ),
    "lightmill_analyzer": Rights(
        configure=r"^$",
        write=r"^lightmill\.(events|dead)$",
        read=r"^analyzer\.inbox$",
    ),
    "lightmill_node": Rights(
        configure=r"^node\..*$",
        write=r"^(node\..*|lightmill\.reports)$",
        read=r"^(node\..*|lightmill\.nodes)$",
    ),
}
"""Account to its rights: the least that its service can work with."""


class Management:
    """RabbitMQ's management interface, for one virtual host.

    Args:
        url: Such as `http://rabbitmq:15672`.
        user: An administrator.
        password: Of `user`.
        vhost: The virtual host.
    """

    def __init__(self, url: str, user: str, password: str, vhost: str) -> None:
        self._url = url.rstrip("/")
        self._user = user
        self._headers = urllib3.make_headers(basic_auth=f"{user}:{password}")
        self._vhost = quote(vhost, safe="")

    async def prepare(self, passwords: Mapping[str, str]) -> None:
        """See that virtual host and accounts exist, and that `guest` does not.

        Args:
            passwords: Account, one of `RIGHTS`, to its password.

        Raises:
            ManagementError: it does not answer, or refuses.
        """
        await self._put(f"vhosts/{self._vhost}", {})
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        await self._put(f"permissions/{self._vhost}/{self._user}", everything)
        for account, password in passwords.items():
            await self._put(f"users/{account}", {"password": password, "tags": ""})
            rights = RIGHTS[account]
            await self._put(
                f"permissions/{self._vhost}/{account}",
                {"configure": rights.configure, "write": rights.write, "read": rights.read},
            )
        await self._ask("DELETE", "users/guest", None)

    async def _put(self, path: str, body: Mapping[str, str]) -> None:
        await self._ask("PUT", path, json.dumps(body))

    async def _ask(self, method: str, path: str, body: str | None) -> None:
        def ask() -> urllib3.BaseHTTPResponse:
            headers = {**self._headers, "Content-Type": "application/json"}
            url = f"{self._url}/api/{path}"
            return urllib3.request(
                method, url, body=body, headers=headers, timeout=_TIMEOUT_S, retries=False
            )

        try:
            response = await asyncio.to_thread(ask)
        except urllib3.exceptions.HTTPError as error:
            raise ManagementError(f"{self._url} does not answer: {error}") from error
        if response.status >= _REFUSED and not (
            method == "DELETE" and response.status == _NOT_FOUND
        ):
            reason = response.data.decode(errors="replace")
            raise ManagementError(f"{self._url}: {method} {path}: {response.status} {reason}")
