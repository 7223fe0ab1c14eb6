"""Qualification: IQ, OQ and PQ protocols, their execution, acceptance criteria and the release gate."""
