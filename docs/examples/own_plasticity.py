"""Check a plasticity rule of your own against Brian2: spike-timing-dependent plasticity with unequal windows.

The rule twice, from the same spikes: in Brian2, event by event, as a paper would write it; and in torch, all steps at
once, as you would train with it. Then a third time with a mistake, to see that it would be found. `spikefa validate
own_plasticity:cases`, in this file's folder, does the same, and draws both sides with `--figures FOLDER`.
"""

import brian2.only as b2
import torch
from spikefa.models.trace import Trace
from torch import Tensor

from spikefa.noise.exponential import Exponentials
from spikefa.validation import Exact
from spikefa.validation.target import target

STEPS, PRE, POST = 300, 6, 4
TAU_PLUS, TAU_MINUS = 10 * b2.ms, 25 * b2.ms
A_PLUS, A_MINUS = 0.010, 0.006

EQUATIONS = """
dx/dt = -x / TAU_PLUS : 1 (event-driven)
dy/dt = -y / TAU_MINUS : 1 (event-driven)
b : 1
"""


class STDP(Exact):
    """B grows by the trace of the spikes below at each spike above, and falls by the trace of those above at one below.

    Song, Miller, Abbott, "Competitive Hebbian learning through spike-timing-dependent synaptic plasticity", Nature
    Neuroscience 3, 2000. https://doi.org/10.1038/78829
    """

    name = "stdp"
    compared = f"{PRE} → {POST} neurons, {STEPS} steps of random spikes, B after each"

    def __init__(self, late: int = 0) -> None:
        """``late``: by how many steps the torch side sees the spikes above too late: a mistake, if it is not 0."""
        noise = torch.Generator().manual_seed(0)
        self.pre, self.post = ((torch.rand(STEPS, 1, n, generator=noise) < 0.08).double() for n in (PRE, POST))
        self.late = late

    def reference(self) -> Trace:
        """In Brian2."""
        clock = b2.Clock(1 * b2.ms)
        sides = []
        for spk in (self.pre, self.post):
            step, _, neuron = spk.nonzero().T.numpy()
            sides.append(b2.SpikeGeneratorGroup(spk.shape[2], neuron, step * clock.dt, clock=clock))
        constants = {"TAU_PLUS": TAU_PLUS, "TAU_MINUS": TAU_MINUS, "A_PLUS": A_PLUS, "A_MINUS": A_MINUS}
        b = b2.Synapses(
            *sides,
            EQUATIONS,
            on_pre={"fall": "b -= A_MINUS * y", "see_pre": "x += 1"},
            on_post={"grow": "b += A_PLUS * x", "see_post": "y += 1"},
            namespace=constants,
            clock=clock,
        )
        b.connect()
        for order, name in enumerate(("fall", "grow", "see_pre", "see_post")):
            getattr(b, name).order = order  # both learn before both are seen: coincidences add nothing
        recorded = b2.StateMonitor(b, "b", record=b[:, :], when="end", clock=clock)
        b2.Network(*sides, b, recorded).run(STEPS * clock.dt)
        return Trace(
            {("feedback", "b"): recorded.b.T.reshape(STEPS, PRE, POST).swapaxes(1, 2)}, units={"b": "1"}, dt=1.0
        )

    def twin(self) -> Trace:
        """In torch: traces of all steps at once, then one sum over time."""
        b = torch.einsum("tbl,tbk->tlk", A_PLUS * self.post, trace(self.pre, TAU_PLUS))
        b -= torch.einsum("tbk,tbl->tlk", A_MINUS * self.pre, trace(self.post.roll(self.late, 0), TAU_MINUS))
        return Trace({("feedback", "b"): b.cumsum(0).numpy()}, units={"b": "1"}, dt=1.0)


def trace(spk: Tensor, tau: b2.Quantity) -> Tensor:
    """Σ exp(−(t − s)/τ) over the spikes s before each step t."""
    filtered, _ = Exponentials((1.0,), (float(tau / b2.ms),))(spk)
    return filtered


def cases() -> list[Exact]:
    """What ``spikefa validate own_plasticity:cases`` runs."""
    return [STDP()]


def main() -> None:
    """The right rule, and one with a mistake."""
    with target("numpy"):
        right, wrong = STDP().run(), STDP(late=1).run()
    print("right:", right.agrees)
    print("a step late:", wrong.agrees, wrong.parted)


if __name__ == "__main__":
    main()
