package torture

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/ripenhq/ripen/engine/lead"
)

//go:embed flow/workflow.hcl
var workflow []byte

// round is a number of faults on one data folder, and the check behind them.
type round struct {
	opts  *Options
	tally *Tally
	seed  uint64
	rnd   *rand.Rand
	dir   string
	hist  *history

	durability    string
	partitions    int
	cacheLeads    int    // kept in memory by an engine
	snapshotEvery string // duration

	port   int         // of the embedded server
	server *natsServer // nil: embedded
	proxy  *proxy

	engine  *process   // the one that the next fault is about; nil: none so far
	all     []*process // ever started
	started int
	kills   int
	load    *load
	live    *live
	// repeats are the partitions whose decisions may stand in the journal more
	// than once, under the same id, because their journal was lost or purged.
	repeats map[int]bool
	// excused are leads of which events were lost that the engine had read, in a
	// setup that may lose them. A tick may have come between before they were
	// sent again, so offline they are late: only their number is compared.
	excused  map[string]bool
	canaries int
	switcher *switcher
	harmed   bool // a local store was damaged
}

// plan says what a round does.
type plan struct {
	seed       uint64
	external   bool
	durability string
	partitions int
	faults     []fault
}

func (p *plan) String() string {
	setup := "embedded"
	if p.external {
		setup = "external"
	}
	names := make([]string, len(p.faults))
	for i := range p.faults {
		names[i] = p.faults[i].String()
	}
	return fmt.Sprintf("seed %d, %s, durability %s, %d partitions: %s", p.seed, setup, p.durability, p.partitions, strings.Join(names, ", "))
}

// newRound starts server, producers and subscriber. The round must be ended,
// also after an error.
func newRound(o *Options, t *Tally, p *plan) (r *round, err error) {
	r = &round{opts: o, tally: t, seed: p.seed, rnd: rand.New(rand.NewPCG(p.seed, 1)), durability: p.durability, partitions: p.partitions,
		cacheLeads: 5 + int(p.seed%40), snapshotEvery: "400ms", repeats: map[int]bool{}, excused: map[string]bool{}}
	if r.dir, err = os.MkdirTemp(o.Dir, fmt.Sprintf("round-%d-", p.seed)); err != nil {
		return r, err
	}
	if r.hist, err = newHistory(r.dir); err != nil {
		return r, err
	}
	r.note("%s", p)
	if err := r.writeFlows(); err != nil {
		return r, err
	}
	if r.port, err = freePort(r.rnd); err != nil {
		return r, err
	}
	if p.external {
		r.server = &natsServer{r: r, dir: r.data(), port: r.port}
		if r.proxy, err = newProxy(r.server.addr()); err != nil {
			return r, err
		}
		if err := r.server.start(); err != nil {
			return r, err
		}
	}
	if r.live, err = newLive(r); err != nil {
		return r, err
	}
	r.load = newLoad(r)
	return r, r.load.start()
}

// killed counts a SIGKILL.
func (r *round) killed(kind string) {
	r.kills++
	r.tally.kill(kind)
}

func (r *round) path(name string) string { return filepath.Join(r.dir, name) }
func (r *round) flow() string            { return r.path("flow") }
func (r *round) data() string            { return r.path("data") }

func (r *round) note(format string, args ...any) { r.hist.add(format, args...) }

// freePort is one outside of the range from which the system takes ports for
// clients: else one of them might have it while the server is down.
func freePort(rnd *rand.Rand) (int, error) {
	for {
		port := 20_000 + rnd.IntN(12_000)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		return port, l.Close()
	}
}

// client connects to the server, whenever it is there.
func (r *round) client(name string) (*nats.Conn, error) {
	return nats.Connect("nats://"+net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port)), nats.Name(name), nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond), nats.ReconnectJitter(0, 0), nats.ReconnectBufSize(-1),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
}

// run plays the faults and checks what is left.
func (r *round) run(p *plan) error {
	if err := r.ensure(); err != nil {
		return err
	}
	r.startSwitcher()
	defer r.switcher.stop()
	r.pause(200, 400)
	for i := range p.faults {
		f := &p.faults[i]
		r.note("fault %d: %s", i+1, f)
		if err := f.play(r); err != nil {
			return fmt.Errorf("fault %d (%s): %w", i+1, f, err)
		}
	}
	return r.settle()
}

// fresh gives the round an engine with arms; one that runs is killed for it.
func (r *round) fresh(arm string) error {
	if r.engine != nil {
		r.engine.kill("engine at a random instant")
	}
	var err error
	r.engine, err = r.start(launch{arm: arm})
	return err
}

// ensure gives the round a ready engine.
func (r *round) ensure() error {
	for range 3 {
		if r.engine == nil || r.engine.ended(0) {
			var err error
			if r.engine, err = r.start(launch{}); err != nil {
				return err
			}
		}
		if ok, err := r.engine.untilReady(); ok || err != nil {
			return err
		}
	}
	return fmt.Errorf("%s ends by itself: %w: %s", r.engine.name, r.engine.err, r.engine.tail())
}

// pause waits a moment of up to most ms.
func (r *round) pause(least, most int) {
	time.Sleep(time.Duration(least+r.rnd.IntN(most-least+1)) * time.Millisecond)
}

// settle ends the load, lets time pass once more, waits until every partition
// has read all of it, stops the engine in order and checks.
func (r *round) settle() error {
	if err := r.ensure(); err != nil {
		return err
	}
	r.switcher.stop()
	if err := r.load.finish(); err != nil {
		return err
	}
	if n := r.load.late.Load(); n > 0 {
		r.tally.row(RowRetry)
	}
	if err := r.redrive(); err != nil {
		return err
	}
	if err := r.lastTick(); err != nil {
		return err
	}
	if err := r.caughtUp(nil); err != nil {
		return err
	}
	for _, e := range r.all {
		if !e.ended(0) {
			if err := e.drain(); err != nil {
				return err
			}
		}
	}
	return r.check()
}

// caughtUp sends to each partition but those without an event that makes a
// decision, and waits for it: what came before is then committed.
func (r *round) caughtUp(without map[int]bool) error {
	nc, err := r.client("canary")
	if err != nil {
		return err
	}
	defer nc.Close()
	last := r.newest()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		list, leads := []*event{}, []string{}
		for p := range r.partitions {
			if without[p] {
				continue
			}
			who := r.canary(p)
			list = append(list, &event{id: who + "-1", lead: who, n: 1, at: last,
				line: line(`"type":"track","event":"Canary Seen"`, who+"-1", who, last)})
			leads = append(leads, who)
		}
		r.load.note(list)
		w := producer{l: r.load, nc: nc}
		if err := w.request(list); err != nil {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		r.load.ack(list)
		if r.live.hears(leads, 6*time.Second) {
			return nil
		}
	}
	return errors.New("decisions on the last events do not come")
}

// newest is the latest time of an event so far.
func (r *round) newest() time.Time {
	last := epoch
	for _, e := range r.load.all() {
		if e.at.After(last) {
			last = e.at
		}
	}
	return last
}

// lastTick lets time pass to the newest event.
func (r *round) lastTick() error {
	nc, err := r.client("clock")
	if err != nil {
		return err
	}
	defer nc.Close()
	return insist(&producer{l: r.load, nc: nc}, &event{id: "tick", line: tickLine(r.newest())})
}

func tickLine(at time.Time) string {
	return fmt.Sprintf(`{"type":"tick","timestamp":%q}`, at.UTC().Format(time.RFC3339Nano))
}

// canary is a new lead of a partition.
func (r *round) canary(p int) string {
	for {
		r.canaries++
		if who := fmt.Sprintf("canary-%d", r.canaries); lead.Partition(who, r.partitions) == p {
			return who
		}
	}
}

// end frees what the round holds. Its folder stays if keep.
func (r *round) end(keep bool) {
	for _, e := range r.all {
		if !e.ended(0) {
			_ = e.cmd.Process.Kill()
			<-e.done
		}
	}
	if r.server != nil {
		r.server.end()
		if r.proxy != nil {
			r.proxy.close()
		}
	}
	if r.live != nil {
		r.live.nc.Close()
	}
	if r.hist != nil {
		r.hist.close()
	}
	if !keep {
		_ = os.RemoveAll(r.dir)
	}
}

// within bounds what should take moments.
func within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}
