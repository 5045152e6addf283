"""Setting clients up for this gateway: the lines to paste, and the files to write. For the command
line and pages; the path of a request knows nothing of it.
"""
