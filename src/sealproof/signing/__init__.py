"""Signing: signed copies of the documents, in order and bound to the release, and the archive of a finished release."""
