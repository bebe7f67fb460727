"""Training: one experiment, epoch by epoch. It writes nothing; it only yields what it measured."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, final

import snntorch as snn
import torch
from torch import Tensor, nn

from spikefa.attachment import adapt
from spikefa.checkpoint import Checkpoint
from spikefa.datasets import Dataset
from spikefa.distributed import Alone, Backward, Crew, crew
from spikefa.divergence import Diverged, reason, sound
from spikefa.experiment import Experiment
from spikefa.measurement import Epoch, angle, measure
from spikefa.noise.due import check_phases
from spikefa.options import whole
from spikefa.packing import copied
from spikefa.remedies import remedy
from spikefa.restoring import restore, restore_optimizer
from spikefa.rules.kp import check_decay
from spikefa.runs import ADDED
from spikefa.silence import check_silence
from spikefa.stopwatch import Stopwatch
from spikefa.streams import stream
from spikefa.tensorboard import histograms


def train(
    experiment: Experiment,
    data: Dataset,
    device: str | torch.device = "cpu",
    probe: int | None = None,
    weights: bool = False,
    start: Checkpoint | None = None,
) -> Iterator[Epoch]:
    """Train one experiment and yield a record for the start and for each epoch.

    The experiment's optimiser on the read-out's loss, a cross-entropy, with gradients as its ``credit`` has them;
    ``adamw`` without weight decay is Adam bit for bit. After every update the remedy, and then ``adapt``.
    Deterministic: the same experiment gives the same numbers again (but for ``seconds`` and ``work``). Torch's global
    generator is neither used nor moved. Within :func:`spikefa.following.joined` all its processes train together.

    Args:
        experiment: what to train.
        data: its data set, loaded.
        device: where to compute.
        probe: updates from one measurement of the gradient's angle to the next, besides the one after each epoch; the
            time that these take counts for none of the epoch's. None for no such measurement.
        start: what to go on from, with the epoch after it; to take one, see :class:`Training`.
        weights: whether each record holds histograms of W and B.

    Raises:
        ValueError: ``probe`` is no whole number, at least 1; ``start`` is of another training.
        Diverged: the loss, or the norm of a gradient, became nan or infinite; the epochs before have been yielded. The
            message names the layer whose error exploded.

    Warns:
        SilentLayer: a layer does not fire, once for each such layer.
        NoDecay: the rule is ``kp``, and there is no weight decay.
        NoPhase: the training is too short for any phase of a rule that learns in phases.
        Undone: of two remedies, one undoes the other.

    Example:
        >>> from spikefa.datasets import DATASETS
        >>> experiment = Experiment(rule="fa", epochs=1, steps=4, lr=0.01)
        >>> start, first = train(experiment, DATASETS["digits"]())
        >>> first.epoch, first.accuracy["test"] > start.accuracy["test"], first.moved
        (1, True, 0.0)
    """
    training = Training(experiment, data, device, probe, weights)
    if start is not None:
        training.restore(start)
    yield from training.epochs()


@final
class Training:
    """A training of one experiment, which can be kept between two epochs, and gone on with in another process.

    Args:
        experiment, data, device, probe, weights: as :func:`train` takes them.

    Attributes:
        net: the network, with its pathways.
        history: what each epoch gave so far.

    Raises:
        ValueError: ``probe`` is no whole number, at least 1.

    Example:
        >>> from spikefa.datasets import DATASETS
        >>> data, experiment = DATASETS["digits"](), Experiment(rule="fbp:period=3", epochs=2, steps=2)
        >>> whole = Training(experiment, data)
        >>> for record in whole.epochs():
        ...     if record.epoch == 1:
        ...         halfway = whole.checkpoint()
        >>> second = Training(experiment, data)
        >>> second.restore(halfway)
        >>> [end.loss == whole.history[2].loss for end in second.epochs()]
        [True]
    """

    def __init__(
        self,
        experiment: Experiment,
        data: Dataset,
        device: str | torch.device = "cpu",
        probe: int | None = None,
        weights: bool = False,
    ) -> None:
        if probe is not None:
            whole(probe=probe)
        self.experiment, self.data, self.device = experiment, data, device
        self.probe, self.weights = probe, weights
        self.net = experiment.build(data).to(device)
        _forget(self.net)
        self.optimizer = experiment.updates(self.net)
        check_decay(self.net, self.optimizer)
        self.remedy = remedy(experiment.remedy, experiment.seed)(self.net)
        self.order, self.noise = stream(experiment.seed, "order"), stream(experiment.seed, "input")
        self.history: list[Epoch] = []
        self._start: Checkpoint | None = None

    def epochs(self) -> Iterator[Epoch]:
        """Train on to the last epoch; a record for each epoch that is not in the history yet, the start being one."""
        together = crew.get()
        with together.leading(self.experiment, self.data, self.device, probe=self.probe, start=self._start):
            yield from self._epochs(together)

    def _epochs(self, together: Crew) -> Iterator[Epoch]:
        backward = together.backward(self.experiment, self.net)
        epochs = self.experiment.epochs
        check_phases(self.net, epochs * math.ceil(len(self.data.train) / self.experiment.batch_size), epochs)
        for epoch in range(len(self.history), epochs + 1):
            losses: list[float] = []
            angles: list[tuple[int, float]] = []
            updates = self.history[-1].updates if epoch else 0
            watch = Stopwatch()
            for loss in self._updates(epoch, together, backward) if epoch else ():
                losses.append(loss)
                if self.probe is not None and (updates + len(losses)) % self.probe == 0:
                    with watch.paused():
                        angles.append((updates + len(losses), together.once(self._angle)))
            seconds, work = watch.read() if epoch else (0.0, 0.0)
            together.check(self.net)
            asked = self.experiment, self.net, self.data, epoch, updates + len(losses)
            record = together.once(partial(measure, *asked))
            loss = sum(losses) / len(losses) if losses else math.nan
            seen = histograms(self.net) if self.weights else {}
            record = replace(record, loss=loss, angles=tuple(angles), seconds=seconds, work=work, histograms=seen)
            check_silence(self.experiment, record, self.history)
            self.history.append(record)
            yield record

    def _angle(self) -> float:
        return angle(self.experiment, self.net, self.data)

    def _updates(self, epoch: int, together: Crew, backward: Backward) -> Iterator[float]:
        """One pass over the training split: an update a batch, and its loss."""
        batches = self.data.train.batches(self.experiment.batch_size, self.order)
        for batch, (x, y) in enumerate(batches, start=1):
            yield self._update(x, y, together, backward, f"at epoch {epoch}, batch {batch}")
        adapt(self.net, epoch=True)
        if broken := [name for name, p in self.net.named_parameters() if not torch.isfinite(p).all()]:
            raise Diverged(f"the weights {', '.join(broken)} are not finite after epoch {epoch}: try a smaller lr")

    def update(self, x: Tensor, y: Tensor) -> float:
        """One update by this process alone, of images ``[B, ...]`` and labels ``[B]``; the loss before it.

        Raises:
            Diverged: the loss, or the norm of a gradient, became nan or infinite.

        Example:
            >>> from spikefa.datasets import DATASETS
            >>> data = DATASETS["digits"]()
            >>> training = Training(Experiment(rule="fa", steps=2), data)
            >>> training.update(data.train.x[:64], data.train.y[:64]) < 3
            True
        """
        return self._update(x, y, Alone(), Alone().backward(self.experiment, self.net), "at this update")

    def _update(self, x: Tensor, y: Tensor, together: Crew, backward: Backward, where: str) -> float:
        device = next(self.net.parameters()).device
        self.optimizer.zero_grad()
        here, drawn = (x.to(device), y.to(device)), self.noise.get_state()
        fine, loss = sound(backward(*here, self.noise), self.net)
        if not fine:
            raise Diverged(together.once(partial(self._reason, loss, where, *here, self.noise.set_state(drawn))))
        self.optimizer.step()
        self.remedy.step()
        adapt(self.net)
        return loss

    def _reason(self, loss: float, where: str, x: Tensor, y: Tensor, noise: torch.Generator) -> str:
        """Why, by a twin of the network, to which nothing else is attached, such as hooks that average gradients."""
        twin = self.experiment.build(self.data).to(self.device)
        _forget(twin)
        restore(twin, self.net.state_dict(), "network")
        return reason(twin, loss, self.experiment.rule, where, partial(self.experiment.backward, twin, x, y, noise))

    def checkpoint(self, origin: Mapping[str, Any] | None = None) -> Checkpoint:
        """All that decides how it goes on after the last epoch that was yielded; it shares no memory with the training.

        Args:
            origin: what the numbers depend on besides the experiment, for the record.
        """
        state = {
            "network": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "remedy": self.remedy.state_dict(),
            "order": self.order.get_state(),
            "input": self.noise.get_state(),
        }
        fields, data = self.experiment.model_dump(), self.data
        return Checkpoint(fields, dict(origin or {}), data.shape, data.classes, tuple(self.history), copied(state))

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint of the same experiment, as if there had been no interruption.

        Raises:
            ValueError: it is of another experiment, or its state of something else; the training may be half restored.
        """
        differ = [name for name, value in self.experiment if (ADDED | checkpoint.experiment).get(name) != value]
        if differ or set(checkpoint.experiment) - set(Experiment.model_fields):
            raise ValueError(f"the checkpoint is of another experiment: {', '.join(differ) or 'it'} differs")
        state = copied(checkpoint.state)  # an optimiser keeps what it is given, and writes to it
        try:
            restore(self.net, state["network"], "network")
            restore(self.remedy, state["remedy"], "remedy")
            restore_optimizer(self.optimizer, state["optimizer"])
            self.order.set_state(state["order"])
            self.noise.set_state(state["input"])
        except Exception as error:  # whatever a rule or an optimiser makes of state that is not its own
            raise ValueError(f"the checkpoint's state is not that of this training: {error}") from error
        self.history, self._start = list(checkpoint.history), checkpoint


def _forget(net: nn.Module) -> None:
    """Take the network's neurons out of snnTorch's class-wide list, which would keep them alive for ever."""
    own = {id(module) for module in net.modules()}
    snn.SpikingNeuron.instances[:] = [neuron for neuron in snn.SpikingNeuron.instances if id(neuron) not in own]
