package lead

// Partition is the partition of a lead among n: FNV-1a, 64 bit, modulo n. It
// is part of the data format: producers that partition themselves, intake and
// the journal must agree for ever.
func Partition(lead string, n int) int {
	h := uint64(14695981039346656037)
	for i := 0; i < len(lead); i++ {
		h ^= uint64(lead[i])
		h *= 1099511628211
	}
	return int(h % uint64(n))
}
