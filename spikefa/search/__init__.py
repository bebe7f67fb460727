"""``spikefa tune``: the same number of trials for every rule, each over its own declared ranges, on validation data."""
