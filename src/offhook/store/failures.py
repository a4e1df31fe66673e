"""One translation: what a database driver raised becomes a StoreError a person can act on."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, NoSuchModuleError

from offhook.errors import StoreError

# The primary part of SQLite's result codes (sqlite.org/rescode.html), by name.
_SQLITE_CAUSES = {
    "FULL": (
        "the disk is full",
        "free some space on that file system; nothing that was acknowledged is lost",
    ),
    "NOTADB": (
        "the file is not an SQLite database",
        "restore it from a backup, or set store.url to another file",
    ),
    "CORRUPT": (
        "the file is damaged",
        "stop offhook, keep a copy of the file, and restore it from a backup; "
        "`sqlite3 FILE .recover` may save rows that no backup has",
    ),
    "READONLY": (
        "the file cannot be written",
        "give the user that offhook runs as write access to the file and its folder",
    ),
    "CANTOPEN": (
        "the file cannot be opened",
        "give the user that offhook runs as write access to the file and its folder",
    ),
    "PERM": (
        "the file cannot be opened",
        "give the user that offhook runs as write access to the file and its folder",
    ),
    "IOERR": (
        "the disk answered with an error",
        "look at the kernel's log (`dmesg`) and at the free space of that file system",
    ),
    "BUSY": (
        "another program holds it locked",
        "close the other program; look with `fuser FILE`",
    ),
    "LOCKED": (
        "another program holds it locked",
        "close the other program; look with `fuser FILE`",
    ),
}

# By SQLSTATE (postgresql.org/docs/current/errcodes-appendix.html).
_POSTGRES_CAUSES = {
    "55P03": (
        "another node has something locked for too long",
        "wait until its change is done (a large import, a migration) and try again",
    ),
    "40P01": (
        "it was ended so that another node could go on",
        "try again; nothing was changed",
    ),
}


def store_error(error: Exception, place: str) -> StoreError:
    """Give the StoreError of whatever a driver raised; `place` names the database, no password.

    Values of the failed statement are never told: they may be secrets.
    """
    cause: BaseException = error
    if isinstance(error, DBAPIError) and error.orig is not None:
        cause = error.orig
    if isinstance(cause, sqlite3.Error):
        words = getattr(cause, "sqlite_errorname", "").split("_")
        if len(words) > 1 and words[1] in _SQLITE_CAUSES:
            what, hint = _SQLITE_CAUSES[words[1]]
            return StoreError(f"database {place}: {what} ({cause})", hint)
    state = str(getattr(cause, "sqlstate", ""))
    if state in _POSTGRES_CAUSES:
        what, hint = _POSTGRES_CAUSES[state]
        return StoreError(f"database {place}: {what} ({' '.join(str(cause).split())})", hint)
    if isinstance(error, ImportError | NoSuchModuleError):
        return StoreError(
            f"database {place}: its driver is not installed ({cause})",
            "install the extra: `pip install 'offhook[postgres]'`; "
            "store.url begins with sqlite:/// or postgresql://",
        )
    if isinstance(cause, UnicodeError | OverflowError):
        return StoreError(
            f"database {place}: a value cannot be stored ({type(cause).__name__})",
            "send text without lone surrogates, and numbers of at most 64 bits",
        )
    text = " ".join(str(cause).split()) or type(cause).__name__
    return StoreError(f"database {place}: {text}", "is the database reachable and store.url right?")


def file_error(error: OSError, what: str) -> StoreError:
    """Give the StoreError of a file (`key file /path`) that the system refused."""
    return StoreError(
        f"{what}: {(error.strerror or str(error)).lower()}",
        "give the user that offhook runs as write access to that folder, and see that its disk "
        "has space; or set store.url to another place",
    )
