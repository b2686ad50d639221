package themes

// A Pen is how a cell is drawn: a role in the low byte, attributes above.
type Pen uint16

// The roles. Plain is the zero value.
const (
	Plain    Pen = iota
	Dim          // secondary text, what can't be used now
	Accent       // the one accent: titles, keys, the cursor
	Head         // column heads
	Rule         // lines that divide
	Good         // ●
	Moving       // ◐
	Idle         // ○
	Waiting      // ⏸
	Warning      // ▲
	Critical     // ✖
	Match        // what a filter matched
	Marked       // marked rows
	Red          // colours that the config may give to a link
	Orange
	Yellow
	Green
	Cyan
	Blue
	Purple
	Grey
	Roles // how many there are
)

// The attributes.
const (
	Bold Pen = 1 << (8 + iota)
	Reverse
	Underline
	Glow // a background that says: changed just now
	Bar  // a background for the header and footer lines
)

// Role is p without its attributes.
func (p Pen) Role() Pen { return p & 0xff }
