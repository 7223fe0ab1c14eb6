"""Models: detectors that learn what normal parts look like."""
