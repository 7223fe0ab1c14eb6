"""Dossier: documents rendered from records, never from typed figures."""
