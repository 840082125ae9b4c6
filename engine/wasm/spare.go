package wasm

import (
	"context"
	"sync"
)

// spare is the warm instance of one configuration of a plugin, shared by the
// scorers of all workers: a fault costs its worker no start of a Go runtime,
// and a hundred workers do not keep a hundred of them.
type spare struct {
	mu   sync.Mutex
	inst *instance
	refs int // scorers; guarded by Plugin.mu
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

// dropSpare gives a spare back; the last one to do so closes the instance.
func (p *Plugin) dropSpare(config []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.spares[string(config)]
	if s.refs--; s.refs > 0 {
		return
	}
	delete(p.spares, string(config))
	if inst := s.take(); inst != nil {
		inst.close()
	}
}

// take takes the instance, nil if there is none.
func (s *spare) take() *instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	inst := s.inst
	s.inst = nil
	return inst
}

// fill makes a new instance if there is none.
func (s *spare) fill(ctx context.Context, instantiate func(context.Context) (*instance, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inst != nil {
		return nil
	}
	var err error
	s.inst, err = instantiate(ctx)
	return err
}
