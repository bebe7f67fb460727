"""The cortical microcircuit: a spiking network whose dendrites hold the errors that it learns from."""

from spikefa.microcircuit.circuit import ARMS, Circuit, Microcircuit
from spikefa.microcircuit.teaching import TEACHER, Course, course, teach

__all__ = ["ARMS", "TEACHER", "Circuit", "Course", "Microcircuit", "course", "teach"]
