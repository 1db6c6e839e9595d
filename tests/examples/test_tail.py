"""example_tail prints what is added to files, whatever else happens to them."""

import os
import select
import signal
import subprocess

from harness import ExampleTest, Program, eventually, main, path_of, running


class Tail(ExampleTest):
    def following(self, *names):
        tail = Program(path_of("tail"), *names, stdout=subprocess.PIPE, cwd=self.folder)
        self.addCleanup(tail.process.stdout.close)
        tail.wait_for_line("following")
        return running(tail)

    def printed(self, tail, most=1 << 20):
        """What it has printed by now."""
        out = tail.process.stdout.fileno()
        return os.read(out, most).decode() if select.select([out], [], [], 0)[0] else ""

    def expect(self, tail, text):
        """Waits until it has printed that, and nothing else, since the last time."""
        printed = ""

        def complete():
            nonlocal printed
            printed += self.printed(tail)
            return len(printed) >= len(text)
        eventually(f"{text!r} is printed", complete)
        self.assertEqual(printed, text)

    def append(self, name, text):
        with open(self.path(name), "a") as f:
            f.write(text)

    def test_what_is_added_is_printed_and_what_was_there_is_not(self):
        self.write("log", b"old\n")
        with self.following("log") as tail:
            self.append("log", "one\n")
            self.expect(tail, "\n==> log <==\none\n")
            self.append("log", "two, not yet a line")
            self.expect(tail, "two, not yet a line")

    def test_many_files_are_told_apart(self):
        names = [f"{folder}/log{i}" for folder in ("a", "b") for i in range(20)]
        for name in names:
            self.write(name, b"old\n")
        with self.following(*names) as tail:
            for name in names[::-1] + names[1:]:
                self.append(name, f"in {name}\n")
                self.expect(tail, f"\n==> {name} <==\nin {name}\n")

    def test_a_file_that_is_cut_short_is_read_from_its_start(self):
        self.write("log", b"a long line that was there\n")
        with self.following("log") as tail:
            os.truncate(self.path("log"), 0)
            self.append("log", "new\n")
            self.expect(tail, "\n==> log <==\nnew\n")

    def test_a_file_that_is_replaced_is_read_to_its_end_and_then_the_new_one(self):
        self.write("log", b"old\n")
        with self.following("log") as tail:
            for turn in range(10):
                self.append("log", f"the last of {turn}\n")
                os.rename(self.path("log"), self.path("log.1"))
                self.write("log", b"the first of %d\n" % (turn + 1))
                self.expect(tail, ("" if turn else "\n==> log <==\n") + f"the last of {turn}\nthe first of {turn + 1}\n")

    def test_another_file_may_be_moved_over_it(self):
        self.write("log", b"old\n")
        with self.following("log") as tail:
            self.write("new", b"all of this is new\n")
            os.rename(self.path("new"), self.path("log"))
            self.expect(tail, "\n==> log <==\nall of this is new\n")

    def test_a_file_may_come_later_and_go(self):
        os.mkdir(self.path("logs"))
        with self.following("logs/later") as tail:
            self.append("logs/other", "not followed\n")
            self.append("logs/later", "here I am\n")
            self.expect(tail, "\n==> logs/later <==\nhere I am\n")
            os.remove(self.path("logs/later"))
            self.append("logs/later", "again\n")
            self.expect(tail, "again\n")

    def test_much_at_once_comes_whole(self):
        self.write("log", b"")
        text = "".join(f"line {i}\n" for i in range(100_000))
        with self.following("log") as tail:
            self.append("log", text)
            self.expect(tail, "\n==> log <==\n" + text)

    def test_a_signal_ends_it_even_while_nobody_reads_what_it_prints(self):
        self.write("log", b"")
        for which in (signal.SIGINT, signal.SIGTERM):
            with self.following("log") as tail:
                self.append("log", 1_000_000 * "x")
                eventually("it prints", lambda: self.printed(tail, 1))
                tail.process.send_signal(which)
                tail.wait()

    def test_a_reader_that_is_gone_ends_it(self):
        self.write("log", b"")
        with self.following("log") as tail:
            tail.process.stdout.close()
            self.append("log", "x")
            tail.wait(expected=1)
            self.assertIn("Broken pipe", tail.lines[-1])

    def test_a_folder_that_is_not_there_is_named(self):
        refused = subprocess.run([path_of("tail"), self.path("nowhere/log")], capture_output=True, text=True)
        self.assertEqual(refused.returncode, 1)
        self.assertIn(self.path("nowhere"), refused.stderr)

    def test_it_explains_itself(self):
        self.check_usage("tail", [])


if __name__ == "__main__":
    main()
