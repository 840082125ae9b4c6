package page

import (
	"fmt"
	"html/template"
	"strings"
)

// plot draws one SVG picture in whole units. Colours come from the page's
// classes, so that the picture follows its scheme.
type plot struct {
	b    strings.Builder
	w, h int
	n    int // groups of bars
}

// xy is a point, per mille of the width and height of the drawing area.
type xy struct{ x, y int }

// Margins of the drawing area.
const (
	left   = 48
	right  = 12
	bottom = 38
	above  = 26
)

func newPlot(title string, w, h int) *plot {
	p := &plot{w: w, h: h}
	t := template.HTMLEscapeString(title)
	fmt.Fprintf(&p.b, `<figure><figcaption>%s</figcaption><svg viewBox="0 0 %d %d" width="%d" role="img" aria-label="%s">`, t, w, h, w, t)
	return p
}

func (p *plot) x(mille int) int { return left + (p.w-left-right)*mille/1000 }
func (p *plot) y(mille int) int { return p.h - bottom - (p.h-bottom-above)*mille/1000 }

func (p *plot) text(x, y int, class, text string) {
	fmt.Fprintf(&p.b, `<text x="%d" y="%d" class="%s">%s</text>`, x, y, class, template.HTMLEscapeString(text))
}

// frame draws the grid with five levels of the upright axis.
func (p *plot) frame(name string, low, high int) {
	for i := range 5 {
		y := p.y(i * 250)
		fmt.Fprintf(&p.b, `<path class="grid" d="M%d %dH%d"/>`, left, y, p.w-right)
		p.text(left-6, y+4, "end", count(low+(high-low)*i/4))
	}
	p.text(4, 14, "small", name)
}

func (p *plot) axes(across, up string, x0, x1, y0, y1 int) {
	p.frame(up, y0, y1)
	for i := range 5 {
		p.text(p.x(i*250), p.h-bottom+16, "mid", count(x0+(x1-x0)*i/4))
	}
	p.text((p.w+left)/2, p.h-4, "mid small", across)
}

func (p *plot) line(name string, list []xy, class string) {
	var d strings.Builder
	for i, q := range list {
		d.WriteByte("ML"[min(i, 1)])
		fmt.Fprintf(&d, "%d %d", p.x(q.x), p.y(q.y))
	}
	fmt.Fprintf(&p.b, `<path class="line %s" d="%s"><title>%s</title></path>`, class, d.String(), template.HTMLEscapeString(name))
}

// mark draws an upright line with a name.
func (p *plot) mark(x int, name string) {
	fmt.Fprintf(&p.b, `<path class="line dash" d="M%d %dV%d"><title>%s</title></path>`, p.x(x), p.y(0), p.y(1000), template.HTMLEscapeString(name))
}

// bars begins a drawing of n groups of bars.
func (p *plot) bars(n, most int, name string) {
	p.n = n
	p.frame(name, 0, most)
}

// slot is where a group of bars begins, and where the next one does.
func (p *plot) slot(i int) (from, to int) { return p.x(1000 * i / p.n), p.x(1000 * (i + 1) / p.n) }

// bar draws the k-th of so many bars in the i-th group.
func (p *plot) bar(i, k, of, value, most int, class, title string) {
	from, to := p.slot(i)
	width := max(1, (to-from-4)/of)
	y := p.y(1000 * value / most)
	fmt.Fprintf(&p.b, `<rect class="fill %s" x="%d" y="%d" width="%d" height="%d"><title>%s</title></rect>`,
		class, from+2+width*k, y, width, p.y(0)-y, template.HTMLEscapeString(title))
}

// tick names a group of bars.
func (p *plot) tick(i int, name string) {
	from, to := p.slot(i)
	p.text((from+to)/2, p.h-bottom+16, "mid", name)
}

// level draws a line across at a value.
func (p *plot) level(value, most int, name string) {
	y := p.y(1000 * value / most)
	fmt.Fprintf(&p.b, `<path class="line dash" d="M%d %dH%d"/>`, left, y, p.w-right)
	p.text(p.w-right, y-4, "end small", name)
}

// Rows of a lying drawing.
const (
	rowHeight = 24
	rowText   = 230
)

// row draws a lying bar, per mille, with its name and what it is of.
func (p *plot) row(i int, name string, mille int, note string) {
	y := 8 + rowHeight*i
	if r := []rune(name); len(r) > 30 {
		name = string(r[:29]) + "…"
	}
	p.text(rowText-8, y+15, "end", name)
	wide := (p.w - rowText - 130) * mille / 1000
	fmt.Fprintf(&p.b, `<rect class="fill a" x="%d" y="%d" width="%d" height="%d"/>`, rowText, y+2, wide, rowHeight-6)
	p.text(rowText+wide+6, y+15, "small", note)
}

// upright draws a line down all rows at a value, per mille.
func (p *plot) upright(mille, rows int, name string) {
	x := rowText + (p.w-rowText-130)*mille/1000
	fmt.Fprintf(&p.b, `<path class="line dash" d="M%d 4V%d"/>`, x, 8+rowHeight*rows)
	p.text(x, 22+rowHeight*rows, "mid small", name)
}

// legend names the colours: name, class, name, class, …
func (p *plot) legend(pairs ...string) {
	x := left + 60
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&p.b, `<rect class="fill %s" x="%d" y="5" width="10" height="10"/>`, pairs[i+1], x)
		p.text(x+14, 14, "small", pairs[i])
		x += 30 + 7*len([]rune(pairs[i]))
	}
}

func (p *plot) done() template.HTML {
	p.b.WriteString("</svg></figure>")
	return template.HTML(p.b.String()) //nolint:gosec // every text in it was escaped above
}
