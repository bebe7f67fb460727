"""How the commands' options are read and grouped in their help."""

from __future__ import annotations

from cyclopts import Group, Parameter

EXPERIMENT = Group("The experiments (every combination of the values given)", sort_key=1)
PLACE = Group("Where", sort_key=2)

# Numbers reach the experiment as they were typed, and are checked there: 1.5 epochs are refused rather than rounded.
Many = Parameter(consume_multiple=True, group=EXPERIMENT, negative=())
Whole = Parameter.combine(Many, Parameter(metavar="INT..."))
Real = Parameter.combine(Many, Parameter(metavar="FLOAT..."))
One = Parameter(group=PLACE)
Switch = Parameter(group=PLACE, negative=())
Count = Parameter.combine(One, Parameter(metavar="INT"))
Words = Parameter.combine(One, Parameter(consume_multiple=True, negative=()))
