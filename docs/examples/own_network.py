"""Compare rules on a snnTorch network and on data of your own.

Two functions make them, the rest is as with spikefa's own. The same from the command line, in this file's folder:

    spikefa compare --network own_network:residual --dataset own_network:bars --rule bp fa fbp:period=20 sal
"""

import sys
from collections.abc import Callable
from pathlib import Path

import rich
import snntorch as snn
import torch
from torch import Tensor, nn

from spikefa import report
from spikefa.comparison import Failed, compare, grid
from spikefa.datasets import Dataset
from spikefa.datasets.dataset import Split
from spikefa.networks.start import start
from spikefa.runs import read
from spikefa.summary import summarise
from spikefa.tables import table


def bars(folder: Path | None = None, *, noise: float = 0.2) -> Dataset:
    """Noisy images 8×8 with a bar in one of eight rows.

    Reference:
        Földiák, "Forming sparse representations by local anti-Hebbian learning", Biological Cybernetics 64, 1990.
        https://doi.org/10.1007/BF02331346
    """

    def split(count: int, seed: int) -> Split:
        generator = torch.Generator().manual_seed(seed)
        y = torch.randint(8, (count,), generator=generator)
        x = noise * torch.rand(count, 1, 8, 8, generator=generator)
        x[torch.arange(count), 0, y] += 1 - noise
        return Split(x, y)

    return Dataset(
        "bars", split(600, 0), split(200, 1), split(200, 2), classes=8, note="bars, 600/200/200, seeds 0 1 2"
    )


class Residual(nn.Module):
    """x + LIF(W x): a forward pass of your own, written for one step in time."""

    def __init__(self, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.fc = start(nn.Linear, width, width, gain=1.0, generator=generator)
        self.lif = snn.Leaky(beta=0.9, init_hidden=True)

    def forward(self, x: Tensor) -> Tensor:
        """One step, ``[B, width]``."""
        spikes: Tensor = self.lif(self.fc(x))
        return x + spikes


def residual(
    shape: tuple[int, ...],
    classes: int,
    readout: Callable[[float], snn.Leaky],
    generator: torch.Generator,
    *,
    width: int = 64,
) -> nn.Sequential:
    """Two blocks with connections that skip them. ``generator`` draws W, so that all rules share it."""
    return nn.Sequential(
        nn.Flatten(),
        start(nn.Linear, 64, width, gain=2.0, generator=generator),
        snn.Leaky(beta=0.9, init_hidden=True),
        Residual(width, generator),
        Residual(width, generator),
        start(nn.Linear, width, classes, gain=1.0, generator=generator),
        readout(0.9),
    )


def main(folder: Path) -> None:
    """Train under four rules with two seeds, print the table, write the report."""
    sys.path.insert(0, str(Path(__file__).parent))  # where names such as own_network:bars are looked up
    experiments = grid(
        {
            "rule": ["bp", "fa", "fbp:period=20", "sal"],
            "dataset": "own_network:bars",
            "network": "own_network:residual",
            "seed": [0, 1],
            "epochs": 3,
        }
    )
    for experiment, epoch in compare(experiments, folder):
        said = epoch.error if isinstance(epoch, Failed) else f"{epoch.accuracy['validation']:.2f}"
        print(f"{experiment.rule}, seed {experiment.seed}: {said}")
    runs = read(folder)
    rich.print(table(summarise(runs)))
    print(report.write(runs, folder))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/own_network"))
