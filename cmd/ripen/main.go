// Command ripen scores leads: it runs the engine and the tools around it.
//
// This package holds flags, configuration, signals, exit codes and output, one
// file per command. What a command does lives in the engine's packages; no
// number is computed here.
package main

import "os"

func main() {
	os.Exit(newApp(os.Stdin, os.Stdout, os.Stderr).run(os.Args[1:]))
}
