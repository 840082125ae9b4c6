// Package store keeps the state of leads that are not in memory, in one Pebble
// database per engine.
//
// It is a cache of the journal: its write-ahead log is off, it is never ahead
// of the journal, and whoever doubts it deletes it. What it promises is that
// after a crash it holds, of each partition, a prefix of the batches that were
// committed; so a head that is committed in the same batch as, or after, what it
// speaks of is never true too early. States wait in memory, in front of Pebble,
// until there are many of them, a head comes or somebody asks for what Pebble has.
//
// Keys are the number of the partition (2 bytes, big endian) and
//
//	'l' lineage lead          → state of the lead
//	't' lineage due (8B) lead → nothing; the lead's earliest timer, ms since 1970 UTC
//	'h' lineage lead          → nothing; the lead has inputs that wait
//	'c' lineage               → number of leads with an account, uvarint
//	'm'                       → head: what the store is complete up to
//	'n'                       → newest: what nothing in the store is newer than
//
// A lineage is 8 bytes, big endian: one release of a workflow with leads of its
// own.
//
// States, head and newest are bytes that mean nothing here. The package may
// import engine/lead and engine/ledger (it needs neither) and never looks at a
// clock, a stream or an account.
package store
