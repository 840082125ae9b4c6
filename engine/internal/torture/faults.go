package torture

import (
	"fmt"
	"syscall"
	"time"
)

// fault is one thing that goes wrong.
type fault struct {
	kind  *kind
	point string // failpoint, if it needs one
	pass  int    // at which it acts
}

func (f *fault) String() string {
	if f.point == "" {
		return f.kind.name
	}
	return fmt.Sprintf("%s %s@%d", f.kind.name, f.point, f.pass)
}

func (f *fault) play(r *round) error { return f.kind.play(r, f) }

// kind is a sort of fault.
type kind struct {
	name               string
	embedded, external bool
	unsynced           bool   // needs a server that does not sync
	points             string // "", "any", "commit" or "drain": which failpoints it takes
	stores             bool   // needs a local store
	switches           bool   // needs a switcher
	weight             int
	play               func(*round, *fault) error
}

// point is a failpoint of the engine.
type point struct {
	name string
	most int // the pass at which it acts is drawn from 1 to most
	row  Row // what a crash there is, if the table has a row for it
	// elsewhere says that the engine comes there only in faults that are made
	// for it.
	elsewhere bool
	// change is what the switcher has to do for an engine to come there; 0: it
	// comes there anyway.
	change change
}

var points = []point{
	{name: "claim.before", most: 3}, {name: "claim.after", most: 3}, {name: "assign.claim", most: 3},
	{name: "store.open", most: 2}, {name: "restore.record", most: 30},
	{name: "read", most: 40, row: RowBeforeCommit},
	{name: "batch.before", most: 30, row: RowBeforeCommit}, {name: "batch.after", most: 30, row: RowBeforeCommit},
	{name: "commit.before", most: 20, row: RowBeforeCommit}, {name: "commit.outputs", most: 10, row: RowBeforeCommit},
	{name: "commit.sent", most: 20, row: RowUnanswered}, {name: "commit.acked", most: 20, row: RowUnanswered},
	{name: "store.put", most: 8}, {name: "evict", most: 8},
	{name: "checkpoint.before", most: 2}, {name: "checkpoint.middle", most: 3}, {name: "checkpoint.head", most: 2}, {name: "checkpoint.after", most: 2},
	{name: "snapshot.before", most: 2}, {name: "snapshot.middle", most: 2}, {name: "snapshot.after", most: 2},
	{name: "purge.before", most: 2}, {name: "purge.after", most: 2},
	{name: "ingest.before", most: 20}, {name: "ingest.sent", most: 20}, {name: "ingest.stored", most: 20},
	{name: "tick.before", most: 3}, {name: "tick.sent", most: 3}, {name: "tick.acked", most: 3},
	{name: "order.before", most: 3, change: inPlace}, {name: "order.slice", most: 2, change: inPlace}, {name: "order.after", most: 3, change: inPlace}, {name: "build.chunk", most: 4, elsewhere: true, change: build}, {name: "fork", most: 1, elsewhere: true, change: fork},
	{name: "drain.before", most: 1, elsewhere: true}, {name: "drain.after", most: 1, elsewhere: true},
	{name: "redrive.before", most: 1, elsewhere: true}, {name: "redrive.sent", most: 1, elsewhere: true},
}

func pointNamed(name string) *point {
	for i := range points {
		if points[i].name == name {
			return &points[i]
		}
	}
	panic("no failpoint " + name)
}

// kinds of faults; init would be a loop of initialisation otherwise.
func faultKinds() []*kind {
	return []*kind{
		{name: "kill", embedded: true, external: true, weight: 12, play: killAtRandom},
		{name: "kill at", embedded: true, external: true, points: "any", weight: 30, play: killAtPoint},
		{name: "errors", embedded: true, external: true, weight: 6, play: injectErrors},
		{name: "server killed", external: true, weight: 9, play: killServer},
		{name: "server killed at", external: true, points: "commit", weight: 9, play: killServerAtPoint},
		{name: "both killed", external: true, weight: 6, play: killBoth},
		{name: "zombie at", external: true, points: "commit", weight: 9, play: zombieAtPoint},
		{name: "cut at", external: true, points: "commit", weight: 6, play: cutAtPoint},
		{name: "cut after bytes", external: true, weight: 3, play: cutAfterBytes},
		{name: "deaf", external: true, weight: 6, play: deafness},
		{name: "power loss", embedded: true, external: true, weight: 6, play: powerLoss},
		{name: "power loss without sync", embedded: true, unsynced: true, weight: 18, play: powerLossUnsynced},
		{name: "power loss of events alone", embedded: true, unsynced: true, weight: 6, play: powerLossAhead},
		{name: "one of two leaves", external: true, weight: 3, play: oneOfTwo(true)},
		{name: "one of two killed", external: true, weight: 3, play: oneOfTwo(false)},
		{name: "second engine killed at", external: true, points: "drain", weight: 3, play: killedLeaving},
		{name: "state lost", embedded: true, external: true, stores: true, weight: 6, play: stateLost},
		{name: "state old", embedded: true, external: true, stores: true, weight: 6, play: stateOld},
		{name: "state damaged", embedded: true, external: true, stores: true, weight: 6, play: stateDamaged},
		{name: "switched in place", embedded: true, external: true, switches: true, weight: 2, play: changeRelease(inPlace)},
		{name: "built from history", embedded: true, external: true, switches: true, weight: 2, play: changeRelease(build)},
		{name: "forked", embedded: true, external: true, switches: true, weight: 2, play: changeRelease(fork)},
		{name: "shadow promoted", embedded: true, external: true, switches: true, weight: 2, play: changeRelease(shadow)},
		{name: "rolled back", embedded: true, external: true, switches: true, weight: 2, play: changeRelease(back)},
		{name: "disk full", embedded: true, external: true, weight: 1, play: diskFull},
		{name: "disk full in a purge", embedded: true, weight: 1, play: diskFullInAPurge},
		{name: "stream full", embedded: true, external: true, play: streamFull},
		{name: "corrupt record", embedded: true, play: corruptRecord},
	}
}

func killAtRandom(r *round, _ *fault) error {
	if r.rnd.IntN(4) == 0 { // while it starts
		if err := r.fresh(""); err != nil {
			return err
		}
		r.pause(0, 120)
	} else {
		if err := r.ensure(); err != nil {
			return err
		}
		r.pause(20, 400)
	}
	r.engine.kill("engine at a random instant")
	return nil
}

func killAtPoint(r *round, f *fault) error {
	if err := r.fresh(fmt.Sprintf("%s=kill@%d", f.point, f.pass)); err != nil {
		return err
	}
	defer r.switcher.insist(pointNamed(f.point).change)()
	if !r.engine.ended(r.comesThere(f)) {
		r.engine.kill("engine at a random instant") // it does not come there any more
		return nil
	}
	if !r.engine.acted(f.point, 0) {
		return fmt.Errorf("%s ended by itself: %w: %s", r.engine.name, r.engine.err, r.engine.tail())
	}
	r.killed("engine at a failpoint")
	if row := pointNamed(f.point).row; row != "" {
		r.tally.row(row)
	}
	return nil
}

// comesThere is how long an engine may take to its failpoint. A change of
// releases begins with what the command before it still does.
func (r *round) comesThere(f *fault) time.Duration {
	if r.switcher != nil && pointNamed(f.point).change != 0 {
		return 30 * time.Second
	}
	return 4 * time.Second
}

// injectErrors fails steps by chance: what was stored seems not to be.
func injectErrors(r *round, _ *fault) error {
	if err := r.fresh("commit.before=error%10;commit.acked=error%20;tick.acked=error%30;ingest.stored=error%15;read=sleep:3ms%20"); err != nil {
		return err
	}
	if _, err := r.engine.untilReady(); err != nil {
		return err
	}
	r.pause(300, 600)
	if r.engine.acted("commit.acked", 0) {
		r.tally.row(RowAckLost)
	}
	r.engine.kill("engine at a random instant")
	return nil
}

func killServer(r *round, _ *fault) error {
	if err := r.ensure(); err != nil {
		return err
	}
	r.pause(50, 300)
	r.server.kill()
	r.pause(0, 60)
	if err := r.server.start(); err != nil {
		return err
	}
	r.pause(100, 300)
	return nil
}

// stopAt lets an engine stop itself at a point; false if it does not come there.
func stopAt(r *round, f *fault) (bool, error) {
	if err := r.fresh(fmt.Sprintf("%s=stop@%d", f.point, f.pass)); err != nil {
		return false, err
	}
	if !r.engine.acted(f.point, 4*time.Second) {
		if r.engine.ended(0) {
			return false, fmt.Errorf("%s ended by itself: %w: %s", r.engine.name, r.engine.err, r.engine.tail())
		}
		r.note("%s does not come to %s", r.engine.name, f.point)
		r.engine.kill("engine at a random instant") // or it would come there at a time when nobody wakes it
		return false, nil
	}
	time.Sleep(5 * time.Millisecond) // what acts soon has acted then
	return true, nil
}

func killServerAtPoint(r *round, f *fault) error {
	stopped, err := stopAt(r, f)
	if err != nil || !stopped {
		return err
	}
	r.server.kill()
	if err := r.server.start(); err != nil {
		return err
	}
	if f.point == "commit.outputs" || f.point == "commit.sent" {
		r.tally.row(RowServerKilled)
	}
	if r.rnd.IntN(3) == 0 {
		r.engine.kill("engine with its server")
		return nil
	}
	r.engine.signal(syscall.SIGCONT)
	r.pause(100, 300)
	return nil
}

func killBoth(r *round, _ *fault) error {
	if err := r.ensure(); err != nil {
		return err
	}
	r.pause(50, 300)
	if r.rnd.IntN(2) == 0 {
		r.engine.kill("engine with its server")
		r.server.kill()
	} else {
		r.server.kill()
		r.engine.kill("engine with its server")
	}
	return r.server.start()
}

// zombieAtPoint stops an engine, waits until another one has taken all its
// partitions, and wakes it: it must not change anything any more.
func zombieAtPoint(r *round, f *fault) error {
	stopped, err := stopAt(r, f)
	if err != nil || !stopped {
		return err
	}
	zombie := r.engine
	r.engine = nil
	if err := r.ensure(); err != nil {
		return fmt.Errorf("the engine that takes over: %w", err)
	}
	if err := r.takenOver(); err != nil {
		return err
	}
	zombie.signal(syscall.SIGCONT)
	r.tally.row(RowZombie)
	r.pause(100, 400)
	if r.rnd.IntN(2) == 0 { // the new one goes; the old one, if it still runs, or a third goes on
		r.engine.kill("engine beside another")
		r.engine = nil
		if !zombie.ended(0) {
			r.engine = zombie
		}
		return nil
	}
	if !zombie.ended(500 * time.Millisecond) {
		zombie.kill("zombie")
	}
	return nil
}

// takenOver waits until every partition decides again, after its owner was
// stopped, killed or asked to leave.
func (r *round) takenOver() error {
	begun := time.Now()
	if err := r.caughtUp(nil); err != nil {
		return fmt.Errorf("nobody takes the partitions over: %w", err)
	}
	r.note("all partitions decide again after %s", time.Since(begun).Round(time.Millisecond))
	r.tally.took(time.Since(begun))
	return nil
}

func cutAtPoint(r *round, f *fault) error {
	stopped, err := stopAt(r, f)
	if err != nil || !stopped {
		return err
	}
	r.note("cut")
	r.proxy.cut()
	if f.point == "commit.outputs" {
		r.tally.row(RowDisconnect)
	}
	r.engine.signal(syscall.SIGCONT)
	r.pause(150, 400)
	return nil
}

// cutAfterBytes cuts in the middle of whatever the engine sends.
func cutAfterBytes(r *round, _ *fault) error {
	if err := r.ensure(); err != nil {
		return err
	}
	for range 3 {
		n := int64(r.rnd.IntN(30_000))
		r.note("cut after %d bytes", n)
		r.proxy.cutAfter(n)
		r.pause(80, 250)
	}
	r.proxy.cutAfter(-1)
	return nil
}

// deafness loses every answer for a while: half-open, then cut.
func deafness(r *round, _ *fault) error {
	if err := r.ensure(); err != nil {
		return err
	}
	r.pause(50, 200)
	r.note("deaf")
	r.proxy.deaf.Store(true)
	r.pause(100, 500)
	r.proxy.cut()
	r.proxy.deaf.Store(false)
	r.tally.row(RowAckLost)
	r.pause(100, 300)
	return nil
}
