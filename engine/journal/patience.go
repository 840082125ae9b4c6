package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// Pauses between attempts while a server is away or has no leader.
const (
	firstPause = 10 * time.Millisecond
	mostPause  = 200 * time.Millisecond
	warnAfter  = 10 * time.Second
)

// final says whether an error stays however often one asks.
func final(err error) bool {
	for _, e := range []error{ErrFenced, ErrServer, ErrCorrupt, ErrPartitions, ErrStreams, ErrReplaced, ErrInputLost, ErrClosed, ErrRetention, ErrSnapshot} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// patiently asks the server until it answers, the answer is final, or the
// context ends.
func (j *Journal) patiently(ctx context.Context, what string, fn func(context.Context) error) error {
	return patiently(ctx, j.nc, j.cfg, what, fn)
}

// patiently does so without a journal. Each attempt has its own time: a request
// is lost when a leader changes, and nobody tells. fn must be safe to repeat.
func patiently(ctx context.Context, nc *nats.Conn, cfg Config, what string, fn func(context.Context) error) error {
	warn := time.Now().Add(warnAfter)
	most := 4 * cfg.CommitTimeout // a server may be that slow
	for pause, ask := firstPause, cfg.AskTimeout; ; pause, ask = min(2*pause, mostPause), min(2*ask, most) {
		attempt, cancel := context.WithTimeout(ctx, ask)
		err := fn(attempt)
		cancel()
		switch {
		case err == nil || final(err):
			return err
		case nc.IsClosed():
			return fmt.Errorf("%w: its connection is closed: %w", ErrClosed, cmp.Or(nc.LastError(), err))
		case time.Now().After(warn):
			warn = time.Now().Add(warnAfter)
			cfg.Logger.Warn("the NATS server does not answer, trying again", "what", what, "error", err)
		}
		if sleep(ctx, pause) != nil {
			return fmt.Errorf("%w: %w", ErrUnresolved, err)
		}
	}
}
