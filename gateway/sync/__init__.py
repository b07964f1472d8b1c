"""Sync: a target is brought to what a file, or another target, says, by a plan seen first."""
