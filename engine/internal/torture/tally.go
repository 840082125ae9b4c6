package torture

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Row is a line of the failure table in the design of the journal.
type Row string

// The rows.
const (
	RowBeforeCommit  Row = "crash before commit"
	RowUnanswered    Row = "crash between publish and ack"
	RowAckLost       Row = "ack lost, timeout"
	RowRetry         Row = "producer retry, duplicate event id, also days later"
	RowZombie        Row = "zombie: stopped, another claims, continued"
	RowDisconnect    Row = "disconnect inside a batch"
	RowServerKilled  Row = "server killed mid-commit"
	RowDiskFull      Row = "disk full"
	RowStreamFull    Row = "stream full"
	RowPower         Row = "power loss, every write synced"
	RowPowerUnsynced Row = "power loss, journal ahead of events"
	RowCorrupt       Row = "corrupt or missing journal record"
	RowPoison        Row = "poison event"
)

// Beyond the table: partitions that move, and the local store.
const (
	RowJoin         Row = "another engine joins"
	RowLeave        Row = "an engine of two leaves in order"
	RowOrphan       Row = "an engine of two is killed"
	RowStateLost    Row = "local state deleted"
	RowStateOld     Row = "local state older than the journal"
	RowStateDamaged Row = "local state damaged"
	RowInPlace      Row = "release switched in place"
	RowBuilt        Row = "release built from history and switched to"
	RowForked       Row = "release forked and switched to"
	RowPromoted     Row = "shadow promoted"
	RowBack         Row = "rolled back"
	RowExplained    Row = "ripen explain makes all decisions again, all sums are right"
	RowVerified     Row = "ripen journal verify agrees"
	RowVerifyBites  Row = "ripen journal verify finds a changed byte"
)

var rows = []Row{RowBeforeCommit, RowUnanswered, RowAckLost, RowRetry, RowZombie, RowDisconnect, RowServerKilled,
	RowDiskFull, RowStreamFull, RowPower, RowPowerUnsynced, RowCorrupt, RowPoison}

// more are asked of long runs.
var more = []Row{RowJoin, RowLeave, RowOrphan, RowStateLost, RowStateOld, RowStateDamaged, RowInPlace, RowBuilt, RowForked, RowPromoted, RowBack, RowExplained, RowVerified, RowVerifyBites}

// Tally counts what a run has visited and found.
type Tally struct {
	mu     sync.Mutex
	rows   map[Row]int
	kills  map[string]int // by kind
	hits   map[string]int // processes that passed a point
	acts   map[string]int // "point action" that happened
	rounds int
	slow   time.Duration // longest time until the partitions of a lost engine decided again

	Events, Sent, Decisions, Leads int
	Lost, Double, Reordered, Other int
}

func newTally() *Tally {
	return &Tally{rows: map[Row]int{}, kills: map[string]int{}, hits: map[string]int{}, acts: map[string]int{}}
}

func (t *Tally) row(r Row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows[r]++
}

func (t *Tally) kill(kind string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kills[kind]++
}

// took notes how long partitions had no owner.
func (t *Tally) took(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.slow = max(t.slow, d)
}

// commandKilled is the kind of a kill that is neither of an engine nor of a
// server.
const commandKilled = "command at a failpoint"

// Kills is the number of SIGKILLs of engines and servers so far.
func (t *Tally) Kills() (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for kind, k := range t.kills {
		if kind != commandKilled {
			n += k
		}
	}
	return n
}

// read takes the lines of a file that failpoints have written.
func (t *Tally) read(file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		return // the process passed none
	}
	for line := range strings.Lines(string(text)) {
		t.trace(strings.TrimSpace(line))
	}
}

// trace reads a line that a failpoint has written.
func (t *Tally) trace(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if name, ok := strings.CutPrefix(line, "hit "); ok {
		t.hits[name]++
	} else if act, ok := strings.CutPrefix(line, "act "); ok {
		t.acts[act]++
	}
}

// seldom are the failpoints that a short run need not pass: whether a change of
// releases comes as far between the kills is up to the machine's speed.
var seldom = []string{"build.chunk", "fork"}

// Missed lists what was never visited: rows and failpoints; of a long run also
// what is beyond the table, what is seldom, and points at which no process was
// killed.
func (t *Tally) Missed(long bool) (list []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, r := range slices.Concat(rows, more) {
		if t.rows[r] == 0 && (long || i < len(rows)) {
			list = append(list, "row \""+string(r)+"\"")
		}
	}
	for _, p := range points {
		if !long && slices.Contains(seldom, p.name) {
			continue
		}
		if t.hits[p.name] == 0 {
			list = append(list, "failpoint "+p.name+" (never passed)")
		} else if long && t.acts[p.name+" kill"] == 0 {
			list = append(list, "failpoint "+p.name+" (never killed at)")
		}
	}
	return list
}

// Faults is the number of broken promises.
func (t *Tally) Faults() int { return t.Lost + t.Double + t.Reordered + t.Other }

// Print writes the table.
func (t *Tally) Print(w io.Writer) {
	kills := t.Kills()
	t.mu.Lock()
	defer t.mu.Unlock()
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	p("\n%d kills of engine and server in %d rounds: ", kills, t.rounds)
	for i, k := range slices.Sorted(maps.Keys(t.kills)) {
		if i > 0 {
			p(", ")
		}
		p("%s %d", k, t.kills[k])
	}
	p("\n\nrow of the failure table                               visits\n")
	for _, r := range slices.Concat(rows, more) {
		p("  %-52s %6d\n", r, t.rows[r])
	}
	p("\nfailpoint            processes  kills  stops  errors\n")
	for _, point := range points {
		n := point.name
		p("  %-18s %9d %6d %6d %7d\n", n, t.hits[n], t.acts[n+" kill"], t.acts[n+" stop"], t.acts[n+" error"])
	}
	p("\n%d events sent, %d different in the streams, %d decisions, %d leads\n", t.Sent, t.Events, t.Decisions, t.Leads)
	p("partitions of a stopped or killed engine decided again after %s at most\n", t.slow.Round(time.Millisecond))
	p("%d lost, %d double, %d reordered", t.Lost, t.Double, t.Reordered)
	if t.Other > 0 {
		p(", %d other faults", t.Other)
	}
	p("\n")
}
