"""The LMSs: what each holds, how a query and a write reach it."""
