"""What options may be: the edges of each kind, refused with the option's name and value."""

import pytest

from spikefa.options import flag, positive, whole, within

REFUSED = {
    whole: (0, -1, 1.5, 2.0, True, "3", None),
    positive: (0, 0.0, -1, float("inf"), float("nan"), True, "1"),
    lambda x: within(0, 1, x=x): (-0.1, 1.1, float("inf"), float("nan"), True, "1"),
    flag: (0, 1, None, "true"),
}
TAKEN = {
    whole: (1, 10**9),
    positive: (1e-300, 5, 1e300),
    lambda x: within(0, 1, x=x): (0, 1, 0.5),
    flag: (True, False),
}


@pytest.mark.parametrize(("check", "x"), [(check, x) for check, values in REFUSED.items() for x in values])
def test_beyond_the_edge_is_refused_by_name_and_value(check, x):
    with pytest.raises(ValueError, match=rf"^x must be .* not {x!r}$"):
        check(x=x)


@pytest.mark.parametrize(("check", "x"), [(check, x) for check, values in TAKEN.items() for x in values])
def test_up_to_the_edge_is_taken(check, x):
    check(x=x)
