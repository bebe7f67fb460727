"""Studies: the claims of papers, and of our own, as code that measures them; one file each.

A study is a :class:`~spikefa.studies.study.Study`: cases to measure for each seed, claims that these decide, figures.
``spikefa reproduce`` runs it (:mod:`~spikefa.studies.sitting`), keeps every measured row in a file of JSON lines, and
measures only what is missing there. A new one is one file and one line here, or ``package.module:Class``.
"""

from spikefa.studies.claim import Claim, Verdict
from spikefa.studies.fbp_vs_sal import FbpVsSal
from spikefa.studies.gierlich2026 import Gierlich2026
from spikefa.studies.goupy2025 import Goupy2025
from spikefa.studies.moskovitz2018 import Moskovitz2018
from spikefa.studies.rahmansetayesh2024 import RahmanSetayesh2024
from spikefa.studies.rows import Results, Row
from spikefa.studies.song2021 import Song2021
from spikefa.studies.study import SIZES, Case, Size, Study

__all__ = ["SIZES", "STUDIES", "Case", "Claim", "Results", "Row", "Size", "Study", "Verdict"]

STUDIES: dict[str, type[Study]] = {
    "song2021": Song2021,
    "rahmansetayesh2024": RahmanSetayesh2024,
    "moskovitz2018": Moskovitz2018,
    "goupy2025": Goupy2025,
    "gierlich2026": Gierlich2026,
    "fbp_vs_sal": FbpVsSal,
}
