"""`python -m sealproof.thresholds.studies guarantees|evt-study`: simulate, and write the committed JSON."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from sealproof.evidence.errors import SealproofError
from sealproof.evidence.files import read_yaml, write_json
from sealproof.evidence.strict import parse
from sealproof.thresholds.settings import ThresholdSettings
from sealproof.thresholds.studies import guarantees, tail_study
from sealproof.thresholds.studies.reading import EVT_STUDY, GUARANTEES

#: Of the studies; the seed of params.yaml belongs to a run.
SEED = 20261121


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0; 1 when a promise is broken, after writing the table that says so."""
    parser = argparse.ArgumentParser(prog="python -m sealproof.thresholds.studies", description=__doc__)
    parser.add_argument("study", choices=["guarantees", "evt-study"])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--root", type=Path, default=Path())
    asked = parser.parse_args(arguments)
    console = Console(soft_wrap=True)
    content = read_yaml(asked.root / "params.yaml")
    settings = parse(ThresholdSettings, content.get("threshold"), "params.yaml, key `threshold`")
    if asked.study == "evt-study":
        study = tail_study.tail_study(settings, SEED, tail_study.plan(), asked.processes)
        write_json(asked.root / EVT_STUDY, study)
        console.print(
            study["answers"]["sentence"], study["answers"]["paper"]["sentence"], sep="\n", markup=False
        )
        return 0
    table = guarantees.guarantees(settings, SEED, guarantees.plan(), asked.processes)
    write_json(asked.root / GUARANTEES, table)
    found = table["summary"]
    console.print(found["sentence"], markup=False)
    return 1 if found["broken"] or found["broken_coverage"] else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SealproofError as error:
        Console(stderr=True).print(str(error), markup=False)
        sys.exit(error.exit_code)
