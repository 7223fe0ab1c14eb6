"""IQ checks of the machine: operating system, arithmetic, PDF engine and fonts, storage, clock."""

from __future__ import annotations

import os
import platform
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field, PositiveFloat, PositiveInt

from sealproof.evidence.errors import OutputError
from sealproof.evidence.files import write_bytes
from sealproof.evidence.hashing import sha256_bytes, sha256_file
from sealproof.evidence.strict import StrictModel
from sealproof.qualification.context import Context
from sealproof.qualification.git import head_commit
from sealproof.qualification.registry import Finding, NoParameters, check

_GIB = 1024**3


class OperatingSystemParameters(StrictModel):
    """Declared operating systems and machines, and the least memory in GiB."""

    systems: tuple[str, ...] = Field(min_length=1)
    machines: tuple[str, ...] = Field(min_length=1)
    minimum_memory_gib: PositiveFloat


@check("operating-system", OperatingSystemParameters)
def operating_system(context: Context, parameters: OperatingSystemParameters) -> Finding:
    """Are operating system, machine type and memory within the declared list?"""
    del context
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB
    system, machine = platform.system(), platform.machine()
    passed = (
        system in parameters.systems
        and machine in parameters.machines
        and memory >= parameters.minimum_memory_gib
    )
    values = {
        "system": system,
        "kernel": platform.release(),
        "distribution": _distribution(),
        "machine": machine,
        "processors": os.cpu_count(),
        "memory_gib": round(memory, 2),
    }
    actual = (
        f"{_distribution()}, {system} {platform.release()}, {machine}, {os.cpu_count()} processors, "
        f"{memory:.1f} GiB"
    )
    return Finding(passed=passed, actual=actual, values=values)


def _distribution() -> str:
    try:
        return str(platform.freedesktop_os_release().get("PRETTY_NAME", "distribution not stated"))
    except OSError:
        return "distribution not stated"


class ArithmeticParameters(StrictModel):
    """`torch`: the declared release, without its build."""

    torch: str


@check("arithmetic", ArithmeticParameters)
def arithmetic(context: Context, parameters: ArithmeticParameters) -> Finding:
    """Is torch the declared release, with threads and device of params.yaml, and does it add rightly?"""
    import torch

    compute = context.settings.params.compute
    release, threads = torch.__version__.split("+")[0], torch.get_num_threads()
    cuda = torch.cuda.is_available()
    sums = torch.arange(1, 1001, dtype=torch.float64).square().sum().item()
    device = torch.cuda.get_device_name(0) if cuda else "no GPU"
    passed = (
        release == parameters.torch
        and threads == compute.threads
        and (compute.device != "cuda" or cuda)
        and sums == 333_833_500.0
    )
    values = {
        "torch": torch.__version__,
        "threads": threads,
        "threads_declared": compute.threads,
        "device_declared": compute.device,
        "gpu": device,
        "cuda": torch.version.cuda,
        "sum_of_squares_1_to_1000": sums,
    }
    actual = (
        f"torch {torch.__version__}, {threads} threads (declared {compute.threads}), {device}, device "
        f"{compute.device!r}; sum of squares 1 to 1000 is {sums:.0f}"
    )
    return Finding(passed=passed, actual=actual, values=values, files=(context.root / "params.yaml",))


class PdfParameters(StrictModel):
    """`minimum_pango`: as (major, minor); `fonts`: folder whose fonts must be readable."""

    minimum_pango: tuple[int, int]
    fonts: str
    minimum_fonts: PositiveInt


@check("pdf-engine", PdfParameters)
def pdf_engine(context: Context, parameters: PdfParameters) -> Finding:
    """Does the PDF engine load its native libraries and set a page, and can the documents' fonts be read?"""
    import weasyprint
    from weasyprint.text import ffi

    version = int(ffi.pango.pango_version())
    pango = (version // 10000, version // 100 % 100, version % 100)
    page = weasyprint.HTML(string="<p>seal 0123456789</p>").write_pdf()
    folder = context.existing(context.root / parameters.fonts)
    families = {path.name: _family(path) for path in sorted(folder.glob("*.[ot]tf"))}
    passed = (
        pango[:2] >= parameters.minimum_pango
        and page.startswith(b"%PDF-")
        and len(families) >= parameters.minimum_fonts
    )
    names = ", ".join(sorted(set(families.values())))
    words = ".".join(str(part) for part in pango)
    actual = (
        f"WeasyPrint {weasyprint.__version__}, Pango {words}; a page set in {len(page)} bytes beginning "
        f"{page[:8].decode('latin-1')}; {len(families)} fonts readable: {names}"
    )
    values = {
        "weasyprint": weasyprint.__version__,
        "pango": words,
        "fonts": families,
        "page_bytes": len(page),
    }
    return Finding(passed=passed, actual=actual, values=values, files=(folder,))


def _family(path: Path) -> str:
    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]  # ships no types

    with TTFont(path, lazy=True) as font:
        return str(font["name"].getDebugName(1))


class StorageParameters(StrictModel):
    """`minimum_free_gib`: free space of the disk that holds the results."""

    minimum_free_gib: PositiveFloat


@check("storage", StorageParameters)
def storage(context: Context, parameters: StorageParameters) -> Finding:
    """Can artefacts and reports be written and read back unchanged, and is there enough space?"""
    content = os.urandom(1 << 20)
    failures = []
    for folder in (context.workspace.artifacts("qualify").parent, context.workspace.reports):
        probe = folder / ".storage-probe"
        try:
            write_bytes(probe, content)
            if sha256_file(probe) != sha256_bytes(content):
                failures.append(f"{context.workspace.relative(folder)}: read back differently")
        except OutputError as error:
            failures.append(f"{context.workspace.relative(folder)}: {error.why}")
        finally:
            probe.unlink(missing_ok=True)
    free = shutil.disk_usage(context.root).free / _GIB
    passed = not failures and free >= parameters.minimum_free_gib
    actual = f"1 MiB written and read back in 2 folders, {len(failures)} failures; {free:.1f} GiB free"
    return Finding(passed=passed, actual=actual, values={"free_gib": round(free, 2), "failures": failures})


@check("clock", NoParameters)
def clock(context: Context, parameters: NoParameters) -> Finding:
    """Is the clock not behind anything that is dated already, and is its zone stated?

    A machine cannot tell by itself that its clock is right; it can tell that it is not before the commit, the
    last opening of the test set, or its own files.
    """
    del parameters
    now, zone = datetime.now(UTC), time.strftime("%Z %z")
    dated = {"commit": head_commit(context.root).committed_at}
    if context.openings:
        dated["last opening of the test set"] = datetime.fromisoformat(context.openings[-1].opened_at)
    records = context.existing(context.workspace.artifacts("evaluate") / "records.json")
    dated["records of the evaluation"] = datetime.fromtimestamp(records.stat().st_mtime, UTC)
    late = [name for name, at in dated.items() if at > now]
    listing = ", ".join(f"{name} {at.isoformat(timespec='seconds')}" for name, at in dated.items())
    actual = (
        f"{now.isoformat(timespec='seconds')}, zone of the machine {zone}; "
        f"{len(late)} dates later than now ({listing})"
    )
    values = {"now": now.isoformat(timespec="seconds"), "zone": zone, "later_than_now": late}
    return Finding(passed=not late and bool(zone.strip()), actual=actual, values=values)
