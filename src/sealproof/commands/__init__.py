"""One module a command, or a few that belong together; `cli.py` puts them on the command line."""
