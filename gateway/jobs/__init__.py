"""Jobs: syncs and exports that the configuration names, by a schedule or when asked for."""
