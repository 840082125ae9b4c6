package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// isTerminal says whether people see what is written to w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// isLive says whether w can be drawn on: a terminal that moves its cursor.
func isLive(w io.Writer) bool { return isTerminal(w) && getenv("TERM") != "dumb" }

// colors says whether w may get colours.
func colors(w io.Writer) bool {
	return isLive(w) && getenv("NO_COLOR") == ""
}

// width is the number of columns of w, 0 = unknown.
func width(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil {
			return n
		}
	}
	return 0
}

// progress is a bar on a terminal's stderr, and nothing anywhere else.
type progress struct{ bar *progressbar.ProgressBar }

// progress starts a bar; total < 0 is a spinner, bytes counts in bytes.
func (a *app) progress(what string, total int64, bytes bool) *progress {
	if !isLive(a.err) {
		return &progress{}
	}
	return &progress{progressbar.NewOptions64(total, progressbar.OptionSetWriter(a.err), progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(bytes), progressbar.OptionShowCount(), progressbar.OptionSetWidth(24), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(), progressbar.OptionSpinnerType(14))}
}

func (p *progress) add(n int) {
	if p.bar != nil {
		_ = p.bar.Add(n)
	}
}

// hide clears the bar's line for a line of text; the bar comes back by itself.
func (p *progress) hide() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Clear()
		_ = p.bar.Exit()
	}
}

// reader counts what is read through it.
func (p *progress) reader(r io.Reader) io.Reader {
	if p.bar == nil {
		return r
	}
	return &countingReader{r, p}
}

type countingReader struct {
	r io.Reader
	p *progress
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.p.add(n)
	return n, err
}
