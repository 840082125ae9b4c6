package main

import (
	"github.com/spf13/cobra"
)

func (a *app) shadowDiff() *cobra.Command {
	return &cobra.Command{Use: "diff", Hidden: true, Args: args(cobra.NoArgs), RunE: func(*cobra.Command, []string) error { return nil }}
}
