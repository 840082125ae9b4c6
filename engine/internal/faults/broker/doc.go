// Package broker is a NATS server with JetStream in memory, small enough to be
// read, and made to fail: by a plan it loses answers, stores late or not at
// all, repeats, refuses, cuts connections, forgets what was not synced, and
// freezes single clients.
//
// It speaks the client protocol over net.Pipe, so the real client library, the
// real journal and the real engine run against it unchanged, also in a bubble
// of testing/synctest, where an hour of time-outs takes a millisecond. It knows
// of JetStream what the engine uses: streams with limits, the fence
// Nats-Expected-Last-Subject-Sequence, message ids, atomic batches, RePublish,
// purge, reads of single messages, pull consumers, and the push consumers of
// key-value and object stores. What it answers is held against the real server
// by TestBroker_AnswersLikeTheServer.
//
// It is for tests alone and imports nothing of ours.
package broker
