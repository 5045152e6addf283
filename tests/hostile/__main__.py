"""``python -m tests.hostile [SIDE]``: one case of every kind, and what it brought."""

import sys
import tempfile
from pathlib import Path

from tests.hostile.arena import HostileArena
from tests.hostile.cases import KINDS, plain


def main(sides: list[str]) -> int:
    failed = 0
    for side in KINDS:
        if not sides or side in sides:
            with (
                tempfile.TemporaryDirectory() as work,
                HostileArena(Path(work), proxied=side == "proxy") as arena,
            ):
                for kind in KINDS[side]:
                    found = arena.run(plain(side, kind))
                    failed += bool(found)
                    sys.stdout.write(f"{side}: {kind}: {'; '.join(found) or 'held'}\n")
                    sys.stdout.flush()
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) > 0)
