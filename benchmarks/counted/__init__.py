"""What is counted and not timed, so that a busy or slow machine does not change it.

`instructions` counts what the processor does for a request (valgrind's callgrind), `system_calls`
what the kernel is asked for (strace), `memory` what the collector has to free and how much is in
use at a time. `references` keeps what was counted last: ``make counts RENEW=1`` renews it, and
tests see that no count has grown since then.
"""
