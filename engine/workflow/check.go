package workflow

import "github.com/ripenhq/ripen/engine/workflow/value"

// check looks at the workflow as a whole.
func (l *loader) check() {
	d := l.def
	at := d.Range
	if d.Name == "" {
		at = l.first
		if len(d.Files) == 0 {
			l.Errorf(at, "No workflow", "The folder holds no workflow file (*.hcl). Write one, or start with a copy of a folder in workflows/.")
			return
		}
		if _, declared := l.seen["workflow"]; !declared {
			l.Errorf(at, "No workflow", "No file of the folder has a workflow block. Add workflow \"name\" { }.")
		}
	}
	if _, ok := l.seen["default route"]; !ok {
		l.Errorf(at, "No default route", "A lead that no route matches must go somewhere. Add a route with default = true, such as:\n\nroute \"nurture\" \"rest\" {\n  default = true\n}")
	}
	l.checkActions()
	l.checkGoldenScores()
}

// checkActions reports actions that no route has.
func (l *loader) checkActions() {
	var actions []string
	have := map[string]bool{}
	for _, r := range l.def.Routes {
		if !have[r.Action] {
			have[r.Action] = true
			actions = append(actions, r.Action)
		}
	}
	if l.def.SalesRange.Filename != "" {
		for _, a := range l.def.Sales {
			if !have[a] {
				l.Errorf(l.def.SalesRange, "Unknown action", "sales names the action %q, which no route has. %s", a, value.DidYouMean(a, actions))
			}
		}
	}
	for _, v := range l.def.Vetoes {
		for _, a := range v.Actions {
			if !have[a] {
				l.Errorf(v.ActionsRange, "Unknown action", "veto %q names the action %q, which no route has. %s", v.Name, a, value.DidYouMean(a, actions))
			}
		}
	}
}

func (l *loader) checkGoldenScores() {
	names := make([]string, len(l.def.Scores))
	have := map[string]bool{}
	for i, s := range l.def.Scores {
		names[i] = s.Name
		have[s.Name] = true
	}
	for _, g := range l.def.Goldens {
		for _, s := range g.Scores {
			if !have[s] {
				l.Errorf(g.ScoresRange, "Unknown score", "golden %q names the score %q, which does not exist. %s", g.Name, s, value.DidYouMean(s, names))
			}
		}
	}
}
