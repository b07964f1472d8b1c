"""What makes all tests cheaper: the rules of an application learn to build URLs when asked to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings
from werkzeug.routing import Rule

settings.register_profile("matricula", deadline=None)
settings.load_profile("matricula")

_Builder = Callable[..., tuple[str, str]]


@pytest.fixture(scope="session", autouse=True)
def builders_on_demand() -> Iterator[None]:
    """Let werkzeug compile what builds a rule's URL at its first use instead of at once.

    It compiles two for every rule of every application, which was half the time of most tests:
    neither the gateway nor a simulator ever builds a URL from a rule.
    """
    compile_builder = Rule._compile_builder

    def on_demand(rule: Rule, append_unknown: bool = True) -> _Builder:
        return lambda rule, **values: compile_builder(rule, append_unknown)(rule, **values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", on_demand)
        yield


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return one process more than there are processors: some tests wait for other processes."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest tests begin first: then no process is waited for at the end."""
    items.sort(key=lambda item: item.path.name != "test_campaign.py")
