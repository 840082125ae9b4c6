package replay

import (
	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// Foresee tells what time alone will do to a lead; see core.Core.Foresee.
func (r *Side) Foresee(key string, at int64, fn func(*ledger.Frame)) (core.Foresight, error) {
	return r.seats[lead.Partition(key, len(r.seats))].core.Foresee(key, at, fn)
}
