package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine/intake/mapping"
	"github.com/ripenhq/ripen/engine/replay"
)

// inputFlags name the files that a command reads.
type inputFlags struct {
	events, leads []string
	mapping       string
	rejected      string
	beside        []string // columns of CSV files that are wanted as they are
}

const inputHelp = `Inputs are files, or - for stdin: NDJSON, JSON arrays and batches in the form of
the Segment spec, and CSV (by the ending .csv or .tsv, or with --leads) read
through a mapping: --mapping FILE, else mapping.hcl beside the CSV file or in
the workflow's folder. CSV files named by --leads come first, then the files
named by --events, then the arguments, each in the order of its lines.

A line {"type":"tick","timestamp":"2026-03-01T00:00:00Z"} lets time pass.

What cannot be read is skipped and written with its line and reason to
<input>.rejected.csv, or to --rejected FILE; a summary is printed on stderr.`

func (f *inputFlags) bind(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.events, "events", nil, "file of events (NDJSON, Segment form); may be repeated")
	cmd.Flags().StringArrayVar(&f.leads, "leads", nil, "CSV file of leads; may be repeated")
	cmd.Flags().StringVar(&f.mapping, "mapping", "", "what the columns of CSV files mean; FILE#NAME picks one of several mappings")
	cmd.Flags().StringVar(&f.rejected, "rejected", "", "file for what is rejected (default <input>.rejected.csv)")
}

// source is one input file.
type source struct {
	name string // as given; - is stdin
	csv  bool
}

// sources lists the inputs in the order in which they are read.
func (f *inputFlags) sources(positional []string) ([]source, error) {
	var list []source
	for _, name := range f.leads {
		list = append(list, source{name, true})
	}
	for _, name := range f.events {
		list = append(list, source{name, false})
	}
	for _, name := range positional {
		ext := strings.ToLower(filepath.Ext(name))
		list = append(list, source{name, ext == ".csv" || ext == ".tsv"})
	}
	if len(list) == 0 {
		return nil, errors.New("no input is named; give a file of events, or - for stdin")
	}
	return list, nil
}

// open opens an input.
func (a *app) open(s source, f *inputFlags, workflowDir string, bar *progress) (*replay.Reader, io.Closer, error) {
	var r io.Reader
	var c io.Closer = io.NopCloser(nil)
	if s.name == "-" {
		r = bar.reader(a.in)
	} else {
		file, err := os.Open(s.name)
		if err != nil {
			return nil, nil, fmt.Errorf("input: %w", err)
		}
		if info, err := file.Stat(); err == nil && info.IsDir() {
			_ = file.Close()
			return nil, nil, fmt.Errorf("input %s is a folder; name a file", s.name)
		}
		if packed(file) {
			_ = file.Close()
			return nil, nil, fmt.Errorf("input %s is compressed with gzip; unpack it, or pipe it: zcat %s | ripen … -", s.name, s.name)
		}
		r, c = bar.reader(file), file
	}
	if !s.csv {
		return replay.NewEvents(r), c, nil
	}
	m, parser, err := findMapping(s.name, f.mapping, workflowDir)
	if err == nil {
		var rd *replay.Reader
		var diags hcl.Diagnostics
		if rd, diags = replay.NewLeads(r, m, f.beside...); !diags.HasErrors() {
			return rd, c, nil
		}
		err = fmt.Errorf("%s does not fit its mapping: %w", s.name, a.explain(&diagnosed{diags, parser.Files()}))
		var said *answer
		if errors.As(err, &said) {
			err = &answer{exitBad, s.name + " does not fit its mapping: " + said.text}
		}
	}
	_ = c.Close()
	return nil, nil, a.explain(err)
}

// packed says whether a file begins as gzip does. Pipes are not looked into.
func packed(file *os.File) bool {
	var head [2]byte
	n, _ := file.ReadAt(head[:], 0)
	return n == 2 && head == [2]byte{0x1f, 0x8b}
}

// spare refuses to write over one of the inputs.
func spare(name string, list []source) error {
	out, err := os.Stat(name)
	if err != nil {
		return nil // not there yet; what else is wrong shows when it is made
	}
	for _, s := range list {
		if in, err := os.Stat(s.name); err == nil && os.SameFile(in, out) {
			return fmt.Errorf("%s is an input and would be written over; name another file", name)
		}
	}
	return nil
}

// size is the number of bytes of the inputs, -1 = unknown.
func size(list []source) (total int64) {
	for _, s := range list {
		info, err := os.Stat(s.name)
		if s.name == "-" || err != nil {
			return -1
		}
		total += info.Size()
	}
	return total
}

// findMapping loads the mapping of a CSV file.
func findMapping(csv, given, workflowDir string) (*mapping.Mapping, *hclparse.Parser, error) {
	file, name, _ := strings.Cut(given, "#")
	if file == "" {
		for _, dir := range []string{filepath.Dir(csv), workflowDir} {
			try := filepath.Join(dir, "mapping.hcl")
			if _, err := os.Stat(try); err == nil && dir != "" {
				file = try
				break
			}
		}
	}
	if file == "" {
		return nil, nil, fmt.Errorf("what do the columns of %s mean? Name a mapping with --mapping FILE, or put mapping.hcl beside it; see examples/x-education/mapping.hcl", csv)
	}
	src, err := readHCL(file)
	if err != nil {
		var bad *diagnosed
		if !errors.As(err, &bad) {
			err = fmt.Errorf("mapping: %w", err)
		}
		return nil, nil, err
	}
	parser := hclparse.NewParser()
	_, _ = parser.ParseHCL(src, file) // for snippets; the loader reports mistakes
	all, diags := mapping.Load(file, src)
	if diags.HasErrors() {
		return nil, nil, &diagnosed{diags, parser.Files()}
	}
	var names []string
	for _, m := range all {
		if m.Name == name || (name == "" && len(all) == 1) {
			return m, parser, nil
		}
		names = append(names, m.Name)
	}
	return nil, nil, fmt.Errorf("%s holds the mappings %s; pick one with --mapping %s#NAME", file, strings.Join(names, ", "), file)
}
