package workflow

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ripenhq/ripen/engine/workflow/value"
)

// Options tell Load about the world around the folder.
type Options struct {
	// Schema gives the schema of a plugin's block; false if there is no such
	// plugin. nil: no plugin is known.
	Schema func(plugin string) (*Schema, bool)
	// Plugins are the names of the plugins there are, for suggestions.
	Plugins []string
	// Dir is put before the file names in ranges and Files, so that people see
	// the path they typed.
	Dir string
}

// Load reads the workflow in the root of fsys: all *.hcl files there but
// *.ripentest.hcl, *.lock.hcl, mapping.hcl, ripen.hcl and hidden ones, in the
// order of their names. It reports every mistake it finds, sorted by place.
// The Definition is never nil; with errors among the diagnostics it holds what
// could be read. An fsys that follows symbolic links out of the folder is the
// caller's choice (os.Root does not).
func Load(fsys fs.FS, opts Options) (*Definition, hcl.Diagnostics) {
	l := &loader{
		opts: opts, fsys: fsys,
		seen: map[string]hcl.Range{},
		def: &Definition{
			LeadWord: "lead", Zone: "UTC", AgeStep: value.Day,
			Sales: []string{DefaultSales}, MaxBuckets: defaultBuckets,
			Files: map[string]*hcl.File{},
		},
	}
	for _, body := range l.parse() {
		l.blocks(body)
	}
	l.mergeScores()
	if !l.broken {
		l.check()
	}
	l.sortDefaults()
	return l.def, sorted(l.Diags)
}

// DefaultSales is the action that hands a lead to sales if the workflow block
// names none.
const DefaultSales = "sales-handoff"

const defaultBuckets = 4096

// loader is the state of one Load.
type loader struct {
	opts Options
	fsys fs.FS
	def  *Definition
	value.Report
	// broken: a part could not be read, so that checks of the whole (a missing
	// default route) would accuse what may well be there.
	broken bool
	first  hcl.Range            // the first byte of the first file
	seen   map[string]hcl.Range // what was declared, by kind and name
	scores []scorePart
}

// parse reads and parses the files of the folder.
func (l *loader) parse() []*hclsyntax.Body {
	names, err := l.files()
	l.first = startOf(path.Join(l.opts.Dir, "workflow.hcl"))
	if err != nil {
		l.broken = true
		l.Errorf(l.first, "Cannot read the workflow folder", "%v. Check the path and its permissions.", err)
		return nil
	}
	if len(names) > 0 {
		l.first = startOf(path.Join(l.opts.Dir, names[0]))
	}
	var bodies []*hclsyntax.Body
	total := 0
	for i, name := range names {
		src, err := l.readFile(name, maxFileBytes)
		shown := path.Join(l.opts.Dir, name)
		if total += len(src); err == nil && (total > maxFolderBytes || i >= maxFiles) {
			err = fmt.Errorf("a workflow has at most %d files with %d MiB in all", maxFiles, maxFolderBytes>>20)
		}
		if err != nil {
			l.broken = true
			l.Errorf(startOf(shown), "Cannot read a workflow file", "%s: %v.", shown, err)
			continue
		}
		if body := l.parseFile(shown, src); body != nil {
			bodies = append(bodies, body)
		}
	}
	return bodies
}

func (l *loader) parseFile(name string, src []byte) *hclsyntax.Body {
	if d := guard(name, src); d != nil {
		l.broken = true
		if len(src) <= maxFileBytes && d.Summary != summaryUTF8 {
			l.def.Files[name] = &hcl.File{Bytes: src}
		}
		l.Diags = append(l.Diags, d)
		return nil
	}
	file, diags := parseHCL(src, name)
	l.Diags = append(l.Diags, diags...)
	l.broken = l.broken || diags.HasErrors()
	l.def.Files[name] = file
	body, _ := file.Body.(*hclsyntax.Body)
	return body
}

// parseHCL turns a panic of the parser, which asserts its own state on broken
// input, into a diagnostic.
func parseHCL(src []byte, name string) (file *hcl.File, diags hcl.Diagnostics) {
	defer func() {
		if r := recover(); r != nil {
			file = &hcl.File{Bytes: src}
			diags = hcl.Diagnostics{value.Error(startOf(name), "Cannot parse this file", fmt.Sprintf("The parser gave up: %v. Check brackets, quotes and heredocs.", r))}
		}
	}()
	return hclsyntax.ParseConfig(src, name, hcl.InitialPos)
}

// files lists the workflow files by name.
func (l *loader) files() ([]string, error) { return l.filesWhere(IsWorkflowFile) }

// IsWorkflowFile says whether a file of this name belongs to a workflow.
func IsWorkflowFile(name string) bool {
	switch {
	case !strings.HasSuffix(name, ".hcl"), strings.HasPrefix(name, "."):
		return false
	case strings.HasSuffix(name, TestSuffix), strings.HasSuffix(name, ".lock.hcl"):
		return false
	}
	return name != "mapping.hcl" && name != "ripen.hcl"
}

// readFile reads at most limit+1 bytes, so that a giant file costs little and
// still shows that it is one.
func (l *loader) readFile(name string, limit int64) (src []byte, err error) {
	info, err := fs.Stat(l.fsys, name) // to open a pipe would wait for its writer
	if err != nil {
		return nil, plainPathError(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	f, err := l.fsys.Open(name)
	if err != nil {
		return nil, plainPathError(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(io.LimitReader(f, limit+1))
}

// plainPathError drops "open x:" in front of the reason, because the
// diagnostic names the file.
func plainPathError(err error) error {
	var pe *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("there is no such file")
	case errors.As(err, &pe):
		return pe.Err
	}
	return err
}

// sorted orders by place and keeps the first maxDiags.
func sorted(diags hcl.Diagnostics) hcl.Diagnostics {
	sort.SliceStable(diags, func(i, j int) bool {
		a, b := diags[i].Subject, diags[j].Subject
		switch {
		case a == nil || b == nil:
			return a == nil && b != nil
		case a.Filename != b.Filename:
			return a.Filename < b.Filename
		}
		return a.Start.Byte < b.Start.Byte
	})
	if len(diags) > maxDiags {
		more := value.Error(*diags[maxDiags].Subject, "Too many mistakes", fmt.Sprintf("%d more are not shown.", len(diags)-maxDiags))
		diags = append(diags[:maxDiags:maxDiags], more)
	}
	return diags
}
