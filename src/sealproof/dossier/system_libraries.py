"""Are the native libraries that WeasyPrint needs on this machine?

Run as `python -m sealproof.dossier.system_libraries`. Written without importing WeasyPrint, whose import fails
with a traceback where a library is missing.
"""

from __future__ import annotations

import argparse
import ctypes
import sys
from collections.abc import Iterable

LIBRARIES: dict[str, tuple[str, ...]] = {
    "libpango-1.0-0": ("libgobject-2.0.so.0", "libpango-1.0.so.0", "libharfbuzz.so.0"),
    "libpangoft2-1.0-0": ("libfontconfig.so.1", "libpangoft2-1.0.so.0"),
    "libharfbuzz-subset0": ("libharfbuzz-subset.so.0",),
}
"""Debian package -> the shared objects that WeasyPrint opens and that the package, or what it depends on, brings."""


def loads(library: str) -> bool:
    """Whether the dynamic linker finds and opens a shared object.

    Example:
        >>> loads("libdoesnotexist.so.9")
        False
    """
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def missing_packages(libraries: dict[str, tuple[str, ...]] | None = None) -> list[str]:
    """Debian packages of which at least one shared object cannot be opened, sorted.

    Args:
        libraries: Debian package -> shared objects; by default those of WeasyPrint.

    Example:
        >>> missing_packages({"libnothing9": ("libdoesnotexist.so.9",), "nothing-to-open": ()})
        ['libnothing9']
    """
    wanted = LIBRARIES if libraries is None else libraries
    return sorted(package for package, names in wanted.items() if not all(loads(name) for name in names))


def message(packages: Iterable[str]) -> str:
    """The one message for missing libraries: what, why and how to mend it.

    Example:
        >>> print(message(["libpango-1.0-0"]).splitlines()[-1])
          Debian, Ubuntu: apt-get install libpango-1.0-0
    """
    return (
        "system libraries are missing that the PDF documents are made with (WeasyPrint opens them at run time)\n"
        f"  Debian, Ubuntu: apt-get install {' '.join(packages)}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when all libraries open, else 1 and the message on standard error (not with `--quiet`)."""
    parser = argparse.ArgumentParser(prog="python -m sealproof.dossier.system_libraries", description=__doc__)
    parser.add_argument("--quiet", action="store_true", help="say nothing, answer with the exit code alone")
    options = parser.parse_args(arguments)
    packages = missing_packages()
    if packages and not options.quiet:
        sys.stderr.write(message(packages) + "\n")
    return 1 if packages else 0


if __name__ == "__main__":
    sys.exit(main())
