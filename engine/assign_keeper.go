package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go"

	"github.com/ripenhq/ripen/engine/internal/failpoint"
	"github.com/ripenhq/ripen/engine/journal"
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

// work is a partition at work.
type work struct {
	cancel   context.CancelFunc // nil when it is not running
	stopping bool
	freed    bool
	since    time.Time
}

type ending struct {
	partition int
	err       error
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

// states says what runs, in the roster's words. A partition that has failed
// counts: this engine holds it.
func (k *keeper) states() []run {
	list := make([]run, len(k.runs))
	for n := range k.runs {
		list[n] = run{running: k.runs[n].cancel != nil || k.failure(n) != nil, stopping: k.runs[n].stopping, epoch: k.parts[n].status.epoch.Load()}
	}
	return list
}

func (k *keeper) start(n int) {
	ctx, cancel := context.WithCancel(k.ctx)
	p := k.parts[n]
	p.status.epoch.Store(0)
	p.status.owned.Store(true)
	p.free = func() { k.freed <- n }
	k.runs[n] = work{cancel: cancel, since: time.Now()}
	go func() {
		e := ending{partition: n}
		defer func() {
			// A bug of ours ends the engine with one line; what is committed stays.
			if r := recover(); r != nil {
				p.log.Error("internal error", "panic", r, "stack", string(debug.Stack()))
				e.err = fmt.Errorf("partition %d: internal error: %v; please report it", n, r)
			}
			p.close()
			k.ended <- e
		}()
		failpoint.Hit("assign.claim")
		e.err = p.run(ctx)
	}()
}

// stop tells a partition to finish its commit and end. One that has failed is
// forgotten, for the next engine to try.
func (k *keeper) stop(n int) {
	if k.runs[n].cancel != nil {
		k.runs[n].cancel()
		k.runs[n].stopping = true
		return
	}
	k.mu.Lock()
	k.failed[n] = nil
	k.mu.Unlock()
}

// note strikes off a partition that has ended. It said that it is free before
// that, which must not be taken for a word of its next run.
func (k *keeper) note(n int) (ran time.Duration) {
	for len(k.freed) > 0 {
		k.runs[<-k.freed].freed = true
	}
	k.runs[n].cancel()
	ran = time.Since(k.runs[n].since)
	k.runs[n] = work{}
	k.parts[n].status.owned.Store(false)
	return ran
}

// end takes note of why a partition has ended. An error is the engine's end.
func (k *keeper) end(e ending) error {
	stopped := k.ctx.Err() != nil
	ran := k.note(e.partition)
	switch {
	case e.err == nil || stopped:
		return nil
	case errors.Is(e.err, journal.ErrFenced) && k.hints != nil:
		if ran > fenceMost {
			k.roster.waits[e.partition] = wait{}
		}
		k.roster.fenced(e.partition, time.Now())
		k.log.Info("another engine has claimed a partition, giving it up", "partition", e.partition)
		return nil
	case !k.bearable(e.err):
		return e.err
	}
	k.log.Error("a partition has stopped, the others go on", "partition", e.partition, "error", e.err)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failed[e.partition] = e.err
	if slices.Contains(k.failed, nil) {
		return nil
	}
	return errors.Join(k.failed...)
}

// bearable says whether an error concerns one partition and no other.
func (k *keeper) bearable(err error) bool {
	return errors.Is(err, journal.ErrCorrupt) || errors.Is(err, journal.ErrInputLost) || errors.Is(err, journal.ErrRetention) || k.hints != nil && errors.Is(err, journal.ErrFenced)
}

func (k *keeper) running() (n int) {
	for i := range k.runs {
		if k.runs[i].cancel != nil {
			n++
		}
	}
	return n
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
