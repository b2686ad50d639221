package shell

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"wheelhouse/backend/sandbox"
)

// main is how the process that the container is there for was started.
func (s *session) main() string {
	name, _ := sandbox.Image(s.process().Image)
	if s.program() {
		return "java -XX:MaxRAMPercentage=75 -jar /app/" + name + ".jar"
	}
	return "/" + name
}

// program says whether it is one that a team has written.
func (s *session) program() bool {
	name, _ := sandbox.Image(s.process().Image)
	return slices.ContainsFunc(s.World.Programs(), func(p sandbox.Program) bool { return p.Name == name })
}

// since is how long something is, as ps writes it.
func since(d time.Duration) string {
	return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

// ps is what runs in the container: its process, and who looks.
func ps(_ context.Context, s *session, c call) int {
	p := s.process()
	ran := s.World.Now().Sub(p.Began)
	self := strings.Join(c.args, " ")
	if len(c.args) < 2 {
		fmt.Fprintln(c.out, "PID   USER     TIME  COMMAND")
		fmt.Fprintf(c.out, "%5d %-8s %5s %s\n", 1, "root", since(time.Duration(float64(ran)*p.Uses.CPU)), s.main())
		fmt.Fprintf(c.out, "%5d %-8s %5s %s\n", 37, "root", "0:00", self)
		return 0
	}
	fmt.Fprintln(c.out, "USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND")
	rss := p.Uses.Memory * 1024
	fmt.Fprintf(c.out, "%-8s %7d %4.1f %4.1f %6d %5d ?        Ssl  %s %6s %s\n", "root", 1, 100*p.Uses.CPU, share(p.Uses.Memory, s.machine().Room.Memory), rss*5/2, rss,
		p.Began.UTC().Format("15:04"), since(time.Duration(float64(ran)*p.Uses.CPU)), s.main())
	fmt.Fprintf(c.out, "%-8s %7d %4.1f %4.1f %6d %5d ?        R+   %s %6s %s\n", "root", 37, 0.0, 0.0, 2600, 1500, s.World.Now().UTC().Format("15:04"), "0:00", self)
	return 0
}

func share(part, of int64) float64 { return 100 * float64(part) / float64(max(of, 1)) }

const (
	topEach   = 3 * time.Second // of the world's time between two pictures
	topHeight = 8               // lines of one
)

// top shows how busy the machine is and the process, again and again until somebody
// ends it; once with -b, or where nobody has a terminal.
func top(ctx context.Context, s *session, c call) int {
	for {
		if s.tty != nil && !c.option('b') {
			fmt.Fprint(c.out, "\x1b[H\x1b[J")
		}
		if err := s.picture(c.out); err != nil {
			return 1
		}
		if s.tty == nil || c.option('b') {
			return 0
		}
		for next := s.World.Now().Add(topEach); s.World.Now().Before(next); {
			select {
			case <-ctx.Done():
				return 0
			case <-s.World.Moved():
			}
		}
	}
}

func (s *session) picture(out io.Writer) error {
	p, m := s.process(), s.machine()
	lines := []string{
		fmt.Sprintf("Mem: %dK used, %dK free, 0K shrd, 0K buff, 0K cached", m.Uses.Memory*1024, (m.Room.Memory-m.Uses.Memory)*1024),
		fmt.Sprintf("CPU: %3.0f%% usr   0%% sys   0%% nic %3.0f%% idle   0%% io   0%% irq   0%% sirq", 100*m.Uses.CPU/max(m.Room.CPU, 0.1), 100-100*m.Uses.CPU/max(m.Room.CPU, 0.1)),
		fmt.Sprintf("Load average: %.2f %.2f %.2f 1/2 37", m.Uses.CPU, m.Uses.CPU, m.Uses.CPU),
		"  PID  PPID USER     STAT   VSZ %VSZ %CPU COMMAND",
		fmt.Sprintf("    1     0 root     S    %4dm %3.0f%% %3.0f%% %s", p.Uses.Memory, share(p.Uses.Memory, m.Room.Memory), 100*p.Uses.CPU/max(m.Room.CPU, 0.1), s.main()),
		"   37     1 root     R       2m   0%   0% top",
	}
	if h := int(s.height.Load()); h > 0 && h < topHeight {
		lines = lines[:min(h, len(lines))]
	}
	width := int(s.width.Load())
	for _, l := range lines {
		if width > 0 && len(l) > width {
			l = l[:width]
		}
		if _, err := fmt.Fprintln(out, l); err != nil {
			return err
		}
	}
	return nil
}

// free is the memory of the machine, as a container sees it.
func free(_ context.Context, s *session, c call) int {
	m := s.machine()
	size := func(mib int64) string {
		switch {
		case c.option('h') && mib >= 1024:
			return fmt.Sprintf("%.1fG", float64(mib)/1024)
		case c.option('h'):
			return fmt.Sprintf("%dM", mib)
		case c.option('m'):
			return fmt.Sprint(mib)
		case c.option('g'):
			return fmt.Sprint(mib / 1024)
		}
		return fmt.Sprint(mib * 1024)
	}
	left := m.Room.Memory - m.Uses.Memory
	fmt.Fprintf(c.out, "%18s %11s %11s %11s %11s %11s\n", "total", "used", "free", "shared", "buff/cache", "available")
	fmt.Fprintf(c.out, "%-6s %11s %11s %11s %11s %11s %11s\n", "Mem:", size(m.Room.Memory), size(m.Uses.Memory), size(left), size(0), size(0), size(left))
	fmt.Fprintf(c.out, "%-6s %11s %11s %11s\n", "Swap:", size(0), size(0), size(0))
	return 0
}

// human is a size in MiB as -h writes it.
func human(mib int64) string {
	if mib >= 1024 {
		return fmt.Sprintf("%.1fG", float64(mib)/1024)
	}
	return fmt.Sprintf("%.1fM", float64(mib))
}

// df is how full the machine's disk is: it is under everything that the container has.
func df(_ context.Context, s *session, c call) int {
	m := s.machine()
	size, head := func(mib int64) string { return fmt.Sprint(mib * 1024) }, "1K-blocks"
	if c.option('h') {
		size, head = human, "Size"
	}
	fmt.Fprintf(c.out, "%-20s %10s %10s %10s %4s %s\n", "Filesystem", head, "Used", "Available", "Use%", "Mounted on")
	row := func(name, on string) {
		fmt.Fprintf(c.out, "%-20s %10s %10s %10s %3.0f%% %s\n", name, size(m.Disk), size(m.DiskUsed), size(m.Disk-m.DiskUsed), share(m.DiskUsed, m.Disk), on)
	}
	row("overlay", "/")
	for _, on := range append(slices.Clone(s.Mounts), "/etc/hosts") {
		row("/dev/vda9", on)
	}
	return 0
}

// du is how much there is below a folder.
func du(_ context.Context, s *session, c call) int {
	names := c.names()
	if len(names) == 0 {
		names = []string{"."}
	}
	exit := 0
	for _, name := range names {
		n, err := s.weigh(s.at(name))
		if err != nil {
			exit = c.fails(1, "%s: %v", name, err)
			continue
		}
		size := fmt.Sprint(n / 1024)
		if c.option('h') {
			size = human(n >> 20)
		}
		fmt.Fprintf(c.out, "%s\t%s\n", size, name)
	}
	return exit
}

func uptime(_ context.Context, s *session, c call) int {
	m, now := s.machine(), s.World.Now()
	up := now.Sub(m.Since)
	fmt.Fprintf(c.out, " %s up %d days, %2d:%02d,  load average: %.2f, %.2f, %.2f\n", now.UTC().Format("15:04:05"), int(up.Hours())/24, int(up.Hours())%24, int(up.Minutes())%60, m.Uses.CPU, m.Uses.CPU, m.Uses.CPU)
	return 0
}
