"""fBP or SAL: what can go wrong does what it says, events are counted, claims are paired."""

import math

import pytest
import snntorch as snn
import torch
from torch import nn

from spikefa import attach
from spikefa.experiment import Experiment
from spikefa.networks import NETWORKS
from spikefa.networks.mismatch import mismatched
from spikefa.noise.cost import phase_cost, phases_cost
from spikefa.readout import READOUTS
from spikefa.rules import FrozenBackprop, SpikeAlignment
from spikefa.studies import STUDIES, Results, Row, Verdict
from spikefa.studies.fbp_vs_sal.arms import HARMS, RULES, measured

STUDY = STUDIES["fbp_vs_sal"]()


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


def fbp(weight, **options):
    return FrozenBackprop(weight, draws(), **options)


@pytest.mark.parametrize("late", [1, 4])
def test_a_late_copy_is_the_weight_as_it_was_when_sent(late):
    start = torch.zeros(2, 3)
    pathway, seen = fbp(start, period=5, late=late), []
    for update in range(1, 12):
        pathway.step(start + update)
        seen.append(pathway.weight[0, 0].item())
    assert seen == ([0.0] * (4 + late) + [5.0] * 5 + [10.0] * 5)[:11]
    assert pathway.words == 12


def test_a_share_of_what_is_sent_is_lost_and_still_paid_for():
    weight = torch.ones(100, 100)
    pathway = fbp(torch.zeros(100, 100), period=1, lost=0.3)
    pathway.step(weight)
    assert pathway.weight.mean().item() == pytest.approx(0.7, abs=0.03)
    assert pathway.words == weight.numel()
    once = pathway.weight.clone()
    pathway.step(weight)
    assert (pathway.weight >= once).all()
    assert pathway.weight.mean().item() == pytest.approx(1 - 0.3**2, abs=0.02)


def test_topk_sends_again_what_was_lost():
    weight = torch.arange(1.0, 11).view(1, 10)
    pathway = fbp(torch.zeros(1, 10), period=1, transport="topk", fraction=0.1, lost=0.9)
    for _ in range(400):
        pathway.step(weight)
    assert pathway.weight.equal(weight)


def test_everything_lost_is_a_copy_never_renewed():
    pathway = fbp(torch.zeros(3, 2), period=1, lost=1)
    pathway.step(torch.ones(3, 2))
    assert not pathway.weight.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [({"late": 5}, "late=5 must be below period=5"), ({"late": -1}, "late"), ({"lost": 1.5}, "lost must be")],
    ids=str,
)
def test_faults_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        fbp(torch.zeros(2, 2), period=5, **options)


def test_mismatch_leaves_weights_and_moves_thresholds_and_time_constants_by_its_spread():
    def build(mismatch):
        return NETWORKS["mlp"]((40,), 4, READOUTS["membrane"].neuron, draws(), width=4000, depth=1, mismatch=mismatch)

    plain, other = build(0.0), build(0.2)
    assert all(p.equal(q) for p, q in zip(plain.parameters(), other.parameters(), strict=True))
    assert plain.lif1.threshold.dim() == 0
    tau = other.lif1.beta.log() / math.log(0.9)
    for scale in (other.lif1.threshold.log(), -tau.log()):
        assert scale.std().item() == pytest.approx(0.2, rel=0.05)
        assert scale.mean().item() == pytest.approx(0, abs=0.02)
    assert other.readout.threshold.shape == (4,)
    with pytest.raises(ValueError, match="mismatch"):
        mismatched(nn.Sequential(nn.Linear(2, 2), snn.Leaky(beta=0.9)), -1, draws())


@pytest.mark.parametrize("neuron", ["stochastic", "lif"])
def test_mismatched_phases_differ_and_no_mismatch_is_as_before(neuron):
    weight = torch.randn(6, 5, generator=draws())

    def after(**options):
        pathway = SpikeAlignment(weight, draws(1), neuron=neuron, steps=300, replicas=4, every=1, **options)
        pathway.step(weight)
        return pathway.weight

    assert after().equal(after(mismatch=0.0))
    assert not after().equal(after(mismatch=1.0))


def test_stochastic_neurons_with_mismatch_keep_their_fixed_point():
    weight = 0.4 * torch.randn(10, 10, generator=draws())
    pathway = SpikeAlignment(weight, draws(1), every=1, eta=0.8, mismatch=1.0, replicas=128, steps=1000)
    pathway.weight.copy_(weight)
    mean = torch.zeros_like(weight)
    for phase in range(30):
        pathway.step(weight)
        mean += pathway.weight / 15 if phase >= 15 else 0
    assert torch.cosine_similarity(mean.flatten(), weight.flatten(), dim=0) > 0.998


def test_events_are_spikes_times_the_synapses_they_go_to():
    weight = torch.zeros(7, 3)
    pathway = SpikeAlignment(torch.randn(7, 3, generator=draws()), draws(), steps=2100, replicas=16)
    pathway.weight.zero_()
    spikes, events, steps = phase_cost(pathway, weight)
    assert steps == 2100
    assert spikes == pytest.approx(10 * 16 * 2100 / 21, rel=0.05)
    assert events == pytest.approx((3 * 7 + 7 * 3) * 16 * 2100 / 21, rel=0.05)


def test_phases_are_counted_by_layer_and_by_update():
    net = attach(nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 5), nn.Linear(5, 2)), "sal:every=10,steps=100")
    assert phases_cost(net, 45).steps == 2 * 4 * 100
    assert phases_cost(attach(nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 5)), "fa"), 45) == (0, 0, 0)


@pytest.mark.parametrize("size", STUDY.seeds)
def test_all_cases_can_be_trained(size):
    cases = STUDY.cases(size)
    assert len({case.name for case in cases}) == len(cases) == len(RULES) + sum(map(len, HARMS.values()))
    assert all(Experiment(**case.parameters) for case in cases)


def test_a_case_counts_both_kinds_of_cost():
    small = {"dataset": "digits", "network": "mlp:depth=2,width=20", "steps": 3, "epochs": 1, "batch_size": 64}
    found = measured(0, rule="sal:every=9,steps=100,replicas=4", remedy="weight_noise:std=0.01", **small)
    assert found["steps"] == 2 * 2 * 100
    assert found["words"] == 0 < found["events"]
    found = measured(0, rule="fbp:period=9,late=2,lost=0.5", **small)
    assert found["words"] == 2 * (20 * 20 + 20 * 10)
    assert found["events"] == 0


def rows(case, test, cosine=0.9, angle=10.0):
    values = {"words": 1, "moved": 0.1, "spikes": 5.0, "events": 10.0, "steps": 100, "cosine": cosine}
    return [Row(case, {}, seed, {"test": test + seed, **values, "angle": angle + seed}) for seed in range(3)]


def test_harm_is_told_against_the_same_rule_unharmed():
    results = Results([*rows("sal every 40", 80.5), *rows("half lost: fbp", 79.5), *rows("fbp, topk, 1,000×", 80)])
    (claim,) = (claim for claim in STUDY.claims(results) if claim.says == "fbp bears half lost")
    assert claim.values == [-0.5] * 3
    assert claim.verdict == Verdict.HOLDS
    (claim,) = (claim for claim in STUDY.claims(results) if claim.says == "fBP at 1,000× is above SAL")
    assert claim.verdict == Verdict.FAILS
    assert set(STUDY.figures(results)) == {"cost", "alignment", "harm"}
    assert len(STUDY.figures(results)["harm"].axes) == 1


def test_alignment_is_told_against_the_same_rule_unharmed_and_a_copy_never_renewed():
    results = Results(
        [
            *rows("sal every 40", 80, cosine=0.98, angle=9),
            *rows("mismatch 0.2: sal", 80, angle=13),
            *rows("fbp, topk, 1,000×", 80, cosine=0.99),
            *rows("never copied", 80, angle=7),
        ]
    )
    found = {claim.says: claim for claim in STUDY.claims(results)}
    turned = found["mismatch 0.2 turns the gradient of sal, degrees"]
    assert (turned.values, turned.verdict) == ([4.0] * 3, Verdict.HOLDS)
    nearer = found["SAL has its gradient nearer to bp's than a copy never renewed, degrees"]
    assert (nearer.values, nearer.verdict) == ([2.0] * 3, Verdict.FAILS)
    assert found["B of fBP at 1,000× is nearer to W than SAL's, cosine"].values == pytest.approx([0.01] * 3)


def test_figures_show_every_cost_of_each_method_and_the_alignment_of_all_but_bp():
    results = Results([*rows("bp", 81), *rows("sal every 40", 80), *rows("half lost: fbp", 79), *rows("late: fbp", 78)])
    figures = STUDY.figures(results)
    shown = {axes.get_xlabel(): len(axes.containers) for axes in figures["cost"].axes}
    assert list(shown.values()) == [0, 0, 1, 1, 1]
    labels = [label.get_text() for label in figures["alignment"].axes[0].get_yticklabels()]
    assert labels == ["sal every 40", "half lost: fbp", "late: fbp"]
