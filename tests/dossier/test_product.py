from pathlib import Path

import pytest

from sealproof.dossier.product import Product, load_product
from sealproof.evidence.errors import DefinitionError

PRODUCTS = Path("products")


@pytest.mark.parametrize("name", ["elpv-mono", "elpv-poly", "seal-sim"])
def test_shipped_products_are_demonstrations_that_invent_nobody(name):
    product = load_product(PRODUCTS / name / "product.yaml")
    assert product.demonstration
    assert product.provider is None
    assert product.site is None
    assert product.classification == {}
    assert product.hazards == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "title: T\ndocument_prefix: D\ndemonstration: true\nintended_usage: x\n",
            "intended_usage: unknown key",
        ),
        ("document_prefix: D\ndemonstration: true\n", "title: missing"),
        ("title: T\ndocument_prefix: d 1\ndemonstration: true\n", "document_prefix"),
        ("title: T\ndocument_prefix: D\ndemonstration: true\nfield_prevalence: 1.5\n", "field_prevalence"),
        (
            "title: T\ndocument_prefix: D\ndemonstration: true\nannex_iv: {a: {}}\n",
            "either `text` or `not_applicable`",
        ),
        ("title: ' '\ndocument_prefix: D\ndemonstration: true\n", "title"),
        (
            "title: T\ndocument_prefix: D\ndemonstration: true\nhuman_inspection: {defective: 9, found: 8}\n",
            "these figures are missing: normal, accepted, margin, source",
        ),
    ],
)
def test_a_wrong_product_file_names_the_key(tmp_path, text, told):
    path = tmp_path / "product.yaml"
    path.write_text(text)
    with pytest.raises(DefinitionError) as caught:
        load_product(path)
    assert told in str(caught.value)


def test_an_answer_is_a_text_or_a_reason_never_both():
    with pytest.raises(ValueError, match="not both"):
        Product(
            title="T",
            document_prefix="D",
            demonstration=True,
            annex_iv={"annex-iv/1/f": {"text": "a", "not_applicable": "b"}},
        )


def test_document_numbers_follow_the_prefix():
    product = Product(title="T", document_prefix="QD-7", demonstration=False)
    assert [product.document_number(kind) for kind in ("iq", "dossier")] == ["QD-7-IQ", "QD-7-DOSSIER"]


def test_human_inspection_is_figures_or_a_reason():
    common = {"title": "T", "document_prefix": "D", "demonstration": True}
    figures = {"defective": 9, "found": 8, "normal": 9, "accepted": 9, "margin": 0.02, "source": "a study"}
    assert Product(**common, human_inspection=figures).human_inspection.right("recall") == (8, 9)
    reason = Product(**common, human_inspection={"not_applicable": "a new line"}).human_inspection
    assert reason.not_applicable == "a new line"
    assert Product(**common).human_inspection is None


def test_the_template_for_users_stands(tmp_path):
    text = Path("templates/product/product.yaml").read_text().replace("{title}", "T").replace("{prefix}", "T")
    path = tmp_path / "product.yaml"
    path.write_text(text)
    assert load_product(path).human_inspection is None
