package logs

import "testing"

// TestHead: what stands before the message is found, and nothing of the message.
func TestHead(t *testing.T) {
	for _, c := range []struct{ head, says string }{
		{"2026-11-28T14:51:08.206Z  INFO 1 --- [checkout] [nio-8080-exec-1] c.s.checkout.Orders      : ", "POST /orders 201 : 12 ms"},
		{"2026-11-28 14:51:08,206 [main] ERROR com.shop.Orders - ", "it failed - again"},
		{"14:51:08.206 [main] WARN  com.shop.Orders -- ", "slow"},
		{"2026/11/28 14:51:08 [error] ", "29#29: *1 connect() failed"},
		{"2026-11-28T14:51:08+08:00 ", "stopping : one : two"},
		{"2026-11-28 14:51:08 INFO ", "Started app : one"},
		{"[2026-11-28 14:51:08] ", "cart.INFO: hello"},
		{"2026-11-28T14:51:08Z INFO ", ""},
		{"", "java.lang.NullPointerException: rates - is null"},
		{"", "\tat com.shop.Orders.place(Orders.java:12)"},
		{"", `{"time":"2026-11-28T14:51:08Z","msg":"x"}`},
		{"", "10 items : one"},
		{"", "1:2 - won"},
		{"", ""},
	} {
		want := len(c.head)
		if c.says == "" {
			want = 0
		}
		if got := head(c.head + c.says); got != want {
			t.Errorf("of %q the head is %q", c.head+c.says, (c.head + c.says)[:got])
		}
	}
}
