"""Networks of spiking neurons that sample from a distribution, and learn it by waking and sleeping."""

from spikefa.sampling.boltzmann import Boltzmann, divergence
from spikefa.sampling.network import Slept, sleep
from spikefa.sampling.wake_sleep import RULES, Amplitudes, Course, WakeSleep, asymmetry

__all__ = ["RULES", "Amplitudes", "Boltzmann", "Course", "Slept", "WakeSleep", "asymmetry", "divergence", "sleep"]
