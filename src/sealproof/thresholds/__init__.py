"""Thresholds: one method a file, each with what it promises and when it may not be used."""
