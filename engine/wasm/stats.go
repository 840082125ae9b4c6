package wasm

import "sync/atomic"

// Stats count since a plugin was loaded.
type Stats struct {
	Calls     uint64 // of ripen_process
	Slots     uint64 // inputs that the plugin answered
	Soft      uint64 // of these, with an error of its own
	Failed    uint64 // inputs with the verdict that the plugin broke or broke the contract
	Turned    uint64 // inputs that the breaker turned away
	Splits    uint64 // calls that were thrown away and run again in smaller rounds
	Instances uint64 // made
	Restored  uint64 // put back to what they were when they had been made
	Fuel      uint64 // units used, loading included
	Lines     uint64 // printed by the plugin, shown or not
}

type counters struct {
	calls, slots, soft, failed, turned, splits, instances, restored, fuel, lines atomic.Uint64
}

// Stats reads the counters.
func (p *Plugin) Stats() Stats {
	c := &p.stats
	return Stats{
		Calls: c.calls.Load(), Slots: c.slots.Load(), Soft: c.soft.Load(), Failed: c.failed.Load(), Turned: c.turned.Load(),
		Splits: c.splits.Load(), Instances: c.instances.Load(), Restored: c.restored.Load(), Fuel: c.fuel.Load(), Lines: c.lines.Load(),
	}
}
