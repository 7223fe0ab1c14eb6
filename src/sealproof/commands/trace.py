"""`sealproof trace`: from a printed figure back to the images and parameters it came from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from sealproof.commands.common import AsJson, Product, Root, workspace_of
from sealproof.evidence.lineage import Lineage, Link, StageLink
from sealproof.evidence.lineage import trace as trace_record

_VERDICTS = {
    0: ("green", "sound: everything on the way is what was recorded"),
    2: ("yellow", "something on the way is missing"),
    3: ("red", "something on the way was altered"),
}
_VALUE = {
    "same": "the value there is the recorded one",
    "other": "ANOTHER VALUE stands there",
    "no such place": "there is NO SUCH PLACE in the file",
    "stands for several": "the value sums up what stands there",
    "not comparable": "the value is computed from the file",
}
_SHORT = 12


def trace(
    reference: Annotated[
        str, typer.Argument(metavar="ID", help="record id, or DOCUMENT.pdf#N: number N beside a figure in it")
    ],
    root: Root = Path(),
    product: Product = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Walk from a printed figure to its record, artefact, stage, run, commit, images and parameters.

    Exits 0 sound, 2 something on the way is missing, 3 something was altered.
    """
    found = trace_record(workspace_of(root, product), reference)
    if as_json:
        typer.echo(json.dumps(found.as_dict(), indent=2, sort_keys=True, allow_nan=False))
    else:
        _print(found, Console())
    raise typer.Exit(found.exit_code)


def _print(found: Lineage, console: Console) -> None:
    console.print(_tree(found), highlight=False)
    for colour, title, words in (
        ("yellow", "missing", found.missing),
        ("red", "altered", found.altered),
        ("cyan", "source and definitions changed since", found.changed),
    ):
        for word in words:
            console.print(Text.assemble((title, colour), f": {word}"), soft_wrap=True)
    colour, words_of_verdict = _VERDICTS[found.exit_code]
    console.print(f"[bold {colour}]{words_of_verdict}[/] (exit code {found.exit_code})", highlight=False)


def _tree(found: Lineage) -> Tree:
    record = found.record
    value = "not evaluable" if record.value is None else str(record.value)
    unit = "" if record.unit == "1" else f" {record.unit}"
    tree = Tree(Text.assemble((record.id, "bold"), " = ", (f"{value}{unit}", "bold cyan")))
    tree.add(Text(record.definition))
    artefact = tree.add(_link(found.artefact))
    if record.pointer:
        artefact.add(Text(f"at {record.pointer}: {_VALUE[found.value_state]}"))
    _add_stage(tree, record.stage, found, set())
    return tree


def _add_stage(above: Tree, name: str, found: Lineage, shown: set[str]) -> None:
    stage = found.stages[name]
    if name in shown:
        above.add(Text.assemble("stage ", (name, "bold"), " (above)"))
        return
    shown.add(name)
    node = above.add(Text.assemble("stage ", (name, "bold")))
    for line in _run_lines(stage):
        node.add(line)
    for file, values in sorted(stage.params.items()):
        node.add(Text(f"{file}: " + ", ".join(f"{key} = {value}" for key, value in _leaves(values))))
    for link in (*stage.outs, *(link for link in stage.deps if not link.maker)):
        if link.state != "holds":
            node.add(_link(link))
    if any(link.path.startswith("data/") for link in stage.deps):
        node.add(_images(found))
    for maker in stage.makers:
        _add_stage(node, maker, found, shown)


def _run_lines(stage: StageLink) -> Iterator[Text]:
    if "@" in stage.name:  # acquire keeps no run: its images are told by the manifest
        return
    checkout = {True: ", with changes that are not committed", False: "", None: ""}[stage.dirty]
    yield Text(
        f"MLflow run {stage.mlflow_run or 'not known'}, commit {stage.commit or 'not known'}{checkout}"
    )
    if stage.started:
        yield Text(f"started {stage.started} on {stage.host}")
    yield Text(f"audit trail: {f'line {stage.trail_line}' if stage.trail_line else 'not named'}")
    holding = sum(link.state == "holds" for link in stage.inputs)
    known = f"{holding} of {len(stage.inputs)} inputs have the SHA-256 that they had then"
    yield Text(known if stage.inputs else "SHA-256 of the inputs: not known")
    kept = sum(link.state == "holds" for link in (*stage.deps, *stage.outs))
    yield Text(f"{kept} of {len(stage.deps) + len(stage.outs)} entries of dvc.lock hold")


def _images(found: Lineage) -> Text:
    if found.images is None:
        return Text("images: there is no manifest", style="yellow")
    return Text.assemble(
        (f"{found.images.count} images", "bold"),
        f", SHA-256 of all {found.images.images_sha256[:_SHORT]}…, ",
        f"{found.images.manifest} {found.images.manifest_sha256[:_SHORT]}…",
    )


def _link(link: Link) -> Text:
    colour = {"holds": "green", "missing": "yellow", "altered": "red", "changed since": "cyan"}[link.state]
    return Text.assemble(link.path, f" {link.expected[:_SHORT]}… ", (link.state, colour))


def _leaves(values: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(values, Mapping) and values:
        for key, value in sorted(values.items()):
            yield from _leaves(value, f"{above}.{key}" if above else str(key))
    else:
        yield above, values
