package core

import (
	"slices"

	"github.com/ripenhq/ripen/engine/lead"
)

// attendance is how a core shares its inputs with those of other lineages.
type attendance struct {
	mute      bool     // another core tells of the inputs that nobody can take
	workflows []string // that run beside each other; nil: this one alone
}

// Attend says whether this core keeps account of the inputs that no lineage can
// take (unreadable ones, untimely ones), and which workflows run over them: a
// redrive for one of those is not for this core, and no mistake. A core that is
// not told is the only one.
func (c *Core) Attend(keeper bool, workflows []string) {
	c.attend = attendance{mute: !keeper, workflows: workflows}
}

// refuse keeps an input that no lineage can take.
func (c *Core) refuse(r lead.Rejected, i int, out *Output) {
	if !c.attend.mute {
		out.reject(r, position{input: i})
	}
}

// elsewhere says that a redrive is for a workflow that runs beside this one.
func (c *Core) elsewhere(r *lead.Redrive) bool {
	return r != nil && r.Workflow != c.prog.Policy.Workflow && slices.Contains(c.attend.workflows, r.Workflow)
}

// Program is what the core runs.
func (c *Core) Program() *Program { return &c.prog }

// Share changes Options.Cache: how many leads Evict leaves in memory.
func (c *Core) Share(cache int) { c.opts.Cache = cache }
