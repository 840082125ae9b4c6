package conformance

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/ripenhq/ripen/engine/wasm"
	"github.com/ripenhq/ripen/sdk/abi"
)

// migration converts the states of the cases down a version and up again.
func (b *bench) migration(r *Report) error {
	name := b.named("migration")
	d := b.s.plugin.Descriptor()
	if d.Caps&abi.CapState == 0 {
		r.skip(name, "the plugin keeps no state")
		return nil
	}
	sc, err := b.s.plugin.NewTrial(b.ctx, b.replay.spec, &wasm.Trial{})
	if err != nil {
		return err
	}
	defer func() { _ = sc.Close() }()
	now := d.StateVersion
	if _, err := sc.Migrate(nil, now, now+1000); err == nil {
		r.fail(name, fmt.Sprintf("the plugin says that it knows the version %d of its state", now+1000), "that it refuses versions that it does not know", "return ErrVersion for them")
		return nil
	} else if !errors.Is(err, wasm.ErrMigrate) {
		return err
	}
	var known []uint32
	for v := uint32(0); v < now && v < 64; v++ {
		_, up := sc.Migrate(nil, v, now)
		_, down := sc.Migrate(nil, now, v)
		switch {
		case up == nil && down == nil:
			known = append(known, v)
		case up == nil:
			r.warn(name, fmt.Sprintf("version %d is converted to %d, but not back: %v", v, now, down), "both directions, so that a release can be rolled back", "write the way down too")
			return nil
		}
	}
	if len(known) == 0 {
		r.skip(name, "state version %d, and no other one is converted: a release with another version scores from history", now)
		return nil
	}
	states, odd, err := b.thereAndBack(sc, known)
	if err != nil {
		r.fail(name, err.Error(), "a state of each version that the plugin knows", "convert every state that the plugin itself has written")
		return nil
	}
	if odd != "" {
		r.warn(name, odd, "the same bytes", "a version that cannot hold all makes rollbacks forget: say so in the README")
		return nil
	}
	r.pass(name, "%d states of version %d converted to %v and back", states, now, known)
	return nil
}

func (b *bench) thereAndBack(sc *wasm.Scorer, known []uint32) (states int, odd string, err error) {
	now := b.s.plugin.Descriptor().StateVersion
	for i := range b.want {
		state := b.want[i].state
		if len(state) == 0 || states == 200 {
			continue
		}
		states++
		for _, v := range known {
			old, err := sc.Migrate(state, now, v)
			if err != nil {
				return states, "", err
			}
			back, err := sc.Migrate(bytes.Clone(old), v, now)
			if err != nil {
				return states, "", err
			}
			if !bytes.Equal(back, state) && odd == "" {
				odd = fmt.Sprintf("a state of version %d, %x, is %x when it comes back from version %d", now, state, back, v)
			}
		}
	}
	return states, odd, nil
}
