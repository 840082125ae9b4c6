package decide

// OnRelease says what happens at a switch with leads that are newly true.
type OnRelease uint8

// What a release does with leads that are newly true.
const (
	Fire OnRelease = iota // a decision each, at once
	Mark                  // the episode is opened silently
	Drip                  // a decision each, some a day
)

// CauseRelease is the kind of a decision's cause that is a switch point: Event
// is the number of the release, At the time of the switch (of a drip: of the
// lead's turn).
const CauseRelease = "release"

// RecallAction is the action of a decision that takes an earlier one back.
const RecallAction = "recall"
