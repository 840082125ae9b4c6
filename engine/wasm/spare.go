package wasm

import (
	"context"
	"sync"
)

// maxIdle is how many instances wait for a fault: the spare, and one that was put
// back while it was not needed.
const maxIdle = 2

// maxWarm is how many configurations keep their instances, see Options.Warm.
const maxWarm = 4

// spare is the warm instance of one configuration of a plugin, shared by the
// scorers of all workers: a fault costs its worker no start of a Go runtime,
// and a hundred workers do not keep a hundred of them.
type spare struct {
	refs int // scorers; guarded by Plugin.mu

	mu    sync.Mutex
	idle  []*instance // that have scored nothing
	image *image      // of such an instance; nil before the first fault, or if it cannot be taken
}

// spareOf finds or makes the spare of a configuration.
func (p *Plugin) spareOf(config []byte) *spare {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.spares[string(config)]
	if !ok {
		s = new(spare)
		if p.spares == nil {
			p.spares = make(map[string]*spare)
		}
		p.spares[string(config)] = s
	}
	s.refs++
	return s
}

// dropSpare gives a spare back; the last one to do so closes the instances.
func (p *Plugin) dropSpare(config []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.spares[string(config)]
	if s.refs--; s.refs > 0 || p.host.opts.Warm && len(p.spares) <= maxWarm {
		return // what is idle then ends with the plugin
	}
	delete(p.spares, string(config))
	for inst := s.take(); inst != nil; inst = s.take() {
		inst.close()
	}
}

// take takes an instance, nil if there is none.
func (s *spare) take() (inst *instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.idle); n > 0 {
		inst, s.idle = s.idle[n-1], s.idle[:n-1]
	}
	return inst
}

// fill makes a new instance if there is none.
func (s *spare) fill(ctx context.Context, instantiate func(context.Context) (*instance, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) > 0 {
		return nil
	}
	inst, err := instantiate(ctx)
	if err == nil {
		s.idle = append(s.idle, inst)
	}
	return err
}

// mend makes a broken instance a new one again and keeps it; false: it is of no
// use any more.
func (s *spare) mend(inst *instance) bool {
	s.mu.Lock()
	if s.image == nil && len(s.idle) > 0 {
		s.image = newImage(s.idle[0])
	}
	m, room := s.image, len(s.idle) < maxIdle
	s.mu.Unlock()
	if !room || m == nil || !m.restore(inst) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if room = len(s.idle) < maxIdle; room {
		s.idle = append(s.idle, inst)
	}
	return room
}
