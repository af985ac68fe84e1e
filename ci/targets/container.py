"""What `cross` needs where no container registry is reached: an image of Debian made from packages, podman's settings and
storage in a folder of their own, and the Rust toolchain that is there, shown to `cross` without touching rustup's."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from .crosstoml import DOCKERFILE, FROM_SOURCE
from .facts import ROOT, Failure, Target

CROSS_VERSION = "0.2.5"

# For root. Others need what makes user namespaces and their file systems as well.
PACKAGES = ["podman", "runc", "mmdebstrap"]
PACKAGES_OF_USERS = ["uidmap", "fuse-overlayfs"]

# How the toolchain is called for rustup, besides its own name.
TOOLCHAIN = "gshell-cross"

# Seconds that a command has after Ctrl-C.
GRACE = 20


def packages() -> list[str]:
    """Debian's packages with the container engine and what makes its image."""
    return PACKAGES if os.geteuid() == 0 else [*PACKAGES, *PACKAGES_OF_USERS]


def install_cross(tools: Path) -> Path:
    """`cross` in the folder `tools`; built there when it is not there yet."""
    program = tools / "bin" / "cross"
    installed = tools / ".crates.toml"  # cargo's list of what it put there
    if program.exists() and installed.exists() and f'"cross {CROSS_VERSION} ' in installed.read_text():
        return program
    folder = tools / "cross-build"
    command = ["cargo", "install", "cross", "--version", CROSS_VERSION, "--locked", "--quiet"]
    call([*command, "--root", str(tools), "--target-dir", str(folder)], dict(os.environ))
    shutil.rmtree(folder, ignore_errors=True)
    return program


def base_image() -> str:
    """The image that ci/images/Dockerfile begins with."""
    for line in (ROOT / DOCKERFILE).read_text().splitlines():
        if line.startswith("FROM "):
            return line.split()[1]
    raise Failure(f"{DOCKERFILE} has no FROM line")


def suite(image: str) -> str:
    """The Debian release of a public image of Debian: bookworm for docker.io/library/debian:bookworm-slim."""
    name, _, tag = image.rpartition("/")[2].partition(":")
    release = tag.removesuffix("-slim")
    if name != "debian" or not release.isalpha():
        raise Failure(f"{DOCKERFILE} begins with {image}; only images of Debian, named by release, can be made here")
    return release


def sources(release: str, etc: Path = Path("/etc/apt")) -> list[Path]:
    """The files in which this machine names its mirror of Debian's `release`."""
    files = [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*.*"))]
    found = [file for file in files if file.suffix in (".list", ".sources") and _names(file, release)]
    if not found:
        raise Failure(f"no file of {etc} names Debian's release {release}; add its mirror to {etc}/sources.list.d")
    return found


def _names(file: Path, release: str) -> bool:
    """Whether there is an entry for the main part of `release`: others' archives use the same file names."""
    if not file.exists():
        return False
    lines = [line for line in file.read_text().splitlines() if not line.lstrip().startswith("#")]
    words = " ".join(lines).split()
    return release in words and "main" in words


class Engine:
    """podman with settings, images and containers in the folder `cache` only."""

    def __init__(self, cache: Path):
        self.cache = cache
        self.env = os.environ | {
            "CONTAINERS_CONF": str(cache / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(cache / "storage.conf"),
        }

    def prepare(self) -> None:
        """Writes the settings."""
        self.cache.mkdir(parents=True, exist_ok=True)
        # Networks of their own would need iptables; crun fails where both versions of cgroups are mounted.
        # podman raises limits to those of the system, which it may not everywhere.
        write(
            self.cache / "containers.conf",
            '[containers]\nnetns = "host"\ndefault_ulimits = ["nofile=16384:16384", "nproc=16384:16384"]\n\n'
            '[engine]\nruntime = "runc"\nevents_logger = "file"\ncgroup_manager = "cgroupfs"\n',
        )
        overlay = "" if os.geteuid() == 0 else '\n[storage.options.overlay]\nmount_program = "/usr/bin/fuse-overlayfs"\n'
        write(
            self.cache / "storage.conf",
            f'[storage]\ndriver = "overlay"\ngraphroot = "{self.cache}/podman"\nrunroot = "{self.cache}/podman-run"\n'
            f'rootless_storage_path = "{self.cache}/podman"\n{overlay}',
        )

    def make_base(self) -> None:
        """Makes the image that the Dockerfile begins with, unless it is in the cache as these sources make it."""
        image = base_image()
        release = suite(image)
        mirrors = sources(release)
        words = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates"]
        # What no compiler reads.
        words += [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("doc", "man", "locale")]
        text = "\0".join([image, *words, *(mirror.read_text() for mirror in mirrors)])
        kept = f"localhost/gshell-debian:{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        if not self._has(kept):
            with tempfile.TemporaryDirectory(dir=self.cache, prefix="debian-") as folder:
                tar = f"{folder}/root.tar"
                call([*words, release, tar, *map(str, mirrors)], self.env)
                # podman's storage has the image whole or not at all.
                self._podman("import", "--quiet", tar, kept)
        self._podman("tag", kept, image)

    def stop(self) -> None:
        """Ends and removes all containers of this storage, and nothing else."""
        if (self.cache / "podman").exists() and shutil.which("podman"):
            words = ["podman", "rm", "--all", "--force", "--time", "0"]
            subprocess.run(words, env=self.env, stdout=subprocess.DEVNULL, check=False)

    def forget(self) -> None:
        """Removes what `prepare` and those after it put into the folder, and the folder when nothing else is in it."""
        if not (self.cache / "storage.conf").exists():
            return
        self.stop()
        # Not `podman system reset`: that also empties folders that other users of podman share.
        folders = [self.cache / name for name in ("podman", "podman-run", "rustup", "xargo")]
        if os.geteuid() != 0 and shutil.which("podman"):
            # Images have files of other users' numbers, as whom only podman acts.
            subprocess.run(["podman", "unshare", "rm", "-rf", *map(str, folders)], env=self.env, check=False)
        for folder in folders:
            if folder.exists():
                shutil.rmtree(folder)
        for name in ("containers.conf", "storage.conf"):
            (self.cache / name).unlink(missing_ok=True)
        if not any(self.cache.iterdir()):
            self.cache.rmdir()

    def _has(self, image: str) -> bool:
        return subprocess.run(["podman", "image", "exists", image], env=self.env).returncode == 0

    def _podman(self, *words: str) -> None:
        call(["podman", *words], self.env, stdout=subprocess.DEVNULL)


def toolchain(target: Target, cache: Path) -> dict[str, str]:
    """The environment in which `cross` takes the toolchain that this repository builds with, and only looks at it.

    It asks rustup, and would have it download what seems to be missing. So rustup gets a folder of its own, in which the
    toolchain is there twice: by a name that is chosen, and by that of its folder, which is what `cross` looks for.
    """
    if not shutil.which("rustup"):
        raise Failure("cross works with toolchains of rustup, and there is no rustup: https://rustup.rs")
    sysroot = Path(output(["rustc", "--print", "sysroot"]).strip())
    if not (sysroot / "bin" / "cargo").exists():
        raise Failure(f"{sysroot} has no bin/cargo, so it is not a toolchain of rustup; put those of rustup first in PATH")
    links = cache / "rustup" / "toolchains"
    shutil.rmtree(links, ignore_errors=True)
    links.mkdir(parents=True)
    for name in (TOOLCHAIN, sysroot.name):
        (links / name).symlink_to(sysroot)
    env = {"RUSTUP_HOME": str(cache / "rustup"), "RUSTUP_TOOLCHAIN": TOOLCHAIN, "CROSS_CUSTOM_TOOLCHAIN": "1"}
    if not (sysroot / "lib" / "rustlib" / target.triple / "lib").exists():
        if not (sysroot / "lib/rustlib/src/rust/library/std/Cargo.toml").exists():
            raise Failure("the standard library's source is missing; install it with: rustup component add rust-src")
        env["CROSS_CONTAINER_OPTS"] = " ".join(f"--env={name}={value}" for name, value in FROM_SOURCE.items())
    return env


def write(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(text)
    fresh.replace(path)


def call(command: list[str], env: dict[str, str], stdout: int | None = None) -> None:
    """Runs a command in the repository; its failure is this script's. The output is shown but for `stdout`."""
    _run(command, env, stdout)


def output(command: list[str], env: dict[str, str] | None = None) -> str:
    """As `call`, and gives what the command writes."""
    return _run(command, env, subprocess.PIPE)


def _run(command: list[str], env: dict[str, str] | None, stdout: int | None) -> str:
    with subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=stdout, text=True) as process:
        try:
            said, _ = process.communicate()
        except KeyboardInterrupt:
            # Ctrl-C reached the command as well: it has its own things to take back.
            _wait(process)
            raise
    if process.returncode != 0:
        raise Failure(f"{' '.join(command[:6])} … ended with status {process.returncode}, the reason is above")
    return said or ""


def _wait(process: subprocess.Popen) -> None:
    try:
        process.wait(GRACE)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()
