"""A folder for what is fetched or built once. Whatever lies there is whole: it gets its name when it is complete."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from .facts import Failure


def default() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gshell" / "boot"


def digest(*parts: str | bytes) -> str:
    """A name for what is made of `parts`."""
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        whole.update(b"%d:" % len(data) + data)
    return whole.hexdigest()[:24]


class Cache:
    """The folder `root`: `work` for what is under way, all else finished."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        try:
            (self.root / "work").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Failure(f"the cache {self.root} cannot be made: {error.strerror}; name another by --cache") from error

    def folder(self, name: str, make: Callable[[Path], None]) -> Path:
        """The folder `name`, which `make` fills the first time. A run that is killed meanwhile leaves nothing of it."""
        path = self.root / name
        if path.is_dir():
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self.locked(path.name):
            if path.is_dir():
                return path
            with self.scratch(path.name) as work:
                make(work)
                os.chmod(work, 0o755)
                os.rename(work, path)
        return path

    def write(self, name: str, text: str) -> None:
        """A small file, whole or not at all."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = self.root / "work" / f"{path.name}.{os.getpid()}"
        part.write_text(text)
        os.rename(part, path)

    @contextlib.contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """A folder that is gone afterwards, unless it was given another name."""
        work = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=self.root / "work"))
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)

    @contextlib.contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """One at a time, of all processes. The first to hold it also clears away what killed runs left of that name."""
        with open(self.root / "work" / f"{name}.lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"another run makes {name}; waiting for it", flush=True)
                fcntl.flock(lock, fcntl.LOCK_EX)
            for left in (self.root / "work").glob(f"{name}.*/"):
                shutil.rmtree(left, ignore_errors=True)
            yield
