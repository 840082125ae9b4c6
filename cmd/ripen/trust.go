package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/registry/pack"
	"github.com/ripenhq/ripen/engine/registry/trust"
)

// Keys of the block trust in the configuration.
const (
	trustBlock      = "trust"
	trustPublishers = "trust.publishers" // [][2]string: name, key
	trustRevoked    = "trust.revoked"    // []string
)

// trust is the policy of the configuration. It reads the file anew at each look,
// so that what is written there counts without a restart.
func (c *config) trust() (*trust.Policy, error) {
	return trust.New(c.keys, c.text("allow_unsigned") == "true")
}

// keys are whom the configuration file trusts now.
func (c *config) keys() (*trust.Keys, error) {
	fresh := &config{list: c.list, k: newKoanf(), origin: map[string]string{}, path: c.path, must: c.must}
	if err := fresh.file(); err != nil {
		return nil, err
	}
	publishers, _ := fresh.k.Get(trustPublishers).([][2]string)
	revoked, _ := fresh.k.Get(trustRevoked).([]string)
	return trust.NewKeys(publishers, revoked)
}

// strict refuses plugins that the configuration does not trust.
func strict(p *trust.Policy) func(*registry.Plugin) error {
	return func(b *registry.Plugin) error {
		_, err := p.Check(b)
		return err
	}
}

// lenient says which plugins ripen run would refuse, once, and refuses those that
// are not what was signed.
func (a *app) lenient(p *trust.Policy) func(*registry.Plugin) error {
	said := map[string]bool{}
	return func(b *registry.Plugin) error {
		_, err := p.Check(b)
		if err == nil || errors.Is(err, pack.ErrBroken) {
			return err
		}
		if !said[b.Digest] {
			said[b.Digest] = true
			a.note("warning: ripen run refuses this: %s", clean(err.Error()))
		}
		return nil
	}
}

// trust reads the block of whom to trust.
func (p *hclParser) trust(b *hclsyntax.Block, out map[string]any) (diags hcl.Diagnostics) {
	if _, twice := out[trustBlock]; twice {
		return hcl.Diagnostics{fail(b.DefRange(), "Declared twice", "There is a block trust above already. Write all publishers into one.")}
	}
	if len(b.Labels) > 0 {
		diags = append(diags, fail(b.DefRange(), "Unexpected label", "The block trust has no name."))
	}
	var publishers [][2]string
	var revoked []string
	for _, sub := range b.Body.Blocks {
		if sub.Type != "publisher" || len(sub.Labels) != 1 {
			diags = append(diags, fail(sub.DefRange(), "Not a publisher", `Expected publisher "name" { key = "ed25519:…" }.`))
			continue
		}
		key, more := publisherKey(sub)
		if diags = append(diags, more...); !more.HasErrors() {
			publishers = append(publishers, [2]string{sub.Labels[0], key})
		}
	}
	for name, attr := range b.Body.Attributes {
		if name != "revoked" {
			diags = append(diags, fail(attr.NameRange, "Not a member of trust", fmt.Sprintf("Found %q, expected publisher blocks and revoked = […].", name)))
			continue
		}
		list, more := texts(attr.Expr)
		diags = append(diags, more...)
		revoked = list
	}
	if _, err := trust.NewKeys(publishers, revoked); err != nil && !diags.HasErrors() {
		diags = append(diags, fail(b.DefRange(), "Keys that cannot be used", err.Error()+"."))
	}
	out[trustBlock] = map[string]any{"publishers": publishers, "revoked": revoked}
	p.ranges[trustPublishers], p.ranges[trustRevoked] = b.Range(), b.Range()
	return diags
}

// publisherKey reads the key of one publisher, at its line.
func publisherKey(b *hclsyntax.Block) (string, hcl.Diagnostics) {
	if err := trust.CheckName(b.Labels[0]); err != nil {
		return "", hcl.Diagnostics{fail(b.LabelRanges[0], "Not a name", err.Error()+".")}
	}
	attr := b.Body.Attributes["key"]
	if attr == nil || len(b.Body.Attributes) > 1 || len(b.Body.Blocks) > 0 {
		return "", hcl.Diagnostics{fail(b.DefRange(), "Not a publisher", `A publisher has a key and nothing else: key = "ed25519:…".`)}
	}
	v, diags := attr.Expr.Value(nil)
	if diags.HasErrors() {
		return "", diags
	}
	if v.IsNull() || v.Type() != cty.String {
		return "", hcl.Diagnostics{fail(attr.Expr.Range(), "Not a key", "Expected a text, \"ed25519:…\".")}
	}
	if _, err := pack.ParsePublicKey(v.AsString()); err != nil {
		return "", hcl.Diagnostics{fail(attr.Expr.Range(), "Not a key", err.Error()+".")}
	}
	return v.AsString(), nil
}

// texts reads a list of public keys, each mistake at its place.
func texts(e hclsyntax.Expression) (list []string, diags hcl.Diagnostics) {
	items, diags := hcl.ExprList(e)
	for _, item := range items {
		v, more := item.Value(nil)
		if diags = append(diags, more...); more.HasErrors() {
			continue
		}
		if v.IsNull() || v.Type() != cty.String {
			diags = append(diags, fail(item.Range(), "Not a key", "Expected a text, \"ed25519:…\"."))
			continue
		}
		if _, err := pack.ParsePublicKey(v.AsString()); err != nil {
			diags = append(diags, fail(item.Range(), "Not a key", err.Error()+"."))
			continue
		}
		list = append(list, v.AsString())
	}
	return list, diags
}

// trusted are the keys as `ripen config` shows them.
func (c *config) trusted() (list []effective) {
	publishers, _ := c.k.Get(trustPublishers).([][2]string)
	revoked, _ := c.k.Get(trustRevoked).([]string)
	for _, p := range publishers {
		word := p[1]
		if slices.Contains(revoked, p[1]) {
			word += " (revoked)"
		}
		list = append(list, effective{"trust.publisher." + p[0], word, c.origin[trustPublishers]})
	}
	for _, key := range revoked {
		list = append(list, effective{"trust.revoked", key, c.origin[trustRevoked]})
	}
	return list
}
