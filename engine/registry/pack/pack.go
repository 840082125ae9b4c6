// Package pack reads and appends the custom sections of WASM modules that are
// Ripen's: the manifest that std Go cannot emit, and the signature behind it;
// and it makes, writes and reads the keys that sign.
//
// A packed module ends with its manifest, a signed one with its signature, and
// nothing may stand between or behind them: a module in which something does is
// refused, so that no byte of a signed module can change unnoticed.
//
// The package runs no code, trusts nobody (package trust does) and imports
// nothing of ours but the contract.
package pack

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/ripenhq/ripen/sdk/abi"
)

// ErrModule says that the bytes are no WASM module, or none as they leave pack.
var ErrModule = errors.New("not a WASM module")

// ErrNoManifest says that a module was never packed.
var ErrNoManifest = errors.New("the module has no section " + abi.ManifestSection)

// ErrPacked says that a module has been packed or signed already.
var ErrPacked = errors.New("the module is packed already")

const ours = "ripen." // what the names of our sections begin with

var preamble = []byte{0, 'a', 's', 'm', 1, 0, 0, 0}

// section is one section of a module.
type section struct {
	id   byte
	name string // of a custom section
	data []byte // without the name
	at   int    // where it begins, its header included
}

// walk calls fn for each section until fn returns an error.
func walk(module []byte, fn func(s section) error) error {
	if len(module) < len(preamble) || string(module[:len(preamble)]) != string(preamble) {
		return fmt.Errorf("%w: it does not begin with \\0asm, version 1", ErrModule)
	}
	for pos := len(preamble); pos < len(module); {
		s := section{id: module[pos], at: pos}
		size, n := binary.Uvarint(module[pos+1:])
		body := pos + 1 + n
		if n <= 0 || size > uint64(len(module)-body) {
			return fmt.Errorf("%w: section %d at byte %d is longer than the module", ErrModule, s.id, pos)
		}
		end := body + int(size)
		if s.data = module[body:end]; s.id == 0 {
			length, n := binary.Uvarint(s.data)
			if n <= 0 || length > uint64(len(s.data)-n) {
				return fmt.Errorf("%w: the custom section at byte %d has no name", ErrModule, pos)
			}
			s.name, s.data = string(s.data[n:n+int(length)]), s.data[n+int(length):]
		}
		if err := fn(s); err != nil {
			return err
		}
		pos = end
	}
	return nil
}

// Section finds the last custom section of that name. at is where it begins in
// the module, its header included: what stands before it is what a signature
// covers.
func Section(module []byte, name string) (data []byte, at int, found bool, err error) {
	err = walk(module, func(s section) error {
		if s.id == 0 && s.name == name {
			data, at, found = s.data, s.at, true
		}
		return nil
	})
	if err != nil {
		return nil, 0, false, err
	}
	return data, at, found, nil
}

// Append returns module with a custom section at its end.
func Append(module []byte, name string, data []byte) []byte {
	body := binary.AppendUvarint(nil, uint64(len(name)))
	body = append(body, name...)
	body = append(body, data...)
	out := append(make([]byte, 0, len(module)+len(body)+8), module...)
	out = append(out, 0)
	out = binary.AppendUvarint(out, uint64(len(body)))
	return append(out, body...)
}

// ends are our sections of a module.
type ends struct {
	manifest, signature *section
}

// check finds our sections and that they are the end of the module.
func check(module []byte) (e ends, err error) {
	err = walk(module, func(s section) error {
		switch {
		case e.signature != nil:
			return fmt.Errorf("%w as it was signed: something stands behind its signature, at byte %d; sign it again", ErrModule, s.at)
		case s.id == 0 && s.name == abi.SignatureSection:
			if e.manifest == nil {
				return fmt.Errorf("%w: it is signed, but no %s stands before the signature", ErrNoManifest, abi.ManifestSection)
			}
			e.signature = &s
		case e.manifest != nil && s.id == 0 && s.name == abi.ManifestSection:
			return fmt.Errorf("%w: it has two manifests; pack the module that the compiler made, not a packed one", ErrPacked)
		case e.manifest != nil:
			return fmt.Errorf("%w as it was packed: something that is no signature stands behind its manifest, at byte %d; build and pack it again", ErrModule, s.at)
		case s.id == 0 && s.name == abi.ManifestSection:
			e.manifest = &s
		case s.id == 0 && strings.HasPrefix(s.name, ours):
			return fmt.Errorf("%w: the section %q at byte %d is unknown; only %s and %s may begin with %q", ErrModule, shown(s.name), s.at, abi.ManifestSection, abi.SignatureSection, ours)
		}
		return nil
	})
	return e, err
}

// shown is a name of any length and bytes for people.
func shown(name string) string {
	if len(name) > 40 {
		name = name[:40] + "…"
	}
	return strings.ToValidUTF8(name, "?")
}

// Pack appends a manifest to the module that a compiler made.
func Pack(module, manifest []byte) ([]byte, error) {
	if _, err := ParseManifest(manifest); err != nil {
		return nil, err
	}
	e, err := check(module)
	switch {
	case err != nil:
		return nil, err
	case e.manifest != nil:
		return nil, fmt.Errorf("%w: pack the module that the compiler made", ErrPacked)
	}
	out := Append(module, abi.ManifestSection, manifest)
	if len(out) > abi.MaxModule {
		return nil, fmt.Errorf("the packed module has %d bytes, at most %d are loaded", len(out), abi.MaxModule)
	}
	return out, nil
}

// Unpack takes manifest and signature away.
func Unpack(module []byte) (raw, manifest []byte, err error) {
	e, err := check(module)
	if err != nil {
		return nil, nil, err
	}
	if e.manifest == nil {
		return nil, nil, unpacked()
	}
	return module[:e.manifest.at], e.manifest.data, nil
}

func unpacked() error {
	return fmt.Errorf("%w: build it together with its manifest.json, with `ripen plugin build` or `ripen plugin pack`", ErrNoManifest)
}

// Manifest reads the manifest of a packed module, and with it that the module
// ends as pack and Sign leave it.
func Manifest(module []byte) (*abi.Manifest, error) {
	_, manifest, err := Unpack(module)
	if err != nil {
		return nil, err
	}
	return ParseManifest(manifest)
}

// ParseManifest reads and checks the JSON of a manifest.
func ParseManifest(data []byte) (*abi.Manifest, error) {
	if len(data) > abi.MaxManifest {
		return nil, fmt.Errorf("the manifest has %d bytes, at most %d are read", len(data), abi.MaxManifest)
	}
	m := new(abi.Manifest)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("the manifest is no JSON of the right shape: %w", err)
	}
	for _, f := range [][2]string{{"name", m.Name}, {"version", m.Version}, {"abi", m.ABI}, {"schema", string(m.Schema)}} {
		if f[1] == "" {
			return nil, fmt.Errorf("the manifest has no %q", f[0])
		}
	}
	if err := CheckName(m.Name); err != nil {
		return nil, err
	}
	if _, err := Caps(m); err != nil {
		return nil, err
	}
	return m, nil
}

// maxName is the length of the longest name of a plugin, in bytes.
const maxName = 64

// CheckName says whether a plugin may be called so: it becomes a word of the
// workflow language and the name of a file.
func CheckName(name string) error {
	bad := name == "" || len(name) > maxName
	for i, c := range []byte(name) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
		inner := '0' <= c && c <= '9' || c == '-'
		bad = bad || !letter && (i == 0 || !inner)
	}
	if bad {
		return fmt.Errorf("a plugin cannot be called %q: expected at most %d letters, digits, - and _, beginning with a letter, such as quote-size", shown(name), maxName)
	}
	return nil
}

// Caps are the capability bits that a manifest names.
func Caps(m *abi.Manifest) (caps uint64, err error) {
	for _, name := range m.Capabilities {
		bit, ok := abi.CapNames[name]
		if !ok {
			return 0, fmt.Errorf("the manifest of %s asks for the capability %q, which this version does not know", m.Name, name)
		}
		caps |= bit
	}
	return caps, nil
}
