"""`sealproof sign`: one role signs the four documents of a release."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sealproof.commands.common import Product, Root, workspace_of
from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.decision import REQUIRED_SIGNATURES
from sealproof.signing.certificate import read_roots
from sealproof.signing.credentials import Credential, open_pkcs12, open_token
from sealproof.signing.passphrase import VARIABLE, read_passphrase
from sealproof.signing.sign import MEANINGS, Request, Signed, sign_release
from sealproof.signing.timestamping import time_stamper

#: Reasons that are printed here at most.
SHOWN = 8


class Role(StrEnum):
    """Who signs, in this order."""

    author = "author"
    reviewer = "reviewer"
    approver = "approver"


def sign(
    role: Annotated[Role, typer.Option("--role", help="author, reviewer or approver, in this order")],
    name: Annotated[str, typer.Option("--name", help="name of the person who signs, as it is printed")],
    key: Annotated[
        Path | None, typer.Option("--key", help="PKCS#12 file (.p12) with key and certificate")
    ] = None,
    pass_file: Annotated[
        Path | None,
        typer.Option(
            "--pass-file", help=f"file whose first line is the pass phrase; else ${VARIABLE}, else a prompt"
        ),
    ] = None,
    pkcs11_module: Annotated[
        Path | None, typer.Option("--pkcs11-module", help="library of a token; instead of --key")
    ] = None,
    pkcs11_label: Annotated[
        str | None, typer.Option("--pkcs11-label", help="label of the certificate on it")
    ] = None,
    tsa: Annotated[
        str | None, typer.Option("--tsa", help="address of a time-stamp authority (RFC 3161)")
    ] = None,
    meaning: Annotated[
        str | None, typer.Option("--meaning", help="default: authorship, review or approval, by the role")
    ] = None,
    trust: Annotated[
        Path | None, typer.Option("--trust", help="PEM file of roots that the certificate has to lead to")
    ] = None,
    root: Root = Path(),
    product: Product = None,
) -> None:
    """Sign iq.pdf, oq.pdf, pq.pdf and dossier.pdf in one role; the signed copies lie in reports/PRODUCT/signed/."""
    workspace = workspace_of(root, product)
    request = Request(
        role=role.value,
        name=_text(name, "--name"),
        meaning=_text(MEANINGS[role.value] if meaning is None else meaning, "--meaning"),
        credential=lambda: _open(key, pkcs11_module, pkcs11_label, pass_file),
        stamper=time_stamper(tsa) if tsa else None,
        authority=tsa or "",
        roots=tuple(read_roots(trust)) if trust else (),
    )
    _check_source(key, pkcs11_module, pkcs11_label)
    _report(sign_release(workspace, request), workspace)


def _text(value: str, option: str) -> str:
    plain = " ".join(value.split())
    if not plain:
        raise DefinitionError(
            "a signature needs name and meaning", where=option, why="it is empty", mend="write it out"
        )
    return plain


def _check_source(key: Path | None, module: Path | None, label: str | None) -> None:
    if (key is None) == (module is None) or (module is None) != (label is None):
        raise DefinitionError(
            "it is not clear what to sign with",
            where="--key, --pkcs11-module, --pkcs11-label",
            why="either a key file is needed, or module and label of a token",
            mend="give --key FILE.p12, or --pkcs11-module LIBRARY --pkcs11-label LABEL",
        )


def _open(
    key: Path | None, module: Path | None, label: str | None, pass_file: Path | None
) -> AbstractContextManager[Credential]:
    if key is None:
        pin = read_passphrase(pass_file, lambda: str(typer.prompt("PIN of the token", hide_input=True)))
        return open_token(module or Path(), label or "", pin)
    if not key.is_file():
        raise DefinitionError(
            "the key cannot be used",
            where=str(key),
            why="there is no such file",
            mend="name the .p12 file with --key",
        )
    phrase = read_passphrase(pass_file, lambda: str(typer.prompt("Pass phrase of the key", hide_input=True)))
    return nullcontext(open_pkcs12(key, phrase))


def _report(signed: Signed, workspace: Workspace) -> None:
    entry, release = signed.entry, signed.release
    console = Console()

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    say(f"{entry.name} signed release {release.release_id[:12]} as {entry.role}: {entry.meaning}, {entry.at}")
    say(f"  certificate: {entry.subject}")
    say(
        f"  time stamp:  {'of the authority' if entry.timestamped else 'none; the time is that of this machine'}"
    )
    say(f"  documents:   {workspace.relative(workspace.signed)}/")
    say(f"decision: {release.decision}")
    for reason in release.reasons[:SHOWN]:
        say(f"- {reason}")
    if len(release.reasons) > SHOWN:
        say(f"- and {len(release.reasons) - SHOWN} more; `sealproof release` prints all")
    remaining = [name for name in REQUIRED_SIGNATURES if name in release.missing_signatures]
    if remaining:
        say(f"next: the {remaining[0]} signs")
    elif release.decision == "released":
        say("next: sealproof release")
