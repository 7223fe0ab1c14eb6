"""Challenges of the released detector that need no labels: disturbances, repetitions, seeded defects."""
