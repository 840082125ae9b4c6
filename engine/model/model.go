// Package model compiles a workflow: the Definition that people wrote and the
// answers of its plugins become one immutable Model, which is all that the
// data plane ever sees of a workflow.
//
// It checks everything that can be checked before the first event: names and
// types of expressions, what plugins ask for, ids, windows, and the lints of
// the language. Mistakes are hcl.Diagnostics, all of them in one go.
//
// It may import lead, ledger, workflow, step, decide and the plugin contract.
// It never runs a plugin itself (the caller's Plugin does), reads no files and
// no clock.
package model

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/model/lint"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/engine/workflow"
	"github.com/ripenhq/ripen/sdk/abi"
)

// Model is a compiled workflow. It is immutable and may be shared.
type Model struct {
	Name     string
	About    string
	LeadWord string // what people call a lead (002-16)
	// Digest is the sha256, in hex, of what the workflow says and of the plugins
	// that it runs: equal digests decide alike.
	Digest string
	Book   *ledger.Book
	Steps  []*step.Spec
	Policy *decide.Policy
	// Goldens are the declared ideal leads. That they reach their scores can only
	// be seen by scoring them, which is the caller's part.
	Goldens []workflow.Golden
	// Silences that the compiler has not used, because a later check may.
	silences []workflow.Silence
}

// GoldenLint names the check that scores the golden leads.
const GoldenLint = "golden"

// Silenced says that a finding of a later check is silenced, with the reason
// given.
func (m *Model) Silenced(lint, of string) (because string, ok bool) {
	for i := range m.silences {
		if s := &m.silences[i]; s.Lint == lint && (s.Of == "" || s.Of == of) {
			return s.Because, true
		}
	}
	return "", false
}

// Plugin is one plugin that a workflow may use.
type Plugin interface {
	// Info tells what the plugin is.
	Info() PluginInfo
	// Configure instantiates the plugin, hands it a configuration blob and gives
	// back its needs.
	Configure(config []byte) (*abi.Needs, error)
}

// PluginInfo is what is known of a plugin without running it.
type PluginInfo struct {
	Manifest abi.Manifest
	Digest   string // sha256 of the module, hex
	Caps     uint64 // abi.Cap…
	StateMax int    // bytes per lead
	// StateVersion is the version of the states that the plugin writes.
	StateVersion uint32
}

// Compile turns a workflow into a model. The model is nil if there are errors;
// warnings may come with one. plugins are keyed by name.
func Compile(def *workflow.Definition, plugins map[string]Plugin) (*Model, hcl.Diagnostics) {
	b := &builder{def: def, plugins: plugins, book: &ledger.Book{}}
	for _, phase := range []func(){
		b.frame, b.configure, b.checkNeeds, b.scores, b.rules, b.counters, b.steps, b.derive, b.policy, b.ids, b.lint,
	} {
		phase()
		if b.stop || b.diags.HasErrors() {
			break
		}
	}
	b.silence()
	if b.diags.HasErrors() {
		return nil, b.diags
	}
	b.book.Index()
	return b.model(), b.diags
}

// builder is the work on one model. Its phases run in order; each reports all
// mistakes it finds.
type builder struct {
	def     *workflow.Definition
	plugins map[string]Plugin
	book    *ledger.Book
	work    []*stepWork
	tables  tables
	routes  routes
	diags   hcl.Diagnostics
	found   []lint.Finding
	facts   []lint.RuleFacts // by index in the book
	stop    bool             // a plugin's own finding makes going on pointless
}

func (b *builder) model() *Model {
	d := b.def
	m := &Model{Name: d.Name, About: d.About, LeadWord: d.LeadWord, Book: b.book, Policy: b.routes.policy, Goldens: d.Goldens, silences: b.leftSilences()}
	for _, w := range b.work {
		m.Steps = append(m.Steps, w.spec)
	}
	m.Digest = digest(d, b.work)
	m.Policy.Release, m.Policy.Plugins = short(m.Digest), pluginsOf(b.work)
	m.Policy.Basis = basis(d, b.work)
	return m
}
