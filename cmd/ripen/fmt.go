package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine/workflow"
)

func (a *app) fmtCommand() *cobra.Command {
	var check, show bool
	cmd := &cobra.Command{
		Use:   "fmt [PATH...]",
		Short: "Lay out workflow files the standard way",
		Long: `Rewrites the .hcl files named, or those in the folders named (by default this
one), in the standard layout, and prints the names of those that changed. Only
spaces change. - formats stdin to stdout.`,
		Example: `  ripen fmt workflows/letter-and-number
  ripen fmt --check --diff .        # exit code 1 if a file is not formatted`,
		RunE: func(_ *cobra.Command, list []string) error {
			if len(list) == 1 && list[0] == "-" {
				src, err := io.ReadAll(a.in)
				if err == nil {
					_, err = a.stdout.Write(workflow.Format(src))
				}
				return err
			}
			files, err := hclFiles(list)
			if err != nil {
				return err
			}
			return a.format(files, check, show)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "change nothing; exit code 1 if a file is not formatted")
	cmd.Flags().BoolVar(&show, "diff", false, "show the changes; with --check or alone nothing is written")
	return cmd
}

// hclFiles lists the files to format.
func hclFiles(paths []string) (files []string, err error) {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			if !strings.HasSuffix(p, ".hcl") {
				return nil, fmt.Errorf("%s is no .hcl file and is left as it is", p)
			}
			files = append(files, p)
			continue
		}
		entries, err := os.ReadDir(p)
		if err != nil {
			return nil, err
		}
		found := 0
		for _, e := range entries {
			if !e.IsDir() && strings.HasSuffix(e.Name(), ".hcl") && !strings.HasPrefix(e.Name(), ".") {
				files = append(files, filepath.Join(p, e.Name()))
				found++
			}
		}
		if found == 0 {
			return nil, fmt.Errorf("folder %s holds no .hcl file", p)
		}
	}
	return files, nil
}

func (a *app) format(files []string, check, show bool) error {
	changed, broken := 0, 0
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if diags := workflow.Broken(name, src); diags.HasErrors() {
			// What cannot be read would come out as something else.
			if err := a.diagnose(map[string]*hcl.File{name: {Bytes: src}}, diags); err != nil {
				return err
			}
			broken++
			continue
		}
		out := workflow.Format(src)
		if bytes.Equal(src, out) {
			continue
		}
		changed++
		if show {
			_, _ = a.stdout.Write(diff.Diff(name, src, name+" (formatted)", out))
		} else {
			a.say("%s", name)
		}
		if check || show {
			continue
		}
		if err := rewrite(name, out); err != nil {
			return err
		}
	}
	if broken > 0 {
		return no("%s cannot be read and left as found", plural(broken, "file"))
	}
	if check && changed > 0 {
		return no("%s not formatted; run ripen fmt", plural(changed, "file"))
	}
	return nil
}

// rewrite replaces a file in one step, so that a crash leaves the old or the
// new one.
func rewrite(name string, content []byte) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), ".ripen-fmt-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	if _, err = tmp.Write(content); err == nil {
		err = tmp.Chmod(info.Mode().Perm())
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), name)
}
