"""``kiro2api load``: many streams through a gateway of this machine, as their clients see them.

Only the command line imports this room.
"""
