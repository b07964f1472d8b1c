"""Side-by-side figures of the gateway and of the floor it stands on: `make bench`."""
