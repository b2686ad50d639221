package delivery

import "testing"

func TestSecretive(t *testing.T) {
	for name, want := range map[string]bool{
		"DEPLOY_TOKEN": true, "deployToken": true, "DB_PASSWORD": true, "db.passwd": true, "Secret": true, "AWS_CREDENTIALS": true,
		"privateThing": true, "API_KEY": true, "apikey": true,
		"VERSION": false, "KEYBOARD": false, "KEYS": false, "PASS": false, "": false,
	} {
		if got := Secretive(name); got != want {
			t.Errorf("%q is secretive: %v", name, got)
		}
	}
}
