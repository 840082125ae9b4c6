package model

// lint looks for workflows that are well-formed and yet not what anybody
// means.
func (b *builder) lint() {
	if b.diags.HasErrors() {
		return
	}
}
