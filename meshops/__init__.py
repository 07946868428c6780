"""The operator's command line: `python -m meshops <command>`; `meshops/__main__.py` has the table of commands."""
