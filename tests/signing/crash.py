"""`kill -9` at chosen moments of `sealproof sign`: what lies there is the former state or the new one, never between.

Run as `python -m tests.signing.crash --moments 30`. A moment is the n-th operation on a file that the signing process
does (opening, renaming, removing, making a folder, writing), so that no moment is missed for being short. After each
kill the state is looked at, then the same person signs again. The suite holds six such moments (`test_crash.py`).
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

from pydantic import SecretStr
from tests.signing.build import NAMES, PHRASE, ROLES, certificate, make_pdf, make_release_to_sign, write_key

from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.hashing import sha256_file, sha256_tree
from sealproof.evidence.trail import read_trail
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.release import make_release
from sealproof.signing import held
from sealproof.signing.credentials import open_pkcs12
from sealproof.signing.held import DOCUMENTS, hold_release, hold_signatures
from sealproof.signing.sign import MEANINGS, Request, sign_release

WATCHED = {
    "open",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.mkdir",
    "os.chmod",
    "shutil.rmtree",
    "ctypes.dlsym",
}


def request(role: str, key: Path) -> Request:
    """A request of the made-up person of that role."""
    return Request(
        role, NAMES[role], MEANINGS[role], lambda: nullcontext(open_pkcs12(key, SecretStr(PHRASE)))
    )


def sign_and_die(workspace: Workspace, asked: Request, moment: int) -> int:
    """Sign in a child process that kills itself at its `moment`-th operation; the number of operations it did.

    With `moment` 0 it lives, and all operations are counted.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _child(workspace, asked, moment, write)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        told = stream.read()
    status = os.waitpid(child, 0)[1]
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert killed if moment else status == 0, f"child ended with {status} at moment {moment}: {told!r}"
    return moment or int(told)


def _child(workspace: Workspace, asked: Request, moment: int, write: int) -> None:
    done = [0]

    def count(event: str, arguments: tuple[object, ...]) -> None:
        if event in WATCHED:
            done[0] += 1
            if done[0] == moment:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    try:
        sign_release(workspace, asked)
        os.write(write, str(done[0]).encode())
    except BaseException as error:
        os.write(write, repr(error).encode())
        os._exit(1)
    os._exit(0)


def roles_signed(workspace: Workspace) -> list[str]:
    """Roles whose signatures hold, after everything was checked; raises when anything does not."""
    found = hold_signatures(workspace, hold_release(workspace)).record
    return [item.role for item in found.signatures] if found else []


def signed_in_trail(workspace: Workspace) -> list[str]:
    """Roles that the trail tells of."""
    events = read_trail(workspace.trail)
    return [entry.details["role"] for entry in events if entry.event == "document.signed"]


def problems(workspace: Workspace, before: list[str], role: str, asked: Request, outputs: str) -> list[str]:
    """What is wrong after a kill, and after signing again; empty when nothing is."""
    found = []
    after = [*before, role]
    place = workspace.signed
    if place.exists() or not before:
        state = roles_signed(workspace)
        if state not in (before, after):
            found.append(f"after the kill: signed by {state}")
    else:
        found.append("after the kill: no signed documents at all")
    try:
        sign_release(workspace, asked)
    except DefinitionError as error:
        if "has signed already" not in str(error):
            found.append(f"again: {error}")
    if roles_signed(workspace) != after or signed_in_trail(workspace) != after:
        found.append(f"again: signed by {roles_signed(workspace)}, trail {signed_in_trail(workspace)}")
    left = sorted(
        path.name for path in workspace.reports.rglob("*") if "partial" in path.name or path.name[0] == "."
    )
    if left:
        found.append(f"left behind: {left}")
    if outputs != outputs_of(workspace):
        found.append("an output of a stage was changed")
    return found


def outputs_of(workspace: Workspace) -> str:
    """Hash of what signing must not change."""
    rows = [sha256_file(workspace.reports / name) for name in (*DOCUMENTS, "release.json")]
    return json.dumps([*rows, sha256_tree(workspace.artifacts("qualify"))])


def try_moment(original: Path, folder: Path, before: list[str], key: Path, moment: int) -> list[str]:
    """Copy a project, kill the next signature at a moment, and say what is wrong afterwards."""
    root = folder / f"moment-{moment}"
    shutil.copytree(original, root, symlinks=True)
    workspace = Workspace(root, "challenge")
    role = ROLES[len(before)]
    outputs = outputs_of(workspace)
    sign_and_die(workspace, request(role, key), moment)
    return problems(workspace, before, role, request(role, key), outputs)


def all_moments(original: Path, folder: Path, role: str, key: Path) -> int:
    """How many operations the next signature takes.

    Before it is counted, this process signs and checks once itself: a child inherits what its parent has loaded, and
    the ones that are killed later are children of a parent that has checked signatures.
    """
    for name in ("warm-up", "undisturbed"):
        shutil.copytree(original, folder / name, symlinks=True)
    warm = Workspace(folder / "warm-up", "challenge")
    sign_release(warm, request(role, key))
    roles_signed(warm)
    signed_in_trail(warm)
    return sign_and_die(Workspace(folder / "undisturbed", "challenge"), request(role, key), 0)


def derive_draft(workspace: Workspace) -> object:
    """Stands in for the texts of a manufacturer, which the made-up project has not."""
    return make_release(workspace, demonstration=False, missing_inputs=())


def main() -> int:
    """Kill at `--moments` moments, spread over the first and the second signature; exit code 1 when one went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=30)
    parser.add_argument("--seed", type=int, default=20261122)
    asked = parser.parse_args()
    chance = random.Random(asked.seed)  # noqa: S311 - moments, not secrets
    held.present_draft = derive_draft
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        issuer = certificate("Test root", authority=True)
        keys = {r: write_key(folder / f"{r}.p12", certificate(r, issuer=issuer)) for r in ROLES[:2]}
        original = folder / "project"
        original.mkdir()
        workspace = make_release_to_sign(original, {document: make_pdf(document) for document in DOCUMENTS})
        for before in ([], ["author"]):
            role = ROLES[len(before)]
            place = folder / role
            place.mkdir()
            total = all_moments(original, place, role, keys[role])
            share = asked.moments // 2 + (asked.moments % 2 if not before else 0)
            for moment in sorted(chance.sample(range(1, total + 1), min(share, total))):
                wrong = try_moment(original, place, before, keys[role], moment)
                failed += bool(wrong)
                print(f"{role}, operation {moment} of {total}: {wrong or 'recovered'}", flush=True)  # noqa: T201
            sign_release(workspace, request(role, keys[role]))
    print(f"{failed} not recovered")  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
