"""What a study will cost: every part is counted as often as training does it."""

import itertools
import math

import pytest
import snntorch as snn

from spikefa import plan, training
from spikefa.asked import asked
from spikefa.datasets import DATASETS
from spikefa.experiment import Experiment
from spikefa.noise.phase import NoisePhase
from spikefa.outlook import planned, sit
from spikefa.plan import Cost, cost, costs, makespan
from tests.test_cli import spikefa

TINY = {"network": "mlp:width=8,depth=1", "steps": 2}


@pytest.fixture(scope="module")
def digits():
    return DATASETS["digits"]()


class Ticking:
    """A watch by which every reading is a second after its making."""

    def read(self):
        return 1.0, 1.0


class Counting:
    """A watch by which the time since its making is what has been added to a list."""

    def __init__(self, done):
        self.done, self.before = done, len(done)

    def read(self):
        return sum(self.done[self.before :]), 0.0


def test_a_run_is_its_start_and_its_epochs_of_updates_and_a_rest():
    assert Cost(update=0.5, epoch=3, start=7, updates=10, epochs=4).seconds == 7 + 4 * (10 * 0.5 + 3)


@pytest.mark.parametrize(
    ("rule", "timed", "ends"),
    [
        ("bp", 20, 1),
        ("sal:every=15", 30, 1),
        ("sal:every=70", 70, 1),
        ("rdd:per=epoch", 20, 1),
        ("sal:per=epoch,every=3", 20, 3),
    ],
)
def test_updates_and_ends_of_epochs_are_timed_in_whole_cycles_of_the_rule(digits, monkeypatch, rule, timed, ends):
    steps, adapt = [], plan.adapt
    for module in (plan, training):
        monkeypatch.setattr(module, "adapt", lambda net, epoch=False: steps.append(epoch) or (not epoch and adapt(net)))
    monkeypatch.setattr(plan, "Stopwatch", Ticking)
    found = cost(Experiment(rule=rule, **TINY), digits)
    assert steps == [False] * (timed + 1) + [True] * ends
    assert found == Cost(1 / timed, 1 / ends + 1, 1.0, math.ceil(1197 / 64), 10)


def test_a_phase_every_so_many_epochs_has_its_share_in_the_end_of_each(digits, monkeypatch):
    """By a watch that counts phases."""
    held = []
    monkeypatch.setattr(plan, "Stopwatch", lambda: Counting(held))
    monkeypatch.setattr(NoisePhase, "phase", lambda self, weight: held.append(1) or self.weight)
    found = cost(Experiment(rule="sal:per=epoch,every=2", **TINY), digits)
    assert (found.start, found.update, found.epoch) == (0, 0, 0.5)


def test_the_start_and_the_end_of_an_epoch_are_timed_with_their_measurements(digits, monkeypatch):
    """By a watch that counts measurements as hours and adaptations as seconds."""
    done = []
    monkeypatch.setattr(plan, "Stopwatch", lambda: Counting(done))
    monkeypatch.setattr(plan, "measure", lambda *_: done.append(3600))
    for module in (plan, training):
        monkeypatch.setattr(module, "adapt", lambda net, epoch=False: done.append(60 if epoch else 1))
    found = cost(Experiment(**TINY), digits)
    assert (found.start, found.update, found.epoch) == (3600, 1, 3660)


def test_a_plan_makes_the_updates_of_a_training(digits):
    """So many of these that the network is no longer as it started; and nothing of it is kept alive."""
    before = list(snn.SpikingNeuron.instances)
    trained, update = [], training.Training.update
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.Training, "update", lambda self, x, y: trained.append(len(y)) or update(self, x, y))
        cost(Experiment(batch_size=50, remedy="weight_noise", **TINY), digits)
    assert trained == [50] * 21
    assert snn.SpikingNeuron.instances == before


def test_runs_that_differ_in_seed_lr_or_epochs_share_a_timing(digits, monkeypatch):
    timed = []
    monkeypatch.setattr(plan, "cost", lambda one, data, device: timed.append(one) or Cost(1, 1, 1, 1, one.epochs))
    wanted = [Experiment(seed=seed, lr=lr, epochs=e) for seed, lr, e in itertools.product((0, 1), (0.1, 0.2), (2, 3))]
    found = costs([*wanted, Experiment(rule="fa")], {"digits": digits})
    assert [one.rule for one in timed] == ["bp", "bp", "fa", "fa"]  # the first of each to warm up
    assert [found[one].epochs for one in wanted] == [one.epochs for one in wanted]
    assert [found[one].seconds for one in wanted[:2]] == [5, 7]


@pytest.mark.parametrize("workers", [1, 2, 3, 50])
def test_many_jobs_end_within_grahams_bound(workers):
    seconds = [1.0, 7.0, 2.0, 2.0, 5.0, 1.0, 1.0, 9.0, 3.0]
    least = max(max(seconds), sum(seconds) / workers)
    assert least <= makespan(seconds, workers) <= (2 - 1 / workers) * least + max(seconds)
    assert makespan(seconds, 1) == sum(seconds)
    assert makespan(seconds, 50) == max(seconds)


def test_the_command_prints_costs_and_counts_trials(tmp_path):
    study = tmp_path / "study.toml"
    study.write_text('rule = ["bp", "fa"]\nseed = [0, 1, 2]\nepochs = 1\nsteps = 2\nlr = [0.1, 0.2]\ntune = "lr"\n')
    done = spikefa("plan", study, "--jobs", "1", "4", "--threads", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line.split()[1] for line in done.stdout.splitlines() if line.strip().startswith(("bp", "fa"))] == ["5", "5"]


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--jobs", "0"], "jobs must be a whole number, at least 1, not '0'"), ([], "no rule is called 'bq'")],
)
def test_what_cannot_be_is_named(tmp_path, words, said):
    study = tmp_path / "study.toml"
    study.write_text('rule = "bq"')
    done = spikefa("plan", study, *words, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_study_with_settings_for_each_rule_is_planned_as_it_is_compared(tmp_path):
    study = tmp_path / "tuned.toml"
    study.write_text('seed = [0, 1]\ntuned = "by a search"\n[[rule]]\nname = "bp"\n[[rule]]\nname = "fa"\nlr = 0.02\n')
    assert [(e.rule, e.seed, e.lr) for e in planned(asked(study, {}))] == [
        ("bp", 0, 1e-3),
        ("fa", 0, 0.02),
        ("bp", 1, 1e-3),
        ("fa", 1, 0.02),
    ]


def test_the_studys_own_device_and_threads_are_used(tmp_path):
    study = tmp_path / "study.toml"
    study.write_text('rule = "bp"\nseed = 0\nthreads = 1\ndevice = "cpq"')
    with pytest.raises(ValueError, match="cpq"):
        sit(study, ["1"], {})
    with pytest.raises(ValueError, match="threads"):
        sit(study, ["1"], {"threads": "none"})


def test_the_studys_own_folder_of_data_is_looked_into(tmp_path):
    study = tmp_path / "study.toml"
    study.write_text('rule = "bp"\nseed = 0\ndataset = "mnist"\ndata = 3')
    with pytest.raises(ValueError, match="data must be a path, not 3"):
        sit(study, ["1"], {})
