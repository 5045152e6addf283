"""``python -m fuzz.run TARGET [FILE ...] [-libfuzzer=options]``: fuzz one target.

Ends upon a finding or a timeout. With the file of a finding, runs that input only.
"""

import sys

import atheris

from fuzz.mutation import json_mutator

with atheris.instrument_imports(include=["app"]):
    from fuzz.targets import TARGETS


def main() -> None:
    """Start libFuzzer, which ends the process."""
    program, name, *options = sys.argv
    target = TARGETS[name]
    # looked up at each call: before fuzzing starts, atheris.Mutate is a placeholder
    own = json_mutator(lambda data, size: atheris.Mutate(data, size))
    mutator = {"custom_mutator": own} if target.is_json else {}
    atheris.Setup([program, *options], target.run, **mutator)
    atheris.Fuzz()


main()
