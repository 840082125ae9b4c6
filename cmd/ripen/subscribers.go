package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/journal"
)

func (a *app) subscribersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "subscribers",
		Short: "Durable subscribers of decisions: list, remove",
		Long: fmt.Sprintf(`Who takes decisions has a durable subscriber, made by a request to ripen.subscribe:
the server keeps its position. There are places for %d. One that asks for nothing
for 90 days is forgotten; when all places are taken, the oldest that nobody has
used makes room for a new one.

These commands work on the engine's data folder, whether it runs or not, or with
--nats on an external server.`, journal.MaxSubscribers),
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return fmt.Errorf("name what to do: %s list or remove", cmd.CommandPath())
		},
	}
	cmd.AddCommand(a.subscribersListCommand(), a.subscribersRemoveCommand())
	return cmd
}

// subscribers opens them for a command.
func (a *app) subscribers(cmd *cobra.Command, fn func(context.Context, *engine.SubscriberLog) error) error {
	o, err := a.operator(cmd)
	if err != nil {
		return err
	}
	l, err := engine.OpenSubscribers(cmd.Context(), o)
	if err != nil {
		return err
	}
	defer l.Close()
	return fn(cmd.Context(), l)
}

func (a *app) subscribersListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List subscribers, what waits for them, and when they were used last",
		Example: `  ripen subscribers list --json | jq -r 'select(.used == null) | .name'`,
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.subscribers(cmd, func(ctx context.Context, l *engine.SubscriberLog) error {
				list, err := l.List(ctx)
				if err != nil {
					return err
				}
				if asJSON {
					return printEach(a, list)
				}
				rows := [][]string{{"name", "filter", "created", "used", "waiting", "unacknowledged"}}
				for i := range list {
					s := &list[i]
					used := "never"
					switch {
					case s.Used > 0:
						used = stamp(s.Used)
					case s.Asking:
						used = "waits"
					case s.Known:
						used = "before the restart"
					}
					rows = append(rows, []string{s.Name, s.Filter, stamp(s.Created), used, thousands(int(s.Waiting)), thousands(s.Unacked)})
				}
				a.printTable(rows, map[int]bool{4: true, 5: true})
				return nil
			})
		},
	}
	bindOperator(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per subscriber; times are ms since 1970 UTC")
	return cmd
}

func (a *app) subscribersRemoveCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "remove NAME...",
		Short:   "Forget subscribers and their positions",
		Example: `  ripen subscribers remove old-crm`,
		Args:    args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, names []string) error {
			return a.subscribers(cmd, func(ctx context.Context, l *engine.SubscriberLog) error {
				for _, name := range names {
					err := l.Remove(ctx, name)
					if errors.Is(err, journal.ErrSubscriber) {
						return no("%v", err)
					}
					if err != nil {
						return err
					}
					if asJSON {
						if err := json.NewEncoder(a.stdout).Encode(map[string]string{"removed": name}); err != nil {
							return err
						}
						continue
					}
					a.say("removed %s", name)
				}
				return nil
			})
		},
	}
	bindOperator(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per subscriber that was removed")
	return cmd
}
