package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/spf13/cobra"
	"github.com/zclconf/go-cty/cty"

	"github.com/ripenhq/ripen/engine/registry/pack"
	"github.com/ripenhq/ripen/engine/registry/trust"
)

func (a *app) pluginTrustCommand() *cobra.Command {
	var asJSON bool
	list := func(cmd *cobra.Command, _ []string) error { return a.trustList(cmd, asJSON) }
	cmd := &cobra.Command{
		Use:   "trust",
		Short: "Say whose plugins are run: list, add, remove, revoke",
		Long: `Plugins that Ripen does not ship run only if a publisher has signed them whom the
block trust of ripen.hcl names. These commands write that block; it may be
written by hand as well:

  trust {
    publisher "acme" { key = "ed25519:…" }
    revoked = ["ed25519:…"]
  }

It is read anew before each release that is loaded, without a restart. What runs
goes on until then.`,
		Example: `  ripen plugin trust add acme acme.pub
  ripen plugin trust revoke acme
  ripen plugin trust list`,
		Args: args(cobra.NoArgs),
		RunE: list,
	}
	bindSettings(cmd, serverKeys("data", "log_level", "log_json", "allow_unsigned")...)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per key")
	cmd.AddCommand(a.trustListCommand(), a.trustAddCommand(), a.trustTakeCommand("remove", "Trust a publisher no more", "removed", takeAway),
		a.trustTakeCommand("revoke", "Refuse all that a key has signed, whoever lists it", "revoked", revoke))
	return cmd
}

func (a *app) trustListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the publishers that are trusted, and the keys that are revoked",
		Long: `Lists the keys of the block trust. With --nats or --data it says which releases of
that engine run with plugins that each key has signed.`,
		Example: `  ripen plugin trust list --data /var/lib/ripen
  ripen plugin trust list --json | jq -r 'select(.revoked) | .key'`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.trustList(cmd, asJSON) },
	}
	bindSettings(cmd, serverKeys("data", "log_level", "log_json", "allow_unsigned")...)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per key")
	return cmd
}

// keyLine is a key as scripts read it.
type keyLine struct {
	Publisher string `json:"publisher,omitempty"`
	ID        string `json:"id"`
	Key       string `json:"key"`
	Revoked   bool   `json:"revoked"`
	// Runs are the plugins of running releases that it has signed, such as
	// "quote-size in quotes 3 (live)".
	Runs []string `json:"runs,omitempty"`
}

// keyLines are all keys, those that are only revoked behind the others.
func keyLines(keys *trust.Keys) (list []keyLine) {
	isRevoked := func(key pack.PublicKey) bool {
		return slices.ContainsFunc(keys.Revoked, func(r pack.PublicKey) bool { return slices.Equal(r, key) })
	}
	for _, p := range keys.Publishers {
		list = append(list, keyLine{Publisher: p.Name, ID: p.Key.ID(), Key: p.Key.String(), Revoked: isRevoked(p.Key)})
	}
	for _, key := range keys.Revoked {
		if !slices.ContainsFunc(keys.Publishers, func(p trust.Publisher) bool { return slices.Equal(p.Key, key) }) {
			list = append(list, keyLine{ID: key.ID(), Key: key.String(), Revoked: true})
		}
	}
	return list
}

func (a *app) trustList(cmd *cobra.Command, asJSON bool) error {
	c, err := a.configure(cmd)
	if err != nil {
		return err
	}
	keys, err := c.keys()
	if err != nil {
		return err
	}
	runs, err := a.signedRuns(cmd, c)
	if err != nil {
		return err
	}
	list := keyLines(keys)
	rows := [][]string{{"publisher", "key", "", "text", "signed what runs"}}
	for _, l := range list {
		for _, r := range runs {
			if r.signer.ID() == l.ID {
				l.Runs = append(l.Runs, r.plugin+" in "+r.title)
			}
		}
		if asJSON {
			if err := json.NewEncoder(a.stdout).Encode(l); err != nil {
				return err
			}
			continue
		}
		word := "trusted"
		if l.Revoked {
			word = "REVOKED"
		}
		rows = append(rows, []string{l.Publisher, l.ID, word, l.Key, strings.Join(l.Runs, ", ")})
	}
	switch {
	case asJSON:
	case len(list) == 0:
		a.say("%s trusts nobody: only the shipped plugins are run", c.path)
	default:
		if len(runs) == 0 {
			for i := range rows {
				rows[i] = rows[i][:4]
			}
		}
		a.printTable(rows, nil)
	}
	if c.text("allow_unsigned") == "true" && !asJSON {
		a.note("unsigned plugins are run as well: allow_unsigned is set (%s)", c.origin["allow_unsigned"])
	}
	return nil
}

func (a *app) trustAddCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add NAME KEY",
		Short: "Trust a publisher: KEY is the text of the public key, or its file",
		Example: `  ripen plugin trust add acme acme.pub
  ripen plugin trust add acme ed25519:LHx1…`,
		Args: args(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, list []string) error {
			key, err := keyOf(list[1])
			if err != nil {
				return err
			}
			if err := trust.CheckName(list[0]); err != nil {
				return err
			}
			return a.changeTrust(cmd, func(now *trust.Keys) (string, error) {
				if slices.ContainsFunc(now.Revoked, func(r pack.PublicKey) bool { return slices.Equal(r, key) }) {
					return "", fmt.Errorf("the key %s is revoked; ask the publisher for another one", key.ID())
				}
				for _, p := range now.Publishers {
					if slices.Equal(p.Key, key) {
						return "", fmt.Errorf("the key %s is trusted already, as %s", key.ID(), p.Name)
					}
				}
				now.Publishers = append(now.Publishers, trust.Publisher{Name: list[0], Key: key})
				return fmt.Sprintf("plugins that %s signs with the key %s are run", list[0], key.ID()), nil
			})
		},
	}
	bindSettings(cmd, "allow_unsigned")
	return cmd
}

// keyOf reads the text of a public key, or its file.
func keyOf(text string) (pack.PublicKey, error) {
	if strings.HasPrefix(text, "ed25519") {
		return pack.ParsePublicKey(text)
	}
	key, err := pack.ReadPublicKey(text)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; name the file of a public key, or write its text, ed25519:…", err)
	}
	return key, err
}

// takeAway forgets publishers, revoke keeps their keys as revoked.
func takeAway(now *trust.Keys, found []pack.PublicKey) {
	now.Publishers = slices.DeleteFunc(now.Publishers, func(p trust.Publisher) bool {
		return slices.ContainsFunc(found, func(k pack.PublicKey) bool { return slices.Equal(p.Key, k) })
	})
}

func revoke(now *trust.Keys, found []pack.PublicKey) {
	for _, key := range found {
		if !slices.ContainsFunc(now.Revoked, func(r pack.PublicKey) bool { return slices.Equal(r, key) }) {
			now.Revoked = append(now.Revoked, key)
		}
	}
}

func (a *app) trustTakeCommand(verb, short, done string, change func(*trust.Keys, []pack.PublicKey)) *cobra.Command {
	cmd := &cobra.Command{
		Use:     verb + " NAME|KEY",
		Short:   short,
		Example: "  ripen plugin trust " + verb + " acme\n  ripen plugin trust " + verb + " acme.pub",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error {
			var taken []pack.PublicKey
			err := a.changeTrust(cmd, func(now *trust.Keys) (string, error) {
				found, err := keysNamed(now, list[0], verb == "revoke")
				if err != nil {
					return "", err
				}
				change(now, found)
				taken = found
				var ids []string
				for _, key := range found {
					ids = append(ids, key.ID())
				}
				return fmt.Sprintf("%s the key %s: what it signed is refused from the next load on; releases that run go on until then", done, strings.Join(ids, ", ")), nil
			})
			if err != nil {
				return err
			}
			return a.sayRunning(cmd, taken)
		},
	}
	bindSettings(cmd, serverKeys("data", "log_level", "log_json", "allow_unsigned")...)
	return cmd
}

// sayRunning names the releases that run with a plugin of these keys, if the
// command names an engine.
func (a *app) sayRunning(cmd *cobra.Command, keys []pack.PublicKey) error {
	c, err := a.configure(cmd)
	if err != nil {
		return err
	}
	if c.text("nats") == "" && !cmd.Flags().Changed("data") {
		a.say("with --nats or --data this command says which releases run with what it signed")
		return nil
	}
	runs, err := a.signedRuns(cmd, c)
	if err != nil {
		return err
	}
	found := 0
	for _, r := range runs {
		if slices.ContainsFunc(keys, func(k pack.PublicKey) bool { return slices.Equal(k, r.signer) }) {
			found++
			a.say("%s runs %s %s, which this key signed", r.name, r.plugin, r.version)
		}
	}
	if found == 0 {
		a.say("no running release has a plugin that this key signed")
	}
	return nil
}

// signedRun is a signed plugin of a release that runs.
type signedRun struct {
	title, name     string // of the release, see runningRelease
	plugin, version string
	signer          pack.PublicKey
}

// signedRuns are those of the engine that the command names; none if it names
// none.
func (a *app) signedRuns(cmd *cobra.Command, c *config) (runs []signedRun, err error) {
	op, err := a.modules(cmd.Context(), cmd, c)
	if err != nil || op == nil {
		return nil, err
	}
	defer op.Close()
	list, err := runningReleases(cmd.Context(), op)
	if err != nil {
		return nil, err
	}
	for _, r := range list {
		for _, pin := range r.plugins {
			module, err := op.Module(cmd.Context(), pin.Digest)
			if err != nil {
				return nil, err
			}
			if sig, err := pack.Verify(module); err == nil {
				runs = append(runs, signedRun{r.title, r.name, pin.Name, pin.Version, sig.Key})
			}
		}
	}
	return runs, nil
}

// keysNamed are the keys of a publisher, or of an id, or one that is written out;
// strangers says whether it may be one that nobody lists.
func keysNamed(now *trust.Keys, text string, strangers bool) (found []pack.PublicKey, err error) {
	for _, p := range now.Publishers {
		if p.Name == text || p.Key.ID() == text || p.Key.String() == text {
			found = append(found, p.Key)
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	key, err := keyOf(text)
	if err == nil && (strangers || slices.ContainsFunc(now.Publishers, func(p trust.Publisher) bool { return slices.Equal(p.Key, key) })) {
		return []pack.PublicKey{key}, nil
	}
	var known []string
	for _, p := range now.Publishers {
		known = append(known, p.Name)
	}
	return nil, fmt.Errorf("%q is no publisher that is trusted (there are: %s), and no key of one", text, orDash(strings.Join(known, ", ")))
}

func orDash(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// changeTrust changes the block trust of the configuration file.
func (a *app) changeTrust(cmd *cobra.Command, change func(*trust.Keys) (string, error)) error {
	c, err := a.configure(cmd)
	if err != nil {
		return err
	}
	keys, err := c.keys()
	if err != nil {
		return err
	}
	said, err := change(keys)
	if err != nil {
		return err
	}
	src, err := readHCL(c.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text, err := rewriteTrust(src, c.path, keys)
	if err != nil {
		return err
	}
	if err := replaceFile(c.path, text); err != nil {
		return err
	}
	a.say("%s: %s", c.path, said)
	return nil
}

// rewriteTrust replaces the block trust and leaves the rest as it stands.
func rewriteTrust(src []byte, name string, keys *trust.Keys) ([]byte, error) {
	file, diags := hclwrite.ParseConfig(src, name, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, diags
	}
	body := file.Body()
	var block *hclwrite.Block
	for _, b := range body.Blocks() {
		if b.Type() == trustBlock {
			block = b
		}
	}
	if block == nil {
		if len(bytes.TrimSpace(src)) > 0 {
			body.AppendNewline()
		}
		block = body.AppendNewBlock(trustBlock, nil)
	}
	for _, b := range block.Body().Blocks() {
		block.Body().RemoveBlock(b)
	}
	block.Body().RemoveAttribute("revoked")
	block.Body().Clear()
	block.Body().AppendNewline()
	for _, p := range keys.Publishers {
		block.Body().AppendNewBlock("publisher", []string{p.Name}).Body().SetAttributeValue("key", cty.StringVal(p.Key.String()))
	}
	if len(keys.Revoked) > 0 {
		var list []cty.Value
		for _, key := range keys.Revoked {
			list = append(list, cty.StringVal(key.String()))
		}
		block.Body().SetAttributeValue("revoked", cty.TupleVal(list))
	}
	return hclwrite.Format(file.Bytes()), nil
}

// replaceFile writes a file in one go: an engine that reads it meanwhile sees the
// old one or the new one.
func replaceFile(name string, text []byte) error {
	mode := os.FileMode(0o644)
	if info, err := os.Stat(name); err == nil {
		mode = info.Mode().Perm()
	}
	temp := name + ".new"
	if err := os.WriteFile(temp, text, mode); err != nil {
		return err
	}
	return os.Rename(temp, name)
}
