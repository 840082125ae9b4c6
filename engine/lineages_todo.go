package engine

import "github.com/ripenhq/ripen/engine/release"

func (e *Engine) lineages() []release.LineageStatus {
	out := []release.LineageStatus{}
	for _, n := range e.Partitions() {
		out = append(out, release.LineageStatus{Partition: n, Workflow: e.work.Model.Name, Model: e.work.Model.Policy.Release, Role: "live"})
	}
	return out
}
