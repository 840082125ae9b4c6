#!/bin/sh
# Builds the modules of testdata/modules and of examples/partner-intent with the commands of their READMEs, runs the tests of the SDKs and of
# what `ripen plugin new` writes, and compares with what is committed. `make sdks` calls it. UPDATE=1 keeps what was built.
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

# What `ripen plugin new` writes is built and tested as a partner has it.
ripen=$out/ripen
go build -o $ripen ./cmd/ripen
new() { # language
	rm -rf $out/new/$1
	$ripen plugin new --lang $1 --name quotesize $out/new/$1 >/dev/null
	if [ -d sdk/$1/node_modules ]; then cp -r sdk/$1/node_modules $out/new/$1/; fi
	$ripen plugin build $out/new/$1
	$ripen plugin test $out/new/$1
	cp $out/new/$1/build/quotesize.wasm $out/$1-quotesize.wasm
}

echo "C: $(clang --version | head -1)"
c() { clang --target=wasm32 -std=c11 -O2 -Wall -Wextra -Werror -nostdlib -Wl,--no-entry -Wl,--stack-first -Wl,--strip-all -I sdk/c -o "$@"; }
c $out/c-everything.wasm sdk/c/tests/plugin.c sdk/c/ripen.c
c $out/c-trap.wasm sdk/c/tests/trap.c sdk/c/ripen.c
native() { clang -std=c11 -g -fsanitize=address,undefined -Wall -Wextra -Werror -I sdk/c -o "$@" sdk/c/ripen.c; }
native $out/native/c-sdk sdk/c/tests/test.c sdk/c/tests/plugin.c && $out/native/c-sdk
new c
native $out/native/c-quotesize $out/new/c/tests/test.c $out/new/c/plugin.c && $out/native/c-quotesize

echo "Rust: $($rustc --version)"
new rust
$rustc --edition 2021 --crate-type rlib --crate-name ripen -o $out/native/libripen.rlib sdk/rust/src/lib.rs
$rustc --edition 2021 --test --extern ripen=$out/native/libripen.rlib -o $out/native/rust-sdk sdk/rust/tests/sdk.rs && $out/native/rust-sdk -q
$rustc --edition 2021 --test --extern ripen=$out/native/libripen.rlib -o $out/native/rust-quotesize $out/new/rust/src/lib.rs && $out/native/rust-quotesize -q
flags="--edition 2021 --target wasm32-unknown-unknown -C opt-level=3 -C panic=abort"
$rustc $flags --crate-type rlib --crate-name ripen -o $out/libripen.rlib sdk/rust/src/lib.rs
$rustc $flags --crate-type cdylib --crate-name plugin -C lto -C strip=symbols --extern ripen=$out/libripen.rlib -o $out/rust-everything.wasm sdk/rust/tests/wasm/everything.rs
intent=examples/partner-intent
$rustc --edition 2021 --test --extern ripen=$out/native/libripen.rlib -o $out/native/acme-intent $intent/partner/src/lib.rs && $out/native/acme-intent -q
$ripen plugin build $intent/partner -o $out/acme-intent.wasm
if command -v cargo >/dev/null; then # the compiler that is current here, and the examples in the documentation
	(cd sdk/rust && CARGO_TARGET_DIR=../../$out/cargo cargo test --offline -q)
fi

cd sdk/assemblyscript
[ -x node_modules/.bin/asc ] || npm ci --no-audit --no-fund
echo "AssemblyScript: $(node_modules/.bin/asc --version)"
asc() { node_modules/.bin/asc "$1" -o "$2" --optimizeLevel 3 --shrinkLevel 1 --runtime stub --use abort=; }
mkdir -p build
asc tests/everything.ts build/everything.wasm
asc tests/greedy.ts build/greedy.wasm
node --test tests/ >../../$out/node.txt || { cat ../../$out/node.txt; exit 1; }
cd ../..
new assemblyscript
(cd $out/new/assemblyscript && npm test >../../node.txt) || { cat $out/node.txt; exit 1; }
cp $out/assemblyscript-quotesize.wasm $out/as-quotesize.wasm
# The same with the SDK as a package of npm.
(
	cd $out/new/assemblyscript
	ln -s "$OLDPWD/sdk/assemblyscript" node_modules/ripen
	mkdir package
	sed 's,"../third_party/ripen-assemblyscript/,"ripen/,' assembly/index.ts >package/index.ts
	node_modules/.bin/asc package/index.ts --config asconfig.json --target release --outFile build/package.wasm
	cmp build/raw.wasm build/package.wasm
)
cp sdk/assemblyscript/build/everything.wasm $out/as-everything.wasm
cp sdk/assemblyscript/build/greedy.wasm $out/as-greedy.wasm

differ=0
for m in c-quotesize c-everything c-trap rust-quotesize rust-everything as-quotesize as-everything as-greedy; do
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

# Without the signature, which is made with a key that is not here.
signed=$intent/operator/intent/plugins/acme-intent.wasm
if cmp -s -n "$(wc -c <$out/acme-intent.wasm)" $out/acme-intent.wasm $signed; then
	echo "acme-intent: as committed"
else
	echo "acme-intent: differs from $signed: another compiler, or its source changed; $intent/README.md says how to sign a new one" >&2
	differ=1
fi
exit $differ
