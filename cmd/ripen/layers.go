package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ripenhq/ripen/engine/workflow"
)

// configFile is the name of the configuration file.
const configFile = "ripen.hcl"

// config is the effective configuration and where each value came from:
// defaults < ripen.hcl < environment < flags.
type config struct {
	list   []setting
	k      *koanf.Koanf
	origin map[string]string
	path   string // of the configuration file
	must   bool   // it was named, so it must be there
}

func newKoanf() *koanf.Koanf { return koanf.New(".") }

func (c *config) text(key string) string { return c.k.String(key) }
func (c *config) number(key string) int  { return c.k.Int(key) }

// cache is the folder of compiled plugins. A default that cannot be made, on a
// read-only disk say, is no reason to fail: plugins are compiled each time then.
func (c *config) cache() string {
	dir := c.text("cache")
	if c.origin["cache"] == "default" && dir != "" && os.MkdirAll(dir, 0o700) != nil {
		return ""
	}
	return dir
}

// duration of a setting that was checked.
func (c *config) duration(key string) time.Duration {
	ms, _ := workflow.ParseDuration(c.text(key))
	return time.Duration(ms) * time.Millisecond
}

// bindSettings adds flags for some settings, all if none is named.
func bindSettings(cmd *cobra.Command, keys ...string) {
	wanted := make(map[string]bool, len(keys))
	for _, k := range keys {
		wanted[k] = true
	}
	for _, s := range settings() {
		if s.secret() || len(keys) > 0 && !wanted[s.key] {
			continue
		}
		short := ""
		if s.key == "workflow" {
			short = "w"
		}
		f := cmd.Flags().VarPF(&settingFlag{def: s.def}, s.flag(), short, s.usage)
		f.Annotations = map[string][]string{settingMark: {s.key}}
		if s.key == "log_json" || s.key == "allow_unsigned" {
			f.NoOptDefVal = "true"
		}
	}
	cmd.Flags().String("config", "", "configuration file (default "+configFile+" in this folder, if it is there)")
}

const settingMark = "ripen-setting"

// settingFlag is the text of a setting on the command line.
type settingFlag struct{ value, def string }

func (f *settingFlag) String() string {
	if f.value == "" {
		return f.def
	}
	return f.value
}
func (f *settingFlag) Set(s string) error { f.value = s; return nil }
func (f *settingFlag) Type() string       { return "value" }

// configure reads all layers for a command.
func (a *app) configure(cmd *cobra.Command) (*config, error) {
	c := &config{list: settings(), k: newKoanf(), origin: make(map[string]string), path: configFile}
	defaults := make(map[string]any, len(c.list))
	for i := range c.list {
		defaults[c.list[i].key] = c.list[i].def
	}
	if err := c.layer(confmap.Provider(defaults, "."), nil, func(string) string { return "default" }); err != nil {
		return nil, err
	}
	if name, _ := cmd.Flags().GetString("config"); name != "" {
		c.path, c.must = name, true
	}
	if err := c.file(); err != nil {
		return nil, a.explain(err)
	}
	if err := c.environment(os.Environ()); err != nil {
		return nil, err
	}
	if err := c.flags(cmd.Flags()); err != nil {
		return c, err
	}
	policy, err := c.trust()
	if err != nil {
		return c, err
	}
	if a.trust = a.lenient(policy); cmd.Flags().Lookup("creds") == nil {
		return c, nil
	}
	return c, c.checkLogin()
}

// layer lays the values of a provider over what is there.
func (c *config) layer(p koanf.Provider, parser koanf.Parser, origin func(key string) string) error {
	k := koanf.New(".")
	if err := k.Load(p, parser); err != nil {
		return err
	}
	for _, key := range k.Keys() {
		c.origin[key] = origin(key)
	}
	return c.k.Merge(k)
}

func (c *config) file() error {
	name := c.path
	src, err := readHCL(name)
	var bad *diagnosed
	switch {
	case !c.must && errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.As(err, &bad):
		return err
	case err != nil:
		return fmt.Errorf("configuration file: %w", err)
	}
	p := &hclParser{name: filepath.ToSlash(name), list: c.list, ranges: make(map[string]hcl.Range)}
	return c.layer(loaded(src), p, func(key string) string { return fmt.Sprintf("%s:%d", p.name, p.ranges[key].Start.Line) })
}

// environment takes RIPEN_* variables. One that is nearly a setting is a
// mistake; others belong to somebody else.
func (c *config) environment(environ []string) error {
	var bad error
	known := make(map[string]*setting, len(c.list))
	var names []string
	for i := range c.list {
		known[c.list[i].env()] = &c.list[i]
		names = append(names, c.list[i].env())
	}
	return errors.Join(c.layer(env.Provider(".", env.Opt{Prefix: "RIPEN_", EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			s := known[name]
			if s == nil {
				if near := nearest(name, names); near != "" && bad == nil {
					bad = fmt.Errorf("environment variable %s is no setting; did you mean %s?", name, near)
				}
				return "", nil
			}
			if err := s.check(value); err != nil && bad == nil {
				bad = fmt.Errorf("environment variable %s: %w", name, err)
			}
			return s.key, value
		}}), nil, func(key string) string { return "environment " + "RIPEN_" + strings.ToUpper(key) }), bad)
}

func (c *config) flags(set *pflag.FlagSet) error {
	var bad error
	err := c.layer(posflag.ProviderWithFlag(set, ".", nil, func(f *pflag.Flag) (string, any) {
		key := f.Annotations[settingMark]
		if len(key) == 0 || !f.Changed {
			return "", nil
		}
		for i := range c.list {
			if s := &c.list[i]; s.key == key[0] && bad == nil {
				if err := s.check(f.Value.(*settingFlag).value); err != nil {
					bad = fmt.Errorf("--%s: %w", f.Name, err)
				}
			}
		}
		return key[0], f.Value.(*settingFlag).value
	}), nil, func(key string) string { return "flag --" + strings.ReplaceAll(key, "_", "-") })
	return errors.Join(err, bad)
}
