"""The benchmark script: every table at a size of seconds. No test asserts a time."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from scripts.benchmarks.contenders import CONTENDERS
from scripts.benchmarks.footprint import footprints
from scripts.benchmarks.timing import Setting, Spread, exponent, interleaved, number, ratio
from scripts.benchmarks.workloads import TINY, Case

ROOT = Path(__file__).parents[1]
SECONDS = Setting(rounds=2, tiny=True)
TABLES = {
    "step": ["limit", "spikefa", "snnTorch"],
    "rules": ["bp", "dfa", "sal"],
    "memory": ["mid: 12-9-8-4, T 3, B 2", "limit", "spikefa, bp"],
    "growth --only width": ["2", "8", "exponent"],
    "start": ["spikefa --help", "import spikefa"],
    "loading": ["digits, 1,197 of (1, 8, 8)"],
    "brian2": ["lif, 12-8-4, 4 samples"],
    "sparsity": ["6 → 5, 8 rows", "mid: 12-9-8-4, T 3, B 2", "0.5"],
}


def bench(words):
    command = [sys.executable, "scripts/bench.py", *words.split(), "--tiny", "--rounds", "1", "--threads", "1"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def sections(text):
    """The cells of each table in the text."""
    return [
        [[cell.strip() for cell in line.strip("|").split(" | ")] for line in part.splitlines() if line.startswith("|")]
        for part in text.split("### ")[1:]
    ]


SLOW = ("memory", "start", "growth --only width")  # each starts a dozen processes


@pytest.mark.parametrize("words", [pytest.param(w, marks=[pytest.mark.slow] * (w in SLOW)) for w in TABLES])
def test_every_table_is_printed_with_its_command_and_its_machine(words):
    if words == "brian2":
        pytest.importorskip("brian2", reason="the reference models need Brian2")
    done = bench(words)
    assert done.returncode == 0, done.stderr
    assert f"`python scripts/bench.py {words} --tiny" in done.stdout
    assert f"torch {torch.__version__.split('+')[0]}" in done.stdout
    assert "1 threads" in done.stdout
    tables = sections(done.stdout)
    assert set(TABLES[words]) <= {row[0] for table in tables for row in table}
    for columns, _, *rows in tables:
        assert rows
        assert all(len(row) == len(columns) and all(row) for row in rows)


def test_what_is_not_a_table_is_refused():
    done = bench("speed")
    assert done.returncode == 2
    assert "there are step, rules" in done.stderr


@pytest.mark.parametrize("case", TINY, ids=lambda case: case.name)
def test_spikefa_and_the_loop_have_the_same_gradients(case):
    (x, y), found = case.data(), {}
    for name in ("snnTorch", "spikefa", "spikefa, bp"):
        net, scores = CONTENDERS[name].build(case.network())
        F.cross_entropy(scores(x), y).backward()
        found[name] = [weight.grad for weight in net.parameters()]
    torch.testing.assert_close(found["spikefa"], found["snnTorch"])
    torch.testing.assert_close(found["spikefa, bp"], found["snnTorch"])


@pytest.mark.parametrize("name", ["limit", "SpikingJelly", "Norse"])
def test_all_contenders_read_out_the_same(name):
    """One affine layer and the integrators: no spikes, so that all are equal."""
    if not installed(name):
        pytest.skip("not installed")
    case = Case("read-out alone", (6, 4), 5, 3)
    x, y = case.data()
    found = {}
    for which in (name, "snnTorch"):
        net, scores = CONTENDERS[which].build(case.network())
        loss = F.cross_entropy(scores(x), y)
        loss.backward()
        found[which] = scores(x), next(net.parameters()).grad
    torch.testing.assert_close(found[name], found["snnTorch"])


@pytest.mark.parametrize("name", ["SpikingJelly", "Norse"])
def test_peers_neurons_agree_in_the_first_step(name):
    """Their resets differ by a leak, which shows from the second step on."""
    if not installed(name):
        pytest.skip("not installed")
    x = Case("one step", (12, 9, 8, 4), 1, 6).data()[0]
    own, peer = (CONTENDERS[which].build(Case("", (12, 9, 8, 4), 1, 6).network())[1](x) for which in ("snnTorch", name))
    torch.testing.assert_close(own, peer)
    assert own.abs().sum() > 0


def installed(name):
    return CONTENDERS[name].installed


def test_jobs_take_turns_and_the_first_rounds_do_not_count():
    calls = []
    jobs = {name: lambda name=name: calls.append(name) for name in "abc"}
    seconds = interleaved(jobs, SECONDS, warm=1)
    assert [len(found) for found in seconds.values()] == [2, 2, 2]
    assert "".join(calls) == "cababcbca"


def test_ratios_are_those_of_each_round():
    assert ratio([2, 4, 60], [1, 2, 3]) == Spread(2, 2, 11)
    assert str(Spread.of([0.001, 0.002, 0.003], 1000)) == "2.00 [1.50, 2.50]"


def test_exponents_are_those_of_a_power():
    assert exponent([1, 2, 4, 8], [5 * n**1.5 for n in (1, 2, 4, 8)]) == pytest.approx(1.5)


def test_numbers_are_printed_without_exponents():
    assert [number(value) for value in (-12345.6, 99.94, 1.239, 0.0456, 1e-9)] == [
        "-12,346",
        "99.9",
        "1.24",
        "0.046",
        "0.00",
    ]


def test_memory_is_that_of_the_step_and_not_of_the_process_that_asks():
    held = torch.ones(2**26)  # 256 MiB
    case = Case("measured", (50, 400, 10), 40, 100)  # spikes of the hidden layer: 6.1 MiB
    own, longer = footprints([(case, "limit"), (Case("", (50, 400, 10), 80, 100), "limit")], "cpu")
    assert held[0] == 1
    assert 5 < own < 60
    assert longer > 1.5 * own
