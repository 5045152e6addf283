"""Which models there are: what a client's name means, and what the accounts' own lists say."""
