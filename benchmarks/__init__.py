"""What the gateway costs: ``make bench``, which writes ``docs/performance.md`` and its two plots.

Two halves. The parts that do no IO are timed one by one in this process by pytest-benchmark
(``test_parts``). The whole is measured end to end (``end_to_end``): the simulated upstream here,
gunicorn with one worker as it is shipped, and a load generator in a process of its own (``load``),
all of them on this machine. Every stream is checked for its exact number of events; one that fails
ends the run, and nothing is written.

Absent on purpose: limits on times, which would be limits on machines. What a change must not make
worse anywhere (writes, allocations, calls, growth) is held by ``tests/benchmarks``, which takes its
inputs from here. Linux only: CPU time and memory of the worker are read from the kernel.
"""
