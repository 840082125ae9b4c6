package main

import (
	"slices"
	"strconv"
	"strings"
)

// addr is an IP address as a number of 128 bits; IPv4 lies where IPv6 maps it
// (::ffff:0:0/96), so that both kinds are compared alike.
type addr struct{ hi, lo uint64 }

const mapped = 0xffff << 32 // of addr.lo

func (a addr) isV4() bool { return a.hi == 0 && a.lo>>32 == 0xffff }

func (a addr) less(b addr) bool { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }

// span is a range of addresses, both ends included.
type span struct{ first, last addr }

// networks are ranges of IPv4 and of IPv6, each disjoint and in rising order. A
// range of IPv6 that is wider than the place of IPv4 in it ("::/0") holds none
// of IPv4.
type networks struct{ v4, v6 []span }

func newNetworks(list []span) (n networks) {
	for _, s := range list {
		if s.first.isV4() && s.last.isV4() {
			n.v4 = append(n.v4, s)
		} else {
			n.v6 = append(n.v6, s)
		}
	}
	return networks{joined(n.v4), joined(n.v6)}
}

func (n *networks) none() bool { return len(n.v4)+len(n.v6) == 0 }

// joined sorts ranges and joins those that overlap.
func joined(list []span) (out []span) {
	slices.SortFunc(list, func(x, y span) int {
		switch {
		case x.first.less(y.first):
			return -1
		case y.first.less(x.first):
			return 1
		}
		return 0
	})
	for _, s := range list {
		if n := len(out); n > 0 && !out[n-1].last.less(s.first) {
			if out[n-1].last.less(s.last) {
				out[n-1].last = s.last
			}
			continue
		}
		out = append(out, s)
	}
	return out
}

func (n *networks) has(a addr) bool {
	list := n.v6
	if a.isV4() {
		list = n.v4
	}
	lo, hi := 0, len(list)
	for lo < hi {
		if mid := (lo + hi) / 2; list[mid].last.less(a) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo < len(list) && !a.less(list[lo].first)
}

// parseNetwork reads "192.0.2.0/24", "2001:db8::/32", or a single address. bad
// says what is wrong with it.
func parseNetwork(text string) (s span, bad string) {
	left, right, isRange := strings.Cut(text, "/")
	a, ok := parseAddr(left)
	if !ok {
		return span{}, "Its address is neither IPv4, such as 192.0.2.0, nor IPv6, such as 2001:db8::"
	}
	if !isRange {
		return span{a, a}, ""
	}
	width := 128
	if strings.IndexByte(left, ':') < 0 {
		width = 32
	}
	bits, ok := parseBits(right)
	if !ok || bits > width {
		return span{}, "The number behind the / must be 0 to " + strconv.Itoa(width)
	}
	host := hostBits(bits + 128 - width)
	s = span{addr{a.hi &^ host.hi, a.lo &^ host.lo}, addr{a.hi | host.hi, a.lo | host.lo}}
	if s.first != a {
		return span{}, "It has bits set behind the first " + right + ": the network is " + s.first.text(width == 32) + "/" + right + ", the address alone is " + left
	}
	return s, ""
}

// hostBits are the bits behind the first n of 128.
func hostBits(n int) addr {
	if n >= 64 {
		return addr{0, ^uint64(0) >> (n - 64)}
	}
	return addr{^uint64(0) >> n, ^uint64(0)}
}

func parseBits(s string) (n int, ok bool) {
	if len(s) == 0 || len(s) > 3 || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

func (a addr) text(v4 bool) string {
	var b []byte
	if v4 {
		for shift := 24; shift >= 0; shift -= 8 {
			b = append(strconv.AppendUint(b, a.lo>>shift&0xff, 10), '.')
		}
		return string(b[:len(b)-1])
	}
	for _, half := range []uint64{a.hi, a.lo} {
		for shift := 48; shift >= 0; shift -= 16 {
			b = append(strconv.AppendUint(b, half>>shift&0xffff, 16), ':')
		}
	}
	return string(b[:len(b)-1])
}

// parseAddr reads an address without a zone. It allocates nothing, whatever the
// text is: it reads what events say.
func parseAddr(s string) (a addr, ok bool) {
	if strings.IndexByte(s, ':') < 0 {
		v, ok := parseV4(s)
		return addr{0, mapped | uint64(v)}, ok
	}
	return parseV6(s)
}

func parseV4(s string) (v uint32, ok bool) {
	for field := 0; field < 4; field++ {
		i, n := 0, uint32(0)
		for i < len(s) && i < 3 && s[i] >= '0' && s[i] <= '9' {
			n = n*10 + uint32(s[i]-'0')
			i++
		}
		if i == 0 || n > 255 || i > 1 && s[0] == '0' {
			return 0, false
		}
		v, s = v<<8|n, s[i:]
		if field < 3 {
			if len(s) == 0 || s[0] != '.' {
				return 0, false
			}
			s = s[1:]
		}
	}
	return v, len(s) == 0
}

// groups are the 16-bit parts of an IPv6 address as they are read.
type groups struct {
	list [8]uint16
	n    int
	gap  int // where :: stands, -1 = nowhere
}

func (g *groups) add(v uint16) bool {
	if g.n == len(g.list) {
		return false
	}
	g.list[g.n] = v
	g.n++
	return true
}

func parseV6(s string) (a addr, ok bool) {
	g := groups{gap: -1}
	if strings.HasPrefix(s, "::") {
		g.gap, s = 0, s[2:]
	}
	for len(s) > 0 {
		v, n := parseHex(s)
		if n > 0 && n < len(s) && s[n] == '.' { // the end may be written as IPv4
			v4, ok := parseV4(s)
			if !ok || !g.add(uint16(v4>>16)) || !g.add(uint16(v4)) {
				return addr{}, false
			}
			break
		}
		if n == 0 || !g.add(v) {
			return addr{}, false
		}
		if s = s[n:]; len(s) == 0 {
			break
		}
		switch {
		case s[0] != ':' || len(s) == 1:
			return addr{}, false
		case s[1] != ':':
			s = s[1:]
		case g.gap >= 0:
			return addr{}, false
		default:
			g.gap, s = g.n, s[2:]
		}
	}
	return g.addr()
}

// parseHex reads up to four digits.
func parseHex(s string) (v uint16, n int) {
	for n < len(s) && n < 4 {
		c := s[n]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return v, n
		}
		v = v<<4 | uint16(c)
		n++
	}
	return v, n
}

// addr puts the groups in their places: :: stands for one group of zeros or
// more.
func (g *groups) addr() (a addr, ok bool) {
	if (g.gap < 0) != (g.n == len(g.list)) {
		return addr{}, false
	}
	for i := 0; i < g.n; i++ {
		at := i
		if g.gap >= 0 && i >= g.gap {
			at += len(g.list) - g.n
		}
		if v := uint64(g.list[i]); at < 4 {
			a.hi |= v << (48 - 16*at)
		} else {
			a.lo |= v << (112 - 16*at)
		}
	}
	return a, true
}
