"""snnTorch's surrogates, and the same in the membranes' precision: hers give float32 spikes, which round errors too."""

from snntorch import surrogate

STOCK = {
    "atan": (surrogate.atan, "ATan", {"alpha": 3.0}),
    "fast_sigmoid": (surrogate.fast_sigmoid, "FastSigmoid", {"slope": 10}),
    "sigmoid": (surrogate.sigmoid, "Sigmoid", {"slope": 5}),  # the default, 25, overflows in float32
    "straight_through": (surrogate.straight_through_estimator, "StraightThroughEstimator", {}),
    "triangular": (surrogate.triangular, "Triangular", {"threshold": 0.5}),
    "heaviside": (surrogate.heaviside, "Heaviside", {}),
    "spike_rate_escape": (surrogate.spike_rate_escape, "SpikeRateEscape", {"beta": 2, "slope": 3}),
    "sparse_fast_sigmoid": (surrogate.SFS, "SparseFastSigmoid", {"slope": 5, "B": 0.1}),
}
"""snnTorch's maker, the class that it applies, and options that are not its own."""


def stock(name):
    make, _, options = STOCK[name]
    return make(**options)


def exact(name):
    """The same surrogate with spikes and errors in the membranes' precision; nothing recognises it as snnTorch's."""
    _, kind, options = STOCK[name]
    base = getattr(surrogate, kind)

    def forward(ctx, mem, *values):
        return base.forward(ctx, mem, *values).to(mem.dtype)

    function = type("Exact", (base,), {"forward": staticmethod(forward)})
    return lambda mem: function.apply(mem, *options.values())
