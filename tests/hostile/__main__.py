"""``python -m tests.hostile [SIDE|KIND ...]``: one case of each kind, and what it brought."""

import sys
import tempfile
from pathlib import Path

from tests.hostile.arena import HostileArena
from tests.hostile.cases import KINDS, plain


def main(wanted: list[str]) -> int:
    failed = 0
    for side in KINDS:
        kinds = [kind for kind in KINDS[side] if not wanted or {side, kind} & {*wanted}]
        if kinds:
            with (
                tempfile.TemporaryDirectory() as work,
                HostileArena(Path(work), proxied=side == "proxy") as arena,
            ):
                for kind in kinds:
                    found = arena.run(plain(side, kind))
                    failed += bool(found)
                    sys.stdout.write(f"{side}: {kind}: {'; '.join(found) or 'held'}\n")
                    sys.stdout.flush()
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) > 0)
