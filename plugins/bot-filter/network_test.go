package main

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// number is what an address of the standard library is here.
func number(t require.TestingT, a netip.Addr) addr {
	b := a.As16()
	var out addr
	for i := range 8 {
		out.hi, out.lo = out.hi<<8|uint64(b[i]), out.lo<<8|uint64(b[8+i])
	}
	return out
}

func FuzzAddr(f *testing.F) {
	for _, s := range []string{"1.2.3.4", "01.2.3.4", "256.1.1.1", "1.2.3", "1.2.3.4.", "::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8",
		"1:2:3:4:5:6:1.2.3.4", "::ffff:1.2.3.4", "1::2::3", ":::", ":1", "1:", "12345::", "::1.2.3.4.5", "2001:DB8::g", "fe80::1%eth0", "", ".", ":", "1:2:3:4:5:6:7:1.2.3.4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := parseAddr(s)
		want, err := netip.ParseAddr(s)
		if err != nil || want.Zone() != "" {
			require.False(t, ok, s)
			return
		}
		require.True(t, ok, s)
		require.Equal(t, number(t, want), got, s)
	})
}

func FuzzNetwork(f *testing.F) {
	for _, s := range []string{"10.0.0.0/8", "10.0.0.1/8", "0.0.0.0/0", "::/0", "2001:db8::/32", "1.2.3.4/32", "::1/128", "1.2.3.4/033", "1.2.3.4/", "/8", "1.2.3.4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, bad := parseNetwork(s)
		p, err := netip.ParsePrefix(s)
		switch {
		case err == nil && p.Masked() != p:
			require.NotEmpty(t, bad, s)
		case err == nil:
			require.Empty(t, bad, s)
			require.Equal(t, number(t, p.Addr()), got.first)
		case bad == "": // an address alone, or one of IPv4 in IPv6
			require.False(t, got.last.less(got.first))
		}
	})
}

// TestNetworks_AreTheirPrefixes compares with prefixes that are asked one by one.
func TestNetworks_AreTheirPrefixes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var prefixes []netip.Prefix
		var spans []span
		for range rapid.IntRange(0, 12).Draw(rt, "n") {
			p := netip.PrefixFrom(address(rt), 0)
			p = netip.PrefixFrom(p.Addr(), rapid.IntRange(0, p.Addr().BitLen()).Draw(rt, "bits")).Masked()
			s, bad := parseNetwork(p.String())
			require.Empty(rt, bad)
			prefixes, spans = append(prefixes, p), append(spans, s)
		}
		n := newNetworks(spans)
		for _, list := range [][]span{n.v4, n.v6} {
			for i := 1; i < len(list); i++ {
				require.True(rt, list[i-1].last.less(list[i].first), "disjoint and sorted")
			}
		}
		ask := []netip.Addr{address(rt)}
		for _, p := range prefixes {
			ask = append(ask, p.Addr(), p.Addr().Prev(), p.Addr().Next())
		}
		for _, a := range ask {
			if a.IsValid() {
				want := slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
				require.Equal(rt, want, n.has(number(rt, a)), "%s in %v", a, prefixes)
			}
		}
	})
}

// address is one of a few, so that prefixes overlap.
func address(rt *rapid.T) netip.Addr {
	b := [16]byte{0x20, 1, 0xd, 0xb8}
	for i := 4; i < 16; i++ {
		b[i] = rapid.SampledFrom([]byte{0, 0, 1, 0xff}).Draw(rt, "byte")
	}
	if rapid.Bool().Draw(rt, "v4") {
		return netip.AddrFrom4([4]byte(b[4:8]))
	}
	return netip.AddrFrom16(b)
}
