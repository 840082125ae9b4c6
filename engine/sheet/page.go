package sheet

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
)

//go:embed page.html
var pageText string

// pageTemplate is parsed once; it is only read afterwards.
var pageTemplate = template.Must(template.New("page").Parse(pageText))

// Table is one part of a report in words and figures: the terminal and the page
// show the same.
type Table struct {
	ID    string
	Title string
	About string // what the figures are of
	Head  []string
	Rows  [][]string
	Left  int   // so many columns from the left are texts, the others figures
	Words []int // columns behind them that are texts too
	Notes []string
}

// Figures says whether a column holds figures.
func (t *Table) Figures(column int) bool {
	return column >= t.Left && !slices.Contains(t.Words, column)
}

// Key is one of the figures to see first.
type Key struct{ Text, Kind string }

// Section is a table with the plots of it.
type Section struct {
	Table
	Plot template.HTML
}

// Page is a report as one page of HTML: it needs no network and no script,
// follows the reader's light or dark scheme, and prints.
type Page struct {
	Title, Lead string
	Key         []Key
	Cautions    []string
	Sections    []Section
}

// cell is one field of a table.
type cell struct {
	Text string
	Kind string // "text" or "num"
}

// shown is a section as the template wants it.
type shown struct {
	Section
	Cells [][]cell
	Heads []cell
}

// HTML writes the page.
func (p *Page) HTML() ([]byte, error) {
	content := struct {
		Title, Lead string
		Key         []Key
		Cautions    []string
		Sections    []shown
	}{Title: p.Title, Lead: p.Lead, Key: p.Key, Cautions: p.Cautions}
	for _, s := range p.Sections {
		x := shown{Section: s, Heads: s.cells(s.Head)}
		for _, row := range s.Rows {
			x.Cells = append(x.Cells, s.cells(row))
		}
		content.Sections = append(content.Sections, x)
	}
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, content); err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	return out.Bytes(), nil
}

func (t *Table) cells(row []string) (out []cell) {
	for i, text := range row {
		kind := "text"
		if t.Figures(i) {
			kind = "num"
		}
		out = append(out, cell{text, kind})
	}
	return out
}
