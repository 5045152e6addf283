"""HTTP plumbing shared by the dialects; knows none of them."""
