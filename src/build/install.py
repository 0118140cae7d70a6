# Installs the packages that its arguments name with the image's pip, once for each set of packages.
# A shared folder is installed into by one pod at a time; the others then find the set's marker.
import fcntl, os, pathlib, subprocess, sys, time

folder = pathlib.Path(os.environ["PACKAGES_DIR"])
marker = folder / (".installed-" + os.environ["PACKAGES_HASH"])
end = time.monotonic() + float(os.environ["INSTALL_TIMEOUT"])
pip = [sys.executable, "-m", "pip", "install", "--no-input", "--no-cache-dir", "--upgrade", "--target", str(folder)]


def install():
    for tries in range(1 + int(os.environ["INSTALL_RETRIES"])):
        if tries:
            time.sleep(min(2**tries, 30, max(0, end - time.monotonic())))
        left = end - time.monotonic()
        if left <= 0:
            break
        try:
            if subprocess.run([*pip, *sys.argv[1:]], timeout=left).returncode == 0:
                marker.touch()
                return True
        except subprocess.TimeoutExpired:
            break
    return False


with open(folder / ".install.lock", "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    done = marker.exists() or install()
if not done:
    print("the packages could not be installed, see above", file=sys.stderr)
    sys.exit(os.environ["INSTALL_ON_FAILURE"] == "block")
