"""Evaluation: metrics with bounds on the sealed test split. The only reader of test labels."""
