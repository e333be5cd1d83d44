"""SQLite connections as worlds use them: in memory, rollback journal, a small cache, a budget per request."""

from __future__ import annotations

import apsw
import apsw.ext

from app_clones.kit.errors import AppError, KitError

#: Bytes of a page: an app has many tables of few rows, each with indexes, and every one of them fills a page or more
#: (an app of 187 entities takes 4.5 MB with pages of 4 KB, 1.7 MB with these; forks and steps cost the same).
PAGE_SIZE = 1024
#: Pages a connection may cache. Each world of thousands pays for its own.
CACHE_PAGES = 256
#: Virtual-machine instructions between two looks at the budget, and the budget of one request in such looks.
LOOK_EVERY = 50_000
LOOKS = 200
IDLE = 1 << 62
#: What no request can cause: the bytes, the disk or the memory are at fault.
DAMAGE = (apsw.CorruptError, apsw.NotADBError, apsw.IOError, apsw.NoMemError, apsw.FullError)


class TooExpensive(AppError):
    """The request ran past its budget of database work."""

    status = 500
    code = "too_expensive"


class Budget:
    """Counts a request's database work in instructions, never in seconds, so that a runaway ends alike everywhere.

    SQLite looks at multiples of a statement's own count, so the end is known to within one look per statement: the
    budget lies far above what any operation needs and far below what hurts.
    """

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = IDLE

    def refill(self) -> None:
        """What comes next has the whole budget to itself."""
        self.left = LOOKS

    def rest(self) -> None:
        """No request is under way: digests and snapshots may take what they need."""
        self.left = IDLE

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def create() -> apsw.Connection:
    """An empty database for a build."""
    db = apsw.Connection(":memory:")
    db.execute(f"PRAGMA page_size={PAGE_SIZE}")
    return db


def fork(snapshot: bytes) -> apsw.Connection:
    """An identical copy of ``snapshot``. Raises :class:`KitError` where the bytes are no database."""
    db = apsw.Connection(":memory:")
    try:
        db.deserialize("main", snapshot)
        db.execute(f"PRAGMA cache_size={CACHE_PAGES}")
    except apsw.Error as error:
        raise KitError(f"these {len(snapshot)} bytes are no snapshot: {error}") from error
    return db


def is_plain_read(db: apsw.Connection, sql: str) -> bool:
    """Whether ``sql`` is one SELECT that writes nothing (and no PRAGMA, which may)."""
    head = sql.lstrip()[:6].upper()
    if not head.startswith(("SELECT", "WITH", "VALUES")):
        return False
    info = apsw.ext.query_info(db, sql)
    return info.is_readonly and info.query_remaining is None


def check_built(db: apsw.Connection) -> None:
    """The rules that only a whole database shows. Raises :class:`KitError`."""
    bad = db.execute(
        "SELECT type||' '||name FROM sqlite_schema WHERE type IN ('trigger','view')"
        " OR upper(sql) LIKE '%AUTOINCREMENT%' ORDER BY 1"
    ).fetchall()
    if bad:
        raise KitError(f"sessions lose state with {', '.join(str(name) for (name,) in bad)}")
    mode = db.pragma("journal_mode")
    if mode not in ("memory", "delete"):
        raise KitError(f"journal mode {mode}: a world is serialised whole, which a WAL is not")
