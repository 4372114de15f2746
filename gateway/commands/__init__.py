"""The command line: one file a command. Heavy modules are imported inside the commands, so that
`--help` and shell completion answer at once.
"""
