"""DVC stage `acquire`: put the images of a packaged or simulated data set into data/<product>/.

Usage: python pipeline/acquire.py PRODUCT
"""

import sys
from pathlib import Path

from rich.console import Console

from sealproof.datasets.acquisition import acquire
from sealproof.datasets.scaffold import check_name
from sealproof.evidence import strict
from sealproof.evidence.errors import SealproofError
from sealproof.evidence.workspace import Workspace
from sealproof.settings import Inspection, Params


def main(arguments: list[str]) -> int:
    """Acquire one product's images; returns the exit code."""
    if len(arguments) != 1:
        Console(stderr=True).print(__doc__, markup=False)
        return 4
    workspace = Workspace(Path.cwd(), arguments[0])
    try:
        check_name(arguments[0])
        seed = strict.load(Params, workspace.root / "params.yaml").seed
        dataset = strict.load(Inspection, workspace.definition / "inspection.yaml").dataset
        count = acquire(workspace.images, dataset, seed)
    except SealproofError as error:
        console = Console(stderr=True)
        console.print("[bold red]acquire stopped:[/] ", end="")
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        return error.exit_code
    Console().print(f"{count} images in {workspace.relative(workspace.images)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
