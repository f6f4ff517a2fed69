"""Files written whole or not at all."""

import contextlib
import errno
import os

__all__ = ["write_whole", "writing_whole"]


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

    It is written beside `path` under another name, to disk, and renamed. A link to a file stays a link, and what is
    no file, as a device or a pipe, is refused. A process that is killed leaves the other file, named .*.tmp.

    Raises
    ------
    OSError
        It names `path`; an older file there is as it was.
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
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.filename in (None, temporary):
            raise OSError(error.errno, error.strerror, path) from error
        raise
    if os.name == "posix":  # the rename too; the file is whole without it, and some file systems refuse
        with contextlib.suppress(OSError):
            folder = os.open(os.path.dirname(target), os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
