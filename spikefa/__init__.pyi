from . import nir, similarity, testing, validation
from .alignment import weight_alignment
from .attachment import adapt, attach, detach, exact, routed
from .description import describe
from .feedback import Feedback, Quantity, Rule, random_like, route
from .frame import results
from .gradients import error_angle, gradient_angle, learning_alignment
from .local import ThreeFactor, learn
from .recording import record
from .remedies import REMEDIES, Remedy, remedy
from .restoring import load
from .rules import RULES
from .rules.kp import check_decay
from .sequence import reset, run
from .single_spike import SingleSpike

__all__ = [
    "REMEDIES",
    "RULES",
    "Feedback",
    "Quantity",
    "Remedy",
    "Rule",
    "SingleSpike",
    "ThreeFactor",
    "adapt",
    "attach",
    "check_decay",
    "describe",
    "detach",
    "error_angle",
    "exact",
    "gradient_angle",
    "learn",
    "learning_alignment",
    "load",
    "nir",
    "random_like",
    "record",
    "remedy",
    "reset",
    "results",
    "route",
    "routed",
    "run",
    "similarity",
    "testing",
    "validation",
    "weight_alignment",
]
__version__: str
