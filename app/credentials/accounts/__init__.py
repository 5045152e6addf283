"""The accounts of this process: their state, their refreshes and their use by requests."""
