"""Codes of findings: stable words, each with its severity and meaning. docs/verify.md lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How grave a finding is. An unknown word has no place here: it raises."""

    NOTE = 0
    INCOMPLETE = 1
    MISSING = 2
    ALTERED = 3


@dataclass(frozen=True)
class Code:
    """Severity and meaning of a code."""

    severity: Severity
    meaning: str


_ALTERED = {
    # release.json and the files that it names
    "weights-altered": "the weights are not those that the release names",
    "model-description-altered": "model.json is not the file that the release names",
    "manifest-altered": "the manifest is not the file that the release names",
    "sealed-labels-altered": "the sealed labels are not the file that the release names",
    "regions-altered": "regions or patches are not the file that the release names",
    "maps-altered": "the anomaly maps are not the file that the release names",
    "scores-altered": "a table of scores is not the file that the release names",
    "thresholds-altered": "thresholds.json is not the file that the release names",
    "predictions-altered": "the predictions are not the file that the release names",
    "evaluation-altered": "evaluation.json is not the file that the release names",
    "metrics-altered": "metrics.json is not the file that the release names",
    "judged-criteria-altered": "the judged criteria are not the file that the release names",
    "executed-protocol-altered": "an executed protocol is not the file that the release names, or of another product",
    "observation-altered": "the observation of a test case is not the file that the release names",
    "records-altered": "the records of a stage are not the file that the release names",
    "requirements-altered": "the requirements are not the file that the release names",
    "risks-altered": "the risks are not the file that the release names",
    "protocol-altered": "a protocol, or what belongs to it, is not the file that the release names",
    "acceptance-altered": "the acceptance criteria are not the file that the release names",
    "approval-altered": "the approval is not the file that the release names, or is carried with other words",
    "disposition-altered": "a disposition is not the file that the release names, or contradicts itself or the release",
    "recorded-execution-altered": "a recorded execution is not the file that the release names, or contradicts itself",
    "product-definition-altered": "a definition of the product is not the file that the release names",
    "document-altered": "a document is not the file that the release names",
    "evidence-altered": "a file is not the one that the release names",
    "evidence-not-named": "the release does not name a file that every release rests on",
    "file-not-named": "a file lies among the evidence that the release does not name",
    "document-not-named": "the release does not name exactly the four documents",
    "release-of-another-product": "the release is about another product",
    "release-id-wrong": "the release id does not follow from the evidence that is named",
    "results-id-wrong": "the id of the results does not follow from the results",
    "release-changed": "the release as signed differs from the release as drafted in more than signatures",
    "file-unreadable": "a file is not of the kind that it has to be",
    "malformed": "a file does not have the form that the pipeline writes",
    # images, labels, splits
    "image-altered": "an image is not the one that the manifest lists",
    "image-listed-twice": "an image has several rows",
    "image-in-two-splits": "the same image lies in two splits",
    "label-not-sealed": "the manifest shows the label of a test image",
    "label-changed": "a label is not that of its source",
    "label-wrong-in-split": "an image of the other class lies in a split of one class",
    "sealed-label-missing": "a test image has no sealed label",
    "split-changed": "an image is in another split than its label, its score or its exclusion says",
    "split-count-wrong": "the counts of the splits do not follow from manifest and labels",
    # records
    "record-altered": "the value of a record is not the one at its pointer, or the record is of another stage",
    "record-artefact-altered": "a record names another hash than its artefact has",
    "record-given-twice": "two records have one id",
    "record-points-nowhere": "there is nothing where a record points at",
    # scores, thresholds, evaluation
    "score-changed": "a score is not the largest of its patches, or not the one that was judged",
    "score-row-missing": "an image or patch has no score",
    "score-row-extra": "a score belongs to no image or patch",
    "decided-changed": "an image is decided where its regions are not, or the other way round",
    "patch-count-wrong": "the arrays do not hold the patches that the regions list",
    "threshold-changed": "a threshold does not follow from the calibration scores",
    "threshold-figure-changed": "a figure of a threshold does not follow from the calibration scores",
    "threshold-eligibility-wrong": "whether a threshold may be used, or why not, does not follow from the scores",
    "threshold-promise-wrong": "what a threshold is said to promise does not follow from its method",
    "three-way-changed": "a limit of the three-way verdict, or a share left undecided, does not follow from the scores",
    "study-changed": "a simulation study is not the committed one, or a verdict in it contradicts its figures",
    "threshold-in-force-wrong": "the threshold in force is not the one of the score and method of params.yaml",
    "prediction-changed": "a prediction does not follow from score and threshold",
    "confusion-count-changed": "counts of verdicts do not follow from labels, scores and threshold",
    "metric-changed": "a metric or its bound does not follow from labels, scores and threshold",
    "subgroup-changed": "a figure of a subgroup does not follow from the predictions",
    "promise-changed": "what is said of the promised false-reject rate does not follow from the predictions",
    "plan-changed": "what the test set can carry does not follow from the criteria and its numbers of images",
    "consequence-changed": "a predictive value, a reliability or a comparison with people does not follow",
    "challenge-changed": "what is said of disturbed or seeded images does not follow from their tables",
    "repeatability-changed": "what is said of repeated scores or verdicts does not follow from their table",
    "robustness-changed": "a figure of the robustness does not follow from scores, labels, threshold and criteria",
    "detection-changed": "a figure of the probability of detection does not follow from hits, misses and sizes",
    "localisation-changed": "a figure of the localisation contradicts labels, regions or another figure",
    "error-list-changed": "a list of errors does not follow from the predictions",
    "evaluation-changed": "a figure of the evaluation does not follow from labels, scores and thresholds",
    # criteria, protocols, decision
    "criterion-changed": "a criterion as judged does not follow from acceptance.yaml and the records",
    "executed-other-version": "a protocol was executed from another version of a definition",
    "case-missing": "a test case of the protocol was not executed",
    "case-extra": "an executed test case is in no protocol",
    "case-redefined": "an executed test case is not the one that was defined",
    "case-verdict-changed": "the verdict of a test case is not the one that was observed",
    "case-observation-changed": "a test case states another observation than its file",
    "case-evidence-altered": "evidence of a test case is not the file that it names",
    "verdict-count-wrong": "counts of verdicts do not follow from the cases",
    "deviation-missing": "a failed case has no deviation",
    "deviation-changed": "a deviation is not that of its failed case",
    "trace-changed": "the trace matrix does not follow from requirements, risks and cases",
    "decision-wrong": "the decision or its reasons do not follow from criteria, cases, deviations and signatures",
    "context-wrong": "what the dossier counts does not follow from the release",
    "approved-other-version": "a definition was approved in another version, or not at all",
    # ledger and trail
    "ledger-line-unreadable": "a line of the ledger is no opening",
    "ledger-line-missing": "a line of the ledger is missing",
    "ledger-reordered": "lines of the ledger are out of order",
    "ledger-line-altered": "a line of the ledger is not the one that the next line names",
    "ledger-not-continued": "the ledger does not go on from what the dossier carries",
    "opening-missing": "the system that is evaluated opened no test set",
    "opening-not-in-trail": "an opening of the test set is not in the trail, or twice",
    "opening-not-in-ledger": "the trail names an opening that the ledger does not hold",
    "opening-undeclared": "a further system was judged on the test set without a declaration",
    "criteria-changed-after-opening": "the criteria are not those of an opening of the test set",
    "approved-after-opening": "the criteria were approved after the test set was opened",
    "approval-changed-after-opening": "the approval is not the one that stood at an opening of the test set",
    "trail-line-unreadable": "a line of the trail is no event",
    "trail-line-missing": "a line of the trail is missing",
    "trail-reordered": "lines of the trail are out of order",
    "trail-line-altered": "a line of the trail is not the one that the next line names",
    "trail-not-continued": "the trail does not go on from what the dossier carries",
    "trail-head-gone": "the line that was the last when the release was written is gone",
    "trail-head-wrong": "the head of the trail that is stated is not that of the trail that is attached",
    "stage-run-not-in-trail": "the trail knows runs of a stage, but none that wrote its present output",
    "entry-not-in-trail": "what a person entered is in no line of the trail",
    "entry-gone": "what a person entered, by the trail, is gone",
    "entry-altered-after-event": "what a person entered is not what the trail noted",
    "deviation-disposed-unopened": "a deviation was disposed of before it was opened",
    "deviation-not-in-trail": "a deviation of the release was opened in no line of the trail",
    "provenance-wrong": "the statement of provenance names another hash than an output has",
    "release-not-in-trail": "the release at hand is in no line of the trail",
    "side-record-wrong": "a side record is not about the run that the trail names, or names other inputs",
    # dvc.lock
    "lock-output-differs": "dvc.lock names another hash than an output has",
    "lock-input-differs": "dvc.lock names another hash than evidence that a stage read has",
    "parameter-changed": "a parameter is not the one that a stage ran with",
    # documents
    "printed-other-value": "a document prints another value than its record has",
    "printed-without-record": "a document prints a value without a record",
    "printed-value-missing": "a document does not print a value that it is said to print",
    "printed-list-wrong": "printed.json does not name what a document prints",
    "release-id-not-printed": "a document does not print the id of the release",
    "attachment-altered": "an attachment is not the one that attachments.json names",
    "attachment-differs": "an attachment is not what the release holds",
    "attachment-extra": "something is attached that does not belong there",
    "attachment-missing": "something is not attached that belongs there",
    # signatures
    "signature-broken": "a signature is not intact or not valid",
    "signature-not-whole-file": "a signature does not cover the whole file as it stood then",
    "changed-after-signature": "something other than a signature was added behind a signature",
    "signature-order-wrong": "the signatures are not in the order author, reviewer, approver, one revision each",
    "signature-extra": "a signature is of no known role, or of one role twice",
    "signature-missing": "a signature that is stated, or that other documents carry, is not there",
    "signature-list-wrong": "signatures.json is not what the signatures say",
    "signature-not-in-trail": "a signature, or a document as signed, is not what the trail noted",
    "signed-other-document": "the signed document is not the one of the release",
    "signed-other-release": "the signature is for another release",
    "signed-document-missing": "a signed copy is missing where others are there",
    "signer-differs": "a role is signed by another certificate than on the other documents",
    "one-signer-in-two-roles": "one key signed in two roles",
    "signer-not-trusted": "the certificate does not lead to a trusted root",
    "certificate-expired": "the certificate was not valid at the time of signing",
    # registry
    "archive-altered": "the archive of the published release is not the one that the trail noted",
    "registered-model-altered": "the registered model is not the one of the release",
}
_MISSING = {
    "file-missing": "a file that is named does not exist",
    "image-missing": "an image of the manifest does not exist",
    "trail-missing": "there is no audit trail",
    "stage-run-missing": "the trail knows no run of a stage: its output was restored, or is older than the trail",
    "ledger-missing": "there is no test-set ledger",
    "registered-model-missing": "the registered version, or its weights, cannot be found",
}
_INCOMPLETE = {
    "side-record-missing": "it is not known which run made the output of a stage",
    "images-absent": "the images did not come with the release, so they cannot be verified",
    "code-differs-from-lock": "source code, templates or packages are not those that a stage ran with",
    "case-evidence-elsewhere": "a file outside the release that a test case cites is another one now",
    "lock-missing": "there is no dvc.lock",
    "lock-stage-missing": "dvc.lock does not hold a stage for this product: another product ran, or a stage did not",
    "trail-torn": "the trail ends in a torn line that a killed writer left",
    "ledger-torn": "the ledger ends in a torn line that a killed writer left",
    "release-superseded": "a later release was made from this project",
    "signature-required": "a signature is missing, and signatures are required",
    "signers-not-checked": "the signatures are valid, but whose they are was not checked against a trusted root",
    "nothing-attached": "the document carries no attachments, so what it prints cannot be checked",
}
_NOTES = {
    "code-absent": "source code or parameters that dvc.lock names did not come with the release",
    "case-evidence-absent": "a file outside the release that a test case cites did not come with it",
    "registry-absent": "the registry of models is not here",
    "archive-absent": "the archive of the published release is not here",
    "not-signed": "the release is not signed",
    "criteria-not-approved": "nobody has approved criteria and protocols; PQ says so as well",
    "disposition-of-another-failure": "a disposition is about another failure and counts for nothing",
    "recorded-execution-stale": "a recorded execution is about another definition or other results, and does not count",
}

CODES: Mapping[str, Code] = {
    name: Code(severity, meaning)
    for severity, group in (
        (Severity.ALTERED, _ALTERED),
        (Severity.MISSING, _MISSING),
        (Severity.INCOMPLETE, _INCOMPLETE),
        (Severity.NOTE, _NOTES),
    )
    for name, meaning in group.items()
}
