// Package partnerintent_test plays the example: a plugin that a partner has
// built and signed, in a workflow of an operator.
package partnerintent_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/registry/pack"
	"github.com/ripenhq/ripen/engine/replay"
	"github.com/ripenhq/ripen/sdk/conformance"
)

const module = "operator/intent/plugins/acme-intent.wasm"

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.FromSlash(name))
	require.NoError(t, err)
	return b
}

func cacheDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join("..", "..", "build", "plugin-cache")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	return dir
}

// What the partner's own CI runs: fixtures, then the contract.
func TestPartner_FixturesAndContract(t *testing.T) {
	cases, err := conformance.ReadCases(os.DirFS(filepath.Join("partner", "fixtures")))
	require.NoError(t, err)
	require.Len(t, cases, 2)
	o := conformance.Options{Cases: cases, CacheDir: cacheDir(t)}
	played, err := conformance.Play(context.Background(), read(t, module), o)
	require.NoError(t, err)
	for i := range played {
		require.True(t, played[i].OK(), "%s: %s", played[i].Case, played[i].Diff)
	}
	report, err := conformance.Verify(context.Background(), read(t, module), o)
	require.NoError(t, err)
	require.Zero(t, report.Count(conformance.Fail)+report.Count(conformance.Warn), report.String())
}

// The module that is committed carries the partner's manifest and the signature
// of the key that the operator trusts; any byte that changes breaks it.
func TestModule_IsWhatThePartnerSigned(t *testing.T) {
	wasm := read(t, module)
	sig, err := pack.Verify(wasm)
	require.NoError(t, err)
	public := strings.TrimSpace(string(read(t, "partner/acme-intent.pub")))
	require.Equal(t, public, sig.Key.String())
	require.Contains(t, string(read(t, "operator/ripen.hcl")), `publisher "acme-intent" { key = "`+public+`" }`)
	of, err := pack.Manifest(wasm)
	require.NoError(t, err)
	is, err := pack.ParseManifest(read(t, "partner/manifest.json"))
	require.NoError(t, err)
	require.Equal(t, is, of)
	for at := 8; at < len(wasm); at += len(wasm) / 50 {
		bent := bytes.Clone(wasm)
		bent[at] ^= 1
		_, err := pack.Verify(bent)
		require.Error(t, err, at)
	}
}

// brief is what becomes of a lead.
type brief struct {
	Display   string
	Decisions []string
}

func TestOperator_BothScoresTogetherMakeAHandOff(t *testing.T) {
	w, diags, err := engine.Load(context.Background(), engine.LoadOptions{Dir: filepath.Join("operator", "intent"), CacheDir: cacheDir(t), Quiet: true})
	t.Cleanup(w.Close)
	require.NoError(t, err)
	require.Empty(t, diags)
	run, err := replay.New(func() (core.Program, func(), error) {
		crew, err := w.NewCrew(context.Background())
		if err != nil {
			return core.Program{}, nil, err
		}
		return crew.Program, crew.Close, nil
	}, replay.Options{Partitions: 2})
	require.NoError(t, err)
	defer run.Close()
	feed(t, run)
	views, err := run.Views(run.Leads(), end, run.Decisions(), true)
	require.NoError(t, err)
	got := map[string]brief{}
	for i := range views {
		v := &views[i]
		require.Empty(t, v.Unbalanced(), "the lines of %s sum to its scores", v.Lead)
		b := brief{Display: v.Display}
		for _, d := range v.Decisions {
			b.Decisions = append(b.Decisions, d.Action+"/"+d.Route+": "+d.Say)
		}
		got[v.Lead] = b
	}
	const rest, researching, market = "nurture/rest: ", "nurture/researching: Send something about ", "sales-handoff/in-market: Researches "
	require.Equal(t, map[string]brief{
		"ada":  {"42", []string{researching + "Lead scoring tools", market + "Lead scoring tools; with us: /pricing"}},
		"bob":  {"0", []string{researching + "Lead scoring tools"}},  // the surge was over after a week
		"cleo": {"16", []string{rest}},                               // no report
		"dan":  {"12", []string{researching + "Lead scoring tools"}}, // consent withdrawn before he read the guide
		"eve":  {"88", []string{rest, "sales-handoff/asked: "}},      // a topic that nobody asked for, and a demo
		"fay":  {"12", []string{rest}},                               // no consent
		"gus":  {"49", []string{researching + "Lead scoring vendors", market + "Lead scoring vendors; with us: Guide Downloaded"}},
	}, got)
}

// end is the time of the answer, as in README.md.
const end = int64(1_773_705_600_000) // 2026-03-17, ms

// feed plays the events up to the end.
func feed(t *testing.T, run *replay.Replay) {
	t.Helper()
	events := read(t, "operator/events.ndjson")
	for _, line := range bytes.SplitAfter(read(t, "partner/feed.ndjson"), []byte("\n")) {
		require.True(t, bytes.Contains(events, line), "what the partner sends has come: %s", line)
	}
	rd := replay.NewEvents(bytes.NewReader(events))
	for {
		it, err := rd.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		require.Nil(t, it.Rejected)
		run.Event(it.Event, replay.Place{Line: it.Line})
	}
	run.Tick(end)
	require.NoError(t, run.Drain())
	require.Empty(t, run.Refused())
}
