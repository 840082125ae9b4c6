package torture

import (
	"net"
	"sync"
	"sync/atomic"
)

// proxy stands between an engine and its server. It can swallow what the
// server says, cut every connection, or cut after some more bytes.
type proxy struct {
	l      net.Listener
	server string
	deaf   atomic.Bool  // the engine hears nothing
	left   atomic.Int64 // bytes that the server may still hear before the cut; below 0: no cut is due

	mu    sync.Mutex
	conns []net.Conn
}

func newProxy(server string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{l: l, server: server}
	p.left.Store(-1)
	go p.accept()
	return p, nil
}

func (p *proxy) url() string { return "nats://" + p.l.Addr().String() }

func (p *proxy) accept() {
	for {
		in, err := p.l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.server)
		if err != nil {
			_ = in.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, in, out)
		p.mu.Unlock()
		go p.requests(in, out)
		go p.answers(in, out)
	}
}

func (p *proxy) requests(in, out net.Conn) {
	defer func() { _ = out.Close() }()
	buf := make([]byte, 32<<10)
	for {
		n, err := in.Read(buf)
		if err != nil {
			return
		}
		if left := p.left.Load(); left >= 0 {
			if int64(n) > left {
				_, _ = out.Write(buf[:left]) // what comes is cut anyway
				p.left.Store(-1)
				p.cut()
				return
			}
			p.left.Add(-int64(n))
		}
		if _, err := out.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (p *proxy) answers(in, out net.Conn) {
	defer func() { _ = in.Close() }()
	buf := make([]byte, 64<<10)
	for {
		n, err := out.Read(buf)
		if err != nil {
			return
		}
		if p.deaf.Load() {
			continue
		}
		if _, err := in.Write(buf[:n]); err != nil {
			return
		}
	}
}

// cutAfter lets n more bytes through to the server.
func (p *proxy) cutAfter(n int64) { p.left.Store(n) }

// cut ends every connection.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

func (p *proxy) close() {
	_ = p.l.Close()
	p.cut()
}
