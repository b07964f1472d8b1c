"""People whom the contract tests of several LMSs create and change."""

from __future__ import annotations

from connectors.mapping import Resource

ANN: Resource = {
    "userName": "Ann.Smith@Example.org",
    "externalId": "EXT-1",
    "name": {"givenName": "Ann", "familyName": "Smith", "middleName": "B"},
    "nickName": "Annie",
    "title": "Professor",
    "profileUrl": "https://example.org/ann",
    "active": True,
    "password": "a Secret 1!",
    "emails": [{"value": "Ann@Example.org", "type": "work", "primary": True}],
    "phoneNumbers": [
        {"type": "work", "value": "+1"},
        {"type": "home", "value": "+2"},
        {"type": "mobile", "value": "+3"},
        {"type": "fax", "value": "+4"},
    ],
    "addresses": [
        {
            "type": "work",
            "streetAddress": "Gower 1",
            "locality": "London",
            "region": "Greater London",
            "postalCode": "WC1E",
            "country": "GB",
        }
    ],
}
ANNA: Resource = {
    "userName": "anna",
    "externalId": "ext-2",
    "name": {"givenName": "Anna", "familyName": "Müller", "middleName": "C"},
    "nickName": "An",
    "title": "Dean",
    "active": False,
    "password": "Another 2!",
    "emails": [{"value": "anna@example.org", "type": "work", "primary": True}],
    "phoneNumbers": [{"type": "mobile", "value": "+5"}],
    "addresses": [{"type": "work", "locality": "Berlin", "country": "DE"}],
}
BOB: Resource = {"userName": "bob", "name": {"givenName": "Bob", "familyName": "O'Brien"}}
