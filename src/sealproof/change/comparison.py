"""Two releases compared: every change with its class, what could not be compared, and one exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealproof.change import compare_code, compare_data, compare_history, compare_protocols, compare_settings
from sealproof.change import compare_results as results
from sealproof.change.claims import Change, Classification, Gap
from sealproof.change.classify import classify
from sealproof.change.integrity import Problem, Severity, check, missing
from sealproof.change.paired import PairedTest, paired_tests
from sealproof.change.plan import Facts, load_plan
from sealproof.change.tree import PROTOCOLS, Tree, open_tree
from sealproof.evidence.errors import DefinitionError, EvidenceAlteredError, EvidenceMissingError
from sealproof.evidence.files import read_json
from sealproof.evidence.trail import read_trail
from sealproof.evidence.workspace import Workspace

SECTIONS: tuple[Callable[[Tree, Tree], Iterator[Change | Gap]], ...] = (
    compare_settings.statement_changes,
    compare_data.data_changes,
    compare_code.code_changes,
    compare_settings.parameter_changes,
    compare_settings.package_changes,
    results.model_changes,
    results.threshold_changes,
    results.metric_changes,
    results.result_changes,
    compare_protocols.criteria_changes,
    compare_protocols.protocol_changes,
    compare_history.deviation_changes,
    compare_history.approval_changes,
    compare_history.opening_changes,
    compare_history.signature_changes,
    compare_history.file_changes,
)
"""In the order in which a reader asks: what for, made from what, with which result, judged by what, by whom."""


@dataclass(frozen=True)
class Comparison:
    """What `sealproof diff` found.

    Attributes:
        product: of both releases.
        old, new: release ids, "" where there is none.
        changes: all of them, by section.
        paired: tests on the same test images; empty when they are not the same.
        gaps: claims that could not be compared.
        problems: why a release is not compared at all.
    """

    product: str
    old: str
    new: str
    changes: tuple[Change, ...] = ()
    paired: tuple[PairedTest, ...] = ()
    gaps: tuple[Gap, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def severity(self) -> Severity:
        """The gravest of: altered, missing (gaps too), requalification, nothing or all planned."""
        found = [problem.severity for problem in self.problems]
        found += [Severity.MISSING] if self.gaps else []
        if any(change.classification is Classification.REQUALIFICATION for change in self.changes):
            found.append(Severity.REQUALIFICATION)
        return max(found, default=Severity.WITHIN)

    @property
    def exit_code(self) -> int:
        """0 nothing changed or all within the plan, 1 requalification, 2 evidence missing, 3 evidence altered."""
        return int(self.severity)

    @property
    def verdict(self) -> str:
        """In words."""
        if self.severity is Severity.ALTERED:
            return "not compared: evidence altered"
        if self.severity is Severity.MISSING:
            return "not fully compared: evidence missing"
        if self.severity is Severity.REQUALIFICATION:
            return "requalification needed"
        gravest = max((change.classification for change in self.changes), default=None)
        if gravest is None:
            return "no change"
        return "within the pre-determined changes" if gravest else "no change that asks for anything"

    @property
    def counts(self) -> dict[str, int]:
        """Changes by class."""
        return {
            item.word: sum(change.classification is item for change in self.changes)
            for item in Classification
        }

    def as_dict(self) -> dict[str, Any]:
        """JSON types only."""
        return {
            "product": self.product,
            "old": self.old,
            "new": self.new,
            "exit_code": self.exit_code,
            "verdict": self.verdict,
            "counts": self.counts,
            "changes": [change.as_dict() for change in self.changes],
            "paired_tests": [test.as_dict() for test in self.paired],
            "not_compared": [{"path": gap.path, "why": gap.why} for gap in self.gaps],
            "problems": [problem.as_dict() for problem in self.problems],
        }


def compare(old_root: Path, new_root: Path, product: str | None = None) -> Comparison:
    """Compare two finished releases, each a project's root or an archive.

    Args:
        old_root, new_root: folders with params.yaml.
        product: None for the one that each params.yaml names.

    Returns:
        the comparison; without changes when a release is altered or incomplete: then its problems say what is wrong.

    Raises:
        EvidenceMissingError: there is no release in one of the folders.
        DefinitionError: the releases are of different products, or a definition file cannot be read.
        EvidenceAlteredError: a file that no release.json names cannot be read.
    """
    old, new = open_tree(old_root, "OLD", product), open_tree(new_root, "NEW", product)
    if old.product != new.product:
        raise DefinitionError(
            "releases of different products cannot be compared",
            where=f"{old_root} and {new_root}",
            why=f"one is of {old.product}, the other of {new.product}",
            mend="name two releases of one product, or the product by --product",
        )
    problems = tuple(sorted([*check(old), *check(new)], key=lambda problem: -problem.severity))
    ids = _release_id(old), _release_id(new)
    if problems:
        return Comparison(old.product, *ids, problems=problems)
    found = [row for section in SECTIONS for row in section(old, new)]
    return Comparison(
        product=old.product,
        old=ids[0],
        new=ids[1],
        changes=tuple(_classed(old, new, found)),
        paired=tuple(paired_tests(old, new)) if compare_data.same_test_images(old, new) else (),
        gaps=tuple(row for row in found if isinstance(row, Gap)),
    )


def changes_since(previous_root: Path, workspace: Workspace) -> list[Change]:
    """What changed since a previous release, for the documents of a run that has no release.json yet.

    Args:
        previous_root: a release archive; its hashes are checked.
        workspace: the present run, whose stages up to `qualify` are done.

    Returns:
        classed changes by section; claims that cannot be compared are changes that ask for requalification.

    Raises:
        EvidenceAlteredError: the previous release is not the one that was made.
        EvidenceMissingError: a file is missing, in either.
        DefinitionError: the previous release is of another product, or a definition file cannot be read.
    """
    old = open_tree(previous_root, "previous release", workspace.product)
    new = Tree("this release", workspace)
    _raise(check(old))
    _raise(missing(new))
    found = [row for section in SECTIONS if section not in _MADE_LATER for row in section(old, new)]
    gaps = [Change(row.path, "not compared", None, None, (row.why,)) for row in found if isinstance(row, Gap)]
    changes = [*gaps, *(row for row in found if isinstance(row, Change))]
    return _classed(old, new, changes)


_MADE_LATER = (compare_history.signature_changes,)


def latest_archive(workspace: Workspace) -> Path | None:
    """The newest archive below `releases/<product>/`, or None when there is none.

    Newest by the order of `release.published` in the audit trail; archives that the trail does not know come before
    these, by the end of their qualification. Raises EvidenceAlteredError when the trail's chain does not hold.
    """
    folders = sorted(path.parents[2] for path in workspace.releases.glob("*/reports/*/release.json"))
    published = [e.details["path"] for e in read_trail(workspace.trail) if e.event == "release.published"]

    def age(folder: Path) -> tuple[int, str, str]:
        name = workspace.relative(folder)
        places = [n for n, path in enumerate(published, start=1) if f"{path}/".startswith(f"{name}/")]
        return max(places, default=0), _finished(folder, workspace.product), name

    return max(folders, key=age, default=None)


def _finished(folder: Path, product: str) -> str:
    paths = [folder / "artifacts" / product / "qualify" / f"{stage}.json" for stage in PROTOCOLS]
    contents = [read_json(path) for path in paths if path.is_file()]
    return max((str(item.get("finished_at")) for item in contents if isinstance(item, Mapping)), default="")


def _classed(old: Tree, new: Tree, found: Iterable[Change | Gap]) -> list[Change]:
    facts = Facts(
        old=results.metrics_in_force(old),
        new=results.metrics_in_force(new),
        same_test_images=compare_data.same_test_images(old, new),
        criteria=compare_protocols.judged(new),
    )
    return classify([row for row in found if isinstance(row, Change)], load_plan(old), facts)


def _release_id(tree: Tree) -> str:
    path = f"reports/{tree.product}/release.json"
    return str(tree.mapping(path).get("release_id", "")) if tree.has(path) else ""


def _raise(problems: list[Problem]) -> None:
    if not problems:
        return
    worst = max(problem.severity for problem in problems)
    kind = EvidenceAlteredError if worst is Severity.ALTERED else EvidenceMissingError
    raise kind(
        "two releases cannot be compared",
        where="; ".join(problem.text for problem in problems if problem.severity is worst),
        why="what is compared has to be complete and unaltered",
        mend="restore the files from a backup, or run `dvc repro`",
    )
