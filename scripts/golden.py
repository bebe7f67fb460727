"""Makes tests/golden from the Brian2 reference models, so that tests can compare torch with them without Brian2.

python scripts/golden.py            # of all rules
python scripts/golden.py sal fa     # of these
"""

import json
import sys
from pathlib import Path

from spikefa.validation import VALIDATIONS, Exact, cases
from spikefa.validation.statistical import gathered
from spikefa.validation.target import target

FOLDER = Path(__file__).parents[1] / "tests" / "golden"


def main(names: list[str]) -> None:
    """Run the references of the named rules, or of all, in Brian2's numpy target."""
    FOLDER.mkdir(exist_ok=True)
    for case in (case for name in names or VALIDATIONS for case in cases(name)):
        with target("numpy"):
            if isinstance(case, Exact):
                path = FOLDER / f"{case.name}.npz"
                case.reference().save(path)
            else:
                path = FOLDER / f"{case.name}.json"
                statistics = gathered([case.reference(seed) for seed in range(case.seeds)])
                path.write_text(json.dumps(statistics, indent=1) + "\n", encoding="utf-8")
        print(f"{path.relative_to(FOLDER.parents[1])}: {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main(sys.argv[1:])
