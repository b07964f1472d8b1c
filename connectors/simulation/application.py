"""The Flask app of a simulated LMS: its state, its faults, and the routes of both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from flask import Blueprint, Flask

from connectors.faults import Faults
from connectors.simulation.paths import PathMender

S = TypeVar("S")


class Simulator(Flask, Generic[S]):
    """One simulated site, with its state and its faults."""

    def __init__(
        self, site: S, server: Blueprint, make_control: Callable[[S, Faults], Blueprint]
    ) -> None:
        super().__init__(__name__)
        self.site = site
        self.extensions["site"] = site
        self.faults = Faults(PathMender(self.wsgi_app))
        self.wsgi_app = self.faults  # type: ignore[method-assign]
        self.register_blueprint(server)
        self.register_blueprint(make_control(site, self.faults))
