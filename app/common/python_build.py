"""How the Python that runs this was built: profile-guided optimisation makes it a tenth faster.

``make`` runs this file by itself, with each Python that it may take, old ones too. The exit code is
0 for one that will do and is optimised, 3 for another that will do, and anything else for the rest.
"""

import sys
import sysconfig

OLDEST = (3, 11)

_FLAGS = "--enable-optimizations", "-fprofile-use"
_RECORDED = "CONFIG_ARGS", "CFLAGS", "PY_CFLAGS_NODIST", "PY_CORE_CFLAGS"


def is_optimized() -> bool:
    """Whether it was built with profile-guided optimisation, as far as it says. Those of Debian and
    Ubuntu are (``profile-opt`` in the rules of their packages) but do not record it; they have an
    installation scheme of their own.
    """
    recorded = " ".join(str(sysconfig.get_config_var(name)) for name in _RECORDED)
    return any(flag in recorded for flag in _FLAGS) or "deb_system" in sysconfig.get_scheme_names()


def description() -> str:
    """The version, and how it was built."""
    version = ".".join(map(str, sys.version_info[:3]))
    built = "with" if is_optimized() else "without"
    return f"Python {version}, built {built} profile-guided optimisation"


def _will_do() -> bool:
    try:
        import ensurepip  # noqa: F401 -- Debian has it in a package of its own
        import venv  # noqa: F401
    except ImportError:
        return False
    return sys.version_info >= OLDEST


if __name__ == "__main__":
    if not _will_do():
        sys.exit(2)
    sys.stdout.write(f"{description()}\n")
    sys.exit(0 if is_optimized() else 3)
