#!/bin/sh
# Builds the modules of testdata/modules from sdk/c, sdk/rust and sdk/assemblyscript with the commands of testdata/modules/README.md, runs the
# tests of these SDKs, and compares with what is committed. `make sdks` calls it. UPDATE=1 keeps what was built.
# Toolchains that are missing are installed when this runs as root on Debian; otherwise it says how.
set -eu
cd "$(dirname "$0")/.."
out=build/sdks
mkdir -p $out/native

need() { # what, test, packages
	if sh -c "$2" >/dev/null 2>&1; then return; fi
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		echo "installing $3"
		apt-get install -y -qq $3 >/dev/null
		if sh -c "$2" >/dev/null 2>&1; then return; fi
	fi
	echo "$1 is not there; install it: apt-get install $3" >&2
	exit 1
}

# The first rustc that has the target: distributions and rustup may both have installed one.
rustc=
find_rustc() {
	for r in rustc /usr/bin/rustc; do
		if [ -d "$($r --print sysroot 2>/dev/null)/lib/rustlib/wasm32-unknown-unknown" ]; then rustc=$r; return 0; fi
	done
	return 1
}

need "clang with wasm-ld" "command -v clang && command -v wasm-ld" "clang lld"
find_rustc || { need "rustc for wasm32-unknown-unknown" "test -d \$(/usr/bin/rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown" "rustc libstd-rust-dev-wasm32"; find_rustc; }
need "node with npm" "command -v node && command -v npm" "nodejs npm"

echo "C: $(clang --version | head -1)"
c() { clang --target=wasm32 -std=c11 -O2 -Wall -Wextra -Werror -nostdlib -Wl,--no-entry -Wl,--stack-first -Wl,--strip-all -I sdk/c -o "$@"; }
c $out/c-quotesize.wasm sdk/c/examples/quotesize/quotesize.c sdk/c/ripen.c
c $out/c-everything.wasm sdk/c/tests/plugin.c sdk/c/ripen.c
native() { clang -std=c11 -g -fsanitize=address,undefined -Wall -Wextra -Werror -I sdk/c -o "$@" sdk/c/ripen.c; }
native $out/native/c-sdk sdk/c/tests/test.c sdk/c/tests/plugin.c && $out/native/c-sdk
native $out/native/c-quotesize sdk/c/examples/quotesize/tests/test.c sdk/c/examples/quotesize/quotesize.c && $out/native/c-quotesize

echo "Rust: $($rustc --version)"
flags="--edition 2021 --target wasm32-unknown-unknown -C opt-level=3 -C panic=abort"
$rustc $flags --crate-type rlib --crate-name ripen -o $out/libripen.rlib sdk/rust/src/lib.rs
$rustc $flags --crate-type cdylib --crate-name plugin -C lto -C strip=symbols --extern ripen=$out/libripen.rlib -o $out/rust-quotesize.wasm sdk/rust/examples/quotesize/src/lib.rs
$rustc --edition 2021 --crate-type rlib --crate-name ripen -o $out/native/libripen.rlib sdk/rust/src/lib.rs
$rustc --edition 2021 --test --extern ripen=$out/native/libripen.rlib -o $out/native/rust-sdk sdk/rust/tests/sdk.rs && $out/native/rust-sdk -q
$rustc --edition 2021 --test --extern ripen=$out/native/libripen.rlib -o $out/native/rust-quotesize sdk/rust/examples/quotesize/src/lib.rs && $out/native/rust-quotesize -q
if command -v cargo >/dev/null; then # the compiler that is current here, and the examples in the documentation
	(cd sdk/rust && CARGO_TARGET_DIR=../../$out/cargo cargo test --offline -q)
fi

cd sdk/assemblyscript
[ -x node_modules/.bin/asc ] || npm ci --no-audit --no-fund
echo "AssemblyScript: $(node_modules/.bin/asc --version)"
asc() { node_modules/.bin/asc "$1" -o "$2" --optimizeLevel 3 --shrinkLevel 1 --runtime stub --use abort=; }
mkdir -p build examples/quotesize/build
asc examples/quotesize/assembly/index.ts examples/quotesize/build/raw.wasm
asc tests/everything.ts build/everything.wasm
asc tests/greedy.ts build/greedy.wasm
node --test tests/ examples/quotesize/tests/ >../../$out/node.txt || { cat ../../$out/node.txt; exit 1; }
cd ../..
cp sdk/assemblyscript/examples/quotesize/build/raw.wasm $out/as-quotesize.wasm
cp sdk/assemblyscript/build/everything.wasm $out/as-everything.wasm
cp sdk/assemblyscript/build/greedy.wasm $out/as-greedy.wasm

differ=0
for m in c-quotesize c-everything rust-quotesize as-quotesize as-everything as-greedy; do
	if cmp -s $out/$m.wasm testdata/modules/$m.wasm; then
		echo "$m: as committed"
	elif [ -n "${UPDATE:-}" ]; then
		cp $out/$m.wasm testdata/modules/$m.wasm
		echo "$m: kept"
	else
		echo "$m: differs from testdata/modules/$m.wasm: another compiler, or its source changed (UPDATE=1 keeps it)" >&2
		differ=1
	fi
done
exit $differ
