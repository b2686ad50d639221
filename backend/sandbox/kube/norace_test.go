//go:build !race

package kube

// raceDetector says whether the tests run under it.
const raceDetector = false
