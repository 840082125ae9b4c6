// Package cluster is a test: two engines, real processes of `ripen run`, share
// the partitions of a JetStream cluster of three servers, while the leaders of
// all streams step down every second and engines are killed, stopped and
// drained. Producers send and retry all the while. In the end leads and
// decisions must be those of `ripen score` on the same events, each decision id
// once.
//
// It imports package journal to read records, and knows the engine by its
// command alone.
package cluster
