#!/bin/sh
# Makes a Python that is linked with musl, for the test in musl.rs: musl-python.sh SOURCE FOLDER.
# SOURCE is a source archive of CPython. Needs musl-gcc. The program is FOLDER/bin/python3.
set -eu
source=$(realpath "$1") folder=$(realpath -m "$2")
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
tar xf "$source" -C "$build" --strip-components=1
cd "$build"
# The libraries of this machine are for another libc, so setup.py must not find them.
sed -i 's/^    def configure_compiler(self):/&\n        return/; s/^    def add_multiarch_paths(self):/&\n        return/' setup.py
# It answers for the gcc behind it.
printf '#!/bin/sh\ncase "$*" in *--print-multiarch*) exit 1 ;; esac\nexec musl-gcc "$@"\n' >cc
chmod +x cc
./configure CC="$build/cc" --prefix="$folder" --without-ensurepip >configure.log
make -j"$(nproc)" install >make.log 2>&1 || { tail -50 make.log; exit 1; }
"$folder/bin/python3" -c 'import zlib' 2>/dev/null || echo "note: no zlib, so pip and zip files do not work" >&2
echo "$folder/bin/python3"
