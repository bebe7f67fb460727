"""From images, or recorded spikes, to input over time: [B, ...] in [0, 1] becomes [T, B, ...]."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from spikefa import spikegen
from spikefa.datasets.events import Events, Examples
from spikefa.spikegen import images, require_steps, require_unit_interval

Encoding = Callable[[Examples, int, Generator], Tensor]
"""`(x [B, ...], steps T, generator) -> [T, B, ...]`, of the dtype and on the device of x."""

SILENT_BELOW = 0.01


def constant_current(x: Examples, steps: int, generator: Generator) -> Tensor:
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
    require_steps(steps)
    x = images(x)
    return x.expand(steps, *x.shape)


def standardized_current(x: Examples, steps: int, generator: Generator) -> Tensor:
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
        >>> standardized_current(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), 1, torch.Generator()).tolist()
        [[[-1.0, -1.0, 1.0, 1.0]]]
    """
    x = images(x)
    flat = x.flatten(1)
    std = flat.std(1, correction=0, keepdim=True).clamp(min=flat.shape[1] ** -0.5)
    return constant_current(((flat - flat.mean(1, keepdim=True)) / std).view_as(x), steps, generator)


def poisson_rate(x: Examples, steps: int, generator: Generator) -> Tensor:
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
    require_steps(steps)
    x = images(x)
    require_unit_interval(x)
    probability = x.to(generator.device).expand(steps, *x.shape)
    return torch.bernoulli(probability, generator=generator).to(x.device)


def latency(x: Examples, steps: int, generator: Generator) -> Tensor:
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
    require_steps(steps)
    x = images(x)
    require_unit_interval(x)
    return spikegen.latency(x, steps, generator, threshold=SILENT_BELOW, normalize=True, linear=True, clip=True)


def events(x: Examples, steps: int, generator: Generator) -> Tensor:
    """Bin what is spikes already: at each step the number of events at each input, none lost.

    Args:
        x: recordings.
        steps: number of time steps T, which divide the length of the recordings evenly.
        generator: not used; nothing is random.

    Returns:
        Shape [T, B, ...]: 0, 1, and more where several events fall into one step.

    Raises:
        ValueError: when `steps` is below 1 or `x` are images.

    Reference:
        The Heidelberg spiking data sets for the systematic evaluation of spiking neural networks, B. Cramer,
        Y. Stradmann, J. Schemmel and F. Zenke, 2020, https://doi.org/10.1109/TNNLS.2020.3044364

    Example:
        >>> events(Events.of([([0.1, 0.2, 0.9], [0, 0, 1])], (2,), window=1.0), 2, torch.Generator()).tolist()
        [[[2.0, 0.0]], [[0.0, 1.0]]]
    """
    require_steps(steps)
    if isinstance(x, Events):
        return x.binned(steps)
    raise ValueError("the encoding events bins what is spikes already, and these are images: give encoding current")


ENCODINGS: dict[str, Encoding] = {
    "current": constant_current,
    "standardized": standardized_current,
    "poisson": poisson_rate,
    "latency": latency,
    "events": events,
    "spikegen.rate": spikegen.rate,
    "spikegen.latency": spikegen.latency,
}
