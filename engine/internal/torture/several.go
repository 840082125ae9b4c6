package torture

import (
	"fmt"
	"syscall"
	"time"
)

// secondEngine lets another engine join, so that partitions move to it, and then
// takes one of the two away: by order, or by force, or by force while it leaves.
func secondEngine(r *round, f *fault) error {
	if err := r.ensure(); err != nil {
		return err
	}
	arm := ""
	if f.point != "" {
		arm = f.point + "=kill@1"
	}
	second, err := r.start(launch{arm: arm})
	if err != nil {
		return err
	}
	if ok, err := second.untilReady(); err != nil {
		return err
	} else if !ok {
		return fmt.Errorf("%s, the second, ended by itself: %w: %s", second.name, second.err, second.tail())
	}
	r.tally.row(RowJoin)
	r.pause(100, 500)
	first := r.engine
	r.engine = nil
	defer func() {
		for _, e := range []*process{first, second} {
			if !e.ended(0) && r.engine == nil {
				r.engine = e
			}
		}
	}()
	switch {
	case f.point != "": // the second one leaves and is killed meanwhile
		second.signal(syscall.SIGTERM)
		if !second.ended(5 * time.Second) {
			return fmt.Errorf("%s does not leave: %s", second.name, second.tail())
		}
		if second.acted(f.point, 0) {
			r.killed("engine at a failpoint")
		}
	case r.rnd.IntN(2) == 0:
		first, second = second, first
		fallthrough
	default:
		r.engine = second
		if r.rnd.IntN(2) == 0 {
			r.tally.row(RowLeave)
			return first.drain()
		}
		first.kill("engine beside another")
		r.tally.row(RowOrphan)
		return r.takenOver()
	}
	return nil
}
