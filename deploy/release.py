"""Creates the release artifacts: release.py BINARY FOLDER [TARGET].

    kaspr-operator-VERSION-linux-ARCH   the binary
    kaspr-operator-VERSION.tgz          the Helm chart
    kaspr-crds-VERSION.yaml             the CRDs
    kaspr-operator-VERSION.cdx.json     the bill of materials of the binary, as CycloneDX
    SHA256SUMS

The same binary and sources always result in the same artifacts, byte for byte.
"""

import gzip
import hashlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[1]
NAME = "kaspr-operator"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# Modification time of all files in the chart; not 0, which some programs treat as missing.
EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH", "946684800"))


def chart() -> bytes:
    """Returns the chart as packaged by `helm package`, except for times and users."""
    folder = ROOT / "deploy/helm" / NAME
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = tarfile.TarInfo(f"{NAME}/{file.relative_to(folder).as_posix()}")
            entry.size, entry.mtime, entry.mode = file.stat().st_size, EPOCH, 0o644
            with file.open("rb") as content:
                archive.addfile(entry, content)
    return gzip.compress(tar.getvalue(), mtime=EPOCH)


def shipped(target: str) -> list[dict]:
    """Returns the packages that are compiled into the binary, the project itself first; build tools are omitted."""
    command = [os.environ.get("CARGO", "cargo"), "metadata", "--locked", "--format-version=1"]
    output = subprocess.run([*command, f"--filter-platform={target}"], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    metadata = json.loads(output.stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    own = metadata["resolve"]["root"]
    seen, todo = [], [own]
    while todo:
        package = todo.pop()
        kinds = [kind for built in packages[package]["targets"] for kind in built["kind"]]
        # A procedural macro runs in the compiler and is not part of the binary.
        if package in seen or "proc-macro" in kinds:
            continue
        seen.append(package)
        for dependency in nodes[package]["deps"]:
            if any(not kind["kind"] for kind in dependency["dep_kinds"]):
                todo.append(dependency["pkg"])
    rest = sorted(seen[1:], key=lambda it: (packages[it]["name"], packages[it]["version"]))
    return [packages[it] for it in [own, *rest]]


def bill(target: str) -> dict:
    """Returns a bill of materials, without timestamp and serial number, which would differ in each build."""
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    checksums = {(it["name"], it["version"]): it.get("checksum") for it in lock["package"]}

    def component(package: dict, kind: str) -> dict:
        name, version = package["name"], package["version"]
        reference = f"pkg:cargo/{name}@{version}"
        made = {"type": kind, "bom-ref": reference, "name": name, "version": version, "purl": reference}
        if package["license"]:
            # Older syntax for OR.
            made["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
        if checksums.get((name, version)):
            made["hashes"] = [{"alg": "SHA-256", "content": checksums[name, version]}]
        return made

    own, *rest = shipped(target)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": component(own, "application")},
        # A package without a source is part of the project.
        "components": [component(package, "library") for package in rest if package["source"]],
    }


def main() -> None:
    binary, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    host = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout
    host = next(line.split(": ")[1] for line in host.splitlines() if line.startswith("host: "))
    target = sys.argv[3] if len(sys.argv) > 3 else host
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    printed = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True).stdout.split()
    assert printed == [NAME, version], f"the binary is {printed}, the sources are {version}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    program = folder / f"{NAME}-{version}-linux-{ARCHITECTURES[target.split('-')[0]]}"
    shutil.copy(binary, program)
    program.chmod(0o755)
    crds = subprocess.run([binary, "crds"], check=True, capture_output=True).stdout
    (folder / f"{NAME}-{version}.tgz").write_bytes(chart())
    (folder / f"kaspr-crds-{version}.yaml").write_bytes(crds)
    (folder / f"{NAME}-{version}.cdx.json").write_text(json.dumps(bill(target), indent=1) + "\n")
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(folder.iterdir())]
    (folder / "SHA256SUMS").write_text("".join(sums))
    print("".join(sums), end="")


main()
