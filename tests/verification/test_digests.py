"""Hashes against hashlib, the other code path, and DVC itself."""

import hashlib

import pytest
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.tree import Tree as DvcTree
from hypothesis import given
from hypothesis import strategies as st

from sealproof.evidence.hashing import canonical_json, sha256_tree
from sealproof.verification.digests import canonical, digest_file, dvc_folder_md5
from sealproof.verification.findings import Findings
from sealproof.verification.lock import md5_of
from sealproof.verification.tree import Tree

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_canonical_json_is_that_of_the_other_code_path(value):
    assert canonical(value).decode() == canonical_json(value)


def test_canonical_json_knows_no_nan():
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("nan"))


def test_both_hashes_and_the_size_of_a_file(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"x" * 10_000_000)
    found = digest_file(path)
    assert (found.sha256, found.md5) == (
        hashlib.sha256(path.read_bytes()).hexdigest(),
        hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest(),
    )
    assert found.size == 10_000_000


@given(
    st.dictionaries(
        st.tuples(st.sampled_from("abcä"), st.sampled_from("xyz")),
        st.sampled_from(["0" * 32, "f" * 32]),
        min_size=1,
    )
)
def test_a_folder_has_the_md5_that_dvc_gives_it(files):
    tree = DvcTree()
    for parts, md5 in files.items():
        tree.add(parts, None, HashInfo("md5", md5))
    tree.digest()
    assert dvc_folder_md5([("/".join(parts), md5) for parts, md5 in files.items()]) == tree.hash_info.value


def test_folders_are_hashed_by_both_rules(tmp_path):
    (tmp_path / "f" / "g").mkdir(parents=True)
    for name, text in (("f/b", "1"), ("f/g/a", "2"), ("f/c.pyc", "3")):
        (tmp_path / name).write_text(text)
    tree = Tree(tmp_path, "p", Findings())
    rows = [
        (name, hashlib.md5(text.encode(), usedforsecurity=False).hexdigest())
        for name, text in (("b", "1"), ("g/a", "2"))
    ]
    assert md5_of(tree, "f") == dvc_folder_md5(rows)
    (tmp_path / "f" / "c.pyc").unlink()
    assert tree.sha256_of("f") == sha256_tree(tmp_path / "f")
    assert md5_of(tree, "none") == ""
