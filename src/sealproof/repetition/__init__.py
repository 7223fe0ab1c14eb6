"""Repetition: the same training again, on other parts of the normals (cross-fitting) or from other seeds."""
