package torture

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// shown is how many lines of a history are printed on a failure; the file has
// all.
const shown = 60

// history is what happened in a round, in order.
type history struct {
	mu      sync.Mutex
	started time.Time
	file    *os.File
	lines   []string
}

func newHistory(dir string) (*history, error) {
	f, err := os.Create(filepath.Join(dir, "history.txt"))
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	return &history{started: time.Now(), file: f}, nil
}

func (h *history) add(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	line := fmt.Sprintf("%8.3f ", time.Since(h.started).Seconds()) + fmt.Sprintf(format, args...)
	h.lines = append(h.lines, line)
	_, _ = h.file.WriteString(line + "\n") // it is printed too
}

func (h *history) print(w io.Writer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	from := max(0, len(h.lines)-shown)
	if from > 0 {
		_, _ = fmt.Fprintf(w, "  … %d lines before, see %s\n", from, h.file.Name())
	}
	for _, l := range h.lines[from:] {
		_, _ = fmt.Fprintln(w, "  "+l)
	}
}

func (h *history) close() { _ = h.file.Close() }
