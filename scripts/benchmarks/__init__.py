"""What scripts/bench.py measures: one table a file, and what the tables share."""
