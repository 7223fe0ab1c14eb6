"""The paper's tables as data, `benchmark/paper.yaml`: values, corrections, and where ours come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from sealproof.benchmark.declaration import FOLDER, STANDARD
from sealproof.evidence import strict
from sealproof.evidence.strict import StrictModel

FILE = "paper.yaml"
Metric = Literal["auroc", "accuracy", "precision", "recall", "f1", "specificity", "ms_batch_1", "ms_batch"]
#: Metrics that no threshold has part in.
WITHOUT_THRESHOLD = ("auroc", "ms_batch_1", "ms_batch")
Values = tuple[float | None, ...]


class Ours(StrictModel):
    """Part of a reference to our value; table, row and column each give some of it.

    Attributes:
        cell, scoring, score, method, metric: which value; `{features}` in `scoring` is filled in.
        features: for that.
        run: the seed's place, from 1; None: mean over all seeds.
    """

    cell: str | None = None
    scoring: str | None = None
    score: str | None = None
    method: str | None = None
    metric: Metric | None = None
    features: str | None = None
    run: PositiveInt | None = None


class Column(StrictModel):
    """A column of figures."""

    name: str
    metric: Metric | None = None
    ours: Ours = Ours()


class PaperRow(StrictModel):
    """A row as the paper has it, or one of ours that it does not have.

    Attributes:
        values: as they are quoted, corrections applied; empty where the paper has no such row.
        printed: as they are printed, where a correction was applied.
        correction: which, and why.
        impossible: why no counts give these values.
        ours: None where there is no counterpart.
    """

    name: str
    values: Values = ()
    printed: Values = ()
    correction: str = ""
    impossible: str = ""
    ours: Ours | None = None

    @model_validator(mode="after")
    def _a_correction_keeps_what_is_printed(self) -> Self:
        if bool(self.printed) != bool(self.correction):
            raise ValueError("`printed` and `correction` go together")
        return self


class PaperTable(StrictModel):
    """One table of the paper."""

    number: PositiveInt
    title: str
    caption: str
    note: str = ""
    ours: Ours = Ours()
    columns: tuple[Column, ...] = Field(min_length=1)
    rows: tuple[PaperRow, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _rows_have_all_columns(self) -> Self:
        wrong = [
            row.name
            for row in self.rows
            for values in (row.values, row.printed)
            if values and len(values) != len(self.columns)
        ]
        if wrong:
            raise ValueError(f"rows with another number of values than columns: {', '.join(wrong)}")
        return self


class Paper(StrictModel):
    """`benchmark/paper.yaml`.

    Attributes:
        source: the paper.
        data: the data set its values were obtained on.
    """

    source: str
    data: str
    tables: tuple[PaperTable, ...] = Field(min_length=1)

    @classmethod
    def load(cls, root: Path) -> Self:
        """Read it below a project's root.

        Raises:
            DefinitionError: it is missing, or a key is unknown, missing or impossible.
        """
        return strict.load(cls, root / FOLDER / FILE)


class Reference(StrictModel):
    """Where one of our values comes from, completely."""

    cell: str
    scoring: str
    score: str
    method: str | None
    metric: Metric
    run: int | None


def reference(table: PaperTable, row: PaperRow, column: Column) -> Reference | None:
    """What table, row and column say together; the column has the last word. None without a counterpart.

    Raises:
        ValueError: cell, score or metric, or a method that the metric needs, is said nowhere.

    Example:
        >>> row = PaperRow(name="MSE", ours=Ours(score="mse"))
        >>> columns = (Column(name="AUC", metric="auroc"),)
        >>> table = PaperTable(number=3, title="", caption="", ours=Ours(cell="a"), columns=columns, rows=(row,))
        >>> reference(table, row, columns[0]).cell
        'a'
    """
    if row.ours is None:
        return None
    said: dict[str, Any] = {}
    for part in (table.ours, row.ours, column.ours, Ours(metric=column.metric)):
        said |= part.model_dump(exclude_none=True)
    features = said.pop("features", "")
    said["scoring"] = said.get("scoring", STANDARD).format(features=features)
    if said.get("metric") not in WITHOUT_THRESHOLD and "method" not in said:
        raise ValueError(f"table {table.number}, {row.name}, {column.name}: no method is named")
    return Reference.model_validate({"method": None, "run": None} | said)
