package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/ripenhq/ripen/engine/registry/pack"
	"github.com/ripenhq/ripen/engine/wasm"
	"github.com/ripenhq/ripen/engine/workflow"
	"github.com/ripenhq/ripen/sdk/abi"
)

// The grammar of semver.org, version 2.0.0.
var semver = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$`)

// CheckManifest reads a manifest as its author must write it. An engine is more
// lenient: what it does not know in the manifest of a module may be of a newer
// contract. The error names the member, what was found and what is expected.
func CheckManifest(text []byte) (*abi.Manifest, error) {
	m, err := pack.ParseManifest(text)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(new(abi.Manifest)); err != nil {
		return nil, fmt.Errorf("the manifest has a member that means nothing (%s); expected name, version, about, author, license, abi, capabilities, voids, "+
			"state {max, version}, limits {memory_pages, fuel} and schema", strings.TrimPrefix(err.Error(), "json: "))
	}
	if !semver.MatchString(m.Version) {
		return nil, fmt.Errorf("the manifest's version is %q, expected three numbers as semver has them, such as 1.0.0 or 1.2.0-beta.1", m.Version)
	}
	major, minor, err := wasm.ParseABI(m.ABI)
	if err != nil {
		return nil, err
	}
	if major != abi.Major || minor > abi.Minor {
		return nil, fmt.Errorf("the manifest's abi is %q, this version knows %d.0 to %d.%d", m.ABI, abi.Major, abi.Major, abi.Minor)
	}
	for _, f := range [][2]string{{"about", m.About}, {"author", m.Author}, {"license", m.License}} {
		if i := strings.IndexFunc(f[1], func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			return nil, fmt.Errorf("the manifest's %s is %+q, expected one line of printable text: byte %d is none", f[0], f[1], i)
		}
	}
	if m.Voids != "" && m.Voids != abi.VoidsListed {
		return nil, fmt.Errorf("the manifest's voids is %q, expected %q or nothing", m.Voids, abi.VoidsListed)
	}
	if m.Limits.MemoryPages > wasm.MaxPages {
		return nil, fmt.Errorf("the manifest's limits.memory_pages is %d, expected at most %d (of 64 KiB)", m.Limits.MemoryPages, wasm.MaxPages)
	}
	if m.Limits.Fuel > wasm.MaxFuel {
		return nil, fmt.Errorf("the manifest's limits.fuel is %d, expected at most %d (for one input)", m.Limits.Fuel, wasm.MaxFuel)
	}
	if _, err := workflow.CompileSchema(m.Name, m.Schema); err != nil {
		return nil, err
	}
	return m, nil
}
