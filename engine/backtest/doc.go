// Package backtest compares what a workflow says of leads with what became of
// them: how well its score tells winners from losers, what each threshold, rule
// and action is worth, how fast hand-offs are, and which points the outcomes
// suggest.
//
// It may import measure, replay, intake, lead, ledger, decide, model/lint and workflow. It takes a
// replay that somebody else made and hands it events, keeps what lies behind a
// lead's outcome from it, and looks at each lead at the last moment before its
// outcome. It opens no file, reads no clock and prints nothing.
//
// Everything it says depends on the inputs alone, to the byte.
package backtest
