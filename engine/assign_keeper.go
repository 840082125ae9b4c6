package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go"

	"github.com/ripenhq/ripen/engine/internal/failpoint"
)

// lookEvery is how often the keeper looks at the time.
const lookEvery = 100 * time.Millisecond

// keeper decides which partitions this engine runs, and when. On the embedded
// server these are all. On an external one it shares them with the engines that
// it hears of. One goroutine does everything; the rest of the engine reads what
// is under the mutex.
type keeper struct {
	log    hclog.Logger
	parts  []*partition
	hints  *hints // nil: alone
	roster *roster
	conn   *nats.Conn
	newest func() int64

	ctx    context.Context // of the partitions' work
	runs   []work
	ended  chan ending
	freed  chan int  // partitions that commit nothing more, and may be claimed
	beat   time.Time // when the last hint went out
	looked time.Time // when the loop last came round

	mu      sync.Mutex
	failed  []error // by partition: why it stopped for good
	ours    []bool  // assigned to this engine
	decided bool
	abroad  int64 // latest event time that others have seen, ms
}

func newKeeper(log hclog.Logger, parts []*partition, conn *nats.Conn, newest func() int64) *keeper {
	n := len(parts)
	return &keeper{log: log, parts: parts, conn: conn, newest: newest, runs: make([]work, n),
		ended: make(chan ending, n), freed: make(chan int, n), failed: make([]error, n), ours: make([]bool, n)}
}

// share makes the keeper one of several.
func (k *keeper) share(h *hints, known []hint) {
	now := time.Now()
	k.hints, k.roster = h, newRoster(h.me.ID, len(k.parts), now)
	for _, other := range known {
		k.roster.tell(other, now)
	}
	k.say(true)
}

// run keeps partitions running until the context ends, and then lets each
// finish its commit. An error is one that the engine cannot live with.
func (k *keeper) run(ctx context.Context) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	k.ctx = work
	err := k.loop(ctx)
	failpoint.Hit("drain.before")
	k.leave()
	cancel()
	for k.running() > 0 {
		select {
		case n := <-k.freed:
			k.runs[n].freed = true
		case e := <-k.ended:
			k.note(e.partition)
			if e.err != nil && !k.bearable(e.err) {
				err = errors.Join(err, e.err)
			}
		}
		k.say(false)
	}
	failpoint.Hit("drain.after")
	if k.hints != nil {
		k.hints.goodbye()
		k.hints.close()
	}
	return err
}

func (k *keeper) loop(ctx context.Context) error {
	if k.hints == nil {
		return k.alone(ctx)
	}
	status := k.conn.StatusChanged(nats.CONNECTED)
	defer k.conn.RemoveStatusListener(status)
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	k.looked = time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-k.ended:
			if err := k.end(e); err != nil {
				return err
			}
			k.say(false)
		case n := <-k.freed:
			k.runs[n].freed = true
			k.say(false)
		case h := <-k.hints.in:
			k.hear(h)
		case <-status:
			k.log.Debug("connected again, listening to the other engines first")
			k.again()
		case <-look.C:
		}
		k.awake()
		k.act()
	}
}

// alone runs everything.
func (k *keeper) alone(ctx context.Context) error {
	for n := range k.parts {
		k.start(n)
	}
	k.decide(func(int) bool { return true }, 0)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-k.freed: // nobody waits
		case e := <-k.ended:
			if err := k.end(e); err != nil {
				return err
			}
		}
	}
}

// awake notices that this process did not run for so long that the others must
// have taken over what it had: it drops everything and joins anew.
func (k *keeper) awake() {
	now := time.Now()
	slept := now.Sub(k.looked)
	k.looked = now
	if slept <= deadAfter || len(k.roster.peers) == 0 {
		return
	}
	k.log.Warn("this engine was asleep, dropping its partitions and joining anew", "seconds", int(slept.Seconds()))
	for n := range k.runs {
		k.stop(n)
	}
	k.again()
}

// again asks the others what they do before anything more is claimed.
func (k *keeper) again() {
	k.roster.join(time.Now())
	k.say(true)
}

// hear takes a hint and answers one that asks.
func (k *keeper) hear(h heard) {
	now := time.Now()
	if h.hint.ID == "" {
		if k.roster.peers[h.from] != nil {
			k.log.Info("an engine has left", "engine", h.from)
			k.roster.lose(h.from)
		}
		return
	}
	known := k.roster.peers[h.from] != nil
	news := k.roster.hear(h.hint, now)
	switch {
	case !known:
		k.log.Info("an engine has joined", "engine", h.from, "host", h.hint.Host, "pid", h.hint.PID)
	case news && h.hint.Leaving:
		k.log.Debug("an engine drains", "engine", h.from)
	}
	if h.hint.Hello || !known {
		k.say(false)
	}
}

// act brings what runs in line with the roster. Without a connection everything
// stays as it is.
func (k *keeper) act() {
	if !k.conn.IsConnected() {
		return
	}
	now := time.Now()
	for _, id := range k.roster.expire(now) {
		k.log.Warn("an engine is silent, its partitions are taken over", "engine", id)
	}
	drop, claim := k.roster.plan(now, k.states())
	for _, n := range drop {
		k.stop(n)
	}
	for _, n := range claim {
		k.start(n)
	}
	k.decide(func(n int) bool { return k.roster.owner[n] == k.roster.me }, k.roster.newest())
	if len(claim) > 0 {
		k.log.Info("taking partitions", "partitions", fmt.Sprint(claim), "engines", len(k.roster.live()))
	}
	if len(drop) > 0 {
		k.log.Info("giving partitions up", "partitions", fmt.Sprint(drop), "engines", len(k.roster.live()))
	}
	if len(claim) > 0 || now.Sub(k.beat) >= beatEvery {
		k.say(false)
	}
}

// leave tells the others to get ready.
func (k *keeper) leave() {
	if k.hints != nil {
		k.hints.say(k.table(), k.newest(), false, true)
	}
}

// say tells the others what this engine runs.
func (k *keeper) say(hello bool) {
	if k.hints == nil {
		return
	}
	k.beat = time.Now()
	k.hints.say(k.table(), k.newest(), hello, k.ctx != nil && k.ctx.Err() != nil)
}

func (k *keeper) table() map[int]uint64 {
	runs := make(map[int]uint64)
	for n := range k.runs {
		if k.runs[n].cancel != nil && !k.runs[n].freed || k.failure(n) != nil {
			runs[n] = k.parts[n].status.epoch.Load()
		}
	}
	return runs
}

func (k *keeper) decide(ours func(int) bool, abroad int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for n := range k.ours {
		k.ours[n] = ours(n)
	}
	k.decided, k.abroad = true, abroad
	if k.roster != nil {
		k.decided = !time.Now().Before(k.roster.settled)
	}
}

func (k *keeper) failure(n int) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.failed[n]
}

// ready says why not every partition of this engine is restored, nil if all
// are.
func (k *keeper) ready() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.decided {
		return errors.New("listening to the other engines")
	}
	for n, p := range k.parts {
		switch s := &p.status; {
		case !k.ours[n]:
		case k.failed[n] != nil:
			return fmt.Errorf("partition %d has stopped: %w", n, k.failed[n])
		case !s.owned.Load():
			return fmt.Errorf("partition %d is another engine's so far", n)
		case !s.ready.Load():
			return fmt.Errorf("partition %d is restoring", n)
		}
	}
	return nil
}

// first says whether partition 0 is this engine's, and how far time is in the
// partitions of the others, ms.
func (k *keeper) first() (yes bool, abroad int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.decided && k.ours[0], k.abroad
}
