"""The accounts of this process, and how each is used and kept fresh."""
