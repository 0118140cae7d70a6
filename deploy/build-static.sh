#!/bin/sh
# Builds the binary without a libc to load: build-static.sh [TARGET]. Says where it is.
#
# So that the same sources and compilers give the same bytes in whatever folder, no path gets in.
# Relocations are packed: they would take 0.7 MB of the image.
set -eu
cd "$(dirname "$0")/.."
target=${1:-$(rustc -vV | sed -n 's/^host: //p')}
home=${CARGO_HOME:-$HOME/.cargo}
out=${CARGO_TARGET_DIR:-$PWD/target}
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-0}"
export RUSTFLAGS="-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs --remap-path-prefix=$home=/cargo --remap-path-prefix=$out=/target --remap-path-prefix=$PWD=/kaspr-operator"
export CFLAGS="-ffile-prefix-map=$home=/cargo -ffile-prefix-map=$out=/target"
${CARGO:-cargo} build --quiet --release --locked --bin kaspr-operator --target "$target" >&2
echo "$out/$target/release/kaspr-operator"
