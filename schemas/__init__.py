"""SCIM itself: attribute tables, paths, filters, changes and messages. Pure: no I/O."""
