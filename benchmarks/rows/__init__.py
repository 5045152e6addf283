"""The rows: the gateway beside something else, in turns, on the same machine.

`loads` has the table of what is compared with the floor (`benchmarks.floors`), `pairs` of what is
compared with the gateway itself, `single` measures what is compared with nothing. The simulator
checks requests and would itself be what is measured; `upstream` sends answers that were encoded
before.
"""
