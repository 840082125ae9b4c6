package release

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/ripenhq/ripen/engine/workflow"
)

// LockFile is the name of the lock file beside a workflow.
const LockFile = "ripen.lock.hcl"

// maxLock bounds a lock file in bytes: a pin has about 150.
const maxLock = 1 << 20

// lockHead stands at the top of a lock file.
const lockHead = "# Pins the plugins of this workflow. Written by `ripen init`; change it with\n# `ripen init --upgrade`, and keep it under version control.\n"

const digestPrefix = "sha256:"

var digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// Pin is a plugin that a workflow uses, of one version and one digest.
type Pin struct {
	Name    string
	Version string
	Digest  string // sha256 of the module, hex
	// Range is where the lock file pins it; the zero Range if it is not from a
	// file.
	Range hcl.Range
}

// Lock is the content of a lock file: pins, sorted by name.
type Lock struct {
	Pins []Pin
	// Range is the first byte of the file.
	Range hcl.Range
}

// NewLock sorts pins into a lock. The last of two with one name counts.
func NewLock(pins []Pin) *Lock {
	l := &Lock{}
	for _, p := range pins {
		p.Range = hcl.Range{}
		at, there := slices.BinarySearchFunc(l.Pins, p.Name, func(p Pin, name string) int { return strings.Compare(p.Name, name) })
		if there {
			l.Pins[at] = p
			continue
		}
		l.Pins = slices.Insert(l.Pins, at, p)
	}
	return l
}

// Pin finds the pin of a plugin, nil without.
func (l *Lock) Pin(name string) *Pin {
	for i := range l.Pins {
		if l.Pins[i].Name == name {
			return &l.Pins[i]
		}
	}
	return nil
}

// Render writes the lock as a file, always in the same way.
func (l *Lock) Render() []byte {
	f := hclwrite.NewEmptyFile()
	f.Body().AppendUnstructuredTokens(hclwrite.Tokens{{Type: hclsyntax.TokenComment, Bytes: []byte(lockHead)}})
	for i := range l.Pins {
		p := &l.Pins[i]
		f.Body().AppendNewline()
		b := f.Body().AppendNewBlock("plugin", []string{p.Name}).Body()
		b.SetAttributeValue("version", cty.StringVal(p.Version))
		b.SetAttributeValue("digest", cty.StringVal(digestPrefix+p.Digest))
	}
	return hclwrite.Format(f.Bytes())
}

// ReadLock reads the lock file of a workflow's folder; nil if there is none.
// dir is put before its name for people, and the file is for snippets.
func ReadLock(fsys fs.FS, dir string) (*Lock, *hcl.File, hcl.Diagnostics) {
	shown := path.Join(dir, LockFile)
	info, err := fs.Stat(fsys, LockFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	var src []byte
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = errors.New("it is not a regular file")
	case info.Size() > maxLock:
		err = fmt.Errorf("it has %d bytes, a lock file may have %d", info.Size(), maxLock)
	default:
		src, err = fs.ReadFile(fsys, LockFile)
	}
	if err != nil {
		return nil, nil, hcl.Diagnostics{problem(startOf(shown), "Cannot read the lock file", fmt.Sprintf("%s: %v.", shown, err))}
	}
	return ParseLock(shown, src)
}

// ParseLock reads the content of a lock file. With errors the lock is nil.
func ParseLock(name string, src []byte) (*Lock, *hcl.File, hcl.Diagnostics) {
	file := &hcl.File{Bytes: src}
	if diags := workflow.Broken(name, src); diags.HasErrors() {
		return nil, file, diags
	}
	file, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	body, ok := file.Body.(*hclsyntax.Body)
	if diags.HasErrors() || !ok {
		return nil, file, diags
	}
	r := lockReader{lock: &Lock{Range: startOf(name)}}
	for _, a := range body.Attributes {
		r.errorf(a.NameRange, "Unexpected attribute", "A lock file holds plugin blocks only, found %s.", a.Name)
	}
	for _, b := range body.Blocks {
		r.block(b)
	}
	if r.diags.HasErrors() {
		return nil, file, r.diags
	}
	slices.SortFunc(r.lock.Pins, func(a, b Pin) int { return strings.Compare(a.Name, b.Name) })
	return r.lock, file, nil
}

type lockReader struct {
	lock  *Lock
	diags hcl.Diagnostics
}

func (r *lockReader) errorf(at hcl.Range, summary, format string, args ...any) {
	r.diags = append(r.diags, problem(at, summary, fmt.Sprintf(format, args...)+" Run ripen init to write the file anew."))
}

func (r *lockReader) block(b *hclsyntax.Block) {
	if b.Type != "plugin" || len(b.Labels) != 1 || b.Labels[0] == "" {
		r.errorf(b.DefRange(), "Unknown block", "A lock file holds blocks such as plugin \"decay\" { … } only.")
		return
	}
	p := Pin{Name: b.Labels[0], Range: b.DefRange()}
	if r.lock.Pin(p.Name) != nil {
		r.errorf(b.DefRange(), "Pinned twice", "The plugin %q stands twice in the lock file.", p.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(b.Body.Attributes)) {
		a := b.Body.Attributes[name]
		v, diags := a.Expr.Value(nil)
		if diags.HasErrors() || v.IsNull() || v.Type() != cty.String {
			r.errorf(a.Expr.Range(), "Wrong type", "%s must be a text in quotes.", name)
			continue
		}
		switch name {
		case "version":
			p.Version = v.AsString()
		case "digest":
			p.Digest, p.Range = v.AsString(), a.Expr.Range()
		default:
			r.errorf(a.NameRange, "Unexpected attribute", "A pin has version and digest, found %s.", name)
		}
	}
	for _, inner := range b.Body.Blocks {
		r.errorf(inner.DefRange(), "Unexpected block", "A pin has version and digest, found a block %s.", inner.Type)
	}
	if !digestForm.MatchString(p.Digest) {
		r.errorf(p.Range, "Not a digest", "digest must be \"sha256:\" and 64 hexadecimal digits, found %q.", shorten(p.Digest))
		return
	}
	p.Digest = strings.TrimPrefix(p.Digest, digestPrefix)
	r.lock.Pins = append(r.lock.Pins, p)
}

// Found is a plugin as it lies there, to be compared with its pin.
type Found struct {
	Pin
	Origin string // where: "built-in", or its file
}

// Check compares the plugins that a workflow uses with what is pinned.
func (l *Lock) Check(used []Found) (diags hcl.Diagnostics) {
	for i := range used {
		f := &used[i]
		switch p := l.Pin(f.Name); {
		case p == nil:
			diags = append(diags, problem(l.Range, "Plugin not pinned", fmt.Sprintf(
				"The workflow uses the plugin %q, which the lock file does not pin; found version %s (%s) with digest sha256:%s. Run ripen init to pin it.",
				f.Name, f.Version, f.Origin, f.Digest)))
		case p.Digest != f.Digest:
			diags = append(diags, problem(p.Range, "Plugin differs from its pin", fmt.Sprintf(
				"The lock file expects the plugin %q of version %s with digest sha256:%s; found version %s (%s) with digest sha256:%s. Put the pinned module into the folder plugins, or accept the other one with ripen init --upgrade.",
				f.Name, p.Version, p.Digest, f.Version, f.Origin, f.Digest)))
		}
	}
	return diags
}

func problem(at hcl.Range, summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &at}
}

func startOf(name string) hcl.Range {
	return hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}
}

func shorten(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}
