package sheet

import (
	"fmt"
	"html/template"
	"strings"
)

// Plot draws one SVG picture in whole units. Colours come from the page's
// classes, so that the picture follows its scheme.
type Plot struct {
	b    strings.Builder
	w, h int
	n    int // groups of bars
}

// XY is a point, per mille of the width and height of the drawing area.
type XY struct{ X, Y int }

// Margins of the drawing area.
const (
	left   = 48
	right  = 12
	bottom = 38
	above  = 26
)

// NewPlot begins a picture of a width and height under a title.
func NewPlot(title string, w, h int) *Plot {
	p := &Plot{w: w, h: h}
	t := template.HTMLEscapeString(title)
	fmt.Fprintf(&p.b, `<figure><figcaption>%s</figcaption><svg viewBox="0 0 %d %d" width="%d" role="img" aria-label="%s">`, t, w, h, w, t)
	return p
}

func (p *Plot) x(mille int) int { return left + (p.w-left-right)*mille/1000 }
func (p *Plot) y(mille int) int { return p.h - bottom - (p.h-bottom-above)*mille/1000 }

func (p *Plot) text(x, y int, class, text string) {
	fmt.Fprintf(&p.b, `<text x="%d" y="%d" class="%s">%s</text>`, x, y, class, template.HTMLEscapeString(text))
}

// frame draws the grid with five levels of the upright axis.
func (p *Plot) frame(name string, low, high int) {
	for i := range 5 {
		y := p.y(i * 250)
		fmt.Fprintf(&p.b, `<path class="grid" d="M%d %dH%d"/>`, left, y, p.w-right)
		p.text(left-6, y+4, "end", Count(low+(high-low)*i/4))
	}
	p.text(4, 14, "small", name)
}

// Axes begins a drawing of lines: what is across and up, from and to.
func (p *Plot) Axes(across, up string, x0, x1, y0, y1 int) {
	p.frame(up, y0, y1)
	for i := range 5 {
		p.text(p.x(i*250), p.h-bottom+16, "mid", Count(x0+(x1-x0)*i/4))
	}
	p.text((p.w+left)/2, p.h-4, "mid small", across)
}

// Line draws through points, per mille of the area, with a name.
func (p *Plot) Line(name string, list []XY, class string) {
	var d strings.Builder
	for i, q := range list {
		d.WriteByte("ML"[min(i, 1)])
		fmt.Fprintf(&d, "%d %d", p.x(q.X), p.y(q.Y))
	}
	fmt.Fprintf(&p.b, `<path class="line %s" d="%s"><title>%s</title></path>`, class, d.String(), template.HTMLEscapeString(name))
}

// Mark draws an upright line with a name.
func (p *Plot) Mark(x int, name string) {
	fmt.Fprintf(&p.b, `<path class="line dash" d="M%d %dV%d"><title>%s</title></path>`, p.x(x), p.y(0), p.y(1000), template.HTMLEscapeString(name))
}

// Bars begins a drawing of n groups of bars.
func (p *Plot) Bars(n, most int, name string) {
	p.n = n
	p.frame(name, 0, most)
}

// slot is where a group of bars begins, and where the next one does.
func (p *Plot) slot(i int) (from, to int) { return p.x(1000 * i / p.n), p.x(1000 * (i + 1) / p.n) }

// Bar draws the k-th of so many bars in the i-th group.
func (p *Plot) Bar(i, k, of, value, most int, class, title string) {
	from, to := p.slot(i)
	width := max(1, (to-from-4)/of)
	y := p.y(1000 * value / most)
	fmt.Fprintf(&p.b, `<rect class="fill %s" x="%d" y="%d" width="%d" height="%d"><title>%s</title></rect>`,
		class, from+2+width*k, y, width, p.y(0)-y, template.HTMLEscapeString(title))
}

// Tick names a group of bars.
func (p *Plot) Tick(i int, name string) {
	from, to := p.slot(i)
	p.text((from+to)/2, p.h-bottom+16, "mid", name)
}

// Level draws a line across at a value.
func (p *Plot) Level(value, most int, name string) {
	y := p.y(1000 * value / most)
	fmt.Fprintf(&p.b, `<path class="line dash" d="M%d %dH%d"/>`, left, y, p.w-right)
	p.text(p.w-right, y-4, "end small", name)
}

// Rows of a lying drawing.
const (
	rowHeight = 24
	rowText   = 230
)

// Row draws a lying bar, per mille, with its name and what it is of.
func (p *Plot) Row(i int, name string, mille int, note string) {
	y := 8 + rowHeight*i
	if r := []rune(name); len(r) > 30 {
		name = string(r[:29]) + "…"
	}
	p.text(rowText-8, y+15, "end", name)
	wide := (p.w - rowText - 130) * mille / 1000
	fmt.Fprintf(&p.b, `<rect class="fill a" x="%d" y="%d" width="%d" height="%d"/>`, rowText, y+2, wide, rowHeight-6)
	p.text(rowText+wide+6, y+15, "small", note)
}

// Upright draws a line down all rows at a value, per mille.
func (p *Plot) Upright(mille, rows int, name string) {
	x := rowText + (p.w-rowText-130)*mille/1000
	fmt.Fprintf(&p.b, `<path class="line dash" d="M%d 4V%d"/>`, x, 8+rowHeight*rows)
	p.text(x, 22+rowHeight*rows, "mid small", name)
}

// Legend names the colours: name, class, name, class, …
func (p *Plot) Legend(pairs ...string) {
	x := left + 60
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&p.b, `<rect class="fill %s" x="%d" y="5" width="10" height="10"/>`, pairs[i+1], x)
		p.text(x+14, 14, "small", pairs[i])
		x += 30 + 7*len([]rune(pairs[i]))
	}
}

// Done ends the picture.
func (p *Plot) Done() template.HTML {
	p.b.WriteString("</svg></figure>")
	return template.HTML(p.b.String()) //nolint:gosec // every text in it was escaped above
}
