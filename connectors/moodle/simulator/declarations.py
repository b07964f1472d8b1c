"""Parameter declarations of the functions for courses and what is in them, and for reports."""

from __future__ import annotations

from typing import Any

_COURSE_EXTRAS = {
    "courseformatoptions?": [{"name": "alphanumext", "value": "raw"}],
    "customfields?": [{"shortname": "alphanumext", "value": "raw"}],
}
_GROUP_FIELDS = [{"shortname": "alphanumext", "value": "raw"}]
_MEMBERS = {"members": [{"groupid": "int", "userid": "int"}]}
_ROLE = {
    "roleid": "int",
    "userid": "int",
    "contextid?": "int",
    "contextlevel?": "alpha",
    "instanceid?": "int",
}
_COURSE_AND_USER = {"courseid": "int", "userid": "int"}

COURSE_PARAMETERS: dict[str, dict[str, Any]] = {
    "core_course_get_courses": {"options?": {"ids?": ["int"]}},
    "core_course_get_courses_by_field": {"field": "alpha=", "value": "raw="},
    "core_course_search_courses": {
        "criterianame": "alpha",
        "criteriavalue": "raw",
        "page": "int=0",
        "perpage": "int=0",
        "requiredcapabilities?": ["capability"],
        "limittoenrolled": "bool=0",
        "onlywithcompletion": "bool=0",
    },
    "core_course_create_courses": {
        "courses": [
            {
                "fullname": "text",
                "shortname": "text",
                "categoryid": "int",
                "idnumber?": "raw",
                "summary?": "raw",
                "summaryformat": "int=1",
                "format": "plugin=topics",
                "showgrades": "int=1",
                "newsitems": "int=5",
                "startdate?": "int",
                "enddate?": "int",
                "numsections?": "int",
                "maxbytes": "int=0",
                "showreports": "int=0",
                "visible?": "int",
                "hiddensections?": "int",
                "groupmode": "int=0",
                "groupmodeforce": "int=0",
                "defaultgroupingid": "int=0",
                "enablecompletion?": "int",
                "completionnotify?": "int",
                "lang?": "safedir",
                "forcetheme?": "plugin",
                **_COURSE_EXTRAS,
            }
        ]
    },
    "core_course_update_courses": {
        "courses": [
            {
                "id": "int",
                "fullname?": "text",
                "shortname?": "text",
                "categoryid?": "int",
                "idnumber?": "raw",
                "summary?": "raw",
                "summaryformat?": "int",
                "format?": "plugin",
                "showgrades?": "int",
                "newsitems?": "int",
                "startdate?": "int",
                "enddate?": "int",
                "numsections?": "int",
                "maxbytes?": "int",
                "showreports?": "int",
                "visible?": "int",
                "hiddensections?": "int",
                "groupmode?": "int",
                "groupmodeforce?": "int",
                "defaultgroupingid?": "int",
                "enablecompletion?": "int",
                "completionnotify?": "int",
                "lang?": "safedir",
                "forcetheme?": "plugin",
                **_COURSE_EXTRAS,
            }
        ]
    },
    "core_course_delete_courses": {"courseids": ["int"]},
    "core_course_get_categories": {
        "criteria?": [{"key": "alpha", "value": "raw"}],
        "addsubcategories": "bool=1",
    },
    "core_course_create_categories": {
        "categories": [
            {
                "name": "text",
                "parent": "int=0",
                "idnumber?": "raw",
                "description?": "raw",
                "descriptionformat": "int=1",
                "theme?": "theme",
            }
        ]
    },
    "core_enrol_get_enrolled_users": {
        "courseid": "int",
        "options?": [{"name": "alphanumext", "value": "raw"}],
    },
    "core_enrol_get_users_courses": {"userid": "int", "returnusercount": "bool=1"},
    "core_enrol_get_course_enrolment_methods": {"courseid": "int"},
    "core_user_get_course_user_profiles": {"userlist": [{"userid": "int", "courseid": "int"}]},
    "enrol_manual_enrol_users": {
        "enrolments": [
            {
                "roleid": "int",
                "userid": "int",
                "courseid": "int",
                "timestart?": "int",
                "timeend?": "int",
                "suspend?": "int",
            }
        ]
    },
    "enrol_manual_unenrol_users": {
        "enrolments": [{"userid": "int", "courseid": "int", "roleid?": "int"}]
    },
    "core_role_assign_roles": {"assignments": [_ROLE]},
    "core_role_unassign_roles": {"unassignments": [_ROLE]},
    "core_group_create_groups": {
        "groups": [
            {
                "courseid": "int",
                "name": "text",
                "description": "raw",
                "descriptionformat": "int=1",
                "enrolmentkey?": "raw",
                "idnumber?": "raw",
                "visibility": "int=0",
                "participation": "bool=1",
                "customfields?": _GROUP_FIELDS,
            }
        ]
    },
    "core_group_update_groups": {
        "groups": [
            {
                "id": "int",
                "name": "text",
                "description?": "raw",
                "descriptionformat": "int=1",
                "enrolmentkey?": "raw",
                "idnumber?": "raw",
                "visibility?": "text",
                "participation?": "bool",
                "customfields?": _GROUP_FIELDS,
            }
        ]
    },
    "core_group_delete_groups": {"groupids": ["int"]},
    "core_group_get_groups": {"groupids": ["int"]},
    "core_group_get_course_groups": {"courseid": "int"},
    "core_group_get_group_members": {"groupids": ["int"]},
    "core_group_get_course_user_groups": {
        "courseid": "int=0",
        "userid": "int=0",
        "groupingid": "int=0",
    },
    "core_group_add_group_members": _MEMBERS,
    "core_group_delete_group_members": _MEMBERS,
    "gradereport_user_get_grade_items": {"courseid": "int", "userid": "int=0", "groupid": "int=0"},
    "gradereport_overview_get_course_grades": {"userid": "int=0"},
    "core_completion_get_course_completion_status": _COURSE_AND_USER,
    "core_completion_get_activities_completion_status": _COURSE_AND_USER,
}
REPORT_PARAMETERS: dict[str, dict[str, Any]] = {
    "core_reportbuilder_list_reports": {"page": "int=0", "perpage": "int=10"},
    "core_reportbuilder_retrieve_report": {
        "reportid": "int",
        "page": "int=0",
        "perpage": "int=10",
    },
    "core_reportbuilder_set_filters": {"reportid": "int", "parameters": "raw=", "values": "raw"},
}
