"""The page for people: whether the gateway is ready, which login is dead, why a request failed, who
used the credits, what to set in a client, and a playground.

``routes`` is loaded with the application; the rest (templates, texts) when somebody looks.
"""
