"""What is kept of logins and accounts, in files and in Redis."""
