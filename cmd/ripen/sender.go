package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/ripenhq/ripen/engine/ingest"
)

// How a request is tried again.
const (
	requestTimeout = 20 * time.Second
	leastPause     = 200 * time.Millisecond // the engine may advise less
	mostPause      = 5 * time.Second
	sayAgain       = 10 * time.Second // about a request that is still tried
	lastGrace      = 5 * time.Second  // for the answer that is due when somebody interrupts
)

// sender sends requests to an engine, again and again while that may help. What
// an engine stored of an earlier try it recognises.
type sender struct {
	conn   *nats.Conn
	giveUp time.Duration // how long one request is tried
	say    func(format string, args ...any)
}

// Why a request ends without an answer that settles it.
var (
	errInterrupted = errors.New("interrupted")
	errConnection  = errors.New("the connection to the NATS server was lost")
	errNoEngine    = errors.New("the NATS server is there, but no engine answers on " + ingest.Subject)
	errSilent      = fmt.Errorf("no answer within %s", requestTimeout)
)

// most is how large a request gets before another event is too much for it, in
// bytes.
func (s *sender) most() int { return min(512<<10, int(s.conn.MaxPayload())/2) }

// refusal is why a request was not settled.
type refusal struct {
	err   error
	after time.Duration // advised pause, 0 = none, negative = trying again is of no use
	// untouched says that nothing of the request was stored, for sure.
	untouched bool
}

// send requests that all events of body be stored. The answer has no Error.
// With an error, unsure says that some of the events may be stored.
func (s *sender) send(ctx context.Context, body []byte) (a ingest.Answer, unsure bool, err error) {
	began, said := time.Now(), time.Time{}
	for pause := leastPause; ; pause = min(2*pause, mostPause) {
		if ctx.Err() != nil {
			return a, unsure, errInterrupted
		}
		answer, why := s.request(ctx, body)
		if why == nil {
			if !said.IsZero() {
				s.say("going on after %s", time.Since(began).Round(100*time.Millisecond))
			}
			return answer, false, nil
		}
		unsure = unsure || !why.untouched
		if why.after > 0 {
			pause = why.after
		}
		if why.after < 0 || time.Since(began)+pause > s.giveUp {
			return a, unsure, why.err
		}
		if time.Since(said) >= sayAgain {
			s.say("not stored yet (%v); trying again for up to %s", why.err, (s.giveUp - time.Since(began)).Round(100*time.Millisecond))
			said = time.Now()
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// request sends body once.
func (s *sender) request(ctx context.Context, body []byte) (a ingest.Answer, why *refusal) {
	attempt, done := s.attempt(ctx)
	defer done()
	m, err := s.conn.RequestWithContext(attempt, ingest.Subject, body)
	if err != nil {
		return a, noAnswer(err, context.Cause(attempt))
	}
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return a, &refusal{err: fmt.Errorf("the answer is not one of an engine: %w", err), after: -1}
	}
	if a.Error == nil {
		return a, nil
	}
	why = &refusal{err: a.Error, after: time.Duration(a.Error.RetryAfter) * time.Millisecond, untouched: a.Accepted == 0 && a.Error.Events == 0}
	if why.after <= 0 {
		why.after = -1
	}
	return a, why
}

// noAnswer judges the error of a request, and what ended its context, if that
// was it.
func noAnswer(err, cause error) *refusal {
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return &refusal{err: errNoEngine, untouched: true}
	case errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrDisconnected):
		return &refusal{err: errConnection, untouched: true}
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrMaxPayload):
		return &refusal{err: err, after: -1}
	case cause != nil:
		err = cause
	}
	return &refusal{err: err}
}

// attempt bounds one request: in time, by the life of the connection (an answer
// does not come over another one), and by ctx, which leaves an answer that is
// due a last chance.
func (s *sender) attempt(ctx context.Context) (context.Context, func()) {
	bounded, end := context.WithTimeoutCause(context.WithoutCancel(ctx), requestTimeout, errSilent)
	attempt, cancel := context.WithCancelCause(bounded)
	lost := s.conn.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	go func() {
		stop := ctx.Done()
		var grace <-chan time.Time
		for {
			select {
			case <-stop:
				stop, grace = nil, time.After(lastGrace)
			case <-grace:
				cancel(errInterrupted)
			case <-lost:
				cancel(errConnection)
			case <-attempt.Done():
				return
			}
		}
	}()
	return attempt, func() {
		cancel(nil)
		end()
		s.conn.RemoveStatusListener(lost)
	}
}
