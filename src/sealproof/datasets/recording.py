"""The evidence records of the ingest stage: every count, set, hash and origin that a document may print."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from sealproof.datasets.contract import SPLITS
from sealproof.datasets.ingest import Ingested
from sealproof.datasets.settings import DatasetSettings
from sealproof.datasets.summary import CLASS_NAMES
from sealproof.evidence.hashing import sha256_json
from sealproof.evidence.records import Recorder

_MEANING = {
    "train": "normals that teach the weights",
    "calibration": "normals held out of training, for thresholds",
    "tuning": "training defects, for supervised thresholds",
    "test": "images whose labels are sealed until evaluation",
    "unused": "images in no split",
    "excluded": "images that belong to no split, with a reason on record",
}
_SPLIT_KEYS = {
    "seed": "seed that the splits are drawn with",
    "source": "seed: drawn at random; published: as the data set publishes them",
    "subset": "the training subset in use",
    "group_by": "what keeps images together in one split; empty when they are drawn one by one",
    "calibration_fraction": "share of the subset's normals that is held out of training",
    "test_fraction": "share of each class that is sealed for the test; empty where numbers are stated",
}
_SET_KEYS = {
    "wanted": "images that were asked for; empty where no number is stated",
    "found": "images that the data give",
    "shortfall": "images that are missing",
}


def record_ingest(
    recorder: Recorder, ingested: Ingested, dataset: DatasetSettings, manifest: Path, summary: Path
) -> None:
    """Record what the ingest stage found.

    Ids below `ingest.`: `source`, `licence`, `simulated`, `adapter`, `unreadable`, `images.sha256`,
    `split.<key>`, `count.total`, `count.<split>`, `count.<split>.<class>`,
    `count.<split>.defect-type.<type>`, `count.excluded-reason.<n>`,
    `set.<name>.<class>.<wanted | found | shortfall>` and `subgroup.<column>.<value>.<split>.<class>`.

    Args:
        recorder: of the ingest stage.
        ingested: what was written.
        dataset: names the adapter.
        manifest: the manifest as written.
        summary: the summary as written.
    """
    facts = ingested.summary
    book = _Book(recorder, summary, facts)
    book.add("source", ("source",), "where the images come from")
    book.add("licence", ("licence",), "licence of the images; empty when it is not stated")
    book.add("simulated", ("simulated",), "whether the images are simulated: they show no real product")
    book.add("unreadable", ("unreadable",), "images that cannot be decoded", unit="images")
    book.add("count.total", ("images",), "all images of the data set, excluded ones included", unit="images")
    for key, definition in _SPLIT_KEYS.items():
        book.add(f"split.{slug(key)}", ("split", key), definition)
    _record_counts(book)
    _record_sets(book)
    _record_subgroups(book)
    recorder.add("adapter", dataset.adapter, unit="1", definition="what read the data set", artefact=manifest)
    digest = "SHA-256 over the id and SHA-256 of every image, in the order of the manifest, as canonical JSON"
    value = images_sha256(ingested.manifest)
    recorder.add(
        "images.sha256", value, unit="1", definition=digest, artefact=manifest, pointer="image_id, sha256"
    )


def images_sha256(manifest: pd.DataFrame) -> str:
    """One hash for all images of a data set, whatever their splits.

    Args:
        manifest: with the columns image_id and sha256, sorted by image_id.
    """
    return sha256_json(manifest[["image_id", "sha256"]].to_numpy().tolist())


def slug(text: str) -> str:
    """A name as record ids carry it.

    Example:
        >>> slug("Trapped contamination"), slug("group_setup"), slug("12 mm")
        ('trapped-contamination', 'group-setup', '12-mm')
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "other"


def slugs(names: Iterable[str]) -> dict[str, str]:
    """Name -> slug, each slug once: names that would share one are numbered in their order.

    Example:
        >>> slugs(["a b", "A-B", "c"])
        {'A-B': 'a-b', 'a b': 'a-b-2', 'c': 'c'}
    """
    taken: dict[str, str] = {}
    for name in sorted(names):
        plain, candidate, number = slug(name), slug(name), 1
        while candidate in taken.values():
            number += 1
            candidate = f"{plain}-{number}"
        taken[name] = candidate
    return taken


class _Book:
    """Records facts of the summary, each with the JSON pointer (RFC 6901) it can be read at."""

    def __init__(self, recorder: Recorder, summary: Path, facts: dict[str, Any]) -> None:
        self._recorder, self._summary, self.facts = recorder, summary, facts

    def add(self, name: str, keys: tuple[str, ...], definition: str, unit: str = "1") -> None:
        value: Any = self.facts
        for key in keys:
            value = value[key]
        pointer = "".join(f"/{key.replace('~', '~0').replace('/', '~1')}" for key in keys)
        self._recorder.add(
            name,
            None if value == "" else value,
            unit=unit,
            definition=definition,
            artefact=self._summary,
            pointer=pointer,
        )

    def total(self, name: str, value: int, keys: tuple[str, ...], definition: str) -> None:
        """A sum over what stands at the pointer."""
        pointer = "/" + "/".join(keys)
        self._recorder.add(
            name, value, unit="images", definition=definition, artefact=self._summary, pointer=pointer
        )


def _record_counts(book: _Book) -> None:
    for split in SPLITS:
        total, meaning = sum(book.facts["splits"][split].values()), _MEANING[split]
        book.total(f"count.{split}", total, ("splits", split), meaning)
        for name in CLASS_NAMES:
            book.add(f"count.{split}.{name}", ("splits", split, name), f"{meaning}: {name}", "images")
        for kind, short in slugs(book.facts["defect_types"].get(split, {})).items():
            definition = f"{meaning}: defects of type {kind}"
            book.add(
                f"count.{split}.defect-type.{short}", ("defect_types", split, kind), definition, "images"
            )
    for number, reason in enumerate(sorted(book.facts["excluded_reasons"]), start=1):
        keys = ("excluded_reasons", reason)
        book.add(f"count.excluded-reason.{number}", keys, f"images excluded for: {reason}", "images")


def _record_sets(book: _Book) -> None:
    for name, short in slugs(book.facts["sets"]).items():
        for word, draw in book.facts["sets"][name].items():
            use = "in use" if draw["in_use"] else "not in use"
            for key, meaning in _SET_KEYS.items():
                definition = f"set {name} ({use}), {word}: {meaning}"
                book.add(f"set.{short}.{word}.{key}", ("sets", name, word, key), definition, "images")


def _record_subgroups(book: _Book) -> None:
    for column, values in book.facts["subgroups"].items():
        for value, short in slugs(values).items():
            for split in SPLITS:
                for name in CLASS_NAMES:
                    record = f"subgroup.{slug(column)}.{short}.{split}.{name}"
                    definition = f"images of {column} {value} in split {split}: {name}"
                    book.add(record, ("subgroups", column, value, split, name), definition, "images")
