"""What the simulators of all LMSs share; no connector knows of it."""
