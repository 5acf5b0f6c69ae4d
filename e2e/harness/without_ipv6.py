"""Runs a program as on a kernel without IPv6: no socket of that family can be made. Linux only.

usage: python without_ipv6.py PROGRAM [ARGUMENT ...]
"""

import ctypes
import errno
import os
import platform
import socket
import struct
import sys

# <linux/prctl.h>, <linux/seccomp.h>, <linux/bpf_common.h>
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
# Offsets in struct seccomp_data: the number of the call, and the low half of its first argument.
CALL, FIRST = 0, 16
SOCKET = {"x86_64": 41, "aarch64": 198}[platform.machine()]

FILTER = [
    (LOAD, 0, 0, CALL),
    (EQUAL, 0, 2, SOCKET),
    (LOAD, 0, 0, FIRST),
    (EQUAL, 1, 0, socket.AF_INET6),
    (RETURN, 0, 0, ALLOW),
    (RETURN, 0, 0, ERRNO | errno.EAFNOSUPPORT),
]


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def main():
    instructions = b"".join(struct.pack("=HBBI", *each) for each in FILTER)
    filtered = Program(len(FILTER), instructions)
    libc = ctypes.CDLL(None, use_errno=True)
    for call in [(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filtered))]:
        if libc.prctl(*call) != 0:
            sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606


if __name__ == "__main__":
    main()
