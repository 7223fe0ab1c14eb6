"""Parameters that a derivation needs: as params.yaml states them, or dvc.lock where there is no params.yaml."""

from __future__ import annotations

from typing import Any

from sealproof.verification.tree import Tree

#: What holds where params.yaml does not state a key.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "train": {"detector": "attention-autoencoder"},
    "threshold": {
        "score": "4-ms-ssim",
        "method": "conformal",
        "calibration": "held-out",
        "sigmas": 2.0,
        "require_normality": True,
        "normality_minimum": 200,
        "percentile": 95.0,
        "minimum_normals": 20,
        "confidence": 0.95,
        "bootstrap": 1000,
        "evt": {
            "level": "sequential",
            "candidates": [0.3, 0.25, 0.2, 0.15, 0.1, 0.05],
            "false_discovery_rate": 0.1,
            "tail_fraction": 0.15,
            "false_reject_rate": 0.01,
            "minimum_exceedances": 60,
            "minimum_fit_p_value": 0.05,
            "maximum_relative_width": 2.0,
        },
        "conformal": {"false_reject_rate": 0.05},
        "tolerance": {"content": 0.95, "confidence": 0.95},
        "cost": {"false_negative": 10.0, "false_positive": 1.0, "prevalence": 0.1},
        "recall_bound": {"recall": 0.9},
        "three_way": {
            "in_force": False,
            "false_reject_rates": [0.01, 0.02, 0.05, 0.1],
            "missed_defect_rates": [0.05, 0.1, 0.2],
            "false_reject_rate": 0.05,
            "missed_defect_rate": 0.1,
        },
    },
    "challenge": {
        "severities": [0.5, 1.0, 1.5, 2.0],
        "images": None,
        "repeat_batch_sizes": [1, 16, 128],
    },
    "evaluate": {"confidence": 0.95, "bootstrap": 2000, "gallery": 12},
}


def parameters(tree: Tree) -> dict[str, Any]:
    """params.yaml with its defaults; the parameters of dvc.lock where there is no params.yaml."""
    stated = tree.yaml("params.yaml", optional=True)
    if not isinstance(stated, dict):
        stated = _from_lock(tree)
    return _over(_DEFAULTS, stated)


def _from_lock(tree: Tree) -> dict[str, Any]:
    lock = tree.yaml("dvc.lock", optional=True)
    found: dict[str, Any] = {}
    if isinstance(lock, dict):
        for stage in (lock.get("stages") or {}).values():
            found |= (stage.get("params") or {}).get("params.yaml") or {}
    return found


def _over(base: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in above.items():
        inner = base.get(key)
        merged[key] = _over(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged
