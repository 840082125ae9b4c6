package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
)

// task is one line of the file.
type task struct {
	ID      string `json:"id"` // of the decision
	Lead    string `json:"lead"`
	What    string `json:"what"`
	Summary string `json:"summary"`
	Say     string `json:"say,omitempty"`
}

// tasks is the sales team's list: a file of JSON lines that only grows. Your
// CRM takes its place; what matters is a unique key on the decision's id.
type tasks struct {
	mu    sync.Mutex
	file  *os.File
	known map[string]bool
	end   int64 // of the last whole line
}

// openTasks reads what is there. A last line that a crash has cut short is
// dropped: its decision was not acknowledged and comes again.
func openTasks(name string) (*tasks, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	t := &tasks{file: file, known: map[string]bool{}}
	if err := t.read(); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}

func (t *tasks) read() error {
	all, err := io.ReadAll(t.file)
	if err != nil {
		return err
	}
	whole := bytes.LastIndexByte(all, '\n') + 1
	for n, line := range bytes.Split(all[:whole], []byte("\n")) {
		var one task
		if len(line) == 0 {
			continue
		}
		if err := json.Unmarshal(line, &one); err != nil {
			return fmt.Errorf("line %d is no task: %w", n+1, err)
		}
		t.known[one.ID] = true
	}
	t.end = int64(whole)
	return t.file.Truncate(t.end)
}

// add writes a task to the disk, unless one of that id is there.
func (t *tasks) add(one task) (added bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known[one.ID] {
		return false, nil
	}
	line, err := json.Marshal(one)
	if err != nil {
		return false, err
	}
	line = append(line, '\n')
	if _, err := t.file.WriteAt(line, t.end); err != nil {
		return false, err
	}
	if err := t.file.Sync(); err != nil {
		return false, err
	}
	t.end += int64(len(line))
	t.known[one.ID] = true
	return true, nil
}

func (t *tasks) close() { _ = t.file.Close() }
