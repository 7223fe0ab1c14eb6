import pickle

import pytest

from sealproof.evidence import errors

KINDS = [
    errors.EvidenceMissingError,
    errors.EvidenceAlteredError,
    errors.DefinitionError,
    errors.DataError,
    errors.OutputError,
]


def test_every_kind_has_its_own_exit_code_and_none_is_success():
    codes = [kind.exit_code for kind in [errors.SealproofError, *KINDS]]
    assert len(set(codes)) == len(codes)
    assert 0 not in codes


@pytest.mark.parametrize("kind", KINDS)
def test_message_names_all_four_parts_and_survives_another_process(kind):
    error = kind("W", where="here", why="line one\nline two", mend="so")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own object, made one line above
    assert type(again) is kind
    for part in ("W", "here", "line one", "line two", "so"):
        assert part in str(again)
