"""The documentation's site: pages of Markdown, and a page of each module's docstrings. `scripts/docs.sh` builds it."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

project, version = PROJECT["name"], PROJECT["version"]
author = copyright = "the spikefa authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "results/*/discussion.md"]
html_theme = "furo"
html_title = "spikefa"

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
autosummary_generate = True
autosummary_imported_members = False
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_default_options = {
    "members": True,
    "undoc-members": False,
    "show-inheritance": True,
    "exclude-members": "Loader",
}
napoleon_use_ivar = True
default_role = "code"
suppress_warnings = ["myst.xref_missing"]  # files of the repository, which included pages link to


def bars(app, kind, name, thing, options, lines):
    """In a docstring |W − B| is a norm, not a substitution of reStructuredText."""
    lines[:] = [re.sub(r"(``[^`]*``|`[^`]*`)|\|", lambda found: found[1] or r"\|", line) for line in lines]


def setup(app):
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", bars)
