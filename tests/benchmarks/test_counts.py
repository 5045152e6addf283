"""No count of last time has grown: instructions, system calls, garbage and memory of a request.

`make counts RENEW=1` renews the references, where a change is worth what it costs, or saves some.
"""

import pytest

from benchmarks.counted import instructions, memory, references, system_calls
from benchmarks.counted.memory import Memory
from benchmarks.counted.system_calls import Call

REFERENCES = references.load()
SAME_BUILD, OTHER_BUILD = 1.03, 1.15
"""How far instructions may be above the reference; and their ratio to those of the floor, where
Python was built in another way and both are counted."""
ATTEMPTS = 3
MORE_MEMORY = 1.3
MORE_CALLS = 1.25  # an answer in two parts where it came in one costs a read and a wait


@pytest.fixture(scope="module")
def of_memory() -> dict[str, Memory]:
    if references.version() not in REFERENCES.memory:
        pytest.skip("nothing was counted with this version of Python: make counts RENEW=1")
    return memory.count()


@pytest.mark.parametrize("kind", memory.KINDS)
def test_garbage_of_a_request(of_memory: dict[str, Memory], kind: str) -> None:
    """What the collector must free makes it run, and all others wait."""
    assert of_memory[kind].garbage <= REFERENCES.memory[references.version()][kind].garbage


@pytest.mark.parametrize("kind", memory.KINDS)
def test_memory_in_use_for_a_request(of_memory: dict[str, Memory], kind: str) -> None:
    peak = REFERENCES.memory[references.version()][kind].peak
    assert of_memory[kind].peak <= peak * MORE_MEMORY


def test_system_calls() -> None:
    """The fewest of some attempts: what happens by the clock only makes them more."""
    if not system_calls.possible():
        pytest.skip("needs strace, and a kernel that lets it look at other processes")
    allowed = {span: MORE_CALLS * sum(calls.values()) for span, calls in REFERENCES.calls.items()}
    for _ in range(ATTEMPTS):
        counted = system_calls.count()
        more = {
            span: dict(calls) for span, calls in counted.items() if calls.total() > allowed[span]
        }
        if not more:
            return
    assert more == {}


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_instructions() -> None:
    """Valgrind makes the start of a server take ten seconds and more, on a busy machine minutes."""
    if not instructions.possible():
        pytest.skip("needs valgrind")
    allowed = {name: ratio * OTHER_BUILD for name, ratio in REFERENCES.ratios.items()}
    if known := REFERENCES.instructions.get(references.build()):
        allowed = {name: count * SAME_BUILD for name, count in known.items()}
    for _ in range(ATTEMPTS):
        found = instructions.of_gateway()
        if not known:
            found = references.ratios(found, instructions.of_floor())
        more = {name: found[name] for name, limit in allowed.items() if found[name] > limit}
        if not more:
            return
    assert more == {}


def test_what_strace_writes_is_read() -> None:
    lines = [
        '12 write(2, "a line", 6) = 6',
        "12 recvfrom(9,  <unfinished ...>",
        "13 futex(0x7f, FUTEX_WAKE, 1) = 1",
        '12 <... recvfrom resumed>"x", 10, 0, NULL, NULL) = 1',
        "12 getpid() = 12",
        "12 +++ exited with 0 +++",
    ]
    expected = [("write", "2"), ("recvfrom", "9"), ("futex", "0"), ("getpid", "")]
    assert list(system_calls.parsed(lines)) == expected


def test_what_is_done_once_in_a_while_is_not_counted() -> None:
    def span(*names: str) -> list[Call]:
        return [*(Call(name, "") for name in names), Call("write", "2")]

    usual = span("recvfrom", "sendto", "sendto")
    calls = [*span("first"), *usual * 4, *span("recvfrom", "futex", "sendto", "sendto"), *usual * 4]
    found = system_calls.fewest([*calls, Call("last", "")], lambda call: call.name == "write")
    assert found == {"recvfrom": 1, "sendto": 2, "write": 1}


def test_there_is_a_reference_for_everything() -> None:
    answers = {instructions.WHOLE, instructions.STREAM, instructions.TURN, instructions.EVENT}
    steps = answers | {instructions.PROMPT}
    assert all(set(counted) == steps for counted in REFERENCES.instructions.values())
    assert set(REFERENCES.ratios) == answers
    assert all(set(kinds) == set(memory.KINDS) for kinds in REFERENCES.memory.values())
