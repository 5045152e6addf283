"""The end of the sockets that listen, without a request that is lost.

A client is connected by the kernel, sends its request at once, and is accepted later. When the last
process closes the socket, the kernel resets those whom nobody has accepted; a front must not send
their requests again, since a gateway may have begun to answer them. So a master that stops first
lets nobody else connect: the kernel drops what opens a connection (SYN). Whoever is connected is
accepted meanwhile; whoever is not tries again after a second, finds no socket, and asks another
gateway.
"""

import ctypes
import struct
import sys
import time
from contextlib import suppress
from socket import AF_INET, AF_INET6, SOL_SOCKET
from typing import Any

HANDSHAKE = 0.25
"""Seconds for connections that were being opened when no other could be opened any more."""

SO_ATTACH_FILTER = 26
"""Linux's socket(7); Python has no name for it."""

FLAGS, SYN = 13, 0x02
"""Of a TCP header: the offset of the flags, and the flag that opens a connection."""

LOAD_BYTE, JUMP_IF_SET, RETURN = 0x30, 0x45, 0x06
"""Operations of a filter (bpf(4)): each has where to go on, if so and if not, and a number."""

DROP_OPENING = b"".join(
    struct.pack("=HBBI", *instruction)
    for instruction in (
        (LOAD_BYTE, 0, 0, FLAGS),
        (JUMP_IF_SET, 0, 1, SYN),
        (RETURN, 0, 0, 0),  # bytes of the packet that are let through
        (RETURN, 0, 0, 0xFFFFFFFF),
    )
)


def end_gently(master: Any) -> None:
    """Make gunicorn's ``master`` let nobody connect before it stops, unless somebody else goes on
    with its sockets: another master, or systemd. At once where the kernel cannot do that."""
    stop = master.stop

    def stop_gently(graceful: bool = True) -> None:
        master.maybe_promote_master()  # if the one before it is gone
        alone = master.reexec_pid == master.master_pid == 0 and not master.systemd
        if graceful and alone:
            refusing = [_refuse(one.sock) for one in master.LISTENERS]
            time.sleep(HANDSHAKE if any(refusing) else 0)
        stop(graceful)

    master.stop = stop_gently


def _refuse(listener: Any) -> bool:
    """Drop what would open a connection. False if that cannot be."""
    if sys.platform != "linux" or listener.family not in {AF_INET, AF_INET6}:
        return False
    program = ctypes.create_string_buffer(DROP_OPENING)
    count = len(DROP_OPENING) // struct.calcsize("=HBBI")
    with suppress(OSError):  # a sandbox may know no filters
        listener.setsockopt(
            SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", count, ctypes.addressof(program))
        )
        return True
    return False
