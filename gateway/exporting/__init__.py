"""Exports: all resources of one kind of a target as a file, or what has changed since the last."""
