from sealproof.change.claims import Change, Classification
from sealproof.change.classify import classify
from sealproof.change.plan import Facts
from sealproof.dossier.product import PredeterminedChange

NONE, PREDETERMINED, REQUALIFICATION = Classification
FACTS = Facts({}, {"recall": {"low": 0.9}}, same_test_images=True, criteria={"AC-01": True})
EPOCHS = Change("parameters.train.epochs", "changed", 3, 4)
TRAIN = Change("data.train", "changed", "4 images", "5 images", share=0.25)
WEIGHTS = Change("model.weights", "changed", "0", "1")
RECALL = Change("metrics.ssim.recall", "worse", {"value": 0.9}, {"value": 0.8})


def entry(what, name="PCC-01", **limits):
    return PredeterminedChange(id=name, what=what, limits=limits, reason="r", approved_by="QA")


def classes(changes, *plan):
    return [change.classification for change in classify(changes, plan, FACTS)]


def test_nothing_is_planned_without_a_plan():
    assert classes([EPOCHS, TRAIN, WEIGHTS, RECALL]) == [REQUALIFICATION] * 4


def test_a_planned_cause_takes_its_outputs_along_but_not_performance():
    assert classes([TRAIN, WEIGHTS, RECALL], entry("data.train")) == [
        PREDETERMINED,
        PREDETERMINED,
        REQUALIFICATION,
    ]
    assert classes([TRAIN, WEIGHTS, RECALL], entry(["data.train", "metrics.*"])) == [PREDETERMINED] * 3


def test_a_planned_change_names_its_plan():
    found = classify([TRAIN, WEIGHTS], [entry("data.train", "PCC-07")], FACTS)
    assert [change.plan for change in found] == ["PCC-07", "PCC-07"]
    assert "data.train" in found[1].reason


def test_a_broken_limit_turns_the_whole_plan_and_says_why():
    found = classify([TRAIN, WEIGHTS], [entry("data.train", maximum_share_of_images=0.1)], FACTS)
    assert [change.classification for change in found] == [REQUALIFICATION] * 2
    assert "PCC-01: 25.0% of the images" in found[0].reason
    assert found[0].plan == ""


def test_another_entry_may_cover_what_a_broken_one_does_not():
    plan = [entry("data.*", maximum_share_of_images=0.1), entry("data.train", "PCC-02")]
    assert classify([TRAIN], plan, FACTS)[0].plan == "PCC-02"


def test_one_unplanned_cause_is_enough_for_all_outputs():
    plan = entry(["data.train", "model.*", "metrics.*"])
    assert classes([TRAIN, EPOCHS, WEIGHTS, RECALL], plan) == [PREDETERMINED, *[REQUALIFICATION] * 3]


def test_an_output_without_a_cause_asks_for_requalification_even_when_it_is_planned():
    found = classify([WEIGHTS, RECALL], [entry("*")], FACTS)
    assert [change.classification for change in found] == [REQUALIFICATION] * 2
    assert "nothing that it is made from" in found[0].reason


def test_changes_that_ask_for_nothing_explain_no_output():
    readme = Change("code.files.README.md", "changed", None, "1 file")
    assert classes([readme, WEIGHTS]) == [NONE, REQUALIFICATION]
    assert "nothing that it is made from" in classify([readme, WEIGHTS], [], FACTS)[1].reason


def test_a_plan_for_everything_does_not_cover_what_cannot_be_planned():
    use = Change("statements.intended_use", "changed", "a", "b")
    (found,) = classify([use], [entry("*")], FACTS)
    assert found.classification is REQUALIFICATION
    assert "PCC-01 names it, but it cannot be planned beforehand" in found.reason
    assert "Article 3(23)" in found.remark


def test_an_output_with_a_limit_of_its_own_has_to_keep_it():
    threshold = Change("threshold.value", "changed", {"value": 0.5}, {"value": 0.7})
    plan = [entry("data.train"), entry("threshold.value", "PCC-02", highest=0.6)]
    assert classes([TRAIN, threshold], *plan) == [PREDETERMINED, REQUALIFICATION]
    plan[1] = entry("threshold.value", "PCC-02", highest=0.8)
    assert classes([TRAIN, threshold], *plan) == [PREDETERMINED, PREDETERMINED]


def test_what_a_change_claims_of_itself_does_not_count():
    claimed = Change("data.test", "changed", 1, 2, classification=NONE, reason="trust me")
    assert classes([claimed]) == [REQUALIFICATION]
