// Package trust decides whether an engine runs a plugin: those that it ships, and
// those that a publisher has signed whom its configuration names and has not
// revoked. It asks for the configuration each time, so that a key that is taken
// back counts from the next load on, without a restart.
//
// It may import registry, its packages and the contract. It never reads files
// and never runs a module.
package trust

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/registry/pack"
)

// Why a plugin is refused, besides pack.ErrBroken.
var (
	// ErrUnsigned says that a plugin carries no signature.
	ErrUnsigned = errors.New("unsigned plugin")
	// ErrUnknown says that nobody whom the configuration names has signed it.
	ErrUnknown = errors.New("plugin of an unknown publisher")
	// ErrRevoked says that the key that signed it was taken back.
	ErrRevoked = errors.New("plugin signed with a revoked key")
)

// Publisher is somebody whose plugins are run.
type Publisher struct {
	Name string
	Key  pack.PublicKey
}

// Keys are whom an engine trusts.
type Keys struct {
	Publishers []Publisher // several may have the same name: keys are replaced
	// Revoked are keys whose plugins are never run, whoever lists them.
	Revoked []pack.PublicKey
}

// NewKeys reads the texts of keys. Publishers are in the order given.
func NewKeys(publishers [][2]string, revoked []string) (*Keys, error) {
	k := new(Keys)
	for _, p := range publishers {
		key, err := pack.ParsePublicKey(p[1])
		if err != nil {
			return nil, fmt.Errorf("publisher %q: %w", p[0], err)
		}
		if err := CheckName(p[0]); err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(k.Publishers, func(q Publisher) bool { return slices.Equal(q.Key, key) }); i >= 0 {
			return nil, fmt.Errorf("publishers %q and %q have the same key", k.Publishers[i].Name, p[0])
		}
		k.Publishers = append(k.Publishers, Publisher{p[0], key})
	}
	for _, text := range revoked {
		key, err := pack.ParsePublicKey(text)
		if err != nil {
			return nil, fmt.Errorf("revoked: %w", err)
		}
		k.Revoked = append(k.Revoked, key)
	}
	return k, nil
}

// CheckName says whether a publisher may be called so.
func CheckName(name string) error {
	ok := name != "" && len(name) <= 64
	for _, c := range []byte(name) {
		ok = ok && ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_')
	}
	if !ok {
		return fmt.Errorf("a publisher cannot be called %q: expected at most 64 letters, digits, - and _", strings.ToValidUTF8(name[:min(len(name), 64)], "?"))
	}
	return nil
}

// Standing is why a plugin is run.
type Standing struct {
	Shipped   bool   // it came with this version of Ripen
	Publisher string // that signed it; empty = nobody whom the configuration names
	Key       string // id of the key; empty = it is not signed
}

// String is the standing in a few words.
func (s Standing) String() string {
	switch {
	case s.Shipped:
		return "shipped"
	case s.Publisher != "":
		return "signed by " + s.Publisher + " (key " + s.Key + ")"
	case s.Key != "":
		return "signed with the unknown key " + s.Key
	}
	return "not signed"
}

// Policy decides. It is safe for concurrent use if Keys is.
type Policy struct {
	// Keys reads the configuration anew.
	Keys func() (*Keys, error)
	// AllowUnsigned runs what nobody or somebody unknown signed; what is broken or
	// revoked is refused all the same.
	AllowUnsigned bool
	shipped       map[string]bool // digests
}

// New makes a policy for this version of Ripen.
func New(keys func() (*Keys, error), allowUnsigned bool) (*Policy, error) {
	p := &Policy{Keys: keys, AllowUnsigned: allowUnsigned, shipped: map[string]bool{}}
	set, err := registry.Builtin()
	if errors.Is(err, registry.ErrNotBuilt) {
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	for _, name := range set.Names() {
		b, err := set.Lookup(name)
		if err != nil {
			return nil, err
		}
		p.shipped[b.Digest] = true
	}
	for _, digest := range strings.Fields(formerly) {
		p.shipped[digest] = true
	}
	return p, nil
}

// Check says why a plugin may be run, or wraps one of the errors. The standing
// tells who signed it in any case.
func (p *Policy) Check(b *registry.Plugin) (s Standing, err error) {
	if p.shipped[b.Digest] {
		return Standing{Shipped: true}, nil
	}
	signer, err := signerOf(b)
	if err != nil {
		return s, refuse(b, err, "")
	}
	if signer == nil {
		if p.AllowUnsigned {
			return s, nil
		}
		return s, refuse(b, ErrUnsigned, "sign it with `ripen plugin sign`, or allow unsigned plugins with --allow-unsigned while you develop it")
	}
	s.Key = signer.ID()
	keys, err := p.Keys()
	if err != nil {
		return s, refuse(b, fmt.Errorf("whom to trust cannot be read: %w", err), "")
	}
	for _, who := range keys.Publishers {
		if slices.Equal(who.Key, signer) {
			s.Publisher = who.Name
		}
	}
	for _, key := range keys.Revoked {
		if slices.Equal(key, signer) {
			return s, refuse(b, fmt.Errorf("%w: %s%s", ErrRevoked, s.Key, of(s.Publisher)), "get a version from its publisher that another key has signed")
		}
	}
	if s.Publisher == "" && !p.AllowUnsigned {
		return s, refuse(b, fmt.Errorf("%w: it is signed with the key %s", ErrUnknown, s.Key),
			"if you trust whoever gave you the key, write it down with `ripen plugin trust add NAME "+signer.String()+"`")
	}
	return s, nil
}

// signerOf is the key that has signed a plugin, nil if it is not signed. One
// whose module is gone was checked when it was read.
func signerOf(b *registry.Plugin) (pack.PublicKey, error) {
	if b.Wasm == nil {
		return b.Signer, nil
	}
	sig, err := pack.Verify(b.Wasm)
	switch {
	case errors.Is(err, pack.ErrUnsigned):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return sig.Key, nil
}

func of(publisher string) string {
	if publisher == "" {
		return ""
	}
	return " of " + publisher
}

func refuse(b *registry.Plugin, err error, do string) error {
	if do != "" {
		do = "; " + do
	}
	return fmt.Errorf("plugin %s %s (%s, sha256:%s): %w%s", b.Manifest.Name, b.Manifest.Version, b.Origin, b.Digest[:min(12, len(b.Digest))], err, do)
}
