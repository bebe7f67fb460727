"""Shared by all tests: a fixed seed, every rule with options that make it quick, two small networks."""

import json
import os
import re
import signal
import sys
from collections import OrderedDict
from importlib import import_module

import pytest
import snntorch as snn
import torch
from torch import nn

from spikefa import RULES, gather
from spikefa.cli import main
from spikefa.figures import FIGURES
from spikefa.report import write
from spikefa.runs import read
from tests.synthetic import represent, run
from tests.synthetic import write as write_runs

OPTIONS = {
    "fbp": "period=3",
    "sal": "every=2,steps=50,replicas=2",
    "stdwi": "every=2,duration=50,replicas=2",
    "mirror": "every=2,stimuli=2,replicas=3",
    "rdd": "every=2,per=update,steps=400,replicas=2",
}
"""Options with which a rule does all that it does within a few quick updates."""

VARIANTS = {"fa-dense": "fa:dense=true"}
"""Rules whose options make them another rule: the laws are asked of these too."""

CONSOLES = "spikefa.sitting", "spikefa.studies.sitting", "spikefa.validation.sitting"
"""Where commands print."""

if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")  # read when triton is imported, by whoever that is


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that starts a job in the background has it ignore Ctrl-C; Brian2 looks for a handler when it is imported.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def says(monkeypatch, capfd):
    """`says(words)`: spikefa in this process, for a wide terminal; its status, what it printed, and stderr."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["spikefa", *map(str, words)])
        for name in CONSOLES:
            monkeypatch.setattr(import_module(name).console, "_width", 200)
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capfd.readouterr()
        return ended.value.code, printed.out + printed.err, printed.err

    return call


@pytest.fixture(params=[*RULES, *VARIANTS])
def rule(request):
    """Each rule's name in turn, with its options."""
    if request.param in VARIANTS:
        return VARIANTS[request.param]
    return f"{request.param}:{OPTIONS[request.param]}" if request.param in OPTIONS else request.param


@pytest.fixture
def mlp():
    """A smooth network, in float64; its two hidden layers have weights of the same shape."""
    return nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 3)).double()


@pytest.fixture
def snn_parts():
    """Makes the layers of a network of two hidden LIF layers and a leaky read-out, in float64."""

    def make(init_hidden: bool = True, **lif: object) -> OrderedDict[str, nn.Module]:
        hidden = {"beta": 0.8, "threshold": 0.7, "init_hidden": init_hidden} | lif
        parts = OrderedDict(
            fc1=nn.Linear(5, 12),
            lif1=snn.Leaky(**hidden),
            fc2=nn.Linear(12, 10),
            lif2=snn.Leaky(**hidden),
            out=nn.Linear(10, 3),
            readout=snn.Leaky(beta=0.8, reset_mechanism="none", init_hidden=init_hidden, output=True),
        )
        for module in parts.values():
            module.double()
        nn.init.normal_(parts["fc2"].weight, std=0.8)
        return parts

    return make


@pytest.fixture
def taken(monkeypatch):
    """The way that each product of a linear layer took, in turn."""
    found, choose = [], gather._choose

    def recorded(x, weight):
        choice, starts = choose(x, weight)
        found.append(choice.name)
        return choice, starts

    monkeypatch.setattr(gather, "_choose", recorded)
    return found


COMPARED = ["bp", "fa", "fbp:period=10", "fbp:period=100", "usf"]
"""The rules of the synthetic comparison that figures and reports are drawn from."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A finished comparison of two seeds, with representations."""
    lines = [line for rule in COMPARED for seed in range(2) for line in run(rule, seed)]
    found = read(write_runs(tmp_path_factory.mktemp("runs"), *lines))
    represent(found)
    return found


@pytest.fixture(scope="module")
def drawn(runs):
    """Every figure of it."""
    return {name: draw(runs) for name, draw in FIGURES.items()}


@pytest.fixture(scope="module")
def folder(runs, tmp_path_factory):
    """Of its report."""
    return write(runs, tmp_path_factory.mktemp("report")).parent


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The folder of a report of two settings; one rule only in the first."""
    folder = tmp_path_factory.mktemp("two")
    page_of(folder, *run("bp", 0), *run("fa", 0), *run("usf", 0), *run("usf", 0, dataset="fashion"))
    return folder


def page_of(folder, *lines):
    """The report's page of these lines."""
    return write(read(write_runs(folder, *lines)), folder).read_text(encoding="utf-8")


def embedded_in(folder):
    """What the script of a folder's report draws from."""
    html = (folder / "report.html").read_text(encoding="utf-8")
    return json.loads(re.findall(r'id="data">(.*?)</script>', html, flags=re.DOTALL)[0])
