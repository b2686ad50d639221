package link

import (
	"net/netip"
	"net/url"
)

// unsafeWay is what must be said of the way to a server, "" for nothing: that it is not
// encrypted at all, or that nobody knows who answers. Nothing is said of what is not
// encrypted and does not leave this machine: nobody is on that way, and a warning that
// always stands there, as with a tunnel or kubectl proxy, is not read any more.
func unsafeWay(server string, unverified bool) string {
	u, err := url.Parse(server)
	switch {
	case err == nil && u.Scheme == "http" && loopback(u.Hostname()):
		return ""
	case err == nil && u.Scheme == "http":
		return "plain HTTP"
	case unverified:
		return "TLS not verified"
	}
	return ""
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}
