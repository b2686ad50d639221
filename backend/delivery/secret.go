package delivery

import "regexp"

var secretive = regexp.MustCompile(`(?i)(PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|PRIVATE|KEY$)`)

// Secretive says whether a parameter or variable calls itself a secret: its value
// is asked for and shown as one, whatever type its system gives it.
func Secretive(name string) bool { return secretive.MatchString(name) }
