package main

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/stretchr/testify/assert"
)

// TestDrain plays signals against an engine that takes 5 s to stop.
func TestDrain(t *testing.T) {
	const slow = 5 * time.Second
	failed := errors.New("the engine's own")
	for name, c := range map[string]struct {
		first bool            // a signal began it
		more  []time.Duration // further signals
		want  error
		took  time.Duration
	}{
		"one signal":                         {true, nil, failed, slow},
		"a group gets it twice":              {true, []time.Duration{0, time.Millisecond}, failed, slow},
		"a second one that is meant":         {true, []time.Duration{time.Millisecond, 2 * time.Second}, errAtOnce, 2 * time.Second},
		"an engine that ended, then one":     {false, []time.Duration{time.Millisecond}, errAtOnce, time.Millisecond},
		"an engine that ended, without more": {false, nil, failed, slow},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				signals := make(chan os.Signal, 2)
				began, asked := time.Now(), time.Time{}
				if c.first {
					asked = began
				}
				for _, at := range c.more {
					time.AfterFunc(at, func() { signals <- syscall.SIGTERM })
				}
				err := drain(func(context.Context) error { time.Sleep(slow); return failed }, asked, signals, hclog.NewNullLogger())
				assert.ErrorIs(t, err, c.want)
				assert.Equal(t, c.took, time.Since(began))
				time.Sleep(slow) // the goroutines end with the bubble
			})
		})
	}
}

func TestDrain_AnEngineThatNeverStopsIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, left := time.Now(), make(chan struct{})
		err := drain(func(context.Context) error { <-left; return nil }, began, nil, hclog.NewNullLogger())
		assert.ErrorIs(t, err, errAtOnce)
		assert.Equal(t, drainTime+5*time.Second, time.Since(began))
		close(left)
	})
}
