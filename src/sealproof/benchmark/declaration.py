"""What `benchmark/cells.yaml` may say: one detector configuration a cell, and what all cells share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from sealproof.evidence.strict import StrictModel
from sealproof.settings import ComputeSettings

FOLDER, FILE = "benchmark", "cells.yaml"
#: The scoring that every cell has: `score` of the defaults and of the cell.
STANDARD = "standard"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
Overrides = dict[str, Any]


class Scoring(StrictModel):
    """One way more of scoring with the same weights.

    Attributes:
        score: over `score` of the cell.
        may_be_refused: a refusal (a singular covariance, say) is a result and goes on record with its reason.
    """

    score: Overrides = Field(default_factory=dict)
    may_be_refused: bool = False


class Headline(StrictModel):
    """The score that stands for a cell in overviews and paired tests."""

    scoring: str = STANDARD
    score: str


class ProductOverrides(StrictModel):
    """What differs for one product."""

    train: Overrides = Field(default_factory=dict)
    score: Overrides = Field(default_factory=dict)
    roi: Overrides = Field(default_factory=dict)


class CellDefinition(StrictModel):
    """One training and everything that is scored with its weights.

    Attributes:
        title: as reports print it.
        based_on: `defaults` of this file, or `params.yaml`: the configuration of the release pipeline.
        train, score: over the section of that name in what it is based on.
        scorings: further scorings, by name.
        roi: over `roi` of inspection.yaml; where it names a method it replaces the section as a whole.
        split: over `split` of inspection.yaml; the test split is the same whatever part of the normals calibrates.
        subset: training subset; None: the one in use.
        products: what differs for a product.
        headline: the score that stands for the cell.
    """

    title: str = Field(min_length=1)
    based_on: Literal["defaults", "params.yaml"] = "defaults"
    train: Overrides = Field(default_factory=dict)
    score: Overrides = Field(default_factory=dict)
    scorings: dict[str, Scoring] = Field(default_factory=dict)
    roi: Overrides = Field(default_factory=dict)
    split: Overrides = Field(default_factory=dict)
    subset: str | None = None
    products: dict[str, ProductOverrides] = Field(default_factory=dict)
    headline: Headline

    @model_validator(mode="after")
    def _headline_is_scored(self) -> Self:
        if STANDARD in self.scorings:
            raise ValueError(f"scoring {STANDARD!r} is what `score` says; name another")
        if self.headline.scoring not in {STANDARD, *self.scorings}:
            raise ValueError(f"headline.scoring {self.headline.scoring!r} is not among `scorings`")
        return self


class Thresholds(StrictModel):
    """Parameters of the threshold methods, the same for every cell."""

    sigmas: PositiveFloat = 2.0
    percentile: float = Field(default=95.0, gt=0, lt=100)
    false_reject_rate: float = Field(default=0.05, gt=0, lt=0.5)
    minimum_normals: int = Field(default=20, ge=8)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)


class Timing(StrictModel):
    """How scoring is timed: images a large batch, and how often each batch size is repeated."""

    batch: PositiveInt = 64
    repeats: PositiveInt = 7


class Defaults(StrictModel):
    """What cells are based on: sections as in params.yaml."""

    train: Overrides = Field(default_factory=dict)
    score: Overrides = Field(default_factory=dict)


class BenchmarkFile(StrictModel):
    """`benchmark/cells.yaml`; `products`, `seeds` and `order` are also the axes of benchmark/dvc.yaml.

    Attributes:
        products: that can be benchmarked.
        seeds: of split, weights and everything that is drawn; different from the seed of the release.
        committed: product -> how many of the seeds its committed results have.
        fewer: product -> cell -> how many of these seeds the cell has in the committed results; 0: it was not run.
        order: names of the cells based on `defaults`, in the order of reports.
        configured: names of the cells based on params.yaml.
        reference: the cell that others are compared with, paired.
    """

    products: tuple[str, ...] = Field(min_length=1)
    seeds: tuple[NonNegativeInt, ...] = Field(min_length=1)
    committed: dict[str, PositiveInt]
    fewer: dict[str, dict[str, NonNegativeInt]] = Field(default_factory=dict)
    order: tuple[str, ...]
    configured: tuple[str, ...] = ()
    reference: str
    compute: ComputeSettings = ComputeSettings(device="cpu")
    thresholds: Thresholds = Thresholds()
    timing: Timing = Timing()
    defaults: Defaults = Defaults()
    cells: dict[str, CellDefinition] = Field(min_length=1)

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        problems = list(self._problems())
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _problems(self) -> Iterator[str]:
        for name in (*self.products, *self.cells):
            if not _NAME.fullmatch(name):
                yield f"{name!r} is not lower-case words joined by '-'"
        for kind, listed in (("defaults", self.order), ("params.yaml", self.configured)):
            found = {name for name, cell in self.cells.items() if cell.based_on == kind}
            if sorted(listed) != sorted(found):
                wrong = ", ".join(sorted(found ^ set(listed))) or "a name stands twice"
                yield f"{'order' if kind == 'defaults' else 'configured'} does not list the cells: {wrong}"
        if len(set(self.seeds)) < len(self.seeds):
            yield "a seed stands twice"
        if self.reference not in self.cells:
            yield f"reference {self.reference!r} is no cell"
        if set(self.committed) != set(self.products):
            yield "committed does not name each product once"
        yield from (
            f"committed.{name}: there are only {len(self.seeds)} seeds"
            for name, count in self.committed.items()
            if count > len(self.seeds)
        )
        yield from self._problems_of_fewer()
        for name, cell in self.cells.items():
            for product in sorted(set(cell.products) - set(self.products)):
                yield f"cells.{name}.products.{product}: there is no such product"

    def _problems_of_fewer(self) -> Iterator[str]:
        for product, cells in self.fewer.items():
            if product not in self.products:
                yield f"fewer.{product}: there is no such product"
                continue
            for name, count in cells.items():
                if name not in self.cells:
                    yield f"fewer.{product}.{name}: there is no such cell"
                elif count >= self.committed.get(product, 0):
                    yield f"fewer.{product}.{name}: {count} is not fewer than committed.{product}"

    @property
    def names(self) -> tuple[str, ...]:
        """All cells, in the order of reports."""
        return (*self.configured, *self.order)
