"""From images to input over time: [B, ...] in [0, 1] becomes [T, B, ...]."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor

Encoding = Callable[[Tensor, int, Generator], Tensor]
"""`(x [B, ...], steps T, generator) -> [T, B, ...]`, of the dtype and on the device of x."""

SILENT_BELOW = 0.01


def constant_current(x: Tensor, steps: int, generator: Generator) -> Tensor:
    """Give the image as the same input current at every step.

    Args:
        x: images, shape [B, ...].
        steps: number of time steps T.
        generator: not used; nothing is random.

    Returns:
        Shape [T, B, ...]: x at every step, a view that takes no memory (clone it before writing into it).

    Raises:
        ValueError: when `steps` is below 1.

    Reference:
        Training spiking neural networks using lessons from deep learning (direct coding, where the first layer makes
        the spikes), J. K. Eshraghian et al., 2023, https://doi.org/10.1109/JPROC.2023.3308088

    Example:
        >>> constant_current(torch.tensor([[0.0, 0.5]]), 3, torch.Generator()).tolist()
        [[[0.0, 0.5]], [[0.0, 0.5]], [[0.0, 0.5]]]
    """
    _require_steps(steps)
    return x.expand(steps, *x.shape)


def standardized_current(x: Tensor, steps: int, generator: Generator) -> Tensor:
    """Give the image, less its mean and over its standard deviation, as the same input current at every step.

    (x − mean(x)) / max(std(x), 1/√N), over all N numbers of an image; what the brightness of an image is, is lost.

    Args:
        x: images, shape [B, ...].
        steps: number of time steps T.
        generator: not used; nothing is random.

    Returns:
        Shape [T, B, ...]: the same at every step, a view that takes no memory.

    Raises:
        ValueError: when `steps` is below 1.

    Reference:
        TensorFlow's `per_image_standardization`, with which its CIFAR-10 tutorial trains,
        https://www.tensorflow.org/api_docs/python/tf/image/per_image_standardization

    Example:
        >>> standardized_current(torch.tensor([[0.0, 1.0]]), 1, torch.Generator()).tolist()
        [[[-1.0, 1.0]]]
    """
    flat = x.flatten(1)
    std = flat.std(1, correction=0, keepdim=True).clamp(min=flat.shape[1] ** -0.5)
    return constant_current(((flat - flat.mean(1, keepdim=True)) / std).view_as(x), steps, generator)


def poisson_rate(x: Tensor, steps: int, generator: Generator) -> Tensor:
    """Spike at each step with probability x, independently: a Poisson process in discrete time.

    Args:
        x: images in [0, 1], shape [B, ...].
        steps: number of time steps T.
        generator: source of all randomness; spikes are drawn on its device, so that a generator on the CPU gives the
            same spikes wherever x is.

    Returns:
        Spikes 0 or 1, shape [T, B, ...], with mean x.

    Raises:
        ValueError: when `steps` is below 1 or `x` leaves [0, 1].

    Reference:
        snnTorch's `spikegen.rate`, which draws from the global generator,
        https://snntorch.readthedocs.io/en/latest/snntorch.spikegen.html

    Example:
        >>> poisson_rate(torch.tensor([[0.0, 1.0]]), 3, torch.Generator()).tolist()
        [[[0.0, 1.0]], [[0.0, 1.0]], [[0.0, 1.0]]]
    """
    _require_steps(steps)
    _require_unit_interval(x)
    probability = x.to(generator.device).expand(steps, *x.shape)
    return torch.bernoulli(probability, generator=generator).to(x.device)


def latency(x: Tensor, steps: int, generator: Generator) -> Tensor:
    """Spike once, the earlier the brighter: at step round((T − 1)(1 − x)), and never where x < 0.01.

    This is snnTorch's `spikegen.latency` with `linear`, `normalize` and `clip`. Its default, the logarithmic code, is
    not used: it is normalised by the slowest input of the batch, so the spikes of an image would depend on the others,
    and since dark pixels are by far the slowest, nearly all other spikes would fall on the first step.

    Args:
        x: images in [0, 1], shape [B, ...].
        steps: number of time steps T.
        generator: not used; nothing is random.

    Returns:
        Spikes 0 or 1, shape [T, B, ...], at most one per input.

    Raises:
        ValueError: when `steps` is below 1 or `x` leaves [0, 1].

    Reference:
        snnTorch's `spikegen.latency`, https://snntorch.readthedocs.io/en/latest/snntorch.spikegen.html

    Example:
        >>> latency(torch.tensor([[0.0, 0.5, 1.0]]), 3, torch.Generator()).tolist()
        [[[0.0, 0.0, 1.0]], [[0.0, 1.0, 0.0]], [[0.0, 0.0, 0.0]]]
    """
    from snntorch import spikegen

    _require_steps(steps)
    _require_unit_interval(x)
    spk: Tensor = spikegen.latency(x, steps, threshold=SILENT_BELOW, normalize=True, linear=True, clip=True)
    return spk.to(x.dtype)  # snnTorch always gives float32


ENCODINGS: dict[str, Encoding] = {
    "current": constant_current,
    "standardized": standardized_current,
    "poisson": poisson_rate,
    "latency": latency,
}


def _require_steps(steps: int) -> None:
    if steps < 1:
        raise ValueError(f"steps={steps}; give at least 1 time step")


def _require_unit_interval(x: Tensor) -> None:
    low, high = x.aminmax()
    if not (low >= 0 and high <= 1):  # so that NaN is refused as well
        raise ValueError(f"inputs from {low:g} to {high:g} are no probabilities; scale them to [0, 1]")
