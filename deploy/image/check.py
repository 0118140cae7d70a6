"""Assembles the files of the image and checks them: check.py BINARY TREE [UV].

The programs must run as an unprivileged user, with no other files in the image.
"""

import os
import pathlib
import shutil
import stat
import struct
import subprocess
import sys
import tempfile

LARGEST = 40_000_000
USER = 65532
PROGRAM = "usr/local/bin/kaspr-operator"


def headers(file: pathlib.Path) -> set[int]:
    """Returns the types of the program headers of a 64-bit ELF file."""
    data = file.read_bytes()
    assert data[:5] == b"\x7fELF\x02", f"{file} is not a 64-bit ELF file"
    offset, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    return {struct.unpack_from("<I", data, offset + i * size)[0] for i in range(count)}


def needed(file: pathlib.Path) -> bool:
    """Returns whether a file requires shared libraries: an entry DT_NEEDED in its dynamic section."""
    data = file.read_bytes()
    offset, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    for i in range(count):
        kind, _, at = struct.unpack_from("<IIQ", data, offset + i * size)
        length, = struct.unpack_from("<Q", data, offset + i * size + 32)
        if kind == 2:
            return any(struct.unpack_from("<Q", data, at + n)[0] == 1 for n in range(0, length, 16))
    return False


def assemble(binary: str, tree: pathlib.Path, uv: str | None) -> None:
    shutil.rmtree(tree, ignore_errors=True)
    (tree / PROGRAM).parent.mkdir(parents=True)
    for source, name in ((binary, "kaspr-operator"), (uv, "uv")):
        if source:
            shutil.copy(source, (tree / PROGRAM).with_name(name))
            (tree / PROGRAM).with_name(name).chmod(0o755)


def run(tree: pathlib.Path, *arguments: str, text: str = "", code: int = 0) -> str:
    """Runs the program with an empty environment; as root also in a root directory without other files."""
    if os.geteuid() == 0:
        command = ["chroot", f"--userspec={USER}:{USER}", str(tree.resolve()), f"/{PROGRAM}", *arguments]
    else:
        command = [str((tree / PROGRAM).resolve()), *arguments]
    env = {"PATH": os.environ["PATH"]} if os.geteuid() == 0 else {}
    ran = subprocess.run(command, input=text, env=env, capture_output=True, text=True, timeout=60)
    assert ran.returncode == code, f"{command}: {ran.returncode}\n{ran.stdout}{ran.stderr}"
    return ran.stdout + ran.stderr


def main() -> None:
    binary, tree = sys.argv[1], pathlib.Path(sys.argv[2])
    uv = sys.argv[3] if len(sys.argv) > 3 else None
    assemble(binary, tree, uv)
    program = tree / PROGRAM
    if os.geteuid() == 0:
        # Container runtimes provide these files; the image does not contain them.
        (tree / "dev").mkdir()
        for name, minor in (("random", 8), ("urandom", 9)):
            os.mknod(tree / "dev" / name, stat.S_IFCHR, os.makedev(1, minor))
            (tree / "dev" / name).chmod(0o666)
    for file in program.parent.iterdir():
        # Type 3 is PT_INTERP: the loader of a dynamically linked program.
        assert 3 not in headers(file) and not needed(file), f"{file.name} requires a loader"
    size = program.stat().st_size
    assert size < LARGEST, f"{size} bytes exceed the limit of {LARGEST}"
    version = run(tree, "--version").strip()
    rules = run(tree, "rules")
    assert "| `" in rules, rules
    bad = pathlib.Path(__file__).parents[2] / "examples/refused/config-typo.yaml"
    output = run(tree, "validate", "-", text=bad.read_text(), code=1)
    assert "did you mean" in output, output
    shutil.rmtree(tree / "dev", ignore_errors=True)
    # Like the first init container of a pod with packages: run by name, found on the image's PATH.
    with tempfile.TemporaryDirectory() as folder:
        path = {"PATH": str(program.parent.resolve())}
        subprocess.run(["/usr/bin/env", "kaspr-operator", "copy-installer", folder], env=path, check=True)
        copied = sorted(file.name for file in pathlib.Path(folder).iterdir())
        assert copied == sorted(file.name for file in program.parent.iterdir()), copied
        assert (pathlib.Path(folder) / "kaspr-operator").read_bytes() == program.read_bytes()
    mode = "as user 65532 without other files" if os.geteuid() == 0 else "without an environment"
    print(f"{version}: static, {size / 1e6:.1f} MB, runs {mode}")


main()
