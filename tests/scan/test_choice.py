"""Which implementation runs, that it says why, and that heavy packages wait for the first scan."""

import re
import subprocess
import sys

import pytest
import snntorch as snn
import torch
from snntorch import surrogate
from snntorch.functional import quant

from spikefa import attach, run, scan
from spikefa.neurons import scan as run_neuron
from spikefa.scan.compiled import compiled
from tests.scan.comparison import leaky, synaptic

T, B, N = 4, 3, 5


def x(**options):
    return torch.ones(T, B, N, **options)


def changed():
    neuron = leaky()
    neuron.reset_mechanism = "zero"
    return neuron


def own(mem):
    return surrogate.atan()(mem)


REASONS = {
    "a Lapicque has no kernel": (lambda: snn.Lapicque(beta=0.9), x()),
    "a RLeaky has no kernel": (lambda: snn.RLeaky(beta=0.9, linear_features=N), x()),
    "uses inhibition": (lambda: leaky(inhibition=True), x()),
    "uses state_quant": (
        lambda: synaptic(state_quant=quant.state_quant(4, True, lower_limit=2.0, upper_limit=2.0)),
        x(),
    ),
    "reset_mechanism was set after": (changed, x()),
    "reset_delay=False with a spike_grad": (lambda: leaky(reset_delay=False, spike_grad=own), x()),
    "currents in torch.bfloat16": (leaky, x(dtype=torch.bfloat16)),
    "there are no currents": (leaky, torch.ones(T, 0, N)),
    "beta in torch.float64 makes": (lambda: leaky(beta=torch.ones(N, dtype=torch.float64)), x()),
    r"threshold of shape \(3, 5\) is not": (lambda: leaky(threshold=torch.ones(B, N)), x()),
    "there are no kernels for meta": (leaky, x(device="meta")),
}


@pytest.mark.filterwarnings("ignore:Inhibition")
@pytest.mark.parametrize("reason", REASONS)
def test_what_has_no_kernel_goes_to_the_reference_and_says_why(reason):
    make, currents = REASONS[reason]
    choice = scan.implementation(make(), currents)
    assert choice.name == "reference"
    assert re.search(reason, str(choice))


@pytest.mark.filterwarnings("ignore:Inhibition")
@pytest.mark.parametrize("reason", [r for r in REASONS if "meta" not in r and "after" not in r])
def test_and_it_runs_there(reason):
    make, currents = REASONS[reason]
    spk, mem = run_neuron(make(), currents)
    assert spk.shape == mem.shape == currents.shape


def test_a_reset_set_later_is_snntorchs_own_which_takes_no_notice():
    assert all(a.equal(b) for a, b in zip(run_neuron(changed(), x()), run_neuron(leaky(), x()), strict=True))


def test_every_setting_that_has_a_kernel_takes_it():
    for neuron in (
        leaky(),
        synaptic(),
        leaky(spike_grad=own),
        leaky(reset_mechanism="none"),
        leaky(beta=torch.rand(N)),
    ):
        assert scan.implementation(neuron, x()) == ("cpu", "the kernel for cpu")
        assert scan.implementation(neuron.double(), x().double()).name == "cpu"


def test_inside_the_reference_is_forced_and_afterwards_no_longer():
    with scan.using("cpu"), scan.using("reference"):
        assert str(scan.implementation(leaky(), x())) == "reference: asked for"
    assert scan.implementation(leaky(), x()).name == "cpu"


def test_a_variable_forces_too_and_a_context_comes_first(monkeypatch):
    monkeypatch.setenv(scan.VARIABLE, "reference")
    assert scan.implementation(leaky(), x()).name == "reference"
    with scan.using("cpu"):
        assert scan.implementation(leaky(), x()).name == "cpu"
    monkeypatch.setenv(scan.VARIABLE, "gpu")
    with pytest.raises(ValueError, match="no scan called 'gpu': choose from reference, cpu, cuda"):
        run_neuron(leaky(), x())


def test_an_unknown_one_is_refused():
    with pytest.raises(ValueError, match="no scan called 'fast'"), scan.using("fast"):
        pass


def test_one_that_is_not_installed_is_refused_when_asked_for_and_otherwise_passed_over(monkeypatch):
    monkeypatch.setattr("spikefa.scan.choice.find_spec", lambda name: None)
    monkeypatch.setattr("spikefa.scan.hindrance.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="the cuda scan needs triton"), scan.using("cuda"):
        pass
    assert str(scan.implementation(leaky(), x())) == "reference: numba is not installed"


def test_another_devices_kernel_is_not_used(monkeypatch):
    monkeypatch.setenv(scan.VARIABLE, "cuda")
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    assert "cuda was asked for, but the currents are on cpu" in str(scan.implementation(leaky(), x()))


def test_torch_func_and_forward_mode_see_the_reference():
    neuron, seen = leaky(spike_grad=torch.sigmoid), []  # torch.func refuses snnTorch's own surrogates

    def loss(cur):
        seen.append(str(scan.implementation(neuron, cur)))
        return run_neuron(neuron, cur)[1].square().sum()

    torch.func.grad(loss)(x())
    torch.func.vmap(loss)(x().unsqueeze(0))
    with torch.autograd.forward_ad.dual_level():
        loss(torch.autograd.forward_ad.make_dual(x(), x()))
    assert all(choice.startswith("reference: inside") for choice in seen)
    assert len(seen) == 3


@pytest.mark.parametrize("make", [leaky, synaptic])
def test_compiling_traces_the_reference(make):
    net = attach(torch.nn.Sequential(torch.nn.Linear(N, 8), make(), torch.nn.Linear(8, 3), make()), "fa", layers=["2"])
    cur, parameters = torch.randn(T, B, N), list(net.parameters())
    torch._dynamo.reset()
    compiled_run = torch.compile(lambda cur: run(net, cur)[1], fullgraph=True, backend="aot_eager")
    found, expected = (
        torch.autograd.grad(f(cur).square().sum(), parameters) for f in (compiled_run, lambda cur: run(net, cur)[1])
    )
    torch.testing.assert_close(found, expected)


def test_heavy_packages_wait_for_the_first_scan():
    code = "import sys, spikefa, spikefa.cli, spikefa.training; print({'numba', 'triton'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_without_a_folder_for_its_cache_numba_compiles_all_the_same(monkeypatch):
    import numba

    def njit(function, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return function, options

    monkeypatch.setattr(numba, "njit", njit)
    function, options = compiled(own)
    assert function is own
    assert options == {"nogil": True, "error_model": "numpy"}
