"""The small examples of coroutines without a loop: fringe, records and words."""

import subprocess

from harness import PATIENCE, ExampleTest, main, path_of


def run(name, *arguments, text=""):
    done = subprocess.run([path_of(name), *arguments], input=text, capture_output=True, text=True, timeout=PATIENCE)
    return done.returncode, done.stdout, done.stderr


class Fringe(ExampleTest):
    def test_trees_of_other_shapes_with_the_same_leaves_are_the_same(self):
        self.assertEqual(run("fringe", "(ab)(c(d))", "a((b)(cd))"), (0, "abcd", ""))

    def test_it_stops_at_the_first_difference(self):
        self.assertEqual(run("fringe", "(ab)(cx)", "abc(de)"), (1, "abc", ""))

    def test_one_that_ends_before_the_other_is_another(self):
        self.assertEqual(run("fringe", "(ab)", "abc"), (1, "ab", ""))

    def test_a_bracket_too_many_or_too_few_is_named(self):
        self.assertEqual(run("fringe", "ab)", "ab"), (2, "", "fringe: one ')' too many\n"))
        self.assertEqual(run("fringe", "ab", "(ab"), (2, "", "fringe: one ')' too few\n"))

    def test_it_explains_itself(self):
        code, _, error = run("fringe")
        self.assertEqual(code, 2)
        self.assertIn("usage:", error)


class Records(ExampleTest):
    def test_records_come_out_whole_wherever_the_pieces_end(self):
        words = ["", "a", "hello", "a record that is longer than some pieces", "end"]
        text = "".join(f"{len(word)}:{word}," for word in words)
        self.assertEqual(run("records", text=text), (0, "".join(word + "\n" for word in words), ""))

    def test_what_is_wrong_is_told_with_its_place(self):
        error = "records: expected a length of up to 999999 and ':' at byte 5\n"
        self.assertEqual(run("records", text="1:a,x"), (1, "a\n", error))
        self.assertEqual(run("records", text="1:ab"), (1, "", "records: expected ',' at byte 4\n"))

    def test_an_end_in_the_middle_is_an_error(self):
        self.assertEqual(run("records", text="1:a,3:b"), (1, "a\n", "records: expected the end of the record at byte 7\n"))


class Words(ExampleTest):
    def test_words_of_expanded_runs_are_counted(self):
        self.assertEqual(run("words", text="3a2-b 2-aaa"), (0, "2 aaa\n1 b\n", ""))

    def test_no_words_are_none(self):
        self.assertEqual(run("words", text=""), (0, "", ""))
        self.assertEqual(run("words", text="9- "), (0, "", ""))


if __name__ == "__main__":
    main()
