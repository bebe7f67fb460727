"""A simulation that runs to its end or not at all: in a script, Ctrl-C ends the script."""

import brian2.only as b2


def run_whole(network: b2.Network, duration: b2.Quantity) -> None:
    """Runs a network without a namespace from outside. Brian2 alone would stop at Ctrl-C and go on with half of it.

    Raises:
        KeyboardInterrupt: there was one; what has been recorded is of no use.

    Example:
        >>> b2.prefs.codegen.target = "numpy"  # a script's choice; needs no compiler
        >>> clock = b2.NeuronGroup(1, "dx/dt = 1 / second : 1", method="euler", dt=1 * b2.ms)
        >>> run_whole(b2.Network(clock), 10 * b2.ms)
        >>> round(float(clock.x[0]), 3)
        0.01
    """
    graceful, b2.prefs.core.stop_on_keyboard_interrupt = b2.prefs.core.stop_on_keyboard_interrupt, False
    try:
        network.run(duration, namespace={})
    finally:
        b2.prefs.core.stop_on_keyboard_interrupt = graceful
