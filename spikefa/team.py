"""The processes of one training: who takes which rows, and how gradients, measurements and orders go between them."""

from __future__ import annotations

import hashlib
import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, final

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from spikefa.datasets import Dataset, Events, Split
from spikefa.datasets.dataset import UNLABELLED
from spikefa.distributed import Backward, Crew, Device, Found, Known, Parted
from spikefa.experiment import Experiment
from spikefa.readout import Part
from spikefa.sequence import run


@final
class Whole(nn.Module):
    """A network over a whole sequence, as one module: what ``DistributedDataParallel`` can wrap.

    Args:
        net: as :func:`~spikefa.run` takes it.

    Example:
        >>> Whole(nn.Linear(3, 2))(torch.ones(5, 4, 3)).shape
        torch.Size([5, 4, 2])
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """What ``run(net, x)`` gives, for ``[T, B, ...]``."""
        return run(self.net, x)


def part(y: Tensor, rank: int, size: int) -> Part:
    """The rows of a batch that a process takes, and the weight of their mean loss in the mean over all processes.

    A process without a row takes the first one, with weight 0, for it must take part in the average of gradients.

    Args:
        y: the batch's labels, ``[B]``, or of each step, ``[B, T]``; what is unlabelled counts for no mean.
        rank: of the process; ``size``: number of processes.

    Example:
        >>> five = torch.arange(5)
        >>> part(five, 0, 2), part(five, 1, 2), part(five[:1], 0, 2).weight
        (Part(rows=slice(0, 2, None), weight=0.8), Part(rows=slice(2, 5, None), weight=1.2), 0.0)
    """
    first, last = len(y) * rank // size, len(y) * (rank + 1) // size
    mine = int((y[first:last] != UNLABELLED).sum())
    rows = slice(first, last) if last > first else slice(0, 1)
    return Part(rows, size * mine / max(int((y != UNLABELLED).sum()), 1))


class Order(NamedTuple):
    """What the leader tells the others to train, and the shapes and types of the tensors of its data, which follow."""

    arguments: dict[str, Any]
    device: str
    threads: int
    dataset: tuple[str, int, str]
    events: tuple[tuple[int, ...], float] | None
    shapes: list[torch.Size]
    dtypes: list[torch.dtype]


@final
class Team(Crew):
    """The processes of a ``torch.distributed`` group that train together.

    Args:
        rank: of this process; ``size``: their number.
        control: a gloo group of all, for what is no gradient.
    """

    def __init__(self, rank: int, size: int, control: Any) -> None:
        self.rank, self.size, self.control, self.busy = rank, size, control, False

    @contextmanager
    def leading(self, experiment: Experiment, data: Dataset, device: Device, **others: Any) -> Iterator[None]:
        """Around a training: the leader has the others begin it too."""
        if self.rank == 0:
            self._tell(_order({"experiment": experiment, **others}, device, data), data)
        self.busy = True
        try:
            yield
        except (ArithmeticError, Known):
            self.busy = False
            raise
        self.busy = False

    def _tell(self, order: Order | None, data: Dataset | None = None) -> None:
        if self.busy:
            raise Parted("spikefa: a training was left before its end, and the other processes still wait in it")
        with self._whole():
            distributed.broadcast_object_list([order], src=0, group=self.control)
            if data is not None:
                for tensor in _tensors(data.train):
                    distributed.broadcast(_bytes(tensor), src=0, group=self.control)

    def dismiss(self) -> None:
        """The leader has nothing more to train; the others end, unless they wait within a training that broke off."""
        if not self.busy:
            self._tell(None)

    def told(self) -> dict[str, Any] | None:
        """The arguments of the next training that the leader asks for, its images among them; None at the end."""
        box: list[Order | None] = [None]
        with self._whole():
            distributed.broadcast_object_list(box, src=0, group=self.control)
            if (order := box[0]) is None:
                return None
            tensors = [torch.empty(s, dtype=d) for s, d in zip(order.shapes, order.dtypes, strict=True)]
            for tensor in tensors:
                distributed.broadcast(_bytes(tensor), src=0, group=self.control)
        torch.set_num_threads(order.threads)
        train, (name, classes, note) = _split(tensors, order.events), order.dataset
        one = Split(train.x[:1], train.y[:1])  # the leader alone measures
        return order.arguments | {"device": order.device, "data": Dataset(name, train, one, one, classes, note)}

    def backward(self, experiment: Experiment, net: nn.Module) -> Backward:
        """The experiment's, of a part of the batch, with gradients averaged and the loss of the whole batch."""
        mixing = [name for name, m in net.named_modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        if mixing:
            raise Known(f"batch norm ({', '.join(mixing)}) would see parts of batches: train it in one process")
        through_time = experiment.credit == "bptt"
        with self._whole():
            whole = _parallel(net) if through_time else net

        def backward(x: Tensor, y: Tensor, noise: torch.Generator) -> Tensor:
            with self._whole():
                loss = experiment.backward(whole, x, y, noise, part(y, self.rank, self.size))
                for mean in [loss] if through_time else [loss, *_gradients(net)]:
                    distributed.all_reduce(mean)
                    mean /= self.size
                return loss

        return backward

    def once(self, measure: Callable[[], Found]) -> Found:
        """What ``measure`` gives in the leading process; the others wait for it."""
        box: list[Any] = [None, None]
        failed: Exception | None = None
        if self.rank == 0:
            try:
                box[0] = measure()
            except Exception as error:
                failed, box[1] = error, f"{type(error).__name__}: {error}"
        with self._whole():
            distributed.broadcast_object_list(box, src=0, group=self.control)
        if box[1] is not None:
            raise Known(box[1]) from failed
        found: Found = box[0]
        return found

    def check(self, net: nn.Module) -> None:
        """All processes hold the same W and B, bit for bit."""
        mine = _digest(net)
        found = [torch.empty_like(mine) for _ in range(self.size)]
        with self._whole():
            distributed.all_gather(found, mine, group=self.control)
        if any(not other.equal(mine) for other in found):
            raise Known(
                "the processes hold different weights: what a pathway or a remedy learns from must be the same in all "
                "(W, a generator of its own, averaged gradients), and so must their machines and versions of torch"
            )

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Within, a failure of one process is the end of all."""
        try:
            yield
        except Exception as error:
            said = " ".join(str(error).split())
            raise Parted(
                f"spikefa: process {self.rank} of {self.size} stops: {type(error).__name__}: {said}\n"
                f"If another process is gone, its own message says why; the same command again trains what is missing"
            ) from error


def backend() -> str:
    """NCCL between GPUs where each process has one of its own, gloo elsewhere."""
    own = torch.cuda.device_count() >= int(os.environ.get("LOCAL_WORLD_SIZE", "1")) and torch.cuda.is_available()
    return "cpu:gloo,cuda:nccl" if own and distributed.is_nccl_available() else "gloo"


def _parallel(net: nn.Module) -> DistributedDataParallel:
    """Which pathways and neurons there are never changes in a training; their buffers each process keeps by itself."""
    known = inspect.signature(DistributedDataParallel).parameters
    buffers = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"  # torch below 2.13
    return DistributedDataParallel(Whole(net), static_graph=True, **{buffers: False})  # type: ignore[arg-type]


def _gradients(net: nn.Module) -> list[Tensor]:
    return [p.grad for p in net.parameters() if p.grad is not None]


def _order(arguments: dict[str, Any], device: Device, data: Dataset) -> Order:
    x, tensors = data.train.x, _tensors(data.train)
    events = (x.place, x.window) if isinstance(x, Events) else None
    dataset = data.name, data.classes, data.note
    shapes, dtypes = [tensor.shape for tensor in tensors], [tensor.dtype for tensor in tensors]
    return Order(arguments, torch.device(device).type, torch.get_num_threads(), dataset, events, shapes, dtypes)


def _tensors(split: Split) -> list[Tensor]:
    """Labels and images; or labels and what lists of events are made of."""
    if isinstance(split.x, Tensor):
        return [split.y, split.x]
    events = [split.x.time, split.x.unit, split.x.starts, split.x.value]
    return [split.y, *(tensor for tensor in events if tensor is not None)]


def _bytes(tensor: Tensor) -> Tensor:
    """The memory of a tensor, since gloo sends no int16, which the inputs of events are."""
    return tensor.contiguous().view(torch.uint8)


def _split(tensors: list[Tensor], events: tuple[tuple[int, ...], float] | None) -> Split:
    y, first, *rest = tensors
    if events is None:
        return Split(first, y)
    unit, starts, *value = rest
    return Split(Events(first, unit, starts, *events, *value), y)


def _digest(net: nn.Module) -> Tensor:
    """Of parameters and of what pathways hold; 32 bytes. Neurons' states are each process's own."""
    parameters = dict(net.named_parameters())
    held = {name: value for name, value in net.state_dict().items() if name in parameters or ".feedback." in name}
    digest = hashlib.sha256()
    for name, value in sorted(held.items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return torch.frombuffer(bytearray(digest.digest()), dtype=torch.uint8)
