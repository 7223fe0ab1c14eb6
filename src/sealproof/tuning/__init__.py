"""Tuning: the two-step Bayesian optimisation of the paper's Tables 11 and 12. No test image is read."""
