// Package sheet shows a report to people: tables of words and figures for the
// terminal, and one page of HTML with the same tables and plots beside them.
//
// It imports nothing of ours. It computes nothing that is not in the report that it
// is given, and the page needs no network and no script.
package sheet
