package torture

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/ripenhq/ripen/engine/lead"
)

// live is a subscriber of decisions: it hears what is published while it is
// connected, and nothing else.
type live struct {
	nc *nats.Conn

	mu    sync.Mutex
	order []string // ids as heard
	body  map[string]string
	wrong map[string]string // by lead
}

func newLive(r *round) (*live, error) {
	nc, err := r.client("subscriber")
	if err != nil {
		return nil, err
	}
	v := &live{nc: nc, body: map[string]string{}, wrong: map[string]string{}}
	_, err = nc.Subscribe("ripen.decisions.>", v.hear)
	return v, err
}

func (v *live) hear(m *nats.Msg) {
	var d lead.Decision
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := json.Unmarshal(m.Data, &d); err != nil {
		v.wrong[""] = fmt.Sprintf("live decision %.60q: %v", m.Data, err)
		return
	}
	switch before, again := v.body[d.ID]; {
	case !again:
		v.body[d.ID] = string(m.Data)
		v.order = append(v.order, d.ID)
	case before != string(m.Data):
		v.wrong[d.Lead] = fmt.Sprintf("live decision %s of %s came again with another content:\n    %s\n    %s", d.ID, d.Lead, before, m.Data)
	}
}

// hears waits until a lead got a decision.
func (v *live) hears(leads []string, d time.Duration) bool {
	for end := time.Now().Add(d); ; time.Sleep(5 * time.Millisecond) {
		if v.heard(leads) {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

func (v *live) heard(leads []string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	missing := map[string]bool{}
	for _, l := range leads {
		missing[l] = true
	}
	for i := len(v.order) - 1; i >= 0 && len(missing) > 0; i-- {
		var d struct{ Lead string }
		if json.Unmarshal([]byte(v.body[v.order[i]]), &d) == nil {
			delete(missing, d.Lead)
		}
	}
	return len(missing) == 0
}
