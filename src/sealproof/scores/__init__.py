"""Scores: how anomalous a patch or an image is; higher is always more anomalous."""
