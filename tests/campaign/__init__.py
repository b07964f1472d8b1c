"""The long tests: kills, faults, races and fuzz, with figures and seeds to run them again."""
