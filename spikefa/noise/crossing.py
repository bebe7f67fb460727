"""Windows in which a neuron comes close to its threshold, and what other neurons do in them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from spikefa.noise.choice import compiles, plain
from spikefa.threads import share


class Windows(NamedTuple):
    """Windows of all neurons and replicas, by the step of their opening.

    Attributes:
        step: at which it opens, ``[n]``; ``replica`` and ``neuron``: whose it is.
        peak: u_max, the largest input drive in it.
        spiked: whether the neuron spiked in it.
    """

    step: Tensor
    replica: Tensor
    neuron: Tensor
    peak: Tensor
    spiked: Tensor


def windows(
    v: Tensor, cur: Tensor, spk: Tensor, *, length: int, alpha: float, threshold: float, decay: float, gain: float
) -> Windows:
    """The windows of a recording, each ``length`` steps from a step at which |θ − v| ≤ α.

    In a window the input drive goes on from v without reset: u[t] = decay·u[t−1] + gain·cur[t]. The windows of a neuron
    do not overlap. The first step opens none, for nothing is known of the time before it, and neither do the last
    ``length − 1``.

    Args:
        v, cur, spk: membranes, currents and spikes as :func:`~spikefa.noise.lif.lif` has them, ``[T, B, N]``.
        length: of a window, in steps; ``alpha``: α, half the width of the band in which one opens.
        threshold, decay, gain: of the neurons.

    Example:
        >>> v = torch.tensor([0.0, 0.95, 1.1, -1.0, 0.95, 0.5]).reshape(6, 1, 1)
        >>> cur = torch.tensor([0.0, 0.95, 0.625, 0.55, 1.45, 0.025]).reshape(6, 1, 1)
        >>> spk = (v > 1).float()
        >>> found = windows(v, cur, spk, length=2, alpha=0.1, threshold=1, decay=0.5, gain=1)
        >>> found.step.tolist(), found.peak.tolist(), found.spiked.tolist()
        ([1, 4], [1.100000023841858, 0.949999988079071], [True, False])
    """
    if compiles(v, cur, spk):
        return _compiled(v, cur, spk, length, (alpha, threshold, decay, gain))
    step, replica, neuron = _openings((threshold - v).abs() <= alpha, length)
    span = torch.arange(length, device=v.device)
    inside = (step[:, None] + span, replica[:, None], neuron[:, None])
    drive = gain * cur[inside]
    drive[:, 0] = v[step, replica, neuron]
    age = span[:, None] - span
    response = torch.where(age >= 0, torch.tensor(decay, dtype=v.dtype, device=v.device) ** age.clamp(min=0), 0)
    return Windows(step, replica, neuron, (drive @ response.T).amax(1), spk[inside].amax(1) > 0)


def responses(x: Tensor, found: Windows, length: int) -> Tensor:
    """R: the mean of x over each window, minus its value just before.

    Args:
        x: what is responding, ``[T, B, L]``, in the replicas of the windows.
        found: n windows of ``length`` steps.

    Returns:
        ``[n, L]``.

    Example:
        >>> one = torch.tensor([0])
        >>> found = Windows(one + 1, one, one, one, one)
        >>> responses(torch.tensor([1.0, 2.0, 6.0, 9.0]).reshape(4, 1, 1), found, length=2)
        tensor([[3.]])
    """
    total = torch.cat([torch.zeros_like(x[:1]), x.cumsum(0)])
    step, replica = found.step, found.replica
    return (total[step + length, replica] - total[step, replica]) / length - x[step - 1, replica]


def _openings(near: Tensor, length: int) -> tuple[Tensor, Tensor, Tensor]:
    """Step, replica and neuron of each window: of the steps at which a neuron is near, the first that is free.

    One look-up leads from an opening to the next, so the loop is over the windows of one neuron, and all neurons go
    through theirs side by side.
    """
    steps, _, count = near.shape
    open_in = near.clone()
    open_in[0], open_in[steps - length + 1 :] = False, False
    key = open_in.permute(1, 2, 0).reshape(-1).nonzero().squeeze(1)
    cell = key // steps
    after, taken = torch.searchsorted(key, key + length), torch.zeros_like(key, dtype=torch.bool)
    here = (cell.diff(prepend=cell.new_tensor([-1])) > 0).nonzero().squeeze(1)
    while len(here):
        taken[here] = True
        here = here[after[here] < len(key)]
        here = after[here][cell[after[here]] == cell[here]]
    step, cell = key[taken] % steps, cell[taken]
    order = step.argsort(stable=True)
    return step[order], cell[order] // count, cell[order] % count


def _compiled(v: Tensor, cur: Tensor, spk: Tensor, length: int, settings: tuple[float, ...]) -> Windows:
    """The same in one pass, the drive by recursion."""
    from spikefa.noise import kernels

    arrays = [plain(part.flatten(1)) for part in (v, cur, spk)]
    cells, most = arrays[0].shape[1], len(v) // length + 1
    step, counts = np.empty((cells, most), np.int64), np.zeros(cells, np.int64)
    peak, spiked = np.empty((cells, most), arrays[0].dtype), np.empty((cells, most), np.bool_)
    number = np.array(settings, arrays[0].dtype)
    share(kernels.windows, cells, v.numel(), *arrays, number, length, step, peak, spiked, counts)
    here = np.arange(most) < counts[:, None]
    order = step[here].argsort(kind="stable")
    cell = np.repeat(np.arange(cells), counts)
    found = (step[here], cell // v.shape[2], cell % v.shape[2], peak[here], spiked[here])
    return Windows(*(torch.from_numpy(part[order]) for part in found))
