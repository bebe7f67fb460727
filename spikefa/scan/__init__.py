"""The scan: compiled loops over time."""
