"""The wire contract on disk says what the classes say."""

import importlib
import json
import pkgutil
from collections.abc import Iterator

import pytest

import lightmill.messages
from lightmill.messages.catalogue import MESSAGES
from lightmill.messages.message import Message
from lightmill.messages.schema_files import FOLDER, path, text
from lightmill.messages.topology import EXCHANGES


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.routing_key)
def test_the_file_says_what_the_class_says(message: type[Message]) -> None:
    assert path(message).read_text() == text(message), (
        f"{message.__name__} has changed. If an older reader still understands it, run "
        "`make schemas`; if not, give it a new version in its routing key."
    )


def test_there_is_no_file_without_a_class() -> None:
    assert {file.name for file in FOLDER.iterdir()} == {path(m).name for m in MESSAGES}


def test_the_catalogue_is_complete() -> None:
    for module in pkgutil.iter_modules(lightmill.messages.__path__):
        importlib.import_module(f"lightmill.messages.{module.name}")
    routed = {kind for kind in subclasses(Message) if "routing_key" in vars(kind)}
    assert routed == set(MESSAGES)


def test_every_message_has_an_exchange_and_a_key_of_its_own() -> None:
    exchanges = {exchange.name for exchange in EXCHANGES}
    assert all(message.exchange in exchanges for message in MESSAGES)
    assert len({message.routing_key for message in MESSAGES}) == len(MESSAGES)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.routing_key)
def test_a_schema_is_all_shape_and_no_prose(message: type[Message]) -> None:
    schema = json.loads(text(message))
    assert schema["$id"].rpartition(".v")[2].isdecimal()
    assert set(schema["properties"]) == set(message.model_fields)
    assert not {"title", "description"} & set(schema)


def subclasses(kind: type[Message]) -> Iterator[type[Message]]:
    for below in kind.__subclasses__():
        yield below
        yield from subclasses(below)
