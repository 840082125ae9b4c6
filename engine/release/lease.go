package release

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/ripenhq/ripen/engine/lineage"
)

// leaseKey is where the change that is under way is noted: there is at most
// one, of all workflows together. Releases are listed as <workflow>.<number>.
const leaseKey = "lease"

// alivePrefix is where whoever holds the lease answers.
const alivePrefix = OpPrefix + "lease."

// aliveTime is how long it may take for that answer.
const aliveTime = 2 * time.Second

// Sentinels of the lease.
var (
	// ErrBusy says that another change is under way.
	ErrBusy = errors.New("another change is under way")
	// ErrLeft says that another change was left where it was.
	ErrLeft = errors.New("a change was left before its end")
	// ErrTaken says that somebody else took the change over.
	ErrTaken = errors.New("somebody else took this change over")
	// ErrNoChange says that no change is under way.
	ErrNoChange = errors.New("no change is under way")
)

// Step is how far a change is.
type Step string

// The steps, in their order.
const (
	Begun    Step = "begun"    // nothing is done
	Prepared Step = "prepared" // every engine has the release, and it is listed
	Building Step = "building" // its lineage was started
	Ready    Step = "ready"    // its lineage is in step
	Switched Step = "switched" // the order to switch is written
)

// Change is a change of what runs, under way: an apply, a promotion, a rollback
// or the start of a shadow. It is kept on the server after each step, so that
// it can be continued or given up by anybody if its operator goes away.
type Change struct {
	Verb     string `json:"verb"`
	Owner    string `json:"owner"` // for people
	Token    string `json:"token"` // of the holder, see alive
	Since    int64  `json:"since"` // ms since 1970 UTC
	Beat     int64  `json:"beat"`  // ms: of the last step
	Workflow string `json:"workflow"`
	Step     Step   `json:"step"`
	// Release is what is to run; its number is 0 until it is listed.
	Release lineage.Release `json:"release"`
	Entry   Entry           `json:"entry"` // as it is, or will be, listed
	Lineage lineage.ID      `json:"lineage,omitempty"`
	Kept    bool            `json:"kept,omitempty"`  // the lineage was there before, and stays if the change is given up
	Added   []string        `json:"added,omitempty"` // files that were stored for it
	Switch  OrderReply      `json:"switch,omitzero"`
	Terms   Terms           `json:"terms"`
}

// Terms say how a change is made.
type Terms struct {
	NoRescore bool   `json:"noRescore,omitempty"` // the ledgers go on
	NoSwitch  bool   `json:"noSwitch,omitempty"`  // a shadow only
	OnRelease string `json:"onRelease,omitempty"` // fire, mark or drip
	PerDay    int64  `json:"perDay,omitempty"`    // of a drip
	Keep      int64  `json:"keep,omitempty"`      // ms
	MaxNew    int    `json:"maxNew"`              // leads that the switch may newly hand to sales; negative is any number
	Recall    bool   `json:"recall,omitempty"`
	Since     int64  `json:"since,omitempty"` // ms: hand-offs since then are recalled
}

// InPlace says that the live lineage itself goes on with the release.
func (t *Terms) InPlace() bool { return t.NoRescore && t.Keep == 0 && !t.NoSwitch }

// Held is a change whose lease this process holds.
type Held struct {
	Change
	store    *Store
	revision uint64
	sub      *nats.Subscription
}

// Hold begins a change. ErrBusy and ErrLeft say what is under way already.
func (s *Store) Hold(ctx context.Context, nc *nats.Conn, c Change) (*Held, error) {
	h := &Held{Change: c, store: s}
	if err := h.listen(nc); err != nil {
		return nil, err
	}
	text, err := json.Marshal(&h.Change)
	if err == nil {
		h.revision, err = s.log.Create(ctx, leaseKey, text)
	}
	if err == nil {
		return h, nil
	}
	h.Leave()
	if !errors.Is(err, jetstream.ErrKeyExists) {
		return nil, logError(err)
	}
	other, _, err := s.lease(ctx)
	if err != nil {
		return nil, err
	}
	if alive(ctx, nc, other.Token) {
		return nil, fmt.Errorf("%w: %s is at it since %s; wait until it has ended", ErrBusy, other.describe(), clockTime(other.Since))
	}
	return nil, fmt.Errorf("%w: %s began at %s and was left at %q; go on with ripen apply --continue, or give it up with ripen apply --abort",
		ErrLeft, other.describe(), clockTime(other.Since), other.Step)
}

// TakeOver goes on with a change that was left.
func (s *Store) TakeOver(ctx context.Context, nc *nats.Conn, owner string) (*Held, error) {
	c, revision, err := s.lease(ctx)
	if err != nil {
		return nil, err
	}
	if alive(ctx, nc, c.Token) {
		return nil, fmt.Errorf("%w: %s is at it since %s", ErrBusy, c.describe(), clockTime(c.Since))
	}
	c.Owner = owner
	h := &Held{Change: *c, store: s, revision: revision}
	if err := h.listen(nc); err != nil {
		return nil, err
	}
	if err := h.save(ctx); err != nil {
		h.Leave()
		return nil, err
	}
	return h, nil
}

// Under says whether a change is where it was when its lease had that revision;
// ErrTaken if not. A server of several may know an older one for a moment.
func (s *Store) Under(ctx context.Context, revision uint64) error {
	for end := time.Now().Add(aliveTime); ; {
		_, now, err := s.lease(ctx)
		switch {
		case err == nil && now == revision:
			return nil
		case err != nil && !errors.Is(err, ErrNoChange):
			return err
		case now > revision, time.Now().After(end):
			return fmt.Errorf("%w, or it has ended", ErrTaken)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *Change) describe() string {
	what := fmt.Sprintf("%s of workflow %q", c.Verb, c.Workflow)
	if c.Release.Number != 0 {
		what = fmt.Sprintf("%s of release %d of workflow %q", c.Verb, c.Release.Number, c.Workflow)
	}
	return fmt.Sprintf("%s by %s", what, c.Owner)
}

func clockTime(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05Z") }

// lease reads the change that is under way; ErrNoChange without.
func (s *Store) lease(ctx context.Context) (*Change, uint64, error) {
	kv, err := s.log.Get(ctx, leaseKey)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, ErrNoChange
	}
	if err != nil {
		return nil, 0, logError(err)
	}
	c := &Change{}
	if err := json.Unmarshal(kv.Value(), c); err != nil {
		return nil, 0, fmt.Errorf("%w: %s in %s cannot be read", ErrDamaged, leaseKey, LogBucket)
	}
	return c, kv.Revision(), nil
}

// listen lets others find out that this process is alive: whoever is gone
// without a word does not answer, and the server says so at once.
func (h *Held) listen(nc *nats.Conn) (err error) {
	h.Token = nuid.Next()
	h.sub, err = nc.Subscribe(alivePrefix+h.Token, func(m *nats.Msg) { _ = m.Respond([]byte(h.Owner)) })
	if err == nil {
		err = nc.Flush()
	}
	return err
}

func alive(ctx context.Context, nc *nats.Conn, token string) bool {
	ctx, cancel := context.WithTimeout(ctx, aliveTime)
	defer cancel()
	_, err := nc.RequestWithContext(ctx, alivePrefix+token, nil)
	return !errors.Is(err, nats.ErrNoResponders)
}

// To notes that a step is done. ErrTaken: stop at once.
func (h *Held) To(ctx context.Context, step Step) error {
	h.Step = step
	return h.save(ctx)
}

func (h *Held) save(ctx context.Context) error {
	h.Beat = time.Now().UnixMilli()
	text, err := json.Marshal(&h.Change)
	if err != nil {
		return err
	}
	revision, err := h.store.log.Update(ctx, leaseKey, text, h.revision)
	if err == nil {
		h.revision = revision
		return nil
	}
	if _, now, gerr := h.store.lease(ctx); errors.Is(gerr, ErrNoChange) || gerr == nil && now != h.revision {
		return ErrTaken
	}
	return logError(err)
}

// End frees the lease: the change is done, or given up.
func (h *Held) End(ctx context.Context) error {
	defer h.Leave()
	return logError(h.store.log.Delete(ctx, leaseKey, jetstream.LastRevision(h.revision)))
}

// Leave leaves the change as it is, for somebody to continue or give up.
func (h *Held) Leave() {
	if h.sub != nil {
		_ = h.sub.Unsubscribe()
		h.sub = nil
	}
}
