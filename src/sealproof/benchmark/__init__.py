"""The comparison of detectors: cells, their results, the paper's tables beside ours; nothing is chosen here."""
