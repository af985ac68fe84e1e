"""What a program is made of, besides its own code: licence texts, and the list of parts in SPDX."""

import json
import subprocess
import uuid
from datetime import UTC, datetime
from pathlib import Path

from . import crates, musl
from .build import target_dir
from .crates import Crate
from .facts import ROOT, Target

# Where a crate's archive comes from.
REGISTRY = "https://crates.io/api/v1/crates/{name}/{version}/download"


class Parts:
    """The parts of the program for `target` with these features, and of the plugins that lie beside it."""

    def __init__(self, target: Target, features: list[str], version: str, plugins: list[str]) -> None:
        self.target = target
        self.version = version
        sysroot = Path(_ask("rustc", "--print", "sysroot"))
        self.rust = _ask("rustc", "--version").split()[1]
        self.plugins = [f"gshell-plugin-{name}" for name in plugins]
        self.program = crates.of_program(target, features, plugins)
        self.std = crates.of_std(target, sysroot)
        self.lua, self.lua_source = crates.lua_version(self.program)
        self.sqlite = crates.sqlite_version(self.program)

    def others(self) -> list[Crate]:
        """Crates of other people; those that the standard library brings are named after it."""
        registered = [crate for crate in [*self.program, *self.std] if crate.checksum]
        return sorted({crate.key: crate for crate in registered}.values(), key=lambda crate: crate.key)

    def licences(self) -> dict[str, bytes]:
        """The texts, by the paths that they have below `licenses/`."""
        texts = {name: (ROOT / name).read_bytes() for name in ("LICENSE-APACHE", "LICENSE-MIT")}
        table = [
            "Parts of this program, and under which licence each of them is. The texts are in the folders beside this file.",
            "Where a crate's archive has no text, the licence is what the crate's description says; LICENSE-APACHE and the",
            "texts of its neighbours are those licences.",
            "",
            f"gshell {self.version}: MIT OR Apache-2.0 (LICENSE-MIT, LICENSE-APACHE)",
            f"Lua {self.lua}: MIT (lua/COPYRIGHT)",
            f"Rust's standard library {self.rust}: MIT OR Apache-2.0, and parts under the licences of the crates below",
        ]
        if self.sqlite:
            table.append(f"SQLite {self.sqlite}, in the plugin sqlite: in the public domain (https://sqlite.org/copyright.html)")
        texts["lua/COPYRIGHT"] = _lua_text(self.lua_source)
        if self.target.is_musl:
            table.append("musl, in the program: MIT (musl/copyright)")
            table.append("GCC's unwinder, in the program: GPL-3.0-or-later WITH GCC-exception-3.1 (gcc/copyright)")
            texts["musl/copyright"] = musl.copyright_text(self.target, target_dir() / "musl")
            texts["gcc/copyright"] = musl.gcc_copyright(self.target)
        for crate in self.others():
            own = crate.texts()
            table.append(f"{crate.name} {crate.version}: {crate.licence} ({crate.key}/)" if own else f"{crate.name} {crate.version}: {crate.licence} (no text in its archive)")
            texts |= {f"{crate.key}/{name}": text for name, text in own.items()}
        texts["PARTS"] = ("\n".join(table) + "\n").encode()
        return texts

    def spdx(self, digest: str, seconds: int) -> bytes:
        """The list of parts as SPDX 2.3 in JSON; `digest` is the program's. Each plugin is described beside the program."""
        ours = _package("gshell", self.version, "MIT OR Apache-2.0", None, "NOASSERTION")
        ours["primaryPackagePurpose"] = "APPLICATION"
        ours["checksums"] = [{"algorithm": "SHA256", "checksumValue": digest}]
        lua = _package("lua", self.lua, "MIT", None, f"https://www.lua.org/ftp/lua-{self.lua}.tar.gz")
        std = _package("rust-std", self.rust, "MIT OR Apache-2.0", None, f"https://static.rust-lang.org/dist/rustc-{self.rust}-src.tar.gz")
        packages = [ours, lua, std]
        links = [(ours, std), (_by_key(self.program, "lua-src"), lua)]
        if self.sqlite:
            # What SPDX calls its being in the public domain.
            sqlite = _package("sqlite", self.sqlite, "blessing", None, "https://sqlite.org/download.html")
            packages.append(sqlite)
            links.append((_by_key(self.program, "libsqlite3-sys"), sqlite))
        if self.target.is_musl:
            libc = _package("musl", musl.version(self.target, target_dir() / "musl"), "MIT", None, "https://musl.libc.org")
            packages.append(libc)
            links.append((ours, libc))
        named = {"gshell": ours["SPDXID"]}
        for crate in [*[crate for crate in self.program if crate.name != "gshell"], *self.std]:
            # The crates of the standard library itself are one package.
            if crate in self.std and not crate.checksum:
                named[crate.key] = std["SPDXID"]
                continue
            place = REGISTRY.format(name=crate.name, version=crate.version) if crate.checksum else "NOASSERTION"
            package = _package(crate.name, crate.version, crate.licence, crate.checksum, place)
            if crate.checksum:
                locator = f"pkg:cargo/{crate.name}@{crate.version}"
                package["externalRefs"] = [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": locator}]
            named[crate.key] = package["SPDXID"]
            if package["SPDXID"] not in [known["SPDXID"] for known in packages]:
                packages.append(package)
        described = [ours["SPDXID"], *(named[_by_key(self.program, name)] for name in self.plugins)]
        relations = {("SPDXRef-DOCUMENT", "DESCRIBES", one) for one in described}
        for crate in [*self.program, *self.std]:
            start = named["gshell"] if crate.name == "gshell" else named[crate.key]
            relations |= {(start, "DEPENDS_ON", named[key]) for key in crate.depends if named[key] != start}
        for start, end in links:
            relations.add((start["SPDXID"] if isinstance(start, dict) else named[start], "DEPENDS_ON", end["SPDXID"]))
        document = {
            "spdxVersion": "SPDX-2.3",
            "dataLicense": "CC0-1.0",
            "SPDXID": "SPDXRef-DOCUMENT",
            "name": f"gshell-{self.version}-{self.target.triple}",
            # A name of its own for every program, and the same one for the same program.
            "documentNamespace": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'gshell-{self.target.triple}-{digest}')}",
            "creationInfo": {"created": datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": ["Tool: ci-dist"]},
            "packages": packages,
            "relationships": [
                {"spdxElementId": start, "relationshipType": kind, "relatedSpdxElement": end} for start, kind, end in sorted(relations)
            ],
        }
        return (json.dumps(document, indent=1) + "\n").encode()


def _package(name: str, version: str, licence: str, checksum: str | None, place: str) -> dict:
    package = {
        "SPDXID": f"SPDXRef-{name}-{version}".replace("_", "-").replace("+", "-"),
        "name": name,
        "versionInfo": version,
        "downloadLocation": place,
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": licence,
        "copyrightText": "NOASSERTION",
    }
    if checksum:
        package["checksums"] = [{"algorithm": "SHA256", "checksumValue": checksum}]
    return package


def _by_key(all_crates: list[Crate], name: str) -> str:
    return next(crate.key for crate in all_crates if crate.name == name)


def _lua_text(source: Path) -> bytes:
    """Lua's licence, which is the comment at the end of lua.h."""
    text = (source / "lua.h").read_text()
    return text[text.rindex("/****") :].encode()


def _ask(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()
