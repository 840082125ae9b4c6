#!/bin/sh
# Goes a partner's way in each language, in an empty folder outside the repository: ripen plugin new, build, test, verify, pack, keygen,
# sign, inspect, then ripen score on the demo stream with the plugin in a workflow. All languages must say the same, byte for byte.
# `make partners` calls it. LANGS chooses languages; COLD=1 begins without the caches of compilers.
set -eu
repo=$(cd "$(dirname "$0")/.." && pwd)
ripen=${RIPEN:-$repo/bin/ripen}
langs=${LANGS:-go rust assemblyscript c}
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
export RIPEN_CACHE="$work/cache"
if [ -n "${COLD:-}" ]; then export GOCACHE="$work/gocache" npm_config_cache="$work/npm"; fi

failed=
fail() { echo "FAIL: $*"; failed=1; }
now() { date +%s%3N; }
seconds() { awk -v ms="$1" 'BEGIN { printf "%.1f", ms / 1000 }'; }
run() { # what it does, command...
	what=$1
	shift
	"$@" >"$work/said" 2>&1 && return
	cat "$work/said"
	fail "$lang: $what"
	return 1
}

"$ripen" demo --write demo.ndjson
mkdir demo
cp demo.ndjson demo/demo.ndjson
echo 'most = 30' >demo/demo.hcl
cat >workflow.hcl <<'END'
workflow "quotes" {}

step "quote-size" "quotes" {
  most = 30
  cap  = 100
}

route "sales-handoff" "large" { when = quotes >= 25 }
route "nurture" "rest" { default = true }
END

way() { # everything that a partner does, in an empty folder
	run new "$ripen" plugin new --lang "$lang" quote-size || return
	cd quote-size
	t=$(now)
	run build "$ripen" plugin build || return
	built=$(($(now) - t))
	run test "$ripen" plugin test || return
	run verify "$ripen" plugin verify || return
	run pack "$ripen" plugin pack build/quote-size.wasm || return
	run keygen "$ripen" plugin keygen acme || return
	run sign "$ripen" plugin sign --key acme.key build/quote-size.wasm || return
	run inspect "$ripen" plugin inspect build/quote-size.wasm || return
	grep -q 'signed with the unknown key' "$work/said" || fail "$lang: inspect does not show the signature"
	cd ..
	run trust "$ripen" plugin trust add acme quote-size/acme.pub || return
	mkdir -p quotes/plugins
	cp ../workflow.hcl quotes/
	cp quote-size/build/quote-size.wasm quotes/plugins/
	run score "$ripen" score -w quotes ../demo.ndjson --json --decisions decisions.ndjson || return
	grep -q warning "$work/said" && fail "$lang: score warns: $(cat "$work/said")"
	grep -v '^[a-z]* [0-9]*[:,]' "$work/said" >scores.ndjson
	# A decision names the digests of plugins, and its release is named by them: these differ.
	sed 's/"release":"[0-9a-f]*",//; s/"plugins":{[^}]*},//' decisions.ndjson >decisions
	cp -r ../demo fixtures
	run "test on the demo stream" "$ripen" plugin test quote-size/build/quote-size.wasm --fixtures fixtures --update
}

first=
for lang in $langs; do
	mkdir "$work/$lang"
	cd "$work/$lang"
	began=$(now)
	way || continue
	took=$(($(now) - began))
	cd "$work/$lang"
	[ -n "$first" ] || first=$lang
	for what in scores.ndjson decisions fixtures/demo.golden.json; do
		cmp -s "$work/$first/$what" "$what" || fail "$lang: $what is not what $first says"
	done
	run bench "$ripen" plugin bench quote-size/build/quote-size.wasm --fixtures fixtures || continue
	# plugin version case inputs fuel/input most ns/input memory size compile start
	awk -v lang="$lang" -v built="$(seconds $built)" -v took="$(seconds $took)" -v bytes="$(wc -c <quote-size/build/quote-size.wasm)" \
		'/^quote-size/ { printf "%s|%d|%s|%s|%s|%s|%s|%s|%s\n", lang, bytes, built, $10, $11, $5, $7, $8, took }' "$work/said" >>"$work/table"
done

cd "$work"
echo
awk -F'|' '
	BEGIN { f = "%-15s %12s %12s %15s %9s %11s %9s %11s %13s\n"; printf f, "language", "module bytes", "plugin build", "engine compiles", "starts", "fuel/event", "ns/event", "memory KiB", "whole way" }
	{ printf f, $1, $2, $3 " s", $4 " ms", $5 " ms", $6, $7, $8, $9 " s" }' table
echo
if [ -s "$first/decisions" ]; then
	quotes=$(grep -c '"kind": "award"' "$first/fixtures/demo.golden.json" || true)
	[ "$quotes" -gt 50 ] || fail "the plugin awards $quotes quotes on the demo stream, expected more than 50"
	[ -n "$failed" ] || echo "demo stream: $(wc -l <demo.ndjson) events, $quotes awards, $(wc -l <"$first/decisions") decisions, the same in each language"
fi
if [ -n "$failed" ]; then
	echo FAIL
	exit 1
fi
echo PASS
