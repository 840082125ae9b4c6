// Package release is the control plane: what a release of a workflow is, where
// releases are kept, and how one takes the place of another while leads flow.
//
// A release is a bundle: the workflow's files and the digests of its plugins,
// named by the digest of its canonical encoding, immutable and numbered. The
// lock file says which plugins a workflow was written against. The store keeps
// bundles, plugins and the numbered list; the operator asks running engines.
//
// It may import engine/workflow, engine/registry and engine/journal. It never
// compiles a plugin and never looks into an event or a lead: engines do that
// when they are asked to prepare a release.
package release
