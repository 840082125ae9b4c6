package engine_test

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/lineage"
)

// shop gives releases, except those that it refuses.
type shop struct {
	engine.Releases
	mu      sync.Mutex
	refused map[uint32]error
	asks    map[uint32]int // in vain
}

func (s *shop) Acquire(ctx context.Context, workflow string, r lineage.Release) (*engine.Workflow, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refused[r.Number]; err != nil {
		s.asks[r.Number]++
		return nil, err
	}
	return s.Releases.Acquire(ctx, workflow, r)
}

// refuse refuses a release from now on, or, without an error, gives it again.
func (s *shop) refuse(number uint32, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused == nil {
		s.refused = map[uint32]error{}
	}
	s.refused[number], s.asks = err, map[uint32]int{}
}

// asked waits until somebody has asked for a refused release more than once.
func (s *shop) asked(t *testing.T, number uint32) {
	t.Helper()
	require.Eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.asks[number] > 3
	}, 10*time.Second, time.Millisecond)
}

// lockedText is a log that is read while it is written.
type lockedText struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lockedText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
