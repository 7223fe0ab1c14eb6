import json
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from sealproof.evidence.errors import EvidenceAlteredError
from sealproof.evidence.ledger import read_ledger, record_opening


def open_once(ledger, number):
    return record_opening(
        ledger, purpose=f"p{number}", labels="l" * 64, model=f"m{number}", threshold="t", criteria="c"
    )


def test_no_ledger_means_never_opened(tmp_path):
    assert read_ledger(tmp_path / "none.jsonl") == []


def test_openings_are_numbered_and_chained_under_concurrent_writers(tmp_path):
    ledger = tmp_path / "a" / "ledger.jsonl"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: open_once(ledger, number), range(24)))
    openings = read_ledger(ledger)
    assert [opening.number for opening in openings] == list(range(1, 25))
    assert {opening.purpose for opening in openings} == {f"p{number}" for number in range(24)}
    assert all(
        len(later.previous) == 64 and later.previous != first.previous for first, later in pairwise(openings)
    )


def tampered(lines, how):
    changed = list(lines)
    if how == "value":
        changed[1] = changed[1].replace('"p1"', '"p9"')
    elif how == "dropped":
        del changed[1]
    elif how == "reordered":
        changed[1], changed[2] = changed[2], changed[1]
    elif how == "first replaced":
        changed[0] = json.dumps(json.loads(changed[0]) | {"previous": "1" * 64})
    else:
        changed[1] = "not json"
    return changed


@pytest.mark.parametrize("how", ["value", "dropped", "reordered", "first replaced", "unreadable"])
def test_a_changed_line_is_noticed(tmp_path, how):
    ledger = tmp_path / "ledger.jsonl"
    for number in range(4):
        open_once(ledger, number)
    lines = ledger.read_text().splitlines()
    ledger.write_text("\n".join(tampered(lines, how)) + "\n")
    with pytest.raises(EvidenceAlteredError, match="line"):
        read_ledger(ledger)
    with pytest.raises(EvidenceAlteredError):
        open_once(ledger, 9)
