"""The scan: a layer of spiking neurons over all time steps at once, forward and backward in one pass each.

For LIF neurons (``snn.Leaky``, and ``SingleSpike`` as if it could fire again) and those with a synaptic current
(``snn.Synaptic``),

    syn[t] = α·syn[t−1] + cur[t]                    (Synaptic; for Leaky, cur[t] takes its place)
    mem[t] = β·mem[t−1] + syn[t] − reset[t]         spike if mem[t] > threshold

is a recurrence within each neuron of each sample. A kernel reads the current once and writes spikes and membranes once;
backward reads the membranes and the errors once and writes the current's error. Nothing else is kept for backward:
the membranes are an output, a stack of which is no larger than the currents that would be kept to compute them again.

- ``reference``: plain torch, one operation after the other, on any device; what torch.compile and torch.func trace.
- ``cpu``: compiled by numba at the first call, then from its cache; as many threads as torch uses.
- ``cuda``: Triton (``pip install spikefa[cuda]``; CUDA builds of torch bring it along).

The kernels take every reset and ``reset_delay`` of snnTorch, its deterministic surrogates, one number or one per neuron
for beta, alpha, threshold and graded_spikes_factor, learned or not, float32 and float64. A ``spike_grad`` of another
kind is called once on the membranes of all steps. Everything else goes to the reference: :func:`implementation` says
which runs and why, :func:`using` or the variable ``SPIKEFA_SCAN`` forces one.

The gradients of a kernel cannot be differentiated again; ``with using("reference")`` computes those that can.
"""

from spikefa.scan.choice import IMPLEMENTATIONS, VARIABLE, Choice, implementation, using

__all__ = ["IMPLEMENTATIONS", "VARIABLE", "Choice", "implementation", "using"]
