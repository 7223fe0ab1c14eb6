"""A cell of the benchmark with every setting resolved, and the declaration it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sealproof.benchmark.declaration import (
    FILE,
    FOLDER,
    STANDARD,
    BenchmarkFile,
    Defaults,
    Headline,
    ProductOverrides,
    Thresholds,
    Timing,
)
from sealproof.datasets.settings import DatasetSettings, SplitSettings
from sealproof.evidence import strict
from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.files import read_yaml
from sealproof.evidence.hashing import sha256_json
from sealproof.models.settings import TrainSettings
from sealproof.roi.settings import RoiSettings
from sealproof.scores.settings import ScoreSettings
from sealproof.settings import ComputeSettings, Inspection

#: Sections of `train` that are younger than the first committed results, and the one detector that looks at each. They
#: are in the definition of its cells alone: a new detector does not put the results of all others in question.
LATER_SECTIONS = {"guided_padim": "guided-padim"}


@dataclass(frozen=True)
class Cell:
    """Product, seed and configuration, with every setting resolved.

    Attributes:
        scorings: name -> settings; `standard` first.
        may_be_refused: scorings whose refusal is a result.
    """

    product: str
    name: str
    seed: int
    title: str
    dataset: DatasetSettings
    split: SplitSettings
    roi: RoiSettings
    train: TrainSettings
    scorings: Mapping[str, ScoreSettings]
    may_be_refused: frozenset[str]
    headline: Headline
    compute: ComputeSettings
    thresholds: Thresholds
    timing: Timing

    @property
    def id(self) -> str:
        """How commands and messages name it: `elpv-mono/padim-1`."""
        return f"{self.product}/{self.name}-{self.seed}"

    @property
    def definition(self) -> dict[str, Any]:
        """Everything that decides the results, as JSON; how long timing takes does not."""
        return {
            "dataset": self.dataset.model_dump(mode="json"),
            "split": self.split.model_dump(mode="json"),
            "roi": self.roi.model_dump(mode="json"),
            "train": self.train.model_dump(mode="json", exclude=self._not_looked_at()),
            "scorings": {name: item.model_dump(mode="json") for name, item in self.scorings.items()},
            "may_be_refused": sorted(self.may_be_refused),
            "headline": self.headline.model_dump(mode="json"),
            "compute": self.compute.model_dump(mode="json"),
            "thresholds": self.thresholds.model_dump(mode="json"),
        }

    def _not_looked_at(self) -> set[str]:
        return {section for section, detector in LATER_SECTIONS.items() if detector != self.train.detector}

    @property
    def sha256(self) -> str:
        """Hash of the definition: what results are held against."""
        return sha256_json(self.definition)


@dataclass(frozen=True)
class Benchmark:
    """The declared comparison below a project's root."""

    root: Path
    file: BenchmarkFile

    @classmethod
    def load(cls, root: Path) -> Self:
        """Read benchmark/cells.yaml.

        Raises:
            DefinitionError: it is missing, or a key is unknown, missing or impossible.
        """
        return cls(root, strict.load(BenchmarkFile, root / FOLDER / FILE))

    def cell(self, product: str, name: str, seed: int) -> Cell:
        """One cell with its settings resolved.

        Raises:
            DefinitionError: product, cell or seed is not declared, or the overrides do not give valid settings.
        """
        self.check_known(product, [name], [seed])
        found = self.file.cells[name]
        own = found.products.get(product, ProductOverrides())
        where = f"{FOLDER}/{FILE}, key `cells.{name}`"
        inspection = strict.load(Inspection, self.root / "products" / product / "inspection.yaml")
        base = self._base(found.based_on)
        train = merged(merged(base.train, found.train), own.train)
        score = merged(merged(base.score, found.score), own.score)
        raw = {STANDARD: score} | {key: merged(score, item.score) for key, item in found.scorings.items()}
        split = merged(inspection.split.model_dump(), found.split)
        split |= {"subset": found.subset} if found.subset else {}
        roi = merged_roi(merged_roi(inspection.roi.model_dump(), found.roi), own.roi)
        return Cell(
            product=product,
            name=name,
            seed=seed,
            title=found.title,
            dataset=inspection.dataset,
            split=strict.parse(SplitSettings, split, where),
            roi=strict.parse(RoiSettings, roi, f"{where}.roi"),
            train=strict.parse(TrainSettings, train, f"{where}.train"),
            scorings={key: strict.parse(ScoreSettings, item, f"{where}, {key}") for key, item in raw.items()},
            may_be_refused=frozenset(key for key, item in found.scorings.items() if item.may_be_refused),
            headline=found.headline,
            compute=self.file.compute,
            thresholds=self.file.thresholds,
            timing=self.file.timing,
        )

    def _base(self, kind: str) -> Defaults:
        if kind == "defaults":
            return self.file.defaults
        content = read_yaml(self.root / "params.yaml")
        return Defaults(train=content.get("train") or {}, score=content.get("score") or {})

    def check_known(self, product: str, names: Sequence[str], seeds: Sequence[int]) -> None:
        """All of them are declared.

        Raises:
            DefinitionError: naming everything that is not, and what there is.
        """
        file = self.file
        known: tuple[tuple[str, Sequence[Any], Sequence[Any]], ...] = (
            ("product", [product], file.products),
            ("cell", names, file.names),
            ("seed", seeds, file.seeds),
        )
        problems = [
            f"there is no {kind} {item!r}; declared are {', '.join(map(str, have))}"
            for kind, wanted, have in known
            for item in wanted
            if item not in have
        ]
        if problems:
            raise DefinitionError(
                "the benchmark does not know what it is asked for",
                where=str(self.root / FOLDER / FILE),
                why="\n".join(problems),
                mend="name something that is declared, or declare it in that file",
            )

    def seeds(self, product: str, count: int | None) -> tuple[int, ...]:
        """The first `count` seeds; None: as many as are committed for the product.

        Raises:
            DefinitionError: unknown product, or another number of seeds than can be.
        """
        self.check_known(product, [], [])
        wanted = self.file.committed[product] if count is None else count
        if not 1 <= wanted <= len(self.file.seeds):
            raise DefinitionError(
                f"{wanted} seeds cannot be run",
                where="--seeds",
                why=f"{FOLDER}/{FILE} declares {len(self.file.seeds)}",
                mend="ask for 1 or more, and extend `seeds` in that file where there are too few",
            )
        return self.file.seeds[:wanted]


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid over `base`, mapping by mapping.

    Example:
        >>> merged({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"c": 9}})
        {'a': 1, 'b': {'c': 9, 'd': 3}}
    """
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            result[key] = merged(below, value)
        else:
            result[key] = value
    return result


def merged_roi(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """As `merged`, but options of another method have no meaning: where a method is named, nothing of it is kept.

    Example:
        >>> merged_roi({"method": "grid", "options": {"rows": 2}}, {"method": "full_frame"})
        {'method': 'full_frame'}
    """
    return dict(over) if "method" in over else merged(base, over)
