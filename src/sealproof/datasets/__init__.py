"""Data sets: adapters that turn any image collection into one manifest, and the splits."""
