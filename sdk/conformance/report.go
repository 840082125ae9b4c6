package conformance

import (
	"fmt"
	"strings"
)

// Status is how a check ended.
type Status string

// The ends of checks.
const (
	Pass Status = "pass"
	Fail Status = "FAIL"
	Warn Status = "warn" // the contract is kept, the author should know
	Skip Status = "skip" // it does not apply, or one before it failed
)

// Check is one thing that was looked at. Names are stable.
type Check struct {
	Name     string `json:"name"`
	Status   Status `json:"status"`
	Found    string `json:"found"`
	Expected string `json:"expected,omitempty"`
	Do       string `json:"do,omitempty"` // what the author can do about it
}

// Report is what Verify found, in the order in which it looked.
type Report struct {
	Plugin string  `json:"plugin"` // name and version in the manifest
	Digest string  `json:"digest"` // sha256 of the module, hex
	Checks []Check `json:"checks"`
}

// OK says whether no check failed.
func (r *Report) OK() bool { return r.Count(Fail) == 0 }

// Count is how many checks ended so.
func (r *Report) Count(s Status) (n int) {
	for i := range r.Checks {
		if r.Checks[i].Status == s {
			n++
		}
	}
	return n
}

// Check finds a check by its name, nil if there is none.
func (r *Report) Check(name string) *Check {
	for i := range r.Checks {
		if r.Checks[i].Name == name {
			return &r.Checks[i]
		}
	}
	return nil
}

// String is the report for people: a line per check, and what to do about those
// that did not pass.
func (r *Report) String() string {
	var b strings.Builder
	for i := range r.Checks {
		c := &r.Checks[i]
		fmt.Fprintf(&b, "%-4s  %-24s %s\n", c.Status, c.Name, oneLine(c.Found))
		if c.Status != Fail && c.Status != Warn {
			continue
		}
		if c.Expected != "" {
			fmt.Fprintf(&b, "      %-24s expected: %s\n", "", oneLine(c.Expected))
		}
		if c.Do != "" {
			fmt.Fprintf(&b, "      %-24s to do: %s\n", "", oneLine(c.Do))
		}
	}
	return b.String()
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func (r *Report) add(c Check) { r.Checks = append(r.Checks, c) }

func (r *Report) pass(name, format string, args ...any) {
	r.add(Check{Name: name, Status: Pass, Found: fmt.Sprintf(format, args...)})
}

func (r *Report) skip(name, format string, args ...any) {
	r.add(Check{Name: name, Status: Skip, Found: fmt.Sprintf(format, args...)})
}

func (r *Report) fail(name, found, expected, do string) {
	r.add(Check{Name: name, Status: Fail, Found: found, Expected: expected, Do: do})
}

func (r *Report) warn(name, found, expected, do string) {
	r.add(Check{Name: name, Status: Warn, Found: found, Expected: expected, Do: do})
}
