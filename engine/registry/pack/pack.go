// Package pack reads and appends custom sections of WASM modules: the
// manifest that std Go cannot emit, and the signature behind it. It runs no
// code and imports nothing of ours but the contract.
package pack

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ripenhq/ripen/sdk/abi"
)

// ErrModule says that the bytes are no WASM module.
var ErrModule = errors.New("not a WASM module")

// ErrNoManifest says that a module was never packed.
var ErrNoManifest = errors.New("the module has no section " + abi.ManifestSection)

var preamble = []byte{0, 'a', 's', 'm', 1, 0, 0, 0}

// Section finds the last custom section of that name. at is where it begins in
// the module, its header included: what stands before it is what a signature
// covers.
func Section(module []byte, name string) (data []byte, at int, found bool, err error) {
	if len(module) < len(preamble) || string(module[:len(preamble)]) != string(preamble) {
		return nil, 0, false, fmt.Errorf("%w: it does not begin with \\0asm, version 1", ErrModule)
	}
	for pos := len(preamble); pos < len(module); {
		id := module[pos]
		size, n := binary.Uvarint(module[pos+1:])
		body := pos + 1 + n
		if n <= 0 || size > uint64(len(module)-body) {
			return nil, 0, false, fmt.Errorf("%w: section %d at byte %d is longer than the module", ErrModule, id, pos)
		}
		end := body + int(size)
		if id == 0 {
			length, n := binary.Uvarint(module[body:end])
			if n <= 0 || length > uint64(end-body-n) {
				return nil, 0, false, fmt.Errorf("%w: the custom section at byte %d has no name", ErrModule, pos)
			}
			if text := body + n + int(length); string(module[body+n:text]) == name {
				data, at, found = module[text:end], pos, true
			}
		}
		pos = end
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

// Manifest reads the manifest of a packed module.
func Manifest(module []byte) (*abi.Manifest, error) {
	data, _, found, err := Section(module, abi.ManifestSection)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("%w: build it together with its manifest.json, `go run ./engine/internal/mkplugins` as in sdk/README.md", ErrNoManifest)
	}
	return ParseManifest(data)
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
	if _, err := Caps(m); err != nil {
		return nil, err
	}
	return m, nil
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
