"""The lines that page one of the documents prints."""

import shutil

from tests.change.build import PRODUCT, edit, put

from sealproof.change.headlines import headlines
from sealproof.evidence.workspace import Workspace


def archived(pair):
    workspace = Workspace(pair.new, PRODUCT)
    shutil.copytree(pair.old, workspace.releases / "a1")
    return workspace


def test_nothing_to_compare_with_is_not_nothing_changed(pair):
    assert headlines(Workspace(pair.new, PRODUCT)) is None
    assert headlines(archived(pair)) == []


def test_claim_and_class_without_figures_and_the_gravest_first(pair):
    workspace = archived(pair)
    edit(pair.new, f"products/{PRODUCT}/product.yaml", lambda content: content | {"revision": "2"})
    put(pair.new, "params.yaml", 4, "train", "epochs")
    found = headlines(workspace)
    assert found[0] == ("parameters.train.epochs: changed", "requalification")
    assert ("statements.revision: changed", "none") in found
