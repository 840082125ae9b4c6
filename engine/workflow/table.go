package workflow

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ripenhq/ripen/engine/workflow/value"
)

// What one table may cost.
const (
	maxTableBytes = 16 << 20
	maxTableRows  = 500_000
	maxTableCols  = 256
)

// valuesColumn names the only column of a table with inline values.
const valuesColumn = "value"

func (l *loader) table(b *hclsyntax.Block) {
	r := l.reader(b)
	t := Table{Name: b.Labels[0], Fold: true, Range: b.DefRange()}
	l.unique("table "+t.Name, fmt.Sprintf("The table %q", t.Name), b.DefRange(), "Give one of them another name.")
	t.File = r.filled("file")
	values := r.texts("values")
	if fold, ok := r.flag("fold"); r.has("fold") && ok {
		t.Fold = fold
	}
	r.done()
	switch {
	case r.has("file") && r.has("values"):
		l.Errorf(r.at("values"), "Two sources", "%s has both file and values. Keep one of them.", r.what)
	case r.has("values"):
		t.Columns = []string{valuesColumn}
		for _, v := range values {
			t.Rows = append(t.Rows, []string{v})
		}
	case !r.has("file"):
		l.Errorf(r.def, "Missing attribute", "%s has neither file nor values. Add file = \"names.csv\" or values = [\"a\", \"b\"].", r.what)
	case t.File != "":
		l.tableFile(r, &t)
	}
	l.def.Tables = append(l.def.Tables, t)
}

// tableFile reads the CSV file; its mistakes show at the file attribute.
func (l *loader) tableFile(r *reader, t *Table) {
	rng := r.at("file")
	name := path.Clean(t.File)
	if !fs.ValidPath(name) || name == "." || strings.ContainsAny(t.File, `\:`) {
		l.Errorf(rng, "Wrong path", "file = %q leads out of the workflow folder. Name a file inside the folder, with \"/\" between folders, such as \"lists/competitors.csv\".", value.Shorten(t.File))
		return
	}
	src, err := l.readFile(name, maxTableBytes)
	if err == nil && len(src) > maxTableBytes {
		err = fmt.Errorf("it has more than %d MiB", maxTableBytes>>20)
	}
	if err != nil {
		l.Errorf(rng, "Cannot read a table", "%s: %v. Put the CSV file into the workflow folder or correct the path.", value.Shorten(t.File), err)
		return
	}
	if at := invalidUTF8(src); at >= 0 {
		l.Errorf(rng, "Cannot read a table", "%s: line %d is not valid UTF-8. Save the file as UTF-8.", value.Shorten(t.File), rangeAt("", src, at).Start.Line)
		return
	}
	if t.Columns, t.Rows, err = readCSV(src); err != nil {
		l.Errorf(rng, "Broken table", "%s: %v.", value.Shorten(t.File), err)
		return
	}
	l.tableHints(r, t)
}

// readCSV reads a table whose first line names the columns. It takes a byte
// order mark, CRLF, and ";" between columns if the first line has no ",".
func readCSV(src []byte) (columns []string, rows [][]string, err error) {
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	head, _, _ := bytes.Cut(src, []byte("\n"))
	in := csv.NewReader(bytes.NewReader(src))
	in.TrimLeadingSpace = true
	if bytes.IndexByte(head, ',') < 0 && bytes.IndexByte(head, ';') >= 0 {
		in.Comma = ';'
	}
	columns, err = in.Read()
	switch {
	case errors.Is(err, io.EOF):
		return nil, nil, errors.New("the file is empty; its first line must name the columns")
	case err != nil:
		return nil, nil, csvError(err, len(columns))
	}
	if err := checkColumns(columns); err != nil {
		return nil, nil, err
	}
	for {
		row, err := in.Read()
		switch {
		case errors.Is(err, io.EOF):
			return columns, rows, nil
		case err != nil:
			return nil, nil, csvError(err, len(columns))
		case len(rows) == maxTableRows:
			return nil, nil, fmt.Errorf("it has more than %d rows", maxTableRows)
		}
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
		rows = append(rows, row)
	}
}

func checkColumns(columns []string) error {
	if len(columns) > maxTableCols {
		return fmt.Errorf("it has %d columns, at most %d are allowed", len(columns), maxTableCols)
	}
	seen := map[string]bool{}
	for i, c := range columns {
		columns[i] = strings.TrimSpace(c)
		switch {
		case columns[i] == "":
			return fmt.Errorf("column %d has no name; the first line must name every column", i+1)
		case seen[columns[i]]:
			return fmt.Errorf("two columns are named %q; rename one", value.Shorten(columns[i]))
		}
		seen[columns[i]] = true
	}
	return nil
}

func csvError(err error, columns int) error {
	var pe *csv.ParseError
	switch {
	case !errors.As(err, &pe):
		return err
	case errors.Is(err, csv.ErrFieldCount):
		return fmt.Errorf("line %d has another number of fields than the %d columns of the first line; add or remove fields, and put texts with commas in quotes", pe.Line, columns)
	}
	return fmt.Errorf("line %d, column %d: %w", pe.Line, pe.Column, pe.Err)
}

// tableHints warns of what is legal and most likely not meant.
func (l *loader) tableHints(r *reader, t *Table) {
	rng := r.at("file")
	if len(t.Rows) == 0 {
		l.Warnf(rng, "Empty table", "%s has the columns %s and no rows, so nothing is listed in it.", value.Shorten(t.File), value.Shorten(strings.Join(t.Columns, ", ")))
	}
	if len(t.Columns) == 1 && strings.ContainsAny(t.Columns[0], ".@") {
		l.Warnf(rng, "Table without a header", "The first line of %s names its columns, and %q looks like a value. Put a name such as \"domain\" on a line above it.", value.Shorten(t.File), value.Shorten(t.Columns[0]))
	}
	seen := make(map[string]int, len(t.Rows))
	for i, row := range t.Rows {
		key := row[0]
		if t.Fold {
			key = strings.ToLower(key)
		}
		if first, twice := seen[key]; twice && len(t.Columns) > 1 {
			l.Warnf(rng, "Key twice in a table", "%s lists %q in row %d and in row %d; the first one is used. Remove the other.", value.Shorten(t.File), value.Shorten(row[0]), first+1, i+1)
			return
		}
		seen[key] = i
	}
}
