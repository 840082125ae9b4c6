package main

import (
	"encoding/json"
	"errors"
	"runtime"
	"runtime/debug"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/sdk/abi"
)

// version is set at link time: -ldflags "-X main.version=1.2.3".
var version = ""

type versionInfo struct {
	Version  string          `json:"version"`
	Revision string          `json:"revision,omitempty"`
	Go       string          `json:"go"`
	Platform string          `json:"platform"`
	ABI      string          `json:"abi"`
	Plugins  []pluginVersion `json:"plugins"`
}

type pluginVersion struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Digest  string `json:"digest"`
}

func (a *app) versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version of Ripen and of its plugins",
		Example: "  ripen version\n  ripen version --json",
		Args:    args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			v, err := readVersion()
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(a.stdout).Encode(v)
			}
			a.say("ripen %s (%s, %s), plugin contract %s", v.Version, v.Go, v.Platform, v.ABI)
			for _, p := range v.Plugins {
				a.say("  %-18s %-8s %s", p.Name, p.Version, p.Digest[:12])
			}
			if len(v.Plugins) == 0 {
				a.say("  built without plugins")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func readVersion() (versionInfo, error) {
	v := versionInfo{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Plugins: []pluginVersion{},
		ABI: strconv.Itoa(abi.Major) + "." + strconv.Itoa(abi.Minor)}
	if info, ok := debug.ReadBuildInfo(); ok {
		if v.Version == "" {
			v.Version = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Revision = s.Value
			}
		}
	}
	if v.Version == "" || v.Version == "(devel)" {
		v.Version = "devel"
	}
	set, err := registry.Builtin()
	if errors.Is(err, registry.ErrNotBuilt) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	for _, name := range set.Names() {
		p, err := set.Lookup(name)
		if err != nil {
			return v, err
		}
		v.Plugins = append(v.Plugins, pluginVersion{name, p.Manifest.Version, p.Digest})
	}
	return v, nil
}
