"""Every check there is: importing this module fills the register."""

from __future__ import annotations

from sealproof.qualification import (
    iq_device,
    iq_machine,
    iq_protection,
    iq_release,
    iq_software,
    oq_data,
    oq_detection,
    oq_evidence,
    oq_guarantees,
    oq_images,
    oq_input,
    oq_repeats,
    oq_scores,
    oq_statistics,
    oq_threshold,
    pq_approval,
    pq_claims,
    pq_criteria,
    pq_data,
    pq_repeatability,
    pq_results,
    pq_robustness,
    pq_threshold,
)
from sealproof.qualification.registry import CHECKS

MODULES = (
    iq_software,
    iq_machine,
    iq_device,
    iq_protection,
    iq_release,
    oq_data,
    oq_detection,
    oq_evidence,
    oq_guarantees,
    oq_images,
    oq_input,
    oq_repeats,
    oq_scores,
    oq_statistics,
    oq_threshold,
    pq_approval,
    pq_claims,
    pq_criteria,
    pq_data,
    pq_repeatability,
    pq_results,
    pq_robustness,
    pq_threshold,
)
__all__ = ["CHECKS", "MODULES"]
