package expr

import (
	"slices"

	"github.com/ripenhq/ripen/engine/model/match"
)

// Table is a list from a file or from the workflow, indexed by its first
// column.
type Table struct {
	Name    string
	columns []string
	rows    [][]string
	keys    *match.Set
}

// NewTable indexes rows; of rows with equal keys the first counts.
func NewTable(name string, columns []string, rows [][]string, fold bool) *Table {
	t := &Table{Name: name, columns: columns, rows: rows}
	keys := make([]string, len(rows))
	for i, r := range rows {
		if len(r) > 0 {
			keys[i] = r[0]
		}
	}
	t.keys = match.NewSet(keys, fold)
	return t
}

// column finds a column, -1 if there is none.
func (t *Table) column(name string) int { return slices.Index(t.columns, name) }

// cell is a cell by row and column; ok is false when it is empty.
func (t *Table) cell(row, column int) (string, bool) {
	if row < 0 || column >= len(t.rows[row]) || t.rows[row][column] == "" {
		return "", false
	}
	return t.rows[row][column], true
}
