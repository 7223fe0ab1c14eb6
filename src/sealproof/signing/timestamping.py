"""A time-stamp authority (RFC 3161): proves that a signature existed at a time that the signer does not set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from pyhanko.sign.timestamps import TimeStamper, TimestampRequestError
from pyhanko.sign.timestamps.requests_client import RequestsHTTPTimeStamper

from sealproof.evidence.errors import DefinitionError, OutputError

#: Seconds after which an authority counts as unreachable.
PATIENCE = 15


def time_stamper(url: str) -> TimeStamper:
    """A client of the authority at `url`.

    Raises:
        DefinitionError: not an http or https address, or it holds a password (it would stand in the list of processes).
    """
    parts = urlsplit(url)
    wrong = ""
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        wrong = "it is not an address that begins with http:// or https://"
    elif "@" in parts.netloc:
        wrong = "it holds a user name or password"
    if wrong:
        raise DefinitionError(
            "the time-stamp authority cannot be used",
            where="--tsa",
            why=wrong,
            mend="name an address such as https://tsa.example/rfc3161",
        )
    return RequestsHTTPTimeStamper(url, timeout=PATIENCE)  # type: ignore[no-untyped-call]  # pyHanko's


@contextmanager
def translated(where: str) -> Iterator[None]:
    """What a time-stamp authority does wrong becomes one clear error.

    Raises:
        OutputError: it cannot be reached, or its answer is no time stamp.
    """
    try:
        yield
    except (TimestampRequestError, OSError) as error:
        cause = error.__cause__ or error
        raise OutputError(
            "the time-stamp authority gave no time stamp; nothing was signed",
            where=where,
            why=f"{error} ({type(cause).__name__})",
            mend="check the address and the network, then sign again; or sign without --tsa (PAdES-B-B)",
        ) from error
