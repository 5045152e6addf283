"""``kiro2api doctor``: looks for what is wrong, and says what it means and what to do.

Each module examines one thing and yields findings. Nothing here costs credits, except
:mod:`app.doctor.question`, which only ``--ask`` calls. Only the command line imports this room.
"""
