"""The tamper-evident ledger: what makes a change to the audit log afterwards show, offline."""
