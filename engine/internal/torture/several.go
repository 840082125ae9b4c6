package torture

import (
	"fmt"
	"syscall"
	"time"
)

// oneOfTwo lets another engine join, so that partitions move to it, and then
// takes one of the two away: it leaves in order, or is killed.
func oneOfTwo(leaves bool) func(*round, *fault) error {
	return func(r *round, _ *fault) error {
		first, second, err := r.join("")
		if err != nil {
			return err
		}
		if r.rnd.IntN(2) == 0 {
			first, second = second, first
		}
		r.engine = second
		if leaves {
			r.tally.row(RowLeave)
			return first.drain()
		}
		first.kill("engine beside another")
		r.tally.row(RowOrphan)
		return r.takenOver()
	}
}

// killedLeaving lets another engine join, which is killed while it leaves.
func killedLeaving(r *round, f *fault) error {
	_, second, err := r.join(f.point + "=kill@1")
	if err != nil {
		return err
	}
	second.signal(syscall.SIGTERM)
	if !second.ended(5 * time.Second) {
		return fmt.Errorf("%s does not leave: %s", second.name, second.tail())
	}
	if second.acted(f.point, 0) {
		r.killed("engine at a failpoint")
	}
	return nil
}

// join starts an engine beside the one that runs.
func (r *round) join(arm string) (first, second *process, err error) {
	if err := r.ensure(); err != nil {
		return nil, nil, err
	}
	first = r.engine
	if second, err = r.start(launch{arm: arm}); err != nil {
		return nil, nil, err
	}
	if ok, err := second.untilReady(); err != nil {
		return nil, nil, err
	} else if !ok {
		return nil, nil, fmt.Errorf("%s, the second, ended by itself: %w: %s", second.name, second.err, second.tail())
	}
	r.tally.row(RowJoin)
	r.pause(100, 500)
	return first, second, nil
}
