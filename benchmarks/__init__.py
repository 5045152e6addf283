"""The cost of the gateway: ``make bench`` writes ``docs/performance.md`` and its two plots.

There are two halves. pytest-benchmark times the parts without IO one by one (``test_parts``). The
whole is measured end to end (``end_to_end``): the simulated upstream in this process, gunicorn with
one worker as shipped, and a load generator in a separate process (``load``), all on this machine.
Every stream is checked for its exact number of events. If one fails, the run ends and writes
nothing.

There are no limits on times on purpose, since they would depend on the machine.
``tests/benchmarks`` tests what must not get worse on any machine (writes, allocations, calls,
growth), with inputs from here. Linux only: CPU time and memory of the worker come from the kernel.
"""
