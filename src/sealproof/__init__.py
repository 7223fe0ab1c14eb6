"""sealproof: from inspection images to a qualified detector and a dossier in which every figure is traceable."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("sealproof")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+uninstalled"
