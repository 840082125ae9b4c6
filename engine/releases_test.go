package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/release"
)

// stock is a store of releases of a test that counts how often each is fetched.
type stock struct {
	mu      sync.Mutex
	list    map[string]*Workflow
	fetched map[string]int
	slow    chan struct{} // fetches wait until it is closed; nil = they do not
}

func (s *stock) fetch(ctx context.Context, digest string) (*release.Bundle, []*registry.Plugin, error) {
	if s.slow != nil {
		select {
		case <-s.slow:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetched[digest]++
	if w := s.list[digest]; w != nil {
		return w.Bundle, w.modules, nil
	}
	return nil, nil, release.ErrNoFiles
}

// stockUp makes a shelf, and n releases of a small workflow that it can fetch.
func stockUp(t *testing.T, n int) (*shelf, *stock, []lineage.Release) {
	t.Helper()
	cache, err := filepath.Abs(filepath.Join("..", "build", "plugin-cache"))
	require.NoError(t, err)
	o := LoadOptions{CacheDir: cache, Quiet: true}
	st := &stock{list: map[string]*Workflow{}, fetched: map[string]int{}}
	var list []lineage.Release
	var first *Workflow
	for i := range n {
		o.Dir = t.TempDir()
		text := fmt.Sprintf("workflow \"w\" {}\nstep \"behavior-points\" \"points\" {\n  class \"c\" { events = { \"Asked\" = %d } }\n}\nroute \"nurture\" \"rest\" { default = true }\n", i+1)
		require.NoError(t, os.WriteFile(filepath.Join(o.Dir, "workflow.hcl"), []byte(text), 0o600))
		w, diags, err := Load(context.Background(), o)
		require.NoError(t, err)
		require.False(t, diags.HasErrors(), diags)
		t.Cleanup(w.Close)
		if first == nil {
			first = w
		}
		st.list[w.Bundle.Digest()] = w
		list = append(list, lineage.Release{Number: uint32(i + 1), Digest: w.Bundle.Digest(), Model: w.Model.Digest}) //nolint:gosec // a few
	}
	s := newShelf(first, o, st.fetch)
	t.Cleanup(s.Close)
	return s, st, list
}

func (s *shelf) names() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.loaded)
}

func TestShelf_LoadsEachOnceAndClosesWhatIsIdle(t *testing.T) {
	s, st, list := stockUp(t, 7)
	ctx := context.Background()
	own, err := s.Acquire(ctx, "w", list[0])
	require.NoError(t, err)
	require.Same(t, s.own, own, "the engine's own is not loaded again")
	s.Return("w", list[0])

	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			w, err := s.Acquire(ctx, "w", list[1])
			if err != nil || w.Model.Digest != list[1].Model {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	require.Equal(t, 1, st.fetched[list[1].Digest])
	for _, r := range list[2:] {
		_, err := s.Acquire(ctx, "w", r)
		require.NoError(t, err)
		s.Return("w", r)
	}
	require.Equal(t, 1+idleReleases, s.names(), "the one in use, and the last few")
	for range 8 {
		s.Return("w", list[1])
	}
	require.Equal(t, idleReleases, s.names())
	_, err = s.Acquire(ctx, "w", list[6])
	require.NoError(t, err)
	require.Equal(t, 1, st.fetched[list[6].Digest], "it was still there")
	s.mu.Lock()
	s.tidy(idleReleases, time.Now().Add(time.Hour))
	s.mu.Unlock()
	require.Equal(t, 1, s.names(), "what has been idle for long is closed")
}

func TestShelf_SaysWhyAReleaseIsNotThere(t *testing.T) {
	s, st, list := stockUp(t, 2)
	ctx := context.Background()
	gone := lineage.Release{Number: 9, Digest: "9", Model: "9"}
	_, err := s.Acquire(ctx, "w", gone)
	require.ErrorIs(t, err, ErrNotPrepared)
	require.ErrorIs(t, err, release.ErrNoFiles)
	require.ErrorContains(t, err, `release 9 of workflow "w"`)
	require.Zero(t, s.names())
	_, err = s.Acquire(ctx, "v", list[1])
	require.ErrorIs(t, err, ErrNotPrepared)
	require.ErrorContains(t, err, "expected v with")

	// Who is called off does not spoil it for others.
	st.slow = make(chan struct{})
	off, cancel := context.WithCancel(ctx)
	other := list[1]
	s.mu.Lock()
	s.tidy(0, time.Time{})
	s.mu.Unlock()
	first := make(chan error, 1)
	go func() { _, err := s.Acquire(off, "w", other); first <- err }()
	require.Eventually(t, func() bool { return s.names() == 1 }, 5*time.Second, time.Millisecond)
	second := make(chan error, 1)
	go func() { _, err := s.Acquire(ctx, "w", other); second <- err }()
	cancel()
	require.ErrorIs(t, <-first, context.Canceled)
	close(st.slow)
	require.NoError(t, <-second)
	s.Return("w", other)

	s.Close()
	_, err = s.Acquire(ctx, "w", other)
	require.ErrorContains(t, err, "the engine is stopping")
	require.False(t, errors.Is(err, context.Canceled))
}
