package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// prove runs the tests that name a requirement and judges the list by them.
func prove(reqs []*requirement, packages []string, stderr io.Writer) error {
	dirs, err := folders(packages)
	if err != nil {
		return err
	}
	var results []proof
	for _, d := range dirs {
		names, err := candidates(d.Dir, d.files())
		if err != nil {
			return err
		}
		if len(names) == 0 {
			continue
		}
		found, err := test(d.ImportPath, names, stderr)
		if err != nil {
			return err
		}
		results = append(results, found...)
	}
	if unknown := judge(reqs, results); len(unknown) > 0 {
		return fmt.Errorf("tests name requirements that are not in the list: %s", strings.Join(unknown, ", "))
	}
	return nil
}

// folder is a package as `go list` knows it.
type folder struct {
	ImportPath, Dir           string
	TestGoFiles, XTestGoFiles []string
}

func (f *folder) files() []string { return slices.Concat(f.TestGoFiles, f.XTestGoFiles) }

func folders(packages []string) (list []folder, err error) {
	out, err := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,TestGoFiles,XTestGoFiles"}, packages...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, stderrOf(err))
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var f folder
		if err := dec.Decode(&f); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		list = append(list, f)
	}
}

func stderrOf(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(exit.Stderr)
	}
	return ""
}

var (
	anyID    = regexp.MustCompile(`R\d{3}_\d{2}`)
	testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w*)\(`)
)

// candidates are the top-level tests of a package whose source names a
// requirement, in their own name or in that of a subtest, and those that call
// a helper of a file that does.
func candidates(dir string, files []string) (names []string, err error) {
	for _, name := range files {
		src, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		names = append(names, candidatesIn(string(src))...)
	}
	return names, nil
}

// candidatesIn are the tests of one file that may name a requirement: those
// whose text does, and all of them if a helper or a variable does.
func candidatesIn(src string) (names []string) {
	if !anyID.MatchString(src) {
		return nil
	}
	at := testFunc.FindAllStringSubmatchIndex(src, -1)
	var all []string
	outside := len(at) == 0
	for i, m := range at {
		name, from, to := src[m[2]:m[3]], m[0], len(src)
		if i+1 < len(at) {
			to = at[i+1][0]
		}
		body, rest := src[from:to], ""
		if end := strings.Index(body, "\n}\n"); end >= 0 {
			body, rest = body[:end], body[end:]
		}
		outside = outside || anyID.MatchString(rest) || (i == 0 && anyID.MatchString(src[:from]))
		all = append(all, name)
		if anyID.MatchString(body) {
			names = append(names, name)
		}
	}
	if outside {
		return all
	}
	return names
}

// event is one line of `go test -json`.
type event struct {
	Action, Package, Test, Output string
}

// test runs tests of one package. That some fail is an answer, not an error.
func test(pkg string, names []string, stderr io.Writer) (results []proof, err error) {
	cmd := exec.Command("go", "test", "-json", "-run", "^("+strings.Join(names, "|")+")$", pkg)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	var said strings.Builder
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var e event
		if err := dec.Decode(&e); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("go test %s: %w", pkg, err)
		}
		result := map[string]string{"pass": pass, "fail": fail, "skip": skip}[e.Action]
		switch {
		case e.Action == "output" || e.Action == "build-output":
			said.WriteString(e.Output)
		case e.Test != "" && result != "" && anyID.MatchString(e.Test):
			results = append(results, proof{e.Package, e.Test, result})
		}
	}
	if exit != nil {
		fmt.Fprint(stderr, said.String())
		if len(results) == 0 {
			return nil, fmt.Errorf("go test %s: %w", pkg, err)
		}
	}
	return results, nil
}
