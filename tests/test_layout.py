"""The habits of the code, guarded: registered, documented, cited, small."""

import ast
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import spikefa.datasets
import spikefa.networks
import spikefa.remedies
import spikefa.rules
from spikefa import Feedback
from spikefa.catalogue import TABLES, first_line, reference

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for folder in ("spikefa", "models", "scripts") for path in ROOT.glob(f"{folder}/**/*.py"))
TESTS = sorted(ROOT.glob("tests/**/*.py"))
NAMED = [(kind, name, entry) for kind, table in TABLES.items() for name, entry in table.items()]
KINDS = {"ABC", "final", "NamedTuple", "Protocol", "BaseModel"}


def relative(path):
    return str(path.relative_to(ROOT))


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def body_lines(node):
    """Lines of a function without its signature and docstring."""
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=relative)
def test_files_keep_to_the_size_budget(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 250


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_functions_are_short_and_files_documented(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "a file says in its first line what it is"
    long = {node.name: body_lines(node) for node in functions(tree) if body_lines(node) > 40}
    assert not long


def test_the_median_function_is_very_short():
    lengths = sorted(body_lines(node) for path in SOURCES for node in functions(ast.parse(path.read_text())))
    assert lengths[len(lengths) // 2] <= 8


@pytest.mark.parametrize(("kind", "name", "entry"), NAMED, ids=lambda value: value if isinstance(value, str) else "")
def test_everything_that_has_a_name_says_what_it_is_and_where_it_comes_from(kind, name, entry):
    assert len(first_line(entry)) > 20
    assert re.search(r"https?://\S+", reference(entry)), f"{name} cites no source with a link"


@pytest.mark.parametrize("entry", [*spikefa.rules.RULES.values(), *spikefa.remedies.REMEDIES.values()])
def test_rules_and_remedies_say_what_they_use(entry):
    text = inspect.getdoc(entry)
    assert "**Uses:**" in text
    assert "Example:" in text


@pytest.mark.parametrize(
    ("package", "table"),
    [
        (spikefa.rules, "RULES"),
        (spikefa.remedies, "REMEDIES"),
        (spikefa.networks, "NETWORKS"),
        (spikefa.datasets, "DATASETS"),
    ],
    ids=["rules", "remedies", "networks", "datasets"],
)
def test_a_file_in_a_table_is_named_as_its_entry(package, table):
    files = {module.name for module in pkgutil.iter_modules(package.__path__)}
    assert set(getattr(package, table)) <= files


@pytest.mark.parametrize("name", spikefa.rules.RULES)
def test_every_rule_has_a_test_file_of_its_own(name):
    assert (ROOT / "tests" / "rules" / f"test_{name}.py").exists()


@pytest.mark.parametrize("name", spikefa.remedies.REMEDIES)
def test_every_remedy_has_a_test_file_of_its_own(name):
    assert (ROOT / "tests" / "remedies" / f"test_{name}.py").exists()


def test_classes_are_abstract_or_final():
    loose = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                names = {ast.unparse(base).split("[")[0] for base in (*node.bases, *node.decorator_list)}
                kinds = KINDS | {name for name in names if name.startswith("dataclass")}
                error = any(name.endswith(("Error", "Warning")) for name in names)
                if not names & kinds and not error:
                    loose.append(f"{relative(path)}: {node.name}")
    assert not loose


def test_models_know_nothing_of_torch():
    for path in ROOT.glob("models/*.py"):
        assert not re.search(r"^\s*(import|from) (torch|snntorch|spikefa)", path.read_text(), re.MULTILINE)


def test_every_public_name_of_the_package_exists_and_is_documented():
    for name in spikefa.__all__:
        value = getattr(spikefa, name)
        assert not callable(value) or name == "Rule" or len(inspect.getdoc(value) or "") > 20, name
    assert inspect.isabstract(Feedback)
