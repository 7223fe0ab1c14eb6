"""Verification: finds what was altered, left out or never belonged together. Shares no code with what it verifies."""
