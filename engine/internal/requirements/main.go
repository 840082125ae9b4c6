// Command requirements lists every requirement with the tests that prove it:
//
//	go run ./engine/internal/requirements [-json] [packages]
//
// A test proves a requirement when its name, or the name of one of its
// subtests, holds the ID written as R000_01. The command runs those tests (the
// go command's cache answers for what has not changed) and ends with 1 if a
// requirement has no test or a failing one. It needs the Go toolchain and
// imports nothing of ours.
package main

import (
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

//go:embed requirements.txt
var list string

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run returns 0 if all is proven, 1 if not, 2 if the tests cannot be run.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("requirements", flag.ContinueOnError)
	flags.SetOutput(stderr)
	asJSON := flags.Bool("json", false, "print JSON")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	packages := flags.Args()
	if len(packages) == 0 {
		packages = []string{"./..."}
	}
	reqs, err := parse(list)
	if err == nil {
		err = prove(reqs, packages, stderr)
	}
	if err != nil {
		fmt.Fprintln(stderr, "requirements:", err)
		return 2
	}
	if *asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		err = enc.Encode(reqs)
	} else {
		err = table(reqs, stdout)
	}
	switch {
	case err != nil:
		fmt.Fprintln(stderr, "requirements:", err)
		return 2
	case unproven(reqs) > 0:
		return 1
	}
	return 0
}

// table prints a line for each requirement and one for each of its tests.
func table(reqs []*requirement, w io.Writer) error {
	var b strings.Builder
	for _, r := range reqs {
		fmt.Fprintf(&b, "%-6s  %-7s  %s\n", r.ID, r.Status, r.Text)
		for _, t := range r.Tests {
			fmt.Fprintf(&b, "        %-7s  %s %s\n", t.Result, short(t.Package), t.Name)
		}
	}
	later := 0
	for _, r := range reqs {
		if r.Later {
			later++
		}
	}
	fmt.Fprintf(&b, "\n%d requirements: %d proven, %d later (report), %d without proof\n", len(reqs), len(reqs)-later-unproven(reqs), later, unproven(reqs))
	_, err := io.WriteString(w, b.String())
	return err
}

func unproven(reqs []*requirement) (n int) {
	for _, r := range reqs {
		if !r.Later && r.Status != pass {
			n++
		}
	}
	return n
}

// short is a package without the module's path.
func short(pkg string) string {
	return strings.TrimPrefix(pkg, "github.com/ripenhq/ripen/")
}
