package main

import "github.com/ripenhq/ripen/sdk"

// condition gives a grade when it is true.
type condition struct {
	when   sdk.Bool
	grade  sdk.Grade
	reason sdk.Reason
}

// cutoff gives a grade from so many milli-points on.
type cutoff struct {
	from  int64
	grade sdk.Grade
}

// letters are how the grade is found: knock-out first, then the first true
// condition, or the first cut-off that is reached. It is total: the last grade
// is the default.
type letters struct {
	knockOut   sdk.Bool
	conditions []condition
	cutoffs    []cutoff
	worst      sdk.Grade

	flagOut, flagUnknown                      sdk.Flag
	reasonOut, reasonUnknown, reasonNo, byCut sdk.Reason
}

func (l *letters) grade(in *sdk.Input, out *sdk.Output, total fit) {
	if in.True(l.knockOut) {
		out.Flag(l.flagOut, true)
		out.Grade(l.worst, l.reasonOut)
		return
	}
	var grade sdk.Grade
	var why sdk.Reason
	switch {
	case len(l.conditions) > 0:
		grade, why = l.byCondition(in)
	case len(l.cutoffs) > 0:
		grade, why = l.byCutoff(total)
	default:
		return
	}
	out.Flag(l.flagUnknown, why == l.reasonUnknown)
	out.Grade(grade, why)
}

// byCondition takes the first that is true. When an earlier one of another
// grade is unknown, nobody can say whether this is the right grade: the reason
// is then "unknown", which is not "bad".
func (l *letters) byCondition(in *sdk.Input) (sdk.Grade, sdk.Reason) {
	grade, why, at := l.worst, l.reasonNo, len(l.conditions)
	for i := range l.conditions {
		if c := &l.conditions[i]; in.True(c.when) {
			grade, why, at = c.grade, c.reason, i
			break
		}
	}
	for i := range at {
		c := &l.conditions[i]
		if _, known := in.Bool(c.when); !known && c.grade != grade {
			return grade, l.reasonUnknown
		}
	}
	return grade, why
}

// byCutoff is unknown when the missing data could lift the lead to another
// grade.
func (l *letters) byCutoff(total fit) (sdk.Grade, sdk.Reason) {
	grade := l.at(total.have)
	if l.at(total.best) != grade {
		return grade, l.reasonUnknown
	}
	return grade, l.byCut
}

func (l *letters) at(milli int64) sdk.Grade {
	for i := range l.cutoffs {
		if milli >= l.cutoffs[i].from {
			return l.cutoffs[i].grade
		}
	}
	return l.worst
}
