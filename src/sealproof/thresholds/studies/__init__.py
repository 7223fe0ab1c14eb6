"""Simulation studies of the threshold methods in use: do they keep their promise, and how many normals need they?"""
