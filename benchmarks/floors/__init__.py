"""Programs that do less than the gateway, with which its cost is compared on the same machine.

A time in milliseconds tells more of a machine than of a program. Its ratio to the time of another
program, measured in turns with it, stays about the same elsewhere; so these programs are kept as
they are, and a figure of today can be compared with one of last year.
"""
