// Package torture proves the promises of the journal against the real command:
// it runs `ripen run`, built with failpoints, on a data folder of its own or on
// a nats-server process beside it, lets producers send and retry, and kills,
// stops, cuts, tears and fills what it can, by a schedule that one seed decides.
//
// After each round a checker compares everything with `ripen score` on the
// events that the stream holds: each acknowledged event has one effect, each
// decision one id and one content, and the order per lead is that of its
// producer. Every row of the design's failure table and every failpoint is
// counted; one that was never visited fails the run.
//
// It is for tests: it may import what it needs to look into streams and files,
// and nothing but tests and its own command imports it.
package torture
