"""What is tried: each way to back up, and what may happen meanwhile."""

import examples
import pulls
import pushes
from trial import STALL_SECONDS

# (way, what happens, what runs it, what arrives, whether the machine must see no error)
CASES = [
    ("pull", "nothing", pulls.undisturbed, "the disk", True),
    ("pull", f"the reader stalls for {STALL_SECONDS} s", pulls.stalled, "the disk", True),
    ("pull", "the reader dies", pulls.dead, "none", True),
    ("pull", "nbdkit is killed", pulls.killed, "none", True),
    ("pull", "the temporary image's directory is full", pulls.full, "none", True),
    ("mirror", "nothing", pushes.mirror_undisturbed, "the disk", True),
    ("mirror", f"the reader stalls for {STALL_SECONDS} s", pushes.mirror_stalled, "the disk", True),
    ("mirror", f"a FIFO's reader comes after {STALL_SECONDS} s", pushes.mirror_late,
     "the disk", True),
    ("mirror", "nbdkit is killed", pushes.mirror_killed, "none", True),
    ("mirror", "the spool is full", pushes.mirror_full, "none", True),
    ("push", "nothing", pushes.push_undisturbed, "the disk", True),
    ("push", "nothing; ended by SIGTERM, not by exitlast", pushes.push_by_signal, "the disk", True),
    ("push", f"the reader stalls for {STALL_SECONDS} s", pushes.push_stalled, "the disk", True),
    ("push", "the reader dies", pushes.push_dead, "none", True),
    ("push", "nbdkit is killed", pushes.push_killed, "none", False),
    ("push", f"a FIFO's reader comes after {STALL_SECONDS} s", pushes.push_late, "the disk", True),
    ("push", "the spool is full", pushes.push_full, "none", False),
    ("push, `reorder=$size`", f"a FIFO's reader comes after {STALL_SECONDS} s", pushes.waiting_late,
     "the disk", False),
    ("push, `reorder=$size`", f"the reader stalls for {STALL_SECONDS} s", pushes.waiting_stalled,
     "the disk", False),
    ("push, `reorder=$size`", "the reader dies", pushes.waiting_dead, "none", False),
    ("push, `reorder=8M`", "the job is slow", pushes.waiting_disordered, "none", False),
    ("`live-backup.py`", "nothing", examples.undisturbed, "vda: the disk, vdb: the disk", True),
    ("`live-backup.py`", f"one nbdkit stands still for {STALL_SECONDS} s", examples.stalled,
     "vda: the disk, vdb: the disk", True),
    ("`live-backup.py`", "one nbdkit is killed", examples.killed_server,
     "vda: none, vdb: the disk", True),
    ("`live-backup.py`", "it gets SIGTERM", examples.ended, "vda: none, vdb: none", True),
    ("`live-backup.py`", "it is killed, and `--remove` follows", examples.killed,
     "vda: none, vdb: none", True),
    ("`live-backup.py`", "its scratch directory is full", examples.full,
     "vda: none, vdb: none", True),
]
