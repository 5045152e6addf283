"""What the answers have cost: kept for a while, added up by key, model, account, day or client.

No prompt, no answer and no key is kept, only names and numbers.
"""
