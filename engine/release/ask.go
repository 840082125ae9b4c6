package release

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/ripenhq/ripen/engine/lineage"
)

// OpPrefix begins the subjects on which engines answer operators.
const OpPrefix = "ripen.op."

// Verbs of requests to engines.
const (
	VerbStatus  = "status"  // what runs: a list of LineageStatus
	VerbPrepare = "prepare" // load a release: PrepareRequest
	VerbPresent = "present" // let time pass up to now; the answer comes when all that the stream holds up to then is read
	VerbCount   = "count"   // who would newly be handed over by a switch: lineage.Order → list of Newly
	VerbOrder   = "order"   // write an order: OrderRequest → OrderReply
)

// Reply is one message of an engine in answer to a request.
type Reply struct {
	Engine     string          `json:"engine"`
	Host       string          `json:"host"`
	Partitions []int           `json:"partitions"` // that it answers for
	Of         int             `json:"of"`         // partitions there are
	More       bool            `json:"more,omitempty"`
	Said       string          `json:"said,omitempty"` // what it is doing, for people
	Error      string          `json:"error,omitempty"`
	Body       json.RawMessage `json:"body,omitempty"`
}

// Sentinels of requests to engines.
var (
	// ErrNoEngine says that no engine listens.
	ErrNoEngine = errors.New("no engine is running")
	// ErrSilent says that no engine answered for some partitions in time.
	ErrSilent = errors.New("not all partitions answered")
	// ErrGone says that the server is gone, with the engine that it runs in.
	ErrGone = errors.New("the engine is gone: the connection to it is lost")
)

// EngineError is what one engine says against a request.
type EngineError struct {
	Host       string
	Partitions []int
	Text       string
}

func (e *EngineError) Error() string {
	return fmt.Sprintf("engine %s (%s): %s", e.Host, partitionsText(e.Partitions), e.Text)
}

func partitionsText(list []int) string {
	if len(list) == 0 {
		return "no partition"
	}
	word := "partition "
	if len(list) > 1 {
		word = "partitions "
	}
	return word + strings.Trim(strings.Join(strings.Fields(fmt.Sprint(list)), ", "), "[]")
}

// Ask sends a request to all engines and hands their replies to each, until
// final ones cover all partitions. An engine's error ends it, and so does the end
// of all engines (ErrNoEngine) or of the server (ErrGone). A context that ends
// first is ErrSilent with what is missing.
func Ask(ctx context.Context, nc *nats.Conn, verb string, body any, each func(*Reply) error) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	inbox := nc.NewRespInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := nc.PublishRequest(OpPrefix+verb, inbox, text); err != nil {
		return gone(err)
	}
	g, w := gathered{heard: map[string]*Reply{}}, watch{nc: nc}
	for {
		m, err := w.next(ctx, sub)
		switch {
		case err != nil && ctx.Err() != nil:
			return g.silent(verb)
		case errors.Is(err, nats.ErrNoResponders), err == nil && m.Header.Get("Status") == "503":
			return ErrNoEngine
		case err != nil:
			return err
		}
		var r Reply
		if err := json.Unmarshal(m.Data, &r); err != nil {
			return fmt.Errorf("answer to %s: %w", OpPrefix+verb, err)
		}
		if r.Error != "" {
			return &EngineError{r.Host, r.Partitions, r.Error}
		}
		if err := each(&r); err != nil {
			return err
		}
		if g.take(&r) {
			return nil
		}
	}
}

// How often who waits for an answer looks whether there is still somebody to
// give it, and how long a connection may be lost before it counts as gone.
const (
	lookEvery = time.Second
	lostTime  = 5 * time.Second
)

// watch waits for answers as long as somebody may give them.
type watch struct {
	nc   *nats.Conn
	lost time.Time // since when the connection is lost, zero if it is there
}

// next is the next message.
func (w *watch) next(ctx context.Context, sub *nats.Subscription) (*nats.Msg, error) {
	for {
		bounded, cancel := context.WithTimeout(ctx, lookEvery)
		m, err := sub.NextMsgWithContext(bounded)
		late := bounded.Err() != nil
		cancel()
		if err == nil || !late || ctx.Err() != nil {
			return m, gone(err)
		}
		if err := w.look(ctx); err != nil {
			return nil, err
		}
	}
}

// look says whether anybody is there.
func (w *watch) look(ctx context.Context) error {
	if w.nc.IsConnected() {
		w.lost = time.Time{}
		bounded, cancel := context.WithTimeout(ctx, lookEvery)
		defer cancel()
		if _, err := w.nc.RequestWithContext(bounded, OpPrefix+VerbStatus, nil); errors.Is(err, nats.ErrNoResponders) {
			return ErrNoEngine
		}
		return nil
	}
	if w.lost.IsZero() {
		w.lost = time.Now()
	}
	if w.nc.IsClosed() || time.Since(w.lost) > lostTime {
		return ErrGone
	}
	return nil
}

// gone makes the end of a connection ErrGone.
func gone(err error) error {
	if errors.Is(err, nats.ErrConnectionClosed) {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	return err
}

// gathered is who has answered so far.
type gathered struct {
	heard map[string]*Reply // the last of each engine
	done  map[int]bool      // partitions with a final answer
	of    int
}

func (g *gathered) take(r *Reply) (all bool) {
	g.heard[r.Engine], g.of = r, r.Of
	if r.More {
		return false
	}
	if g.done == nil {
		g.done = map[int]bool{}
	}
	for _, p := range r.Partitions {
		g.done[p] = true
	}
	return len(g.done) >= g.of
}

// silent names the engines that began to answer, and what nobody answered for.
func (g *gathered) silent(verb string) error {
	if len(g.heard) == 0 {
		return fmt.Errorf("%w: nobody answered %s%s; is an engine running, and is it of this version?", ErrSilent, OpPrefix, verb)
	}
	var missing []int
	for p := range g.of {
		if !g.done[p] {
			missing = append(missing, p)
		}
	}
	var busy []string
	for _, r := range g.heard {
		if r.More {
			busy = append(busy, fmt.Sprintf("engine %s (%s) is still at it: %s", r.Host, partitionsText(r.Partitions), r.Said))
			missing = slices.DeleteFunc(missing, func(p int) bool { return slices.Contains(r.Partitions, p) })
		}
	}
	slices.Sort(busy)
	if len(missing) > 0 {
		busy = append(busy, "no engine answered for "+partitionsText(missing))
	}
	return fmt.Errorf("%w: %s", ErrSilent, strings.Join(busy, "; "))
}

// Statuses asks what runs, in partition order.
func Statuses(ctx context.Context, nc *nats.Conn) (list []LineageStatus, partitions int, err error) {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	err = Ask(ctx, nc, VerbStatus, struct{}{}, func(r *Reply) error {
		var part []LineageStatus
		if err := json.Unmarshal(r.Body, &part); err != nil {
			return fmt.Errorf("status of engine %s: %w", r.Host, err)
		}
		for i := range part {
			part[i].Host = r.Host
		}
		list, partitions = append(list, part...), r.Of
		return nil
	})
	slices.SortFunc(list, func(a, b LineageStatus) int {
		if a.Partition != b.Partition {
			return a.Partition - b.Partition
		}
		return int(int64(a.ID) - int64(b.ID))
	})
	return list, partitions, err
}

// statusPatience is how long engines may take to say what they run: between
// two micro-batches they answer at once.
const statusPatience = 10 * time.Second

// PrepareRequest asks an engine to load and test a release.
type PrepareRequest struct {
	Workflow string `json:"workflow"`
	Number   uint32 `json:"number"`
	Digest   string `json:"digest"`
	Model    string `json:"model"`
	Ledgers  bool   `json:"ledgers,omitempty"` // it is to take the ledgers of the live release as they are
}

// PrepareReply says that an engine is ready to run it.
type PrepareReply struct {
	Took int64 `json:"took"` // ms
}

// OrderRequest asks an engine to write an order.
type OrderRequest struct {
	Order json.RawMessage `json:"order"` // lineage.Order
	// Change is the revision of the lease under which it is asked for: once that
	// has moved on, nobody may write the order any more. 0: no change asks.
	Change uint64 `json:"change,omitempty"`
}

// OrderReply is where an order stands in the events stream.
type OrderReply struct {
	Seq uint64 `json:"seq"`
	At  int64  `json:"at"` // ms since 1970 UTC
}

// AskOrder asks one engine to write an order, under a change or, with nil, under
// none.
func AskOrder(ctx context.Context, nc *nats.Conn, o *lineage.Order, h *Held) (r OrderReply, err error) {
	text, err := o.Encode()
	if err != nil {
		return r, err
	}
	request := OrderRequest{Order: text}
	if h != nil {
		request.Change = h.revision
	}
	body, err := json.Marshal(request)
	if err != nil {
		return r, err
	}
	return r, askOne(ctx, nc, VerbOrder, body, &r)
}

// askOne sends a request that one engine answers, once, into out.
func askOne(ctx context.Context, nc *nats.Conn, verb string, body json.RawMessage, out any) error {
	m, err := nc.RequestWithContext(ctx, OpPrefix+verb, body)
	if errors.Is(err, nats.ErrNoResponders) {
		return ErrNoEngine
	}
	switch {
	case err == nil:
	case !nc.IsConnected():
		return fmt.Errorf("%w: request %s%s: %w", ErrGone, OpPrefix, verb, err)
	default:
		return fmt.Errorf("request %s%s: %w", OpPrefix, verb, err)
	}
	var r Reply
	if err := json.Unmarshal(m.Data, &r); err != nil {
		return fmt.Errorf("answer to %s%s: %w", OpPrefix, verb, err)
	}
	if r.Error != "" {
		return &EngineError{r.Host, r.Partitions, r.Error}
	}
	return json.Unmarshal(r.Body, out)
}
