"""Guards: no more disables, deletes and grants than a target's limits, until somebody says so."""
