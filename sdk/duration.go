package sdk

// ParseMillis reads a duration as the workflow language writes it: "60d",
// "90m", "1d12h", "500ms", "2w". It serves map keys, which the host hands over
// as text; attributes come as ms already. ok is false for anything else and
// for lengths beyond 2^53 ms.
func ParseMillis(s string) (ms int64, ok bool) {
	const limit = 1 << 53
	for len(s) > 0 {
		var n int64
		digits := 0
		for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
			n = n*10 + int64(s[digits]-'0')
			digits++
			if n > limit {
				return 0, false
			}
		}
		unit, length := unitOf(s[digits:])
		if digits == 0 || length == 0 || n > limit/unit {
			return 0, false
		}
		ms += n * unit
		if ms > limit {
			return 0, false
		}
		s, ok = s[digits+length:], true
	}
	return ms, ok
}

// unitOf is the unit that s begins with, in ms, and the length of its name.
func unitOf(s string) (unit int64, length int) {
	if len(s) >= 2 && s[:2] == "ms" {
		return 1, 2
	}
	if len(s) == 0 {
		return 1, 0
	}
	switch s[0] {
	case 's':
		return 1000, 1
	case 'm':
		return 60_000, 1
	case 'h':
		return 3_600_000, 1
	case 'd':
		return 86_400_000, 1
	case 'w':
		return 7 * 86_400_000, 1
	}
	return 1, 0
}
