package main

import (
	"encoding/xml"
	"fmt"
	"os"
	"strings"
	"time"
)

// The JUnit report as build servers read it.
type junitReport struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Time     string      `xml:"time,attr"` // s
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Time    string        `xml:"time,attr"` // s
	Failure *junitProblem `xml:"failure"`
	Error   *junitProblem `xml:"error"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// writeJUnit writes the report of all suites.
func writeJUnit(name string, suites []suite) error {
	var report junitReport
	for i := range suites {
		s := junitOf(&suites[i])
		report.Tests, report.Failures, report.Errors = report.Tests+s.Tests, report.Failures+s.Failures, report.Errors+s.Errors
		report.Suites = append(report.Suites, s)
	}
	body, err := xml.MarshalIndent(&report, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(name, append([]byte(xml.Header), append(body, '\n')...), 0o644); err != nil {
		return fmt.Errorf("JUnit report: %w", err)
	}
	return nil
}

func junitOf(s *suite) junitSuite {
	out := junitSuite{Name: s.Workflow, Tests: len(s.Tests), Failures: s.failed(), Time: seconds(s.took)}
	if s.Invalid != "" {
		out.Tests, out.Errors = 1, 1
		out.Cases = append(out.Cases, junitCase{Name: "the workflow is valid", Class: s.Workflow, Time: seconds(0), Error: &junitProblem{Message: s.Invalid, Text: textOf(s.Problems)}})
	}
	for _, t := range s.Tests {
		c := junitCase{Name: t.Name, Class: s.Workflow, Time: seconds(t.took)}
		if !t.Passed {
			first := t.Missed[0]
			message, _, _ := strings.Cut(first.Detail, "\n")
			c.Failure = &junitProblem{Message: fmt.Sprintf("%s:%d: %s", first.File, first.Line, message), Text: textOf(t.Missed)}
		}
		out.Cases = append(out.Cases, c)
	}
	return out
}

func textOf(list []missed) string {
	lines := make([]string, len(list))
	for i, m := range list {
		lines[i] = fmt.Sprintf("%s:%d: %s: %s", m.File, m.Line, m.What, m.Detail)
	}
	return strings.Join(lines, "\n")
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
