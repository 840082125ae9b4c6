//go:build !race

package engine_test

// raceDetector says that everything takes several times as long.
const raceDetector = false
