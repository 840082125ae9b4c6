package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"strconv"

	"github.com/ripenhq/ripen/engine/lead"
)

// rejects writes what cannot be used to a file per input, or all to one. A
// file is made when there is something to write.
type rejects struct {
	given   string // --rejected
	sources []source
	files   map[string]*rejectsFile
	order   []*rejectsFile
	count   int
}

type rejectsFile struct {
	name string
	file *os.File
	csv  *csv.Writer
}

func newRejects(given string, sources []source) *rejects {
	return &rejects{given: given, sources: sources, files: make(map[string]*rejectsFile)}
}

// add keeps one rejected input of a source.
func (r *rejects) add(src, line int, x *lead.Rejected) error {
	f, err := r.open(src)
	if err != nil {
		return err
	}
	r.count++
	at := ""
	if line > 0 {
		at = strconv.Itoa(line)
	}
	return f.csv.Write([]string{r.sources[src].name, at, x.Code, x.Reason, string(x.Raw)})
}

func (r *rejects) open(src int) (*rejectsFile, error) {
	name := r.given
	if name == "" {
		if name = r.sources[src].name + ".rejected.csv"; r.sources[src].name == "-" {
			name = "stdin.rejected.csv"
		}
	}
	if f := r.files[name]; f != nil {
		return f, nil
	}
	if err := spare(name, r.sources); err != nil {
		return nil, err
	}
	file, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("file for rejected input: %w; name another with --rejected", err)
	}
	f := &rejectsFile{name: name, file: file, csv: csv.NewWriter(file)}
	r.files[name] = f
	r.order = append(r.order, f)
	return f, f.csv.Write([]string{"input", "line", "code", "reason", "row"})
}

// close writes out and tells the names of the files.
func (r *rejects) close() (names []string, err error) {
	for _, f := range r.order {
		f.csv.Flush()
		if e := f.csv.Error(); err == nil {
			err = e
		}
		if e := f.file.Close(); err == nil {
			err = e
		}
		names = append(names, f.name)
	}
	return names, err
}
