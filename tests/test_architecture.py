"""Imports run one way, and only evaluation opens the seal."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "sealproof"
ORDER = [
    "evidence",
    "datasets",
    "quality",
    "roi",
    "scores",
    "models",
    "inference",
    "thresholds",
    "challenges",
    "evaluation",
    "settings",
    "repetition",
    "benchmark",
    "tuning",
    "qualification",
    "dossier",
    "signing",
    "change",
    "stage",
    "verification",
    "commands",
    "cli",
]
MODULES = sorted(SOURCE.rglob("*.py"))


def imports(path):
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(dotted):
    return dotted.split(".")[1]


def test_every_room_has_its_place():
    found = {path.relative_to(SOURCE).parts[0].removesuffix(".py") for path in MODULES} - {"__init__"}
    assert found <= set(ORDER)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_imports_run_one_way(path):
    own = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    if own == "__init__":
        own = ORDER[0]
    for name in imports(path):
        if not name.startswith("sealproof.") or name == "sealproof.__version__":
            continue
        other = room(name)
        rest = name.split(".")[2:3]
        if own == "settings":
            assert other == "evidence" or rest == ["settings"], f"{path} imports {name}"
        elif (
            own == "verification"
        ):  # a verifier that shared code with what it verifies would share its mistakes
            assert other in {"evidence", "verification"}, f"{path} imports {name}"
        else:
            assert ORDER.index(other) <= ORDER.index(own), f"{path} imports {name}"


def test_only_evaluation_opens_the_sealed_labels():
    users = [path for path in MODULES if any(name.endswith(".open_sealed_labels") for name in imports(path))]
    pipeline = Path(__file__).parents[1] / "pipeline"
    users += [
        path
        for path in pipeline.glob("*.py")
        if any(n.endswith(".open_sealed_labels") for n in imports(path))
    ]
    assert users, "nobody opens the seal: the name has changed and this test guards nothing"
    for path in users:
        assert path.parent.name == "evaluation" or path.name == "evaluate.py", (
            f"{path} opens the sealed labels"
        )


ONE_FILE_BY_PURPOSE = {"verify_dossier.py"}  # travels inside the dossier and needs nothing but Python


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if path.name not in ONE_FILE_BY_PURPOSE],
    ids=lambda path: path.relative_to(SOURCE).as_posix(),
)
def test_a_module_stays_a_small_room(path):
    assert len(path.read_text().splitlines()) <= 300
