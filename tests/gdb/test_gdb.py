#!/usr/bin/env python3
"""weft's commands in gdb, on a live process and on a core; and gdb's own bt through three nested coroutines.

    test_gdb.py PROGRAM BACKEND SCRIPT       exits with 77 where there is no gdb
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM, BACKEND, SCRIPT = (os.path.realpath(sys.argv[1]), sys.argv[2], os.path.realpath(sys.argv[3]))


def gdb(*commands, arguments=(), auto_load=True):
    """The output of gdb's commands."""
    line = ["gdb", "-nx", "-q", "-batch", "-iex", "set debuginfod enabled off", "-iex", "set width 0",
            "-iex", "set print inferior-events off"]
    if auto_load:
        line += ["-iex", "add-auto-load-safe-path " + os.path.dirname(PROGRAM)]
    for command in commands:
        line += ["-ex", command]
    # gdb starts programs through $SHELL
    result = subprocess.run([*line, PROGRAM, *arguments], capture_output=True, text=True, timeout=200,
                            env={**os.environ, "SHELL": "/bin/sh", "LC_ALL": "C"})
    return result.stdout + result.stderr


STOPPED = ("break stop_here", "run")


def section(text, begin):
    """From the line `begin` on."""
    return text[text.index(begin):]


def functions(text):
    """The names of the functions of a backtrace, innermost first."""
    found = []
    for line in text.replace("(anonymous namespace)::", "").splitlines():
        match = re.match(r"#(\d+) +(?:0x[0-9a-f]+ in )?(.*)", line)
        if match:
            found.append((int(match.group(1)), re.split(r"[ (<]", match.group(2))[0].split("::")[-1]))
    return found


class GdbTest(unittest.TestCase):
    def assert_in_order(self, wanted, text):
        """The frames are numbered from 0 without a gap, and the wanted functions are among them, in this order."""
        frames = functions(text)
        self.assertEqual([number for number, _ in frames], list(range(len(frames))), text)
        rest = iter(name for _, name in frames)
        for name in wanted:
            self.assertTrue(name in rest, "%s is not where it should be in:\n%s" % (name, text))

    def row(self, text, name):
        rows = [line for line in text.splitlines() if re.match(r"\d+ +%s  " % re.escape(name), line)]
        self.assertEqual(len(rows), 1, "one line for %s in:\n%s" % (name, text))
        return rows[0]


class Listing:
    """What `weft list` and `weft bt` say; of a live process and of a core alike."""

    text = ""  # of list, and bt of all

    def test_list_has_each_coroutine_in_its_state(self):
        for name, state in (("fresh", "suspended"), ("parked", "suspended"), ("ended", "done"), ("locker", "waiting"),
                            ("at gate", "waiting"), ("woken", "queued"), ("joiner", "waiting"), ("outer", "running"),
                            ("middle", "running"), ("inner", "running")):
            self.assertRegex(self.row(self.text, name), r"^\d+ +%s +%s +" % (name, state))

    def test_list_counts(self):
        self.assertIn("\n13 coroutines\n", self.text)  # those above, and main's own

    def test_list_says_what_it_waits_for_and_where(self):
        row = self.row(self.text, "locker")
        self.assertRegex(row, r"for a mutex \(0x[0-9a-f]+\) for (at least )?\d+\.\d{3} s, "
                              r"which coroutine \d+ \"main\" holds, at \S*parked\.cpp:\d+; "
                              r"created at \S*parked\.cpp:\d+$")
        self.assertRegex(self.row(self.text, "at gate"), r"for a wake-up for ")

    def test_list_says_whose_end_is_waited_for(self):
        self.assertRegex(self.row(self.text, "joiner"), r"for a task's end .* s, that of coroutine \d+ \"at gate\", at ")

    def test_waits_has_those_that_wait_and_no_others(self):
        text = self.waits()
        for name in ("locker", "at gate", "joiner", "left", "right"):
            self.assertRegex(text, r'(?m)^coroutine \d+ "%s" waits for .* at .*; created at ' % name)
        for name in ("fresh", "parked", "ended", "woken", "inner"):
            self.assertNotIn('"%s" waits' % name, text)
        self.assertRegex(text, r"(?m)^5 of 13 wait$")

    def test_a_deadlock_is_named_as_the_cycle_of_those_that_wait(self):
        for text in (self.text[:self.text.index("those that wait")], self.waits()):
            found = re.findall(r"(?m)^deadlock: .*$", text)
            self.assertEqual(len(found), 1, text)
            self.assertRegex(found[0],
                             r'^deadlock: coroutine (\d+) "left" -> coroutine \d+ "right" -> coroutine \1 "left"$')
        self.assertRegex(self.row(self.text, "right"), r'which coroutine \d+ "left" holds')

    def test_list_says_which_have_not_started(self):
        self.assertIn("not started", self.row(self.text, "fresh"))
        self.assertNotIn("not started", self.row(self.text, "parked"))

    def test_list_shows_the_stack_used(self):
        for name in ("fresh", "parked", "locker", "at gate", "woken"):
            match = re.search(r" ([\d.]+)(K?) of (\d+)\.\dK ", self.row(self.text, name))
            self.assertIsNotNone(match, self.text)
            used = float(match.group(1)) * (1024 if match.group(2) else 1)
            self.assertTrue(100 < used < 10000, match.group(0))
            self.assertTrue(200 < int(match.group(3)) < 256, match.group(0))

    def waits(self):
        text = section(self.text, "those that wait")
        return text[:text.index("all of them")]

    def backtrace_of(self, name):
        text = section(self.text, 'all of them')
        text = text[text.index('"%s": ' % name):]
        return text[:text.index("\n\n")]

    def test_bt_shows_the_frames_of_a_parked_one(self):
        self.assert_in_order(["yield", "third", "second", "first", "run_body"], self.backtrace_of("parked"))

    def test_bt_shows_who_waits_for_a_mutex(self):
        self.assert_in_order(["lock", "wait_for", "run_body"], self.backtrace_of("locker"))

    def test_bt_shows_a_queued_one(self):
        self.assert_in_order(["wait_at_gate", "run_body"], self.backtrace_of("woken"))

    def test_bt_ends_at_the_entry(self):
        frames = functions(self.backtrace_of("parked"))
        self.assertNotIn("main", [name for _, name in frames])
        if BACKEND == "asm":
            self.assertEqual(frames[-1][1], "weft_context_entry")

    def test_bt_does_not_begin_with_the_frames_of_the_thread(self):
        self.assertNotIn("stop_here", self.backtrace_of("parked"))

    def test_bt_of_those_without_frames_says_so(self):
        self.assertIn("it has no frames", self.backtrace_of("fresh"))
        self.assertIn("it has no frames", self.backtrace_of("ended"))

    def test_bt_of_one_that_runs_points_at_its_thread(self):
        self.assertRegex(self.backtrace_of("inner"), r"running, entered at .* by thread 1\n")
        self.assertIn("in the backtrace of the thread", self.backtrace_of("inner"))

    def test_bt_takes_options_of_bt(self):
        text = section(self.text, "with locals")
        self.assertRegex(text[text.index("third"):], r"^third \(depth=[^)]*\) at [^\n]*\n +kept = 333\n")

    def test_selected_frame_is_as_before(self):
        self.assertRegex(section(self.text, "selected now"), r"#1 .*inner_body")


# Where gdb's own bt has nothing to go by from one stack to the next, "by thread 1" is known of the innermost alone.
QUESTIONS = ("weft list", "echo those that wait\\n", "weft waits", "echo all of them\\n", "weft bt all", "echo with locals\\n", "weft bt 2 full", "frame 1",
             "weft bt 2", "echo selected now\\n", "frame", "weft bt 99")


class Live(Listing, GdbTest):
    @classmethod
    def setUpClass(cls):
        cls.text = gdb(*STOPPED, *QUESTIONS, "continue")

    def test_bt_of_no_coroutine_says_so(self):
        self.assertIn("there is no coroutine 99", self.text)

    def test_the_program_goes_on_unharmed(self):
        text = gdb(*STOPPED, "weft list", "weft bt all", "continue", "print $_exitcode")
        self.assertIn("$1 = 0", text)


class Core(Listing, GdbTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        core = os.path.join(cls.folder.name, "core")
        cls.made = gdb(*STOPPED, "weft core " + core)
        cls.text = gdb(*QUESTIONS, arguments=[core])

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_the_core_has_the_stacks(self):
        self.assertIn("with the stacks of coroutines", self.made)
        self.assertNotIn("are not in this core", self.text)


class Finding(GdbTest):
    def test_script_can_be_sourced(self):
        text = gdb(*STOPPED, "source " + SCRIPT, "weft list", auto_load=False)
        self.assertIn("13 coroutines", text)

    def test_a_program_that_is_not_started_has_none(self):
        self.assertIn("0 coroutines", gdb("weft list"))

    def test_help_tells_the_commands(self):
        text = gdb("help weft")
        for command in ("weft list", "weft waits", "weft bt", "weft core"):
            self.assertIn(command, text)


@unittest.skipUnless(BACKEND == "asm", "this switch does not stitch backtraces")
class Stitched(GdbTest):
    def assert_walks(self, text, *outermost):
        self.assertNotIn("Backtrace stopped", text)
        entered = ["run_body", "weft_context_entry"]
        self.assert_in_order(["stop_here", "inner_body", *entered, "enter_inner", *entered, "enter_middle", *entered,
                              "enter_outer", "in_the_loop", *entered, "run_loop", *outermost], section(text, "#0"))

    def test_gdb_walks_through_three_nested_coroutines(self):
        self.assert_walks(gdb(*STOPPED, "bt"), "main")

    def test_gdb_walks_into_a_thread_whose_stack_lies_below_the_coroutines(self):
        text = gdb("break stop_here", "run thread", "print $sp", "frame function run_loop",
                   "print $sp", "bt")
        inside, thread = (int(word, 16) for word in re.findall(r"(?m)^\$\d+ = \(void \*\) (0x[0-9a-f]+)", text))
        self.assertLess(thread, inside, "the stacks lie as on the main thread, which is tested above:\n" + text)
        self.assert_walks(text[text.rindex("\n#0 "):], "start_thread")


if __name__ == "__main__":
    if shutil.which("gdb") is None:
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
