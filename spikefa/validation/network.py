"""A whole network of one's own, trained or not, beside the same network in Brian2."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
import snntorch as snn
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spikefa.checkpoint import network_tensors
from spikefa.comparison import load
from spikefa.datasets import Dataset
from spikefa.experiment import Experiment
from spikefa.names import resolve
from spikefa.readout import READOUTS
from spikefa.recording import array, record
from spikefa.streams import stream
from spikefa.validation.conversion import layers
from spikefa.validation.exact import Exact

if TYPE_CHECKING:
    from models.trace import Trace

SAVE = "take one from spikefa compare --checkpoints, or save one by torch.save(net.state_dict(), ...)"
"""The way out where a file of weights is none."""

TOGETHER = 10
"""Samples simulated side by side, each with synapses of its own: more take more memory."""


@final
@dataclass(frozen=True, eq=False)
class Network(Exact):
    """A snnTorch network and its copy in Brian2, on the same input.

    Args:
        net: ``nn.Sequential`` of ``Linear`` and neurons in turn, in float64.
        x: input over time, ``[T, B, ...]``, in float64.
        title: what it is, for tables and figures.

    Example:
        >>> import snntorch as snn
        >>> net = nn.Sequential(nn.Linear(3, 2), snn.Leaky(beta=0.9)).double()
        >>> Network(net, torch.ones(5, 1, 3, dtype=torch.float64)).compared
        '3 → 2 neurons, 5 steps × 1'
    """

    net: nn.Module
    x: Tensor
    title: str = "network"

    @property
    def name(self) -> str:
        """The title."""
        return self.title

    @property
    def compared(self) -> str:
        """The sizes of the layers of neurons, the steps and the samples."""
        recorded = record(self.net, self.x[:1, :1])
        sizes = [self.x[0, 0].numel(), *(values.shape[2] for key, values in recorded.arrays.items() if key[1] == "v")]
        return f"{' → '.join(map(str, sizes))} neurons, {len(self.x)} steps × {self.x.shape[1]}"

    def reference(self) -> Trace:
        """Brian2's network, a few samples side by side at a time.

        Raises:
            TypeError, ValueError: what Brian2 cannot match, with the name of the layer.
        """
        from brian2.devices.device import RuntimeDevice, get_device

        from spikefa.models import lif, trace

        found, x = layers(self.net, self.x[:1]), array(self.x.flatten(2))
        size = TOGETHER if isinstance(get_device(), RuntimeDevice) else x.shape[1]  # a compiled program runs once
        parts = [lif.run(found, x[:, start : start + size]) for start in range(0, x.shape[1], size)]
        arrays = {key: np.concatenate([part[key] for part in parts], axis=1) for key in parts[0].arrays}
        whole: Trace = trace.Trace(arrays, parts[0].units, parts[0].dt)
        return whole

    def twin(self) -> Trace:
        """The network over the whole sequence."""
        return record(self.net, self.x)


def trained(checkpoint: Path, experiment: Experiment, images: int, data: Path | None = None) -> tuple[Network, Tensor]:
    """A network with the weights of a checkpoint, on the first test images.

    Args:
        checkpoint: of ``spikefa compare --checkpoints``, or a ``state_dict``, by ``safetensors.torch.save_file`` or
            ``torch.save``; nothing else is unpickled.
        experiment: names the network, data set, encoding, steps and read-out that it was trained with.
        images: how many.
        data: folder with the data sets.

    Returns:
        The case and the labels ``[images]``.

    Raises:
        OSError: there is no such file.
        ValueError: it is no state_dict of this network, its neurons reset in another way, or there are not so
            many images.
    """
    if images < 1:
        raise ValueError(f"images must be at least 1, not {images}")
    found = load(experiment.dataset, data)
    if images > len(found.test.x):
        raise ValueError(
            f"{experiment.dataset} has {len(found.test.x)} test images, not the {images} asked for: name fewer"
        )
    net = restored(checkpoint, experiment, found)
    x, y = found.test.x[:images], found.test.y[:images]
    encoded = experiment.encode(x, stream(experiment.seed, "evaluation"))
    return Network(net, encoded.double(), checkpoint.stem), y


def restored(checkpoint: Path, experiment: Experiment, data: Dataset, *, feedback: bool = False) -> nn.Sequential:
    """The network of an experiment with the weights of a checkpoint, in float64, for evaluation.

    Args:
        checkpoint: as :func:`trained` takes it.
        experiment: names the network, read-out and, where B is wanted, the rule.
        data: the data set, for the network's sizes.
        feedback: whether to restore B as well, and to refuse a checkpoint that holds those of another rule.

    Raises:
        OSError, ValueError: as :func:`trained` does.
    """
    net = experiment.build(data).double()  # before loading: a checkpoint in float64 is not rounded
    told = f"network={experiment.network}" + (f" and rule={experiment.rule}" if feedback else "")
    weights = {name: values for name, values in read(checkpoint).items() if feedback or ".feedback." not in name}
    wanted = {name for name in net.state_dict() if feedback or ".feedback." not in name}
    if wrong := sorted(wanted ^ set(weights)):
        raise ValueError(
            f"{checkpoint} is not a checkpoint of {told} on {experiment.dataset}: {', '.join(wrong[:4])} in one of the "
            f"two only; name the network{' and rule' if feedback else ''} that it was saved from"
        )
    try:
        net.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        raise ValueError(f"{checkpoint} is of another network than {experiment.network}: {error}") from error
    _check_resets(checkpoint, net)
    return net.eval()


def _check_resets(checkpoint: Path, net: nn.Module) -> None:
    """Refuse neurons that were saved with another reset than they are built with, which loading leaves as it is."""
    for name, neuron in net.named_modules():
        if not isinstance(neuron, snn.SpikingNeuron):
            continue
        saved = {number: reset for reset, number in neuron.reset_dict.items()}[int(neuron.reset_mechanism_val)]
        if saved != neuron.reset_mechanism:
            raise ValueError(
                f"{checkpoint} was saved with reset_mechanism={saved!r} of {name}, which here has "
                f"{neuron.reset_mechanism!r}: name the network and the read-out that it was trained with"
            )


def predictions(recorded: Trace, experiment: Experiment) -> NDArray[Any]:
    """The classes ``[B]`` that a recording's last population says, by the experiment's read-out."""
    last = list(recorded.arrays)[-1][0]
    spk, mem = (torch.as_tensor(recorded[last, variable]).double() for variable in ("spk", "v"))
    scores: Tensor = resolve(experiment.readout, READOUTS, "read-out")(spk, mem)
    return array(scores.argmax(1))


def read(checkpoint: Path) -> dict[str, Tensor]:
    """The network's tensors of a checkpoint or ``state_dict`` file, by name, without running anything that it may hold.

    Raises:
        OSError: there is no such file.
        ValueError: it holds something else.
    """
    if not checkpoint.is_file():
        raise FileNotFoundError(f"there is no checkpoint {checkpoint}: {SAVE}")
    try:
        if checkpoint.suffix == ".safetensors":
            return network_tensors(checkpoint)
        found: Any = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except Exception as error:
        said = f"{error} ".splitlines()[0].strip()
        raise ValueError(f"{checkpoint} cannot be read as a state_dict: {said}; {SAVE}") from error
    if not isinstance(found, dict) or not all(isinstance(values, Tensor) for values in found.values()):
        raise ValueError(f"{checkpoint} holds no state_dict: {SAVE}")
    return found
