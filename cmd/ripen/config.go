package main

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

type effective struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
}

func (a *app) configCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show the effective configuration and where each value comes from",
		Long: `Shows every setting of the engine with its effective value and its origin:
the default, a line of ripen.hcl, a variable RIPEN_… of the environment, or a
flag; the later wins. It takes the flags of ripen run.`,
		Example: `  ripen config
  RIPEN_PORT=5222 ripen config --json | jq '.[] | select(.origin != "default")'`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.configure(cmd)
			if err != nil {
				return err
			}
			list := make([]effective, len(c.list))
			for i := range c.list {
				key := c.list[i].key
				list[i] = effective{key, redact(c.text(key)), c.origin[key]}
				if c.list[i].secret() && c.text(key) != "" {
					list[i].Value = hidden
				}
			}
			list = append(list, c.trusted()...)
			if asJSON {
				return json.NewEncoder(a.stdout).Encode(list)
			}
			for _, e := range list {
				a.say("%-11s = %-28q # %s", e.Key, e.Value, e.Origin)
			}
			return nil
		},
	}
	bindSettings(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array of key, value and origin")
	return cmd
}

// hidden stands for a secret.
const hidden = "xxxxx"

// redact hides passwords and tokens in a list of URLs.
func redact(text string) string {
	list := strings.Split(text, ",")
	for i, one := range list {
		u, err := url.Parse(strings.TrimSpace(one))
		if err != nil || u.User == nil {
			continue
		}
		if _, has := u.User.Password(); !has {
			u.User = url.User(hidden) // a token
		}
		list[i] = u.Redacted()
	}
	return strings.Join(list, ",")
}
