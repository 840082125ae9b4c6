package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/release"
)

// ErrNotPrepared says that a release cannot be run here now. Who needs it waits
// and asks again.
var ErrNotPrepared = errors.New("release is not prepared")

// Loaded releases that nobody uses stay for a while, because who is asked to
// prepare one is soon ordered to run it, and the one before may come back.
const (
	idleReleases = 3
	idleTime     = 10 * time.Minute
)

// shelf holds the loaded releases of an engine: each once, however many
// partitions run it, and closed when nobody has used it for a while. It is safe
// for concurrent use.
type shelf struct {
	fetch func(ctx context.Context, digest string) (*release.Bundle, []*registry.Plugin, error)
	opts  LoadOptions
	own   *Workflow // the engine's own, which is its caller's to close; may be nil

	mu     sync.Mutex
	loaded map[string]*shelved // by digest of the bundle
	closed bool
}

// shelved is one release on the shelf, or on its way there.
type shelved struct {
	work  *Workflow
	err   error
	ready chan struct{} // closed when work or err is there
	users int
	since time.Time // without users
}

func newShelf(own *Workflow, o LoadOptions, fetch func(context.Context, string) (*release.Bundle, []*registry.Plugin, error)) *shelf {
	s := &shelf{fetch: fetch, opts: o, own: own, loaded: map[string]*shelved{}}
	if own != nil {
		s.opts.host = own.host // plugins that releases share are in memory once
	}
	return s
}

// Acquire is the release of a workflow, loaded; it may take as long as its
// plugins take to compile. Return gives it back.
func (s *shelf) Acquire(ctx context.Context, name string, r lineage.Release) (*Workflow, error) {
	w, err := s.acquire(ctx, r.Digest)
	if err == nil && (w.Model.Name != name || w.Model.Digest != r.Model) {
		s.Return(name, r)
		err = fmt.Errorf("it is %s with model %s, expected %s with %s; does this engine have another version than the one that made the release?",
			w.Model.Name, shortDigest(w.Model.Digest), name, shortDigest(r.Model))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrNotPrepared, titleOf(name, r.Number), err)
	}
	return w, nil
}

// Return gives an acquired release back.
func (s *shelf) Return(_ string, r lineage.Release) { s.give(r.Digest) }

func (s *shelf) acquire(ctx context.Context, digest string) (*Workflow, error) {
	if s.own != nil && s.own.Bundle != nil && s.own.Bundle.Digest() == digest {
		return s.own, nil
	}
	for {
		x, mine, err := s.take(digest)
		if err != nil {
			return nil, err
		}
		if mine {
			s.fill(ctx, digest, x)
		}
		select {
		case <-x.ready:
		case <-ctx.Done():
			s.mu.Lock()
			s.leave(x)
			s.mu.Unlock()
			return nil, ctx.Err()
		}
		if x.err == nil {
			return x.work, nil
		}
		// Who loaded it may have been called off: that is not our answer.
		if mine || !errors.Is(x.err, context.Canceled) {
			return nil, x.err
		}
	}
}

// peek is a release that is loaded already, nil if it is not; done gives it back.
func (s *shelf) peek(digest string) (w *Workflow, done func()) {
	if s.own != nil && s.own.Bundle != nil && s.own.Bundle.Digest() == digest {
		return s.own, func() {}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.loaded[digest]
	if x == nil || x.work == nil || s.closed {
		return nil, nil
	}
	x.users++
	return x.work, func() { s.give(digest) }
}

// take counts a user of a release; mine says that the caller has to fill it.
func (s *shelf) take(digest string) (x *shelved, mine bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false, errors.New("the engine is stopping")
	}
	if x = s.loaded[digest]; x == nil {
		x, mine = &shelved{ready: make(chan struct{})}, true
		s.loaded[digest] = x
	}
	x.users++
	return x, mine, nil
}

// fill loads a release; one that cannot be loaded does not stay.
func (s *shelf) fill(ctx context.Context, digest string, x *shelved) {
	work, err := s.load(ctx, digest)
	s.mu.Lock()
	if x.work, x.err = work, err; err != nil {
		delete(s.loaded, digest)
	}
	s.mu.Unlock()
	close(x.ready)
}

func (s *shelf) load(ctx context.Context, digest string) (*Workflow, error) {
	b, plugins, err := s.fetch(ctx, digest)
	if err != nil {
		return nil, err
	}
	o := s.opts
	o.Dir = "release-" + shortDigest(digest)
	w, diags, err := LoadBundle(ctx, b, plugins, o)
	if err == nil && diags.HasErrors() {
		err = errors.New(firstError(diags))
	}
	if err == nil && w.Bundle.Digest() != digest {
		err = fmt.Errorf("%w: loaded it is sha256:%s, expected sha256:%s", release.ErrDamaged, w.Bundle.Digest(), digest)
	}
	if err != nil {
		w.Close()
		return nil, err
	}
	for i, p := range w.modules { // they are in the store
		w.modules[i] = p.Bare()
	}
	return w, nil
}

// give counts a user less and closes what nobody has used for long.
func (s *shelf) give(digest string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.loaded[digest]; x != nil {
		s.leave(x)
	}
	s.tidy(idleReleases, time.Now().Add(-idleTime))
}

// leave counts a user less. The caller holds the lock.
func (s *shelf) leave(x *shelved) {
	if x.users--; x.users == 0 {
		x.since = time.Now()
	}
}

// tidy closes idle releases: all but the most recent ones, and those that are
// idle since before a time. The caller holds the lock.
func (s *shelf) tidy(most int, before time.Time) {
	var idle []string
	for digest, x := range s.loaded {
		if x.users <= 0 && x.work != nil {
			idle = append(idle, digest)
		}
	}
	slices.SortFunc(idle, func(a, b string) int { return s.loaded[b].since.Compare(s.loaded[a].since) })
	for i, digest := range idle {
		if i >= most || s.loaded[digest].since.Before(before) {
			s.loaded[digest].work.Close()
			delete(s.loaded, digest)
		}
	}
}

// Close closes all releases; nobody runs one any more.
func (s *shelf) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for digest, x := range s.loaded {
		if x.work != nil {
			x.work.Close()
			delete(s.loaded, digest)
		}
	}
}

func shortDigest(digest string) string { return digest[:min(12, len(digest))] }

// firstError is what is wrong with a workflow, in one line.
func firstError(diags hcl.Diagnostics) string {
	n := 0
	var first *hcl.Diagnostic
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			if n++; first == nil {
				first = d
			}
		}
	}
	text := first.Summary + ": " + strings.Join(strings.Fields(first.Detail), " ")
	if first.Subject != nil {
		text = fmt.Sprintf("%s:%d: %s", first.Subject.Filename, first.Subject.Start.Line, text)
	}
	if n > 1 {
		text += fmt.Sprintf(" (and %d more)", n-1)
	}
	return text
}
