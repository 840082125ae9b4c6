package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine/registry/pack"
)

func (a *app) pluginNewCommand() *cobra.Command {
	var lang, name string
	all := strings.Join(names(shippedLanguages()), ", ")
	cmd := &cobra.Command{
		Use:   "new --lang LANGUAGE DIR",
		Short: "Begin a plugin in an empty folder",
		Long: `Writes a plugin that works into a folder that is empty or not there yet: sources
with one rule, manifest.json, fixtures, a test, and the SDK in third_party, so
that nothing needs to be downloaded. Languages: ` + all + `.`,
		Example: `  ripen plugin new --lang go quote-size
  ripen plugin new --lang go --name quote-size .`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, list []string) error { return a.pluginNew(lang, name, list[0]) },
	}
	cmd.Flags().StringVar(&lang, "lang", "", "language: "+all)
	cmd.Flags().StringVar(&name, "name", "", "name of the plugin (default: that of the folder)")
	return cmd
}

func (a *app) pluginNew(lang, name, dir string) error {
	if lang == "" {
		return fmt.Errorf("say what it is to be written in: --lang %s", strings.Join(names(shippedLanguages()), "|"))
	}
	l, err := languageNamed(lang)
	if err != nil {
		return err
	}
	if name == "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return err
		}
		name = filepath.Base(abs)
	}
	if err := pack.CheckName(name); err != nil {
		return fmt.Errorf("%w; give it one with --name", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("folder %s is not empty (it holds %s); name an empty or a new one", dir, entries[0].Name())
	}
	if err := l.scaffold(dir, name); err != nil {
		return err
	}
	a.say("%s: the plugin %s in %s. Next:", dir, name, l.title)
	if dir != "." {
		a.say("  cd %s", dir)
	}
	a.say("  ripen plugin build\n  ripen plugin test\n  ripen plugin verify")
	return nil
}
