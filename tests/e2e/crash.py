"""`kill -9` at random moments of `dvc repro`: the next run must end as if nothing had happened.

Run as `python -m tests.e2e.crash --moments 30` (`make crash`). Exits 0 only when every moment ended in the state of
the undisturbed run; prints a line a moment. The suite itself holds one such kill (`test_pipeline.py`).
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.e2e.project import Project, make_project
from tests.e2e.state import hashes, release_id

from sealproof.evidence.ledger import read_ledger
from sealproof.evidence.trail import read_trail


def start_anew(project: Project) -> None:
    """Remove what runs made, the cache included; the trail and the ledger stay, as they would for a user."""
    for name in ("reports", "data", ".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(project.root / name, ignore_errors=True)
    for path in project.artifacts.iterdir():
        if path.is_dir() and path.name != "runs":
            shutil.rmtree(path)
    (project.root / "dvc.lock").unlink(missing_ok=True)


def kill_after(project: Project, seconds: float) -> bool:
    """Start `dvc repro` and kill it with all its children; False when it was over before."""
    running = subprocess.Popen(
        ["dvc", "repro", "dossier"],
        cwd=project.root,
        env=project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        running.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        return True
    return False


def problems(project: Project, expected: dict[str, str], identity: str) -> list[str]:
    """What differs from the undisturbed state; empty when nothing does."""
    found = [name for name, digest in hashes(project).items() if digest != expected[name]]
    if release_id(project) != identity:
        found.append("release id")
    found += [path.name for path in project.artifacts.glob("*.partial")]
    events = read_trail(project.artifacts / "trail.jsonl")
    opened = [entry.details["opening"] for entry in events if entry.event == "test-set.opened"]
    openings = [opening.number for opening in read_ledger(project.artifacts / "ledger.jsonl")]
    if opened != openings:
        found.append(f"trail names openings {opened}, the ledger {openings}")
    status = project.call("dvc", "status", "--json", "dossier")
    if status.returncode or json.loads(status.stdout) != {}:
        found.append(f"dvc status: {status.stdout.strip()[:200]}")
    return found


def campaign(worker: int, moments: int, seed: int) -> int:
    """Kill `moments` runs at uniformly random moments; the number of runs that did not recover."""
    chance = random.Random(seed + worker)  # noqa: S311 - moments, not secrets
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder) / "project")
        clock = time.monotonic()
        project.repro()
        duration = time.monotonic() - clock
        expected, identity = hashes(project), release_id(project)
        failed = number = 0
        while number < moments:
            start_anew(project)
            moment = chance.uniform(0.5, duration)
            clock = time.monotonic()
            killed = kill_after(project, moment)
            number += killed  # a run that was over before its moment is no kill: another moment is drawn,
            if not killed:  # from the time that a run takes now: the first one may have had a busier machine
                duration = min(duration, time.monotonic() - clock)
            project.repro()
            wrong = problems(project, expected, identity)
            failed += bool(wrong)
            words = f"killed after {moment:.1f} s" if killed else f"over before {moment:.1f} s"
            line = f"worker {worker}, kill {number} of {moments}: {words}: {wrong or 'recovered'}"
            print(line, flush=True)  # noqa: T201 - a script for the terminal
    return failed


def main() -> int:
    """Spread the moments over two workers; exit code 1 when one did not recover."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=30)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=20261122)
    asked = parser.parse_args()
    shares = [len(range(worker, asked.moments, asked.workers)) for worker in range(asked.workers)]
    with ThreadPoolExecutor(asked.workers) as pool:
        failed = sum(pool.map(lambda pair: campaign(*pair, asked.seed), enumerate(shares)))
    print(f"{asked.moments} kills, {failed} not recovered")  # noqa: T201 - as above
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
