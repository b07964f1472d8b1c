"""Observer links: who may look over whose shoulder."""

from __future__ import annotations

from connectors.blackboard.simulator.calls import Answer, Call, created
from connectors.blackboard.simulator.entitlements import (
    CREATE_OBSERVERS,
    DELETE_OBSERVERS,
    VIEW_OBSERVERS,
)
from connectors.blackboard.simulator.errors import bad_request, conflict, not_found
from connectors.blackboard.simulator.ids import visible_user
from connectors.blackboard.simulator.listing import OTHERS, answer_page
from connectors.blackboard.simulator.records import User
from connectors.blackboard.simulator.users import show_user

OBSERVER = "Observer"


def list_observers(call: Call, wanted: str) -> Answer:
    """Answer `GET users/{id}/observers`: those who observe the account."""
    call.require(VIEW_OBSERVERS)
    user = visible_user(call, wanted)
    return _answer(call, [call.site.users[one] for one in user.observers])


def list_observees(call: Call, wanted: str) -> Answer:
    """Answer `GET users/{id}/observees`: those whom the account observes."""
    call.require(VIEW_OBSERVERS)
    user = visible_user(call, wanted)
    return _answer(call, [one for one in call.site.users.values() if user.id in one.observers])


def add_observer(call: Call, wanted: str, observer_wanted: str) -> Answer:
    """Answer `PUT users/{id}/observers/{observerId}` with the observer."""
    call.require(CREATE_OBSERVERS)
    user = visible_user(call, wanted)
    observer = visible_user(call, observer_wanted)
    if OBSERVER not in observer.system_roles:
        raise bad_request("The observer does not hold the Observer role")
    if OBSERVER in user.system_roles:
        raise bad_request("The observed user holds the Observer role")
    if observer.id in user.observers:
        raise conflict("The observer association already exists")
    user.observers.append(observer.id)
    path = f"users/{user.id}/observers/{observer.id}"
    return created(1, path, show_user(call, observer))


def remove_observer(call: Call, wanted: str, observer_wanted: str) -> Answer:
    """Answer `DELETE users/{id}/observers/{observerId}`."""
    call.require(DELETE_OBSERVERS)
    user = visible_user(call, wanted)
    observer = visible_user(call, observer_wanted)
    if observer.id not in user.observers:
        raise not_found(observer_wanted)
    user.observers.remove(observer.id)
    return Answer(204)


def _answer(call: Call, users: list[User]) -> Answer:
    seen = [user for user in users if call.site.sees(user)]
    return answer_page(call, seen, OTHERS, lambda user: show_user(call, user))
