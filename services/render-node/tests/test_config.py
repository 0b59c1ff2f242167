"""Seed 003's words for a node, and what path rules say of it."""

import sys

import pytest
from pydantic import ValidationError

from lightmill.domain.path_rules import PathRule, System
from lightmill.render_node.config import NodeSettings


def test_executor_id_and_group_stand_for_name_and_pools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIGHTMILL_EXECUTOR_ID", "executor-7")
    monkeypatch.setenv("LIGHTMILL_EXECUTOR_GROUP", "film, tools")
    settings = NodeSettings()
    assert settings.node_name == "executor-7"
    assert settings.pools == ("film", "tools")


def test_an_executor_id_keeps_to_the_rules_of_names() -> None:
    with pytest.raises(ValidationError, match="a name has letters"):
        NodeSettings(executor_id="no spaces, please")


def test_without_them_the_nodes_own_words_hold() -> None:
    settings = NodeSettings(node_name="mill", node_pools="default")
    assert (settings.node_name, settings.pools) == ("mill", ("default",))


def test_path_rules_of_this_system_alone_count() -> None:
    rules = [
        PathRule(source="P:/", target="/mnt/p", system=System.LINUX),
        PathRule(source="P:/", target="/Volumes/p", system=System.MACOS),
        PathRule(source="Q:/", target=""),
    ]
    here = {"linux": "/mnt/p", "darwin": "/Volumes/p"}[sys.platform]
    assert NodeSettings(path_rules=tuple(rules)).moves == (("P:/", here), ("Q:/", ""))
