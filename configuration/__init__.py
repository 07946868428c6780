"""The typed sections of a stack's configuration, and the rules that hold across them.

`settings.py` reads the stack; this package says what a stack may say. Nothing here imports Pulumi, boto3 or any
other part of the program.
"""
