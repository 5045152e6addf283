"""``python -m fuzz.run TARGET [FILE ...] [-libfuzzer=options]``: one target, until something breaks
or the time is over. With the file of a finding it is tried again, and nothing else.
"""

import sys

import atheris

from fuzz.mutation import json_mutator

with atheris.instrument_imports(include=["app"]):
    from fuzz.targets import TARGETS


def main() -> None:
    """Hand over to libFuzzer, which ends the process."""
    program, name, *options = sys.argv
    target = TARGETS[name]
    # looked up when it is called: before the fuzzing begins it is a stand-in
    own = json_mutator(lambda data, size: atheris.Mutate(data, size))
    mutator = {"custom_mutator": own} if target.is_json else {}
    atheris.Setup([program, *options], target.run, **mutator)
    atheris.Fuzz()


main()
