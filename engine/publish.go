package engine

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/lineage"
)

// decisionType prefixes the CloudEvents type of a decision.
const decisionType = "dev.ripen.decision."

// decisionOutput is a decision as a CloudEvent in binary mode: attributes in
// ce-* headers, the decision as JSON in the body. ce-id is the decision's id.
func decisionOutput(d *lead.Decision) (journal.Output, error) {
	body, err := json.Marshal(d)
	if err != nil {
		return journal.Output{}, err
	}
	return journal.Output{
		Subject: journal.DecisionSubject(d.Workflow, d.Action),
		Header: nats.Header{
			"ce-specversion":  {"1.0"},
			"ce-id":           {d.ID},
			"ce-type":         {decisionType + d.Action},
			"ce-source":       {"/ripen/" + d.Workflow},
			"ce-subject":      {d.Lead},
			"ce-time":         {time.UnixMilli(d.At).UTC().Format(time.RFC3339Nano)},
			"ce-leadsequence": {strconv.FormatUint(d.Seq, 10)},
			"content-type":    {"application/json"},
		},
		Data: body,
	}, nil
}

// rejectedOutput keeps an input that changed nothing.
func rejectedOutput(r *lead.Rejected, partition int) (journal.Output, error) {
	body, err := json.Marshal(r)
	return journal.Output{Subject: journal.RejectedSubject(partition), Data: body}, err
}

// byRelease notes who refused the inputs.
func byRelease(m *lineage.Member) {
	for i := range m.Out.Rejected {
		m.Out.Rejected[i].Release = m.Core.Program().Policy.Release
	}
}
