"""snnTorch's encoders under a generator of our own: ``--encoding spikegen.rate:gain=0.5``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from snntorch import spikegen
from torch import Generator, Tensor

from spikefa.datasets.events import Examples


def rate(
    x: Examples, steps: int, generator: Generator, *, gain: float = 1.0, offset: float = 0.0, first_spike_time: int = 0
) -> Tensor:
    """Spike at each step with probability gain·x + offset, cut to [0, 1]: snnTorch's ``spikegen.rate``.

    Args:
        x: images, shape [B, ...].
        steps: number of time steps T.
        generator: source of all randomness; spikes are drawn on its device.
        gain, offset, first_spike_time: as snnTorch has them.

    Reference:
        https://snntorch.readthedocs.io/en/latest/snntorch.spikegen.html

    Example:
        >>> rate(torch.tensor([[0.0, 0.5]]), 3, torch.Generator(), gain=2).tolist()
        [[[0.0, 1.0]], [[0.0, 1.0]], [[0.0, 1.0]]]
    """
    require_steps(steps)
    x = images(x)
    with _drawing_from(generator):
        here = x.to(generator.device)
        spk: Tensor = spikegen.rate(here, steps, gain=gain, offset=offset, first_spike_time=first_spike_time)
    return spk.to(x)


def latency(
    x: Examples,
    steps: int,
    generator: Generator,
    *,
    threshold: float = 0.01,
    tau: float = 1.0,
    first_spike_time: int = 0,
    clip: bool = False,
    normalize: bool = False,
    linear: bool = False,
    bypass: bool = False,
) -> Tensor:
    """Spike once, the earlier the brighter, by a logarithm unless ``linear``: snnTorch's ``spikegen.latency``.

    With ``normalize``, spikes of an image depend on the others of its batch; plain ``latency`` is without that.

    Args:
        x: images in [0, 1], shape [B, ...].
        steps: number of time steps T.
        generator: not used; nothing is random.
        threshold, tau, first_spike_time, clip, normalize, linear, bypass: as snnTorch has them.

    Raises:
        ValueError: an input would spike after the last step, and is not to be left out (``bypass``); what else snnTorch
            refuses.

    Reference:
        https://snntorch.readthedocs.io/en/latest/snntorch.spikegen.html

    Example:
        >>> latency(torch.tensor([[1.0, 0.5]]), 3, torch.Generator(), linear=True, normalize=True).tolist()
        [[[1.0, 0.0]], [[0.0, 1.0]], [[0.0, 0.0]]]
    """
    require_steps(steps)
    x = images(x)
    require_unit_interval(x)
    options = {"first_spike_time": first_spike_time, "clip": clip, "normalize": normalize, "linear": linear}
    try:
        spk: Tensor = spikegen.latency(x, steps, threshold=threshold, tau=tau, bypass=bypass, **options)
    except Exception as error:  # of no closer kind
        said = " ".join(str(error).replace("``", "").split())
        raise ValueError(f"spikegen.latency with {steps} steps: {said}") from error
    return spk.to(x)  # snnTorch always gives float32


@contextmanager
def _drawing_from(generator: Generator) -> Iterator[None]:
    """Within, torch's global generator is a stream of this one; afterwards it is what it was."""
    device = generator.device
    seed = int(torch.randint(2**62, (), generator=generator, device=device))
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def require_steps(steps: int) -> None:
    """Refuse fewer than one time step."""
    if steps < 1:
        raise ValueError(f"steps={steps}; give at least 1 time step")


def require_unit_interval(x: Tensor) -> None:
    """Refuse what is no probability, NaN included."""
    low, high = x.aminmax()
    if not (low >= 0 and high <= 1):  # so that NaN is refused as well
        raise ValueError(f"inputs from {low:g} to {high:g} are no probabilities; scale them to [0, 1]")


def images(x: Examples) -> Tensor:
    """The same, unless they are recordings of spikes.

    Raises:
        ValueError: they are, which no encoding but ``events`` takes.
    """
    if isinstance(x, Tensor):
        return x
    raise ValueError("these data are spikes over time already, which only the encoding events takes: give that one")
