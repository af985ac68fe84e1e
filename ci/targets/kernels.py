"""Kernels for guests: from Debian's packages, or built from Debian's source where no package has one; kept in the cache."""

import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from . import packages
from .apt import Suite
from .cache import Cache, digest
from .facts import ROOT, Failure, Target

BUILD_TOOLS = ["make", "flex", "bison", "bc", "xz-utils", "perl", "gcc", "libc6-dev"]


@dataclass(frozen=True)
class Kernel:
    """What a guest starts with: the image, and its modules in the order in which they are loaded."""

    image: Path
    modules: tuple[Path, ...]
    name: str


def get(target: Target, cache: Cache, refresh: bool = False, image: Path | None = None) -> Kernel:
    """The kernel for a target. `refresh` asks Debian for its newest; `image` is one that the user has, without modules."""
    if image:
        if not image.is_file():
            raise Failure(f"{image} is no kernel: there is no such file")
        return Kernel(image, (), image.name)
    facts = target.facts["boot"]["kernel"]
    known = f"kernels/{target.short}.json"
    folder = None if refresh else _known(cache, known, facts)
    if folder is None:
        index = f"{facts['suite']}-{facts['architecture']}"
        suite = Suite(cache.root / "apt" / index, [facts["suite"]], facts["architecture"])
        print(f"{target.short}: asking Debian for {facts['package']}", flush=True)
        with cache.locked(index):
            suite.update()
        folder = _built(target, cache, suite, facts) if "config" in facts else _packaged(cache, suite, facts)
        cache.write(known, json.dumps({"facts": _facts_digest(facts), "folder": str(folder.relative_to(cache.root))}))
    modules = tuple(folder / f"{name}.ko" for name in facts["modules"] if (folder / f"{name}.ko").exists())
    return Kernel(folder / "kernel", modules, (folder / "name").read_text())


def _facts_digest(facts: dict) -> str:
    config = (ROOT / facts["config"]).read_bytes() if "config" in facts else b""
    return digest(json.dumps(facts, sort_keys=True), config)


def _known(cache: Cache, name: str, facts: dict) -> Path | None:
    """The folder that was made from the same facts before."""
    try:
        entry = json.loads((cache.root / name).read_text())
        folder = cache.root / entry["folder"]
        return folder if entry["facts"] == _facts_digest(facts) and (folder / "name").exists() else None
    except (OSError, ValueError, KeyError):
        return None


def _packaged(cache: Cache, suite: Suite, facts: dict) -> Path:
    package = suite.find(facts["package"])
    # The package that the facts name is empty and depends on the one of today's version.
    if package.depends.startswith("linux-image"):
        package = suite.find(package.depends.split()[0])

    def make(work: Path) -> None:
        print(f"fetching {package.name} {package.version}", flush=True)
        tree = work / "tree"
        suite.unpack(package, tree)
        image = next(iter(sorted((tree / "boot").glob("vmlinu*"))), None)
        modules = next(iter(sorted((tree / "lib/modules").iterdir())), None)
        if image is None or modules is None:
            raise Failure(f"{package.name} {package.version} has no kernel or no modules where Debian puts them")
        image.rename(work / "kernel")
        built_in = {Path(line).stem for line in (modules / "modules.builtin").read_text().splitlines()}
        for name in facts["modules"]:
            file = next(modules.rglob(f"{name}.ko"), None)
            if file:
                file.rename(work / f"{name}.ko")
            elif name not in built_in:
                raise Failure(f"{package.name} {package.version} has no module {name}; [boot.kernel] in bsp/targets names it")
        shutil.rmtree(tree)
        (work / "name").write_text(f"{package.name} {package.version}")

    return cache.folder(f"kernels/{digest(package.sha256, _facts_digest(facts))}", make)


def _built(target: Target, cache: Cache, suite: Suite, facts: dict) -> Path:
    package = suite.find(facts["package"])
    packages.need([*BUILD_TOOLS, *target.packages])
    compiler = subprocess.run([target.cc, "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    config = ROOT / facts["config"]

    def make(work: Path) -> None:
        print(f"fetching {package.name} {package.version}", flush=True)
        suite.unpack(package, work / "package")
        source = work / "source"
        source.mkdir()
        (archive,) = (work / "package/usr/src").glob("linux-source-*.tar.*")
        print(f"unpacking {archive.name}, 1.5 GB for as long as it builds", flush=True)
        _run(["tar", "-C", str(source), "--strip-components=1", "-xf", str(archive)], archive.name, work)
        shutil.rmtree(work / "package")
        prefix = target.cc.removesuffix("gcc")
        words = ["make", f"ARCH={facts['arch']}", f"CROSS_COMPILE={prefix}", f"-j{os.cpu_count() or 1}", "-C", str(source)]
        _run([*words, "allnoconfig", f"KCONFIG_ALLCONFIG={config}"], "configuring", work)
        _compare(config, source / ".config")
        print(f"{target.short}: building the kernel, about 5 minutes of one processor", flush=True)
        _run([*words, "vmlinux"], "building", work)
        _run([f"{prefix}strip", "-o", str(work / "kernel"), str(source / "vmlinux")], "stripping", work)
        shutil.rmtree(source)
        (work / "name").write_text(f"{package.name} {package.version} with {facts['config']}")

    return cache.folder(f"kernels/{digest(package.sha256, config.read_bytes(), compiler)}", make)


def _compare(wanted: Path, made: Path) -> None:
    """Kconfig drops without a word what its rules do not allow."""
    have = set(made.read_text().splitlines())
    lost = [line for line in wanted.read_text().splitlines() if line.startswith("CONFIG_") and line not in have]
    if lost:
        raise Failure(f"{wanted.relative_to(ROOT)}: this kernel does not take {', '.join(lost)}")


def _run(command: list[str], what: str, work: Path) -> None:
    """Runs a long command at low priority, with a sign of life twice a minute, and its last lines when it fails."""
    log = work / "log"
    begin = shown = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(["nice", "-n", "10", *command], stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            while process.poll() is None:
                time.sleep(0.2)
                if time.monotonic() - shown > 30:
                    shown = time.monotonic()
                    print(f"  {what}: {shown - begin:.0f} s, {_lines(log)} lines", flush=True)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if process.returncode != 0:
        last = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise Failure(f"the kernel: {what} failed with status {process.returncode}:\n{last}")
    log.unlink()


def _lines(log: Path) -> int:
    return log.read_bytes().count(b"\n")
