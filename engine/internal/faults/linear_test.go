package faults_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/internal/faults/broker"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/natsd"
)

// The journal of a partition as one object that many use at once: a log with a
// fence. A claim appends "c<epoch>" and fences every older epoch; a commit of
// epoch e appends "e<epoch>:<value>" if e is the newest, and does nothing
// otherwise; a read gives the whole log. "Fenced" says that another epoch has
// begun: what was stored before that, with its answer lost, stays stored, and
// the new owner has read it. Porcupine searches for an order of the
// operations, each at one instant between its call and its return, that
// explains every answer.

type logOp struct {
	kind      string // claim, commit, read; superseded: a newer epoch has begun
	partition int
	epoch     uint64 // commit
	value     string // commit
}

type logAnswer struct {
	fate  string // ok, fenced, unknown
	epoch uint64 // claim
	log   string // read
}

// logState is the newest epoch and the log.
type logState struct {
	epoch uint64
	log   string
}

// stepLog is the specification: the states that an answer can lead to.
func stepLog(s logState, in logOp, out logAnswer) []logState {
	stay := []logState{s}
	switch in.kind {
	case "read":
		if out.fate == "ok" && out.log != s.log {
			return nil
		}
		return stay
	case "claim":
		after := logState{s.epoch + 1, fmt.Sprintf("%sc%d ", s.log, s.epoch+1)}
		switch out.fate {
		case "ok":
			if out.epoch != after.epoch {
				return nil
			}
			return []logState{after}
		}
		return []logState{s, after} // fenced or unknown
	case "superseded":
		if s.epoch <= in.epoch {
			return nil // nobody has claimed: there is no fence
		}
		return stay
	}
	after := logState{s.epoch, fmt.Sprintf("%se%d:%s ", s.log, in.epoch, in.value)}
	switch {
	case s.epoch != in.epoch && out.fate == "ok":
		return nil // a commit of a fenced epoch
	case s.epoch != in.epoch:
		return stay
	case out.fate == "ok":
		return []logState{after}
	}
	return []logState{s, after}
}

var logModel = (&porcupine.NondeterministicModel{
	Partition: func(history []porcupine.Operation) (parts [][]porcupine.Operation) {
		by := map[int]int{}
		for _, op := range history {
			p := op.Input.(logOp).partition
			if _, ok := by[p]; !ok {
				by[p] = len(parts)
				parts = append(parts, nil)
			}
			parts[by[p]] = append(parts[by[p]], op)
		}
		return parts
	},
	Init: func() []any { return []any{logState{}} },
	Step: func(state, in, out any) (next []any) {
		for _, s := range stepLog(state.(logState), in.(logOp), out.(logAnswer)) {
			next = append(next, s)
		}
		return next
	},
	DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v → %+v", in, out) },
})

// history collects operations of many clients.
type history struct {
	mu   sync.Mutex
	now  int64
	list []porcupine.Operation
}

func (h *history) tick() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now++
	return h.now
}

// do records one operation. What nobody knows the end of may end at any time.
func (h *history) do(client int, in logOp, f func() logAnswer) logAnswer {
	call := h.tick()
	out := f()
	end := h.tick()
	if out.fate == "unknown" {
		if in.kind == "read" {
			return out // it says nothing
		}
		end = math.MaxInt64
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, porcupine.Operation{ClientId: client, Input: in, Output: out, Call: call, Return: end})
	if in.kind == "commit" && out.fate == "fenced" {
		fence := logOp{kind: "superseded", partition: in.partition, epoch: in.epoch}
		h.list = append(h.list, porcupine.Operation{ClientId: client, Input: fence, Output: out, Call: call, Return: end})
	}
	return out
}

func (h *history) String() string {
	var b strings.Builder
	for _, op := range h.list {
		fmt.Fprintf(&b, "%4d–%4d client %d: %+v → %+v\n", op.Call, op.Return, op.ClientId, op.Input, op.Output)
	}
	return b.String()
}

func fateOf(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, journal.ErrFenced):
		return "fenced"
	}
	return "unknown"
}

// contend claims, commits, reads and stands still in between, in a row.
func contend(h *history, client int, rng *rand.Rand, j *journal.Journal, ops int, pause time.Duration) {
	rest := func() { time.Sleep(time.Duration(rng.Int64N(int64(pause)))) }
	for n := 0; n < ops; {
		p := rng.IntN(j.Partitions())
		var pt *journal.Partition
		n++
		out := h.do(client, logOp{kind: "claim", partition: p}, func() logAnswer {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			var err error
			if pt, err = j.Claim(ctx, p); err != nil {
				return logAnswer{fate: fateOf(err)}
			}
			return logAnswer{fate: "ok", epoch: pt.Epoch()}
		})
		for out.fate == "ok" && n < ops && rng.IntN(5) > 0 {
			rest()
			n++
			in := logOp{kind: "commit", partition: p, epoch: pt.Epoch(), value: fmt.Sprintf("%d.%d", client, n)}
			out = h.do(client, in, func() logAnswer {
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
				defer cancel()
				var outs []journal.Output
				for i := range rng.IntN(3) {
					outs = append(outs, journal.Output{Subject: journal.DecisionSubject("w", "a"), Data: fmt.Appendf(nil, "%d e%d:%s %d", p, in.epoch, in.value, i)})
				}
				_, err := pt.Commit(ctx, outs, journal.Record{Lineages: deltaOf([]byte(in.value))})
				return logAnswer{fate: fateOf(err)}
			})
		}
		if rng.IntN(2) == 0 {
			n++
			h.do(client, logOp{kind: "read", partition: p}, func() logAnswer { return readLog(j, p) })
		}
		rest()
	}
}

// readLog reads and verifies the journal of a partition.
func readLog(j *journal.Journal, p int) logAnswer {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var b strings.Builder
	err := j.Records(ctx, p, func(r journal.Record) error {
		if r.Kind == journal.KindClaim {
			fmt.Fprintf(&b, "c%d ", r.Epoch)
		} else {
			fmt.Fprintf(&b, "e%d:%s ", r.Epoch, deltaIn(&r))
		}
		return nil
	})
	if err != nil {
		return logAnswer{fate: "unknown"}
	}
	return logAnswer{fate: "ok", log: b.String()}
}

// judgeLog checks the history, and that each decision belongs to a commit that
// the log holds.
func judgeLog(t *testing.T, h *history, j *journal.Journal, decisions []broker.Message, more func() string) {
	t.Helper()
	logs := map[string]bool{}
	for p := range j.Partitions() {
		out := h.do(99, logOp{kind: "read", partition: p}, func() logAnswer { return readLog(j, p) })
		require.Equal(t, "ok", out.fate)
		for _, word := range strings.Fields(out.log) {
			logs[fmt.Sprint(p, " ", word)] = true
		}
	}
	seen := map[string]bool{}
	for _, m := range decisions {
		word := string(m.Data)
		require.False(t, seen[word], "decision %s is there twice", word)
		seen[word] = true
		require.True(t, logs[word[:strings.LastIndexByte(word, ' ')]], "decision %s has no commit in the log", word)
	}
	switch porcupine.CheckOperationsTimeout(logModel.ToModel(), h.list, 20*time.Second) {
	case porcupine.Illegal:
		t.Errorf("no order of these operations explains their answers:\n%s\n%s", h, more())
	case porcupine.Unknown:
		t.Logf("not decided in time: %d operations", len(h.list))
	}
}

// TestLinear_RealServer lets clients contend for partitions on a real server.
func TestLinear_RealServer(t *testing.T) {
	srv, err := natsd.Start(natsd.Options{Dir: t.TempDir(), NoListen: true, Durability: natsd.Process})
	require.NoError(t, err)
	defer func() { require.NoError(t, srv.Stop(context.Background())) }()
	h := &history{}
	var all sync.WaitGroup
	var j *journal.Journal
	var nc *nats.Conn
	for client := range 5 {
		nc, err = srv.Connect(fmt.Sprint("client-", client))
		require.NoError(t, err)
		defer nc.Close()
		js, err := jetstream.New(nc)
		require.NoError(t, err)
		j, err = journal.Open(t.Context(), js, journal.Config{Partitions: 2, Owner: fmt.Sprint("client-", client)})
		require.NoError(t, err)
		mine := j
		all.Go(func() {
			contend(h, client, rand.New(rand.NewPCG(uint64(client), 5)), mine, 60, 3*time.Millisecond)
		})
	}
	all.Wait()
	judgeLog(t, h, j, messages(t, nc, journal.JournalStream, "ripen.out.>"), func() string { return "" })
	fates := map[string]int{}
	for _, op := range h.list {
		fates[op.Input.(logOp).kind+" "+op.Output.(logAnswer).fate]++
	}
	require.Greater(t, fates["commit fenced"], 5, "%v", fates)
	t.Logf("%v", fates)
}

// TestLinear_FakeBroker does so under seeded failures. RIPEN_FAULTS_LINEAR is
// the number of histories.
func TestLinear_FakeBroker(t *testing.T) {
	fates := map[string]int{}
	bubble(t, func(t *testing.T) {
		for seed := range number(t, "RIPEN_FAULTS_LINEAR", 200) {
			for _, op := range contention(t, uint64(seed)).list {
				fates[op.Input.(logOp).kind+" "+op.Output.(logAnswer).fate]++
			}
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	})
	t.Logf("%v", fates)
}

// contention is one history under the failures of a seed.
func contention(t *testing.T, seed uint64) *history {
	b := broker.New()
	defer b.Close()
	rng := rand.New(rand.NewPCG(seed, 0x6c696e))
	h := &history{}
	var all sync.WaitGroup
	open := func(name string) (*journal.Journal, *nats.Conn) {
		nc, err := nats.Connect("nats://memory", nats.InProcessServer(b.Link(name)), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond),
			nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
		require.NoError(t, err)
		js, err := jetstream.New(nc)
		require.NoError(t, err)
		j, err := journal.Open(context.Background(), js, journal.Config{Partitions: 2, Owner: name, CommitTimeout: 2 * time.Second})
		require.NoError(t, err)
		return j, nc
	}
	last, nc := open("auditor")
	defer nc.Close()
	var journals []*journal.Journal
	for client := range 4 {
		j, nc := open(fmt.Sprint("client-", client))
		defer nc.Close()
		journals = append(journals, j)
	}
	b.SetPlan(harm(seed, 3+rng.IntN(20)))
	for client, j := range journals {
		mine := rand.New(rand.NewPCG(seed, uint64(client)))
		all.Go(func() { contend(h, client, mine, j, 12, 2*time.Second) })
	}
	all.Wait()
	b.SetPlan(nil)
	time.Sleep(time.Minute) // what is late arrives
	judgeLog(t, h, last, b.Messages(journal.JournalStream, "ripen.out.>"), b.History)
	return h
}

// The checker itself finds what must not be.
func TestLinear_TheCheckerBites(t *testing.T) {
	claim := func(call, ret int64, epoch uint64) porcupine.Operation {
		return porcupine.Operation{Input: logOp{kind: "claim"}, Output: logAnswer{fate: "ok", epoch: epoch}, Call: call, Return: ret}
	}
	commit := func(call, ret int64, epoch uint64, fate string) porcupine.Operation {
		return porcupine.Operation{Input: logOp{kind: "commit", epoch: epoch, value: "x"}, Output: logAnswer{fate: fate}, Call: call, Return: ret}
	}
	read := func(call, ret int64, log string) porcupine.Operation {
		return porcupine.Operation{Input: logOp{kind: "read"}, Output: logAnswer{fate: "ok", log: log}, Call: call, Return: ret}
	}
	legal := func(list ...porcupine.Operation) bool { return porcupine.CheckOperations(logModel.ToModel(), list) }
	require.True(t, legal(claim(1, 2, 1), commit(3, 4, 1, "ok"), claim(5, 6, 2), commit(7, 8, 1, "fenced"), read(9, 10, "c1 e1:x c2 ")))
	require.True(t, legal(claim(1, 2, 1), commit(3, math.MaxInt64, 1, "unknown"), claim(5, 6, 2), read(9, 10, "c1 c2 ")))
	require.False(t, legal(claim(1, 2, 1), claim(3, 4, 2), commit(5, 6, 1, "ok")), "a zombie's commit")
	require.False(t, legal(claim(1, 2, 1), claim(3, 4, 2), commit(5, 6, 1, "unknown"), read(7, 8, "c1 c2 e1:x ")), "a zombie's commit that nobody saw")
	require.False(t, legal(claim(1, 2, 1), claim(3, 4, 1)), "one epoch, two owners")
	fence := porcupine.Operation{Input: logOp{kind: "superseded", epoch: 1}, Output: logAnswer{fate: "fenced"}, Call: 3, Return: 4}
	require.False(t, legal(claim(1, 2, 1), commit(3, 4, 1, "fenced"), fence), "a fence that nobody set")
	require.False(t, legal(claim(1, 2, 1), commit(3, 4, 1, "ok"), read(5, 6, "c1 ")), "a commit that is lost")
}

func deltaOf(b []byte) []journal.Lineage {
	return []journal.Lineage{{ID: 1, Workflow: "w", Role: journal.RoleLive, Delta: b}}
}

func deltaIn(r *journal.Record) string {
	if len(r.Lineages) == 0 {
		return ""
	}
	return string(r.Lineages[0].Delta)
}
