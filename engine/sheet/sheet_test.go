package sheet

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWords(t *testing.T) {
	assert.Equal(t, []string{"0", "999", "1,000", "1,234,567", "-1,000"}, []string{Count(0), Count(999), Count(1000), Count(1_234_567), Count(-1000)})
	assert.Equal(t, []string{"–", "66.7 %"}, []string{Mille(1, 0), Mille(667, 3)})
	assert.Equal(t, "1970-01-01T00:00:01Z", Stamp(1000))
	for ms, want := range map[int64]string{0: "0 ms", 999: "999 ms", 90_000: "1.5 min", 3_600_000: "1 h", 129_600_000: "1.5 d"} {
		assert.Equal(t, want, Duration(ms))
	}
	assert.Equal(t, []int{1, 2}, Cut([]int{1, 2, 3}, 2))
	assert.Len(t, Cut([]int{1, 2, 3}, 0), 3)
}

func TestPage_EscapesAndAligns(t *testing.T) {
	p := Page{Title: "<b>", Lead: "a & b", Key: []Key{{"1", "lead"}}, Cautions: []string{"<i>few</i>"},
		Sections: []Section{{Table: Table{ID: "x", Title: "T", About: "about", Left: 1, Words: []int{2}, Head: []string{"name", "n", "why"}, Rows: [][]string{{"<u>", "3", "so"}}}}}}
	text, err := p.HTML()
	require.NoError(t, err)
	got := string(text)
	for _, want := range []string{"<h1>&lt;b&gt;</h1>", "a &amp; b", "&lt;i&gt;few", `<td class="text">&lt;u&gt;</td><td class="num">3</td><td class="text">so</td>`} {
		assert.Contains(t, got, want)
	}
	assert.NotContains(t, got, "<script")
}

func TestPlot_IsWellFormed(t *testing.T) {
	p := NewPlot(`a "title" & more`, 300, 200)
	p.Axes("x", "y", 0, 10, 0, 100)
	p.Line("<l>", []XY{{}, {X: 1000, Y: 1000}}, "a")
	p.Mark(500, "here")
	p.Legend("one", "a", "two", "b")
	q := NewPlot("bars", 300, 200)
	q.Bars(2, 10, "n")
	q.Bar(0, 0, 1, 0, 10, "a", "none")
	q.Bar(1, 0, 1, 10, 10, "a", "<all>")
	q.Tick(0, "zero")
	q.Level(500, 1000, "mean")
	r := NewPlot("rows", 640, 100)
	r.Row(0, "a name that is longer than thirty letters", 1000, "all")
	r.Upright(500, 1, "half")
	for _, text := range []string{string(p.Done()), string(q.Done()), string(r.Done())} {
		assert.NotContains(t, text, `="-`)
		d := xml.NewDecoder(strings.NewReader(text))
		for {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, text)
		}
	}
}
