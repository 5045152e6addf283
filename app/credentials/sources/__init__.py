"""The sources of logins: variables, token files and databases of other programs."""
