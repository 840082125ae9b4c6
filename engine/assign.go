package engine

import (
	"cmp"
	"slices"
)

// assign spreads partitions over engines: each has ⌊P/N⌋ or one more. The
// result depends on the set of engines alone, so all who see the same set agree
// without talking, and it changes little when one joins or leaves: of all pairs
// the one with the highest hash is fixed first (rendezvous hashing, bounded by
// the even share). The result names the engine of each partition.
func assign(engines []string, partitions int) []string {
	type pair struct {
		weight    uint64
		engine    int
		partition int
	}
	engines = slices.Sorted(slices.Values(engines))
	pairs := make([]pair, 0, len(engines)*partitions)
	for i, name := range engines {
		for p := range partitions {
			pairs = append(pairs, pair{weigh(name, p), i, p})
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.engine, b.engine), cmp.Compare(a.partition, b.partition))
	})
	owner, load := make([]string, partitions), make([]int, len(engines))
	share, more := partitions/max(len(engines), 1), partitions%max(len(engines), 1)
	for _, c := range pairs {
		full := load[c.engine] > share || load[c.engine] == share && more == 0
		if owner[c.partition] != "" || full {
			continue
		}
		if load[c.engine] == share {
			more--
		}
		load[c.engine]++
		owner[c.partition] = engines[c.engine]
	}
	return owner
}

// weigh hashes an engine and a partition: FNV-1a, finished as in MurmurHash3
// since names that differ in one letter must not weigh alike.
func weigh(engine string, partition int) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(engine) {
		h = (h ^ uint64(engine[i])) * 1099511628211
	}
	h = (h ^ uint64(partition)) * 1099511628211
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
