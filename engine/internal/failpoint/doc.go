// Package failpoint lets a test end, stop, delay or fail the process at a named
// step of a protocol. It exists only in binaries that are built with the tag
// "failpoints"; in all others its functions are empty and the compiler removes
// the calls.
//
// It imports nothing of ours, so that every package may be interrupted, and it
// never decides anything by itself: what happens where is said by the
// environment of the process.
//
//	RIPEN_FAILPOINTS        points and actions: "commit.acked=kill@7;ingest.sent=stop"
//	RIPEN_FAILPOINTS_SEED   seed of the actions by chance, default 1
//	RIPEN_FAILPOINTS_SET    other values of named constants: "checkpoint.every=200ms;checkpoint.records=20"
//	RIPEN_FAILPOINTS_TRACE  file to which points are appended, "hit NAME" at the
//	                        first pass and "act NAME ACTION" when an action begins
//
// An action is NAME=ACTION[:DURATION][@N|%P]. @N acts at the Nth pass alone
// (default the first), %P at each pass with a chance of P percent.
//
//	kill    SIGKILL to the own process: nothing is written, flushed or closed
//	exit    os.Exit(3): open files are closed by the system
//	stop    SIGSTOP to the own process, until somebody sends SIGCONT
//	sleep   waits for DURATION, e.g. sleep:50ms
//	error   makes Err return ErrInjected
package failpoint
