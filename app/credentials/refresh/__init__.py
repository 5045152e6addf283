"""Refreshing tokens: the policy, and the requests to the sign-in services."""
