"""Studies: the claims of papers, and of our own, as code that measures them; one file each.

A study is a :class:`~spikefa.studies.study.Study`: cases to measure for each seed, claims that these decide, figures.
``spikefa reproduce`` runs it (:mod:`~spikefa.studies.sitting`), keeps every measured row in a file of JSON lines, and
measures only what is missing there. A new one is one file and one line here, or ``package.module:Class``.
"""

from spikefa.studies.claim import Claim, Verdict
from spikefa.studies.fbp_vs_sal import FbpVsSal
from spikefa.studies.goupy2025 import Goupy2025
from spikefa.studies.rows import Results, Row
from spikefa.studies.study import SIZES, Case, Size, Study

__all__ = ["SIZES", "STUDIES", "Case", "Claim", "Results", "Row", "Size", "Study", "Verdict"]

STUDIES: dict[str, type[Study]] = {"goupy2025": Goupy2025, "fbp_vs_sal": FbpVsSal}
