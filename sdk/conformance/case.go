package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/model"
	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/replay"
	"github.com/ripenhq/ripen/engine/workflow"
)

// Endings of the files of a case.
const (
	ConfigFile = ".hcl"
	EventsFile = ".ndjson"
	GoldenFile = ".golden.json"
)

// maxCaseFile is the size in bytes of the largest file of a case.
const maxCaseFile = 64 << 20

// Case is one configuration of the plugin with events.
type Case struct {
	Name   string
	Config []byte // HCL: the body of the step's block, or a whole workflow
	Events []byte // NDJSON as ripen score reads it
	Golden []byte // what Play should make of it; nil = not known yet
	// Files are further files of the workflow, such as tables, by name.
	Files map[string][]byte
}

// ReadCases reads all cases in a folder, sorted by name.
func ReadCases(fsys fs.FS) ([]Case, error) {
	names, err := fs.Glob(fsys, "*"+ConfigFile)
	if err != nil {
		return nil, err
	}
	tables := map[string][]byte{}
	csv, err := fs.Glob(fsys, "*.csv")
	if err != nil {
		return nil, err
	}
	for _, name := range csv {
		if tables[name], err = readCaseFile(fsys, name); err != nil {
			return nil, err
		}
	}
	var list []Case
	for _, name := range names {
		c := Case{Name: strings.TrimSuffix(name, ConfigFile), Files: tables}
		if c.Config, err = readCaseFile(fsys, name); err != nil {
			return nil, err
		}
		if c.Events, err = readCaseFile(fsys, c.Name+EventsFile); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("case %s has a configuration, %s, but no events: write them to %s, one JSON object a line", c.Name, name, c.Name+EventsFile)
		} else if err != nil {
			return nil, err
		}
		if c.Golden, err = readCaseFile(fsys, c.Name+GoldenFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

func readCaseFile(fsys fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxCaseFile {
		return nil, fmt.Errorf("%s is no regular file of at most %d bytes", name, maxCaseFile)
	}
	return fs.ReadFile(fsys, name)
}

// Names in the workflow that is put around the body of a block.
const (
	caseStep = "fixture"
	caseRest = `workflow "fixture" {}

route "nurture" "rest" { default = true }
`
)

// folder is the workflow of a case as files.
func (c *Case) folder(plugin string) (fsys fs.FS, wrapped string) {
	name := path.Base(c.Name) + ConfigFile
	files := fstest.MapFS{}
	for file, data := range c.Files {
		files[file] = &fstest.MapFile{Data: data}
	}
	if !isWorkflow(c.Config) {
		wrapped = name
		text := fmt.Sprintf("step %q %q {\n%s\n}\n", plugin, caseStep, c.Config)
		files["zz-around"+ConfigFile] = &fstest.MapFile{Data: []byte(caseRest)}
		files[name] = &fstest.MapFile{Data: []byte(text)}
		return files, wrapped
	}
	files[name] = &fstest.MapFile{Data: c.Config}
	return files, ""
}

// isWorkflow says whether a text has a workflow block at its top.
func isWorkflow(text []byte) bool {
	if workflow.Unparsable("", text) != nil {
		return false
	}
	file, _ := hclsyntax.ParseConfig(text, "", hcl.InitialPos)
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return false
	}
	for _, b := range body.Blocks {
		if b.Type == "workflow" {
			return true
		}
	}
	return false
}

// compile makes a model of the case.
func (c *Case) compile(plugin string, set map[string]*registry.Plugin, plugins map[string]model.Plugin) (*model.Model, error) {
	schemas := map[string]*workflow.Schema{}
	var names []string
	for name, p := range set {
		s, err := workflow.CompileSchema(name, p.Manifest.Schema)
		if err != nil {
			return nil, fmt.Errorf("plugin %s: schema of its block: %w", name, err)
		}
		schemas[name] = s
		names = append(names, name)
	}
	fsys, wrapped := c.folder(plugin)
	def, diags := workflow.Load(fsys, workflow.Options{
		Schema:  func(name string) (*workflow.Schema, bool) { s, ok := schemas[name]; return s, ok },
		Plugins: names,
	})
	if diags.HasErrors() {
		return nil, c.explain(diags, wrapped)
	}
	m, more := model.Compile(def, plugins)
	if m == nil || more.HasErrors() {
		return nil, c.explain(more, wrapped)
	}
	return m, nil
}

// explain makes an error of all mistakes, at the lines of the case's own file.
func (c *Case) explain(diags hcl.Diagnostics, wrapped string) error {
	var list []error
	for _, d := range diags {
		if d.Severity != hcl.DiagError {
			continue
		}
		at := c.Name + ConfigFile
		if d.Subject != nil {
			line := d.Subject.Start.Line
			if d.Subject.Filename == wrapped {
				line-- // of the block that was put around
			}
			at = fmt.Sprintf("%s:%d", d.Subject.Filename, line)
		}
		list = append(list, fmt.Errorf("%s: %s: %s", at, d.Summary, oneLine(d.Detail)))
	}
	return errors.Join(list...)
}

// events hands over the events of the case in their order.
func (c *Case) events(event func(lead.Event), tick func(at int64)) error {
	r := replay.NewEvents(bytes.NewReader(c.Events))
	newest := int64(0)
	for {
		it, err := r.Next()
		if errors.Is(err, io.EOF) {
			if newest != 0 {
				tick(newest)
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name+EventsFile, err)
		}
		if it.Rejected != nil {
			return fmt.Errorf("%s:%d: the event cannot be used: %s", c.Name+EventsFile, it.Line, it.Rejected.Reason)
		}
		newest = max(newest, it.Event.At)
		if it.Event.Kind == lead.Tick {
			tick(it.Event.At)
			continue
		}
		event(it.Event)
	}
}
