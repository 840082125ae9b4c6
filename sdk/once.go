package sdk

import "strings"

// Once writes into r what a text says of how often a rule may award, in the
// words that the shipped plugins share: "" is every time, "ever" once, "day"
// once a day, "asset" once for each value of that property, "asset per day"
// both; several properties are joined by " and ".
func Once(text string, r *Rule) {
	if text == "" {
		return
	}
	r.Scope = ScopeOnce
	text, r.PerDay = strings.CutSuffix(text, " per day")
	switch text {
	case "day":
		r.PerDay = true
	case "ever":
	default:
		r.Keys = strings.Split(text, " and ")
	}
}
