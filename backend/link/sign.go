package link

import "encoding/base64"

// BasicOrBearer is a Protocol's Sign for what takes a user with a password, and a
// token where there is no user.
func BasicOrBearer(user, secret string) (header string, err error) {
	if user == "" {
		return "Bearer " + secret, nil
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+secret)), nil
}
