//go:build race

package main

// raceDetector says that each command takes several times as long.
const raceDetector = true
