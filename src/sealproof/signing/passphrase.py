"""Where a pass phrase comes from: a file, the environment or a prompt. It is never an argument, nor printed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

from sealproof.evidence.errors import DefinitionError

VARIABLE = "SEALPROOF_PASSPHRASE"


def read_passphrase(file: Path | None, prompt: Callable[[], str]) -> SecretStr:
    """The pass phrase of a key, or the PIN of a token.

    Args:
        file: its first line is the pass phrase; only its owner may read it. None: not from a file.
        prompt: asks a person without echo; called when there is neither a file nor `SEALPROOF_PASSPHRASE`.

    Returns:
        A text that shows itself as asterisks. `SEALPROOF_PASSPHRASE` is taken out of the environment, so that no child
        of this process inherits it.

    Raises:
        DefinitionError: the file cannot be read, is empty, or others than its owner can read it.
    """
    from_environment = os.environ.pop(VARIABLE, None)
    if file is not None:
        return _from_file(file)
    return SecretStr(prompt() if from_environment is None else from_environment)


def _from_file(file: Path) -> SecretStr:
    try:
        if file.stat().st_mode & 0o077:
            raise _error(file, "others than its owner can read it", f"run `chmod 600 {file}`")
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise _error(file, error.strerror or "it cannot be read", "name a file that you can read") from error
    except UnicodeDecodeError:
        raise _error(
            file, "it is not UTF-8 text", "write the pass phrase into it as one line of text"
        ) from None
    first = next(iter(text.splitlines()), "")
    if not first:
        raise _error(file, "its first line is empty", "write the pass phrase into its first line")
    return SecretStr(first)


def _error(file: Path, why: str, mend: str) -> DefinitionError:
    return DefinitionError("the pass phrase cannot be used", where=str(file), why=why, mend=mend)
