"""One file per version of the tables; the number that begins its name is the revision."""
