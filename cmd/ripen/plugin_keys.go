package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/registry/pack"
	"github.com/ripenhq/ripen/engine/registry/trust"
	"github.com/ripenhq/ripen/engine/wasm"
	"github.com/ripenhq/ripen/engine/wasm/meter"
	"github.com/ripenhq/ripen/sdk/abi"
)

func (a *app) pluginKeygenCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "keygen NAME",
		Short: "Make a key that signs plugins",
		Long: `Makes an ed25519 key: NAME.key, which signs and which only you may read, and
NAME.pub, which you give to whoever runs your plugins. Keep NAME.key out of
repositories; who has it can sign in your name, who loses it cannot sign any
more.`,
		Example: `  ripen plugin keygen acme`,
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, list []string) error {
			if err := trust.CheckName(filepath.Base(list[0])); err != nil { // it is what others will trust it as
				return err
			}
			key, err := pack.NewKey(rand.Reader)
			if err != nil {
				return err
			}
			if err := pack.WriteKey(list[0], key); err != nil {
				return err
			}
			public := key.Public()
			if asJSON {
				return json.NewEncoder(a.stdout).Encode(map[string]string{"id": public.ID(), "key": public.String(), "private": list[0] + pack.PrivateFile, "public": list[0] + pack.PublicFile})
			}
			a.say("key %s: %s signs, keep it to yourself; %s is for others", public.ID(), list[0]+pack.PrivateFile, list[0]+pack.PublicFile)
			a.say("who runs your plugins trusts it with\n  ripen plugin trust add %s %s", filepath.Base(list[0]), public)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object: id, key, private, public")
	return cmd
}

func (a *app) pluginSignCommand() *cobra.Command {
	var file, out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "sign --key NAME.key MODULE",
		Short: "Sign a packed module",
		Long: `Appends an ed25519 signature over all bytes of the module as its last section. One
that it has is replaced. Without --out the module is written over.`,
		Example: `  ripen plugin sign --key acme.key build/quote-size.wasm`,
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, list []string) error {
			if file == "" {
				return errors.New("name the key with --key NAME.key; ripen plugin keygen makes one")
			}
			key, err := pack.ReadKey(file)
			if err != nil {
				return err
			}
			module, err := readModule(list[0])
			if err != nil {
				return err
			}
			if module, err = pack.Sign(module, key); err != nil {
				return fmt.Errorf("%s: %w", list[0], err)
			}
			if out == "" {
				out = list[0]
			}
			if err := writeModule(out, module); err != nil {
				return err
			}
			return a.sayModule("signed with key "+key.Public().ID()+":", out, module, asJSON)
		},
	}
	cmd.Flags().StringVar(&file, "key", "", "file of the private key")
	cmd.Flags().StringVarP(&out, "out", "o", "", "file for the signed module (default: over the module)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object: name, version, file, size, digest, key")
	return cmd
}

// inspected is what can be known of a module without running it.
type inspected struct {
	*moduleJSON
	About        string   `json:"about,omitempty"`
	Author       string   `json:"author,omitempty"`
	License      string   `json:"license,omitempty"`
	ABI          string   `json:"abi"`
	Capabilities []string `json:"capabilities"`
	StateMax     uint32   `json:"state_max"`
	StateVersion uint32   `json:"state_version"`
	Imports      []string `json:"imports"`
	Exports      []string `json:"exports"`
	MemoryPages  uint32   `json:"memory_pages"` // that it begins with
	FuelLimit    uint64   `json:"fuel_limit"`
	Standing     string   `json:"standing"` // shipped, signed by …, not signed
	Trusted      bool     `json:"trusted"`  // ripen run takes it
	Why          string   `json:"why,omitempty"`
	Schema       any      `json:"schema"`
}

func (a *app) pluginInspectCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "inspect MODULE|DIR",
		Short: "Show what a module says of itself, and who signed it",
		Long: `Reads a module without running it: its manifest, what it imports and exports, its
digest, who signed it and whether this configuration trusts them.`,
		Example: `  ripen plugin inspect plugins/quote-size.wasm
  ripen plugin inspect --json plugins/quote-size.wasm | jq .schema`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error {
			c, err := a.configure(cmd)
			if err != nil {
				return err
			}
			s, err := a.subject(one(list, "."), "")
			if err != nil {
				return err
			}
			in, err := inspect(c, s)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(a.stdout).Encode(in)
			}
			a.printInspected(in)
			return nil
		},
	}
	bindSettings(cmd, "allow_unsigned")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

func inspect(c *config, s *subject) (*inspected, error) {
	p, err := registry.Read(s.wasm, s.file)
	if err != nil {
		return nil, err
	}
	described, err := describeModule(s.file, s.wasm)
	if err != nil {
		return nil, err
	}
	info, err := meter.Inspect(s.wasm)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.file, err)
	}
	m := p.Manifest
	in := &inspected{moduleJSON: described, About: m.About, Author: m.Author, License: m.License, ABI: m.ABI, Capabilities: append([]string{}, m.Capabilities...),
		StateMax: m.State.Max, StateVersion: m.State.Version, MemoryPages: info.Memory.Min, FuelLimit: m.Limits.Fuel, Schema: m.Schema, Imports: []string{}, Exports: []string{}}
	if in.FuelLimit == 0 {
		in.FuelLimit = wasm.DefaultFuel
	}
	for _, i := range info.Imports {
		in.Imports = append(in.Imports, i.Module+"."+i.Name)
	}
	for _, e := range info.Exports {
		in.Exports = append(in.Exports, e.Name)
	}
	policy, err := c.trust()
	if err != nil {
		return nil, err
	}
	standing, why := policy.Check(p)
	if in.Standing, in.Trusted = standing.String(), why == nil; why != nil {
		in.Why = why.Error()
	}
	return in, nil
}

func (a *app) printInspected(in *inspected) {
	orNone := func(text string) string {
		if text == "" {
			return "-"
		}
		return clean(text)
	}
	a.say("%s %s", clean(in.Name), clean(in.Version))
	for _, line := range [][2]string{
		{"about", orNone(in.About)}, {"author", orNone(in.Author)}, {"license", orNone(in.License)},
		{"digest", in.Digest}, {"size", thousands(in.Size) + " bytes"}, {"abi", clean(in.ABI) + fmt.Sprintf(" (this ripen runs %d.0 to %d.%d)", abi.Major, abi.Major, abi.Minor)},
		{"capabilities", orNone(joined(in.Capabilities))}, {"state", fmt.Sprintf("at most %d bytes, version %d", in.StateMax, in.StateVersion)},
		{"imports", fmt.Sprintf("%d: %s", len(in.Imports), clean(joined(in.Imports)))},
		{"memory", fmt.Sprintf("begins with %d pages of 64 KiB", in.MemoryPages)}, {"fuel", thousands(int(in.FuelLimit)) + " units an input"},
		{"signature", in.Standing},
	} {
		a.say("  %-13s %s", line[0], line[1])
	}
	if in.Trusted {
		a.say("  %-13s yes, ripen run takes it", "trusted")
	} else {
		a.say("  %-13s no: %s", "trusted", clean(in.Why))
	}
}
