package conformance

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/model"
	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/engine/wasm"
	"github.com/ripenhq/ripen/sdk/abi"
)

// Options say what to check a plugin with.
type Options struct {
	Cases []Case
	// Beside are other plugins that the workflows of cases use, such as the
	// built-in ones.
	Beside []*registry.Plugin
	// CacheDir keeps compiled modules; empty = nowhere.
	CacheDir string
	// Fuel is the budget of one input for plugins that ask for none; 0 = the
	// engine's.
	Fuel uint64

	// cold makes an instance whenever one is wanted.
	cold bool
	// share lets the checks of one test load each module once; nil = not.
	share *shared
	// blobs are configurations that are no trees, of modules made by hand.
	blobs []blob
}

// blob is an encoded configuration with the needs to it.
type blob struct {
	config []byte
	needs  *abi.Needs
}

// subject is a plugin that is looked at.
type subject struct {
	opts   *Options
	host   *wasm.Host
	plugin *wasm.Plugin
	beside []*wasm.Plugin
	set    map[string]*registry.Plugin
}

// shared is a host with the modules that it has loaded.
type shared struct {
	host    *wasm.Host
	plugins map[[sha256.Size]byte]*wasm.Plugin
}

// newHost makes a host for checks, which make scorers by the hundred.
func newHost(o *Options) (*wasm.Host, error) {
	return wasm.NewHost(wasm.Options{CacheDir: o.CacheDir, Quiet: true, Fuel: o.Fuel, Warm: !o.cold})
}

// open makes a host; load comes next, close in any case.
func open(o *Options) (*subject, error) {
	if o.share != nil {
		return &subject{opts: o, host: o.share.host, set: map[string]*registry.Plugin{}}, nil
	}
	host, err := newHost(o)
	if err != nil {
		return nil, err
	}
	return &subject{opts: o, host: host, set: map[string]*registry.Plugin{}}, nil
}

// load loads the module, and those beside it once a case is a whole workflow.
func (s *subject) load(ctx context.Context, module []byte) (err error) {
	s.plugin, err = s.compiled(ctx, module)
	return err
}

// compiled loads a module, or finds it.
func (s *subject) compiled(ctx context.Context, module []byte) (*wasm.Plugin, error) {
	if s.opts.share == nil {
		return s.host.Load(ctx, module)
	}
	sum := sha256.Sum256(module)
	if p := s.opts.share.plugins[sum]; p != nil {
		return p, nil
	}
	p, err := s.host.Load(ctx, module)
	if err == nil {
		s.opts.share.plugins[sum] = p
	}
	return p, err
}

func (s *subject) close() {
	if s.opts.share != nil {
		return // all ends with it
	}
	for _, p := range s.beside {
		_ = p.Close()
	}
	if s.plugin != nil {
		_ = s.plugin.Close()
	}
	_ = s.host.Close()
}

// name is the plugin's.
func (s *subject) name() string { return s.plugin.Manifest().Name }

// run is one configured step with the slots that reached it.
type run struct {
	name  string // of the case
	spec  *step.Spec
	slots []slot // that events led to
	made  []slot // that were made up
}

// all are the slots of both kinds.
func (r *run) all() []slot { return append(r.slots[:len(r.slots):len(r.slots)], r.made...) }

// record compiles a case and plays its events.
func (s *subject) record(ctx context.Context, c *Case) ([]*run, error) {
	plugins, err := s.plugins(ctx, c)
	if err != nil {
		return nil, err
	}
	m, err := c.compile(s.name(), s.set, plugins)
	if err != nil {
		return nil, err
	}
	prog := core.Program{Book: m.Book, Steps: m.Steps, Policy: m.Policy, Scorers: make([]step.Scorer, len(m.Steps)), Backups: make([]step.Scorer, len(m.Steps))}
	defer func() {
		for _, x := range append(prog.Scorers, prog.Backups...) {
			if x != nil {
				_ = x.Close()
			}
		}
	}()
	var runs []*run
	for i, spec := range m.Steps {
		p := plugins[spec.Plugin].(compiler).p
		scorer, err := p.NewScorer(ctx, spec)
		if err != nil {
			return nil, err
		}
		prog.Scorers[i] = scorer
		if spec.Fallback != nil {
			if prog.Backups[i], err = plugins[spec.Fallback.Plugin].(compiler).p.NewScorer(ctx, spec.Fallback); err != nil {
				return nil, err
			}
		}
		if spec.Plugin == s.name() {
			r := &run{name: c.Name, spec: spec}
			runs = append(runs, r)
			prog.Scorers[i] = &recorder{Scorer: scorer, run: r}
		}
	}
	if len(runs) == 0 {
		return nil, fmt.Errorf("%s: no step of the workflow uses the plugin %s", c.Name+ConfigFile, s.name())
	}
	return runs, play(c, prog)
}

// roundOf is how many events a case plays at once.
const roundOf = 256

// play runs the events of a case through the core.
func play(c *Case, prog core.Program) error {
	k := core.New(prog, core.Options{})
	var out core.Output
	var inputs []core.Input
	var failed error
	flush := func() {
		out.Reset()
		failed = errors.Join(failed, k.Run(inputs, &out))
		inputs = inputs[:0]
	}
	put := func(e lead.Event) {
		if inputs = append(inputs, core.Input{Event: e}); len(inputs) == roundOf {
			flush()
		}
	}
	err := c.events(put, func(at int64) { put(lead.Event{Kind: lead.Tick, At: at}) })
	flush()
	return errors.Join(err, failed)
}

// plugins are those that a case may use, as the model's compiler asks them.
func (s *subject) plugins(ctx context.Context, c *Case) (map[string]model.Plugin, error) {
	if s.set[s.name()] == nil {
		s.set[s.name()] = &registry.Plugin{Manifest: s.plugin.Manifest(), Digest: s.plugin.Digest()}
	}
	if len(s.beside) == 0 && isWorkflow(c.Config) {
		for _, other := range s.opts.Beside {
			if other.Manifest.Name == s.name() {
				continue
			}
			p, err := s.compiled(ctx, other.Wasm)
			if err != nil {
				return nil, fmt.Errorf("plugin %s: %w", other.Manifest.Name, err)
			}
			s.beside = append(s.beside, p)
			s.set[other.Manifest.Name] = other
		}
	}
	out := map[string]model.Plugin{s.name(): compiler{ctx, s.plugin}}
	for _, p := range s.beside {
		out[p.Manifest().Name] = compiler{ctx, p}
	}
	return out, nil
}

type compiler struct {
	ctx context.Context
	p   *wasm.Plugin
}

func (c compiler) Info() model.PluginInfo {
	d := c.p.Descriptor()
	return model.PluginInfo{Manifest: *c.p.Manifest(), Digest: c.p.Digest(), Caps: d.Caps, StateMax: int(d.StateMax), StateVersion: d.StateVersion}
}

func (c compiler) Configure(config []byte) (*abi.Needs, error) { return c.p.Configure(c.ctx, config) }
