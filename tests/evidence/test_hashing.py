import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from sealproof.evidence import hashing

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)


def test_published_vectors_of_fips_180_4():
    assert hashing.sha256_bytes(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert hashing.sha256_bytes(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_file_hash_reads_the_whole_file(tmp_path):
    content = bytes(range(256)) * 9000
    (tmp_path / "big").write_bytes(content)
    assert hashing.sha256_file(tmp_path / "big") == hashlib.sha256(content).hexdigest()
    (tmp_path / "big").write_bytes(content[:-1] + b"\0")
    assert hashing.sha256_file(tmp_path / "big") != hashlib.sha256(content).hexdigest()


def test_tree_hash_notices_content_name_and_addition(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text("1")
    first = hashing.sha256_tree(tmp_path)
    (tmp_path / "a" / "x").rename(tmp_path / "a" / "y")
    renamed = hashing.sha256_tree(tmp_path)
    (tmp_path / "a" / "z").write_text("")
    assert len({first, renamed, hashing.sha256_tree(tmp_path)}) == 3


@given(JSON)
def test_canonical_json_round_trips_and_ignores_key_order(value):
    text = hashing.canonical_json(value)
    assert json.loads(text) == value
    if isinstance(value, dict):
        assert hashing.canonical_json(dict(reversed(value.items()))) == text
