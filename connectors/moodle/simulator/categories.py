"""Course categories: core_course_get_categories and core_course_create_categories."""

from __future__ import annotations

from collections import Counter
from typing import Any

from connectors.moodle.simulator.database import CATEGORY_COLUMNS, check_lengths, comparable
from connectors.moodle.simulator.errors import plain_error
from connectors.moodle.simulator.records import Category, Context
from connectors.moodle.simulator.replies import format_html, format_line
from connectors.moodle.simulator.site import Caller, Site
from connectors.moodle.simulator.tables import context_id

Reply = dict[str, Any]

MANAGE = "moodle/category:manage"

_NUMBERS = ("id", "parent", "visible")
_OPEN_KEYS = ("id", "ids", "name", "parent")
_RIGHTS = {
    "idnumber": MANAGE,
    "theme": MANAGE,
    "visible": "moodle/category:viewhiddencategories",
}


def get_categories(site: Site, caller: Caller, arguments: Reply) -> list[Reply]:
    """Run core_course_get_categories: criteria joined by AND, with those below unless told."""
    criteria: dict[str, str] = {}
    for criterion in arguments.get("criteria", ()):
        key = criterion["key"]
        if key not in _OPEN_KEYS and not (key in _RIGHTS and caller.has(MANAGE, _RIGHTS[key])):
            raise plain_error("criteriaerror", "Missing permissions to search on a criterion.")
        criteria.setdefault(key, criterion["value"])
    found = [
        category
        for category in site.categories.values()
        if all(_matches(site, category, key, value) for key, value in criteria.items())
    ]
    shown = {category.id for category in found}
    if arguments["addsubcategories"]:
        shown = {
            category.id
            for category in site.categories.values()
            if not shown.isdisjoint(_path(site, category))
        }
    order = site.category_order()
    counts = Counter(course.category for course in site.courses.values())
    return [
        _describe(site, caller, site.categories[category_id], order[category_id], counts)
        for category_id in order
        if category_id in shown
    ]


def create_categories(site: Site, caller: Caller, arguments: Reply) -> list[Reply]:
    """Run core_course_create_categories: one transaction; the idnumber is unique unless empty."""
    created: list[Reply] = []
    with site.transaction() as changes:
        for values in arguments["categories"]:
            if values["parent"] and values["parent"] not in site.categories:
                raise plain_error("unknowcategory")
            caller.require(MANAGE)
            if not values["name"]:
                raise plain_error("categorynamerequired", "Category name is required")
            check_lengths(CATEGORY_COLUMNS, values)
            idnumber = values.get("idnumber", "")
            if idnumber and any(
                _matches(site, category, "idnumber", idnumber)
                for category in site.categories.values()
            ):
                raise plain_error(
                    "categoryidnumbertaken", "ID number is already used for another category"
                )
            category = Category(
                id=site.take_id("category"),
                name=values["name"],
                idnumber=idnumber,
                description=values.get("description", ""),
                descriptionformat=values["descriptionformat"],
                parent=values["parent"],
                theme=values.get("theme", ""),
                timemodified=site.now(),
            )
            changes.insert(site.categories, category)
            context = Context(context_id("coursecat", category.id), "coursecat", category.id)
            changes.insert(site.contexts, context)
            created.append({"id": category.id, "name": format_line(category.name, caller.raw)})
    return created


def _matches(site: Site, category: Category, key: str, value: str) -> bool:
    if key == "ids":
        return str(category.id) in value.split(",")
    stored = getattr(category, key)
    if key in _NUMBERS:
        return value.isdecimal() and stored == int(value)
    database = site.settings.database
    return comparable(stored, database) == comparable(value, database)


def _path(site: Site, category: Category) -> list[int]:
    """Return the ids from the top down to a category."""
    above = site.categories.get(category.parent)
    return [*(_path(site, above) if above else ()), category.id]


def _describe(
    site: Site, caller: Caller, category: Category, order: int, counts: Counter[int]
) -> Reply:
    path = _path(site, category)
    managed = caller.has(MANAGE)
    shown: Reply = {
        "id": category.id,
        "name": format_line(category.name, caller.raw),
        "idnumber": category.idnumber or None,
        "description": format_html(category.description, caller.raw),
        "descriptionformat": category.descriptionformat,
        "parent": category.parent,
        "sortorder": order,
        "coursecount": counts[category.id],
        "visible": category.visible,
        "visibleold": category.visible,
        "timemodified": category.timemodified,
        "depth": len(path),
        "path": "".join(f"/{part}" for part in path),
        "theme": category.theme,
    }
    if not managed:
        for name in ("idnumber", "visible", "visibleold", "timemodified", "theme"):
            del shown[name]
    return shown
