"""Exchange with other simulators by NIR, the Neuromorphic Intermediate Representation: the forward network.

snnTorch's neurons are ``mem[t] = beta·mem[t−1] + cur[t] − reset[t]``, in steps; NIR's ``tau dv/dt = v_leak − v + R I``,
in seconds, and v is put to ``v_reset`` at a spike. :mod:`~spikefa.nir.neurons` says how the one is written as the
other, and what cannot be. NIR has no feedback pathways: their weights go to a file beside it.

Reference:
    Pedersen et al., "Neuromorphic intermediate representation: A unified instruction set for interoperable
    brain-inspired computing", Nature Communications 15, 8122, 2024. https://doi.org/10.1038/s41467-024-52259-9
"""

from __future__ import annotations

from spikefa.nir.exporting import Written, export
from spikefa.nir.graph import graph
from spikefa.nir.simulation import simulate
from spikefa.nir.verifying import Verified, verify

__all__ = ["Verified", "Written", "export", "graph", "simulate", "verify"]
