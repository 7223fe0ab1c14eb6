"""Which code names a file that is not the one it should be."""

from __future__ import annotations

import re

#: Pattern of the path, {product} put in -> code. The first that fits.
_RULES: tuple[tuple[str, str], ...] = (
    (r"artifacts/{product}/train/model\.safetensors", "weights-altered"),
    (r"artifacts/{product}/train/model\.json", "model-description-altered"),
    (r"artifacts/{product}/ingest/manifest\.parquet", "manifest-altered"),
    (r"artifacts/{product}/ingest/sealed_labels\.parquet", "sealed-labels-altered"),
    (r"artifacts/{product}/roi/.*\.(parquet|npy)", "regions-altered"),
    (r"artifacts/{product}/score/maps\.npy", "maps-altered"),
    (r"artifacts/{product}/score/.*\.(parquet|npz)", "scores-altered"),
    (r"artifacts/{product}/cross_fit/(scores\.parquet|cross_fit\.json)", "scores-altered"),
    (r"artifacts/{product}/threshold/thresholds\.json", "thresholds-altered"),
    (r"artifacts/{product}/challenge/.*\.parquet", "scores-altered"),
    (r"artifacts/{product}/challenge/(challenge|repeatability)\.json", "evaluation-altered"),
    (r"artifacts/{product}/evaluate/predictions\.parquet", "predictions-altered"),
    (r"artifacts/{product}/evaluate/evaluation\.json", "evaluation-altered"),
    (r"artifacts/{product}/evaluate/(detection|localisation|robustness)\.json", "evaluation-altered"),
    (r"reports/{product}/metrics\.json", "metrics-altered"),
    (r"artifacts/{product}/qualify/criteria\.json", "judged-criteria-altered"),
    (r"artifacts/{product}/qualify/(iq|oq|pq)\.json", "executed-protocol-altered"),
    (r"artifacts/{product}/qualify/observations/.*", "observation-altered"),
    (r"artifacts/{product}/[a-z_]+/records\.json", "records-altered"),
    (r"protocols/requirements\.yaml", "requirements-altered"),
    (r"protocols/risks\.yaml", "risks-altered"),
    (r"protocols/.*", "protocol-altered"),
    (r"products/{product}/acceptance\.yaml", "acceptance-altered"),
    (r"products/{product}/approvals/.*", "approval-altered"),
    (r"products/{product}/deviations/.*", "disposition-altered"),
    (r"products/{product}/executions/.*", "recorded-execution-altered"),
    (r"products/{product}/.*", "product-definition-altered"),
    (r"reports/{product}/[^/]+\.pdf", "document-altered"),
)


def altered_code(name: str, product: str) -> str:
    """The code for a file whose hash is not the one that was stated.

    Example:
        >>> altered_code("artifacts/p/train/model.safetensors", "p"), altered_code("dvc.yaml", "p")
        ('weights-altered', 'evidence-altered')
    """
    for pattern, code in _RULES:
        if re.fullmatch(pattern.replace("{product}", re.escape(product)), name):
            return code
    return "evidence-altered"
