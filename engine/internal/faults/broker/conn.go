package broker

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	maxPayload = 8 << 20
	greeting   = `INFO {"server_id":"FAKE","server_name":"fake","version":"2.15.2","proto":1,"headers":true,"jetstream":true,"max_payload":8388608}` + "\r\n"
)

// conn is the server's end of a client's connection.
type conn struct {
	b    *Broker
	link *Link
	net  net.Conn

	mu    sync.Mutex
	more  *sync.Cond
	out   []byte
	ended bool
	held  []func() // what the client sent while its process stands still; under the broker's lock
	shook bool     // the client is in: its first ping is answered
}

func newConn(b *Broker, l *Link, n net.Conn) *conn {
	c := &conn{b: b, link: l, net: n}
	c.more = sync.NewCond(&c.mu)
	c.send([]byte(greeting))
	go c.write()
	go c.read()
	return c
}

func (c *conn) send(p ...[]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range p {
		c.out = append(c.out, b...)
	}
	c.more.Broadcast()
}

func (c *conn) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.more.Broadcast()
}

// end closes the connection; called with the broker's lock held.
func (c *conn) end() {
	c.mu.Lock()
	c.ended = true
	c.more.Broadcast()
	c.mu.Unlock()
	_ = c.net.Close()
}

// thawed waits until the process at the other end moves; false means that the
// connection is over. A client that is still shaking hands is let through: it
// holds a lock of its own meanwhile, and time stands still in a bubble in which
// somebody waits for a lock.
func (c *conn) thawed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.link.ice.Load() && c.shook && !c.ended {
		c.more.Wait()
	}
	return !c.ended
}

func (c *conn) write() {
	for {
		c.mu.Lock()
		for len(c.out) == 0 && !c.ended {
			c.more.Wait()
		}
		c.mu.Unlock()
		if !c.thawed() {
			return
		}
		c.mu.Lock()
		out := c.out
		c.out = nil
		c.mu.Unlock()
		if _, err := c.net.Write(out); err != nil {
			return
		}
	}
}

func (c *conn) read() {
	defer func() {
		c.b.mu.Lock()
		defer c.b.mu.Unlock()
		c.b.drop(c)
	}()
	r := bufio.NewReaderSize(c.net, 64<<10)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		if !c.command(strings.ToUpper(verb), strings.Fields(rest), r) {
			return
		}
	}
}

// soon works something off, in order, once the client's process moves. Reading
// goes on meanwhile, see thawed.
func (c *conn) soon(f func()) {
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	if c.link.ice.Load() && c.shook {
		c.held = append(c.held, f)
		return
	}
	f()
}

// command obeys one line of the protocol.
func (c *conn) command(verb string, args []string, r *bufio.Reader) bool {
	switch verb {
	case "PING":
		c.soon(func() {
			c.send([]byte("PONG\r\n"))
			c.shake()
		})
	case "CONNECT", "PONG":
	case "SUB":
		s := &subscription{c: c, sid: args[len(args)-1], subject: args[0]}
		if len(args) == 3 {
			s.queue = args[1]
		}
		c.soon(func() { c.b.subs = append(c.b.subs, s) })
	case "UNSUB":
		c.soon(func() { c.unsubscribe(args) })
	case "PUB", "HPUB":
		return c.publish(verb == "HPUB", args, r)
	default:
		return false
	}
	return true
}

func (c *conn) shake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shook = true
}

func (c *conn) unsubscribe(args []string) {
	for _, s := range slices.Clone(c.b.subs) {
		if s.c != c || s.sid != args[0] {
			continue
		}
		if len(args) > 1 {
			s.left, _ = strconv.Atoi(args[1])
			continue
		}
		c.b.subs = slices.DeleteFunc(c.b.subs, func(x *subscription) bool { return x == s })
	}
}

// publish reads a message and works it off.
func (c *conn) publish(headed bool, args []string, r *bufio.Reader) bool {
	m := incoming{c: c, subject: args[0]}
	sizes := args[1:]
	least := 1
	if headed {
		least = 2
	}
	if len(sizes) > least {
		m.reply, sizes = sizes[0], sizes[1:]
	}
	total, err := strconv.Atoi(sizes[len(sizes)-1])
	if err != nil || total > maxPayload {
		return false
	}
	body := make([]byte, total+2)
	if _, err := io.ReadFull(r, body); err != nil {
		return false
	}
	m.data = body[:total]
	if headed {
		n, err := strconv.Atoi(sizes[0])
		if err != nil || n > total {
			return false
		}
		m.header, m.data = body[:n], body[n:total]
	}
	c.soon(func() { c.b.route(&m) })
	return true
}

// message sends a message to a subscriber.
func (c *conn) message(s *subscription, subject, reply string, header, data []byte) {
	if reply != "" {
		reply += " "
	}
	if len(header) == 0 {
		c.send(fmt.Appendf(nil, "MSG %s %s %s%d\r\n", subject, s.sid, reply, len(data)), data, []byte("\r\n"))
		return
	}
	c.send(fmt.Appendf(nil, "HMSG %s %s %s%d %d\r\n", subject, s.sid, reply, len(header), len(header)+len(data)), header, data, []byte("\r\n"))
}

// incoming is a message of a client.
type incoming struct {
	c       *conn
	subject string
	reply   string
	header  []byte
	data    []byte
}

// headerLine starts every header block.
const headerLine = "NATS/1.0\r\n"

// get reads a header field.
func get(header []byte, name string) string {
	for len(header) > 0 {
		line, rest, _ := bytes.Cut(header, []byte("\r\n"))
		header = rest
		if k, v, ok := strings.Cut(string(line), ":"); ok && k == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// without removes the header fields with a prefix; nil if none is left.
func without(header []byte, prefix string) []byte {
	var out []byte
	for _, line := range bytes.SplitAfter(header, []byte("\r\n")) {
		if !bytes.HasPrefix(line, []byte(prefix)) {
			out = append(out, line...)
		}
	}
	if string(out) == headerLine+"\r\n" {
		return nil
	}
	return out
}
