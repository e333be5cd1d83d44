"""The system-call filter of the native backend, as classic BPF written out by hand.

Namespaces and dropped capabilities already refuse most of what is listed; the filter takes the kernel code behind it
out of reach as well. Refused calls fail with EPERM, so programs that probe go on; ``clone3`` fails with ENOSYS, so
that libc falls back to ``clone``, whose flags a filter can see. Sockets are UNIX, IPv4, IPv6 and netlink alone:
network namespaces do not confine vsock, and the rest is attack surface. Priorities are not the code's to lower: one
that asks to be starved would pass for a victim of the machine's load. All forks share the pages of their lower layers:
code may neither drop any from memory nor ask which are there, or one sandbox could leave word for the next. Source of
the numbers: the kernel's syscall tables.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Sequence

from sandboxes.base import Unsupported

# name: (x86_64, aarch64); None where the architecture has no such call
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "cachestat": (451, 451),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "mincore": (27, 232),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "preadv2": (327, 286),  # RWF_NOWAIT fails where a page is not in memory
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setpriority": (141, 140),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "uselib": (134, None),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}
_CLONE, _CLONE3, _UNSHARE, _SOCKET, _IOCTL = (56, 220), 435, (272, 97), (41, 198), (16, 29)
_FADVISE, _MADVISE = (221, 223), (28, 233)
_NEW_NAMESPACES = 0x7E020000  # every CLONE_NEW* bit but CLONE_NEWTIME, which clone cannot carry
_FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK
_TERMINAL_INJECTION = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX
_OUT_OF_MEMORY = (20, 21)  # MADV_COLD, MADV_PAGEOUT
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_X32 = 0x40000000

_LD, _JEQ, _JGE, _JSET, _RET = 0x20, 0x15, 0x35, 0x45, 0x06
_NR, _ARCH, _ARG0, _ARG1, _ARG2 = 0, 4, 16, 24, 32  # offsets in struct seccomp_data, low halves
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000

Instruction = tuple[int, int, int, int]


def seccomp_program(machine: str | None = None) -> bytes:
    """The filter for this machine's architecture, as ``bwrap --seccomp`` reads it. Raises Unsupported."""
    machine = machine or platform.machine()
    if machine not in _ARCHITECTURES:
        raise Unsupported(f"no system-call filter for {machine}; take the docker backend")
    column, audit = _ARCHITECTURES[machine]
    program: list[Instruction] = [(_LD, 0, 0, _ARCH), (_JEQ, 1, 0, audit), (_RET, 0, 0, _KILL), (_LD, 0, 0, _NR)]
    if machine == "x86_64":
        program += [(_JGE, 0, 1, _X32), _refuse(errno.EPERM)]
    for numbers in _REFUSED.values():
        number = numbers[column]
        if number is not None:
            program += [(_JEQ, 0, 1, number), _refuse(errno.EPERM)]
    program += [(_JEQ, 0, 1, _CLONE3), _refuse(errno.ENOSYS)]
    for number in (_CLONE[column], _UNSHARE[column]):
        program += _when(number, _ARG0, [(_JSET, 0, 1, _NEW_NAMESPACES), _refuse(errno.EPERM)])
    known = [step for family in _FAMILIES for step in ((_JEQ, 0, 1, family), (_RET, 0, 0, _ALLOW))]
    program += _when(_SOCKET[column], _ARG0, [*known, _refuse(errno.EAFNOSUPPORT)])
    told = [step for request in _TERMINAL_INJECTION for step in ((_JEQ, 0, 1, request), _refuse(errno.EPERM))]
    program += _when(_IOCTL[column], _ARG1, told)
    program += [(_JEQ, 0, 1, _FADVISE[column]), _refuse(0)]  # advice: not to take it is no failure
    advised = [step for advice in _OUT_OF_MEMORY for step in ((_JEQ, 0, 1, advice), _refuse(errno.EPERM))]
    program += _when(_MADVISE[column], _ARG2, advised)
    program.append((_RET, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in program)


def _refuse(number: int) -> Instruction:
    return (_RET, 0, 0, _ERRNO | number)


def _when(number: int, argument: int, body: Sequence[Instruction]) -> list[Instruction]:
    """``body`` with the argument loaded, for one system call; afterwards the number is loaded again."""
    return [(_JEQ, 0, len(body) + 2, number), (_LD, 0, 0, argument), *body, (_LD, 0, 0, _NR)]
