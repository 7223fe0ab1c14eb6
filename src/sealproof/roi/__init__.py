"""Regions of interest: mask functions of Equation 1, image -> [(x0, y0), (x1, y1)] a patch."""
