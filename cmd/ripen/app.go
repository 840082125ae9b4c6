package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine/registry"
)

// Exit codes.
const (
	exitOK  = 0
	exitNo  = 1 // the answer is "no": an invalid workflow, a failed check
	exitBad = 2 // wrong usage, or something around us is not as it should be
)

// app is one invocation of the command: its streams and what it knows of them.
type app struct {
	in       io.Reader
	out, err io.Writer
	stdout   *bufio.Writer // out, flushed before errors and at the end
	// trust says what is to be thought of a plugin that is about to be loaded; set
	// with the configuration.
	trust func(*registry.Plugin) error
}

func newApp(in io.Reader, out, err io.Writer) *app {
	return &app{in: in, out: out, err: err, stdout: bufio.NewWriterSize(out, 64<<10)}
}

// answer is an error with its exit code. Without a text all has been said.
type answer struct {
	code int
	text string
}

func (a *answer) Error() string { return a.text }

// no is the answer "no".
func no(format string, args ...any) error {
	return &answer{exitNo, fmt.Sprintf(format, args...)}
}

// run executes the command line and returns the exit code. Nobody ever sees a
// stack trace.
func (a *app) run(args []string) (code int) {
	defer func() {
		if p := recover(); p != nil {
			_, _ = fmt.Fprintf(a.err, "ripen: internal error: %v; please report it with the command line that led to it\n", p)
			code = exitBad
		}
	}()
	cmd := a.root()
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(context.Background())
	if ferr := a.stdout.Flush(); err == nil {
		err = ferr
	}
	return a.finish(err)
}

// finish prints an error as one line and tells the exit code.
func (a *app) finish(err error) int {
	var said *answer
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, syscall.EPIPE):
		return exitOK // the reader, e.g. head, has seen enough
	case errors.As(err, &said):
		if said.text != "" {
			a.complain(said.text)
		}
		return said.code
	}
	a.complain(err.Error())
	return exitBad
}

func (a *app) complain(text string) {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	_, _ = fmt.Fprintf(a.err, "ripen: %s\n", strings.Join(lines, "; "))
}

// note prints a line for people on stderr.
func (a *app) note(format string, args ...any) {
	_, _ = fmt.Fprintf(a.err, format+"\n", args...)
}

// say prints a line of the result on stdout.
func (a *app) say(format string, args ...any) {
	_, _ = fmt.Fprintf(a.stdout, format+"\n", args...)
}

// root is the command tree.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "ripen",
		Short: "Score leads and decide who gets them: nurture or sales",
		Long: `Ripen scores leads from their events and routes them: nurture goes on, or sales
takes over, each decision with its reasons.

Exit codes: 0 ok, 1 the answer is "no" (an invalid workflow, a failed check),
2 wrong usage or environment. --json prints what scripts read. Colours and
progress bars appear on a terminal only; NO_COLOR is honoured.`,
		Example: `  ripen demo                                  # see it work, takes seconds
  ripen validate workflows/letter-and-number
  ripen score -w workflows/letter-and-number events.ndjson
  ripen run workflows/letter-and-number`,
		SilenceUsage: true, SilenceErrors: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetIn(a.in)
	root.SetOut(a.stdout)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())
	})
	root.AddCommand(a.runCommand(), a.scoreCommand(), a.tryCommand(), a.leadsCommand(), a.explainCommand(), a.importCommand(), a.validateCommand(), a.testCommand(), a.diffCommand(), a.planCommand(), a.backtestCommand(), a.fmtCommand(),
		a.configCommand(), a.demoCommand(), a.versionCommand(), a.completionCommand())
	root.AddCommand(a.operatorCommands()...)
	root.AddCommand(a.releaseCommands()...)
	root.AddCommand(a.pluginCommand())
	return root
}

// args is cobra's check of positional arguments with the usage in the error.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, list []string) error {
		if err := check(cmd, list); err != nil {
			return fmt.Errorf("%w; usage: %s", err, cmd.UseLine())
		}
		return nil
	}
}

// getenv is the environment, in one place.
func getenv(name string) string { return os.Getenv(name) }
