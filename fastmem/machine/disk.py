"""Files written whole or not at all."""

import contextlib
import errno
import os
import shutil
import stat

__all__ = ["write_whole", "writing_whole"]

_ACCESS = "system.posix_acl_access"


def write_whole(path, data):
    """Write bytes to a file, whole or not at all, as `writing_whole` does.

    Raises
    ------
    OSError
        It names `path`; an older file there is as it was.
    """
    with writing_whole(path) as file:
        file.write(data)


@contextlib.contextmanager
def writing_whole(path):
    """Context that yields a binary file to write; at its end the file is at `path`, or, after an error, nowhere.

    It is written beside `path` under another name, to disk, and renamed. A file that is written over keeps its
    permissions and its owner. Where nothing can be renamed onto it, or its owner cannot be given to another file, what
    is whole on disk is copied over it; if that is interrupted, the other file stays. A link to a file stays a link, and
    what is no file, as a device or a pipe, is refused. A process that is killed leaves the other file, named .*.tmp.

    Raises
    ------
    OSError
        It names `path`; an older file there is as it was, unless the error says that it was being copied over.
    """
    import secrets  # slow to import, as hashlib below it

    path = os.path.abspath(os.fspath(path))
    target = os.path.realpath(path)
    if os.path.isdir(target):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if os.path.exists(target) and not os.path.isfile(target):
        raise OSError(errno.EINVAL, "Not a regular file, so it cannot be written whole", path)
    temporary = os.path.join(os.path.dirname(target), f".{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            is_like_older = _become_like(file, target)
            yield file
            file.flush()
            os.fsync(file.fileno())
        is_there = is_like_older and _is_renamed(temporary, target)
        if not is_there:
            _reserve(target, os.path.getsize(temporary))
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.filename in (None, temporary, target):
            raise OSError(error.errno, error.strerror, path) from error
        raise
    if not is_there:
        _copy_over(temporary, target, path)
    if os.name == "posix":  # the rename too; the file is whole without it, and some file systems refuse
        with contextlib.suppress(OSError):
            folder = os.open(os.path.dirname(target), os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _become_like(file, target):
    """Give a new file the permissions and the owner of the one it is to replace; whether it has them then."""
    try:
        older, new = os.stat(target), os.fstat(file.fileno())
    except FileNotFoundError:
        return True
    if os.name != "posix":  # permissions of other systems stand elsewhere
        return True
    try:
        if (older.st_uid, older.st_gid) != (new.st_uid, new.st_gid):
            os.fchown(file.fileno(), older.st_uid, older.st_gid)
        if older.st_mode != new.st_mode:
            os.fchmod(file.fileno(), stat.S_IMODE(older.st_mode))
    except OSError:  # not ours to give away, an owner of another container, a disk without owners
        with contextlib.suppress(OSError):
            os.fchmod(file.fileno(), 0o600)  # nobody reads more here than in the older file
        return False
    if hasattr(os, "getxattr"):  # the list of who else may read it, where there is one
        with contextlib.suppress(OSError):
            os.setxattr(file.fileno(), _ACCESS, os.getxattr(target, _ACCESS))
    return True


def _is_renamed(temporary, target):
    """Rename a file onto another, which a mount point does not allow; whether it was done."""
    try:
        os.replace(temporary, target)
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.EXDEV):
            raise
        return False
    return True


def _reserve(target, size):
    """Make sure that so many bytes can be written over a file, which stays as it is if they cannot."""
    with open(target, "r+b") as file:
        older = os.fstat(file.fileno()).st_size
        if size <= older or not hasattr(os, "posix_fallocate"):
            return
        try:
            os.posix_fallocate(file.fileno(), older, size - older)
        finally:
            file.truncate(older)


def _copy_over(temporary, target, path):
    """Copy a file over another, and remove it; after an interruption it stays."""
    try:
        with open(temporary, "rb") as whole, open(target, "r+b") as file:
            shutil.copyfileobj(whole, file)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        where = f"{error.strerror}, while it was copied over; all that it was to hold is in {temporary}"
        raise OSError(error.errno, where, path) from error
    os.unlink(temporary)
